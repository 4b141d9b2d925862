from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.secrets import REDACTED, looks_like_secret, names_secret, quoted, redact, suspicious

SHAPED = [
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "AKIAIOSFODNN7EXAMPLE",
    "id AKIAIOSFODNN7EXAMPLE in text",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 10,
    "glpat-" + "x9Y8" * 5,
    "xoxb-" + "1234567890-abc",
    "sk_live_" + "a1B2" * 6,
    "AIza" + "a1B2c3D" * 5,
    "hvs." + "a1B2" * 8,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "postgres://app:hunter2@db:5432/shop",
    "redis://:hunter2@cache",
    "amqp://guest:p@ss/w@rd@queue:5672/",
    "${DB_URL:-mysql://root:hunter2@db}",
    "Server=db;User Id=sa;Password=hunter2;",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=YWJjZGVm==",
    "redis-server --requirepass=hunter2",
    "mysqld --password='hunter two'",
    '{"db_password": "hunter2!"}',
    "password: hunter2",
    "Authorization: Bearer abcdefghijklmnop",
    "https://store/x?sv=1&sig=abcdefghijklmnopqrstuvwx%3D",
]
NAMES = [
    *["password", "DB_PASSWORD", "dbPasswd", "rootpasswd", "pwd", "mysql_pass", "密码", "数据库密码"],
    *["clientSecret", "auth-token", "connectionString", "snmp_community"],
    *["api_key", "apiKey", "aws.secret.access.key", "private_key"],
]
HARMLESS = [
    ("secret_name", "mysql-credentials"),
    ("token_ttl", "3600"),
    ("password_policy", "rotate yearly"),
    ("MYSQL_PASSWORD_FILE", "/run/secrets/db"),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
    ("password", "${DB_PASSWORD}"),
    ("password", "********"),
    ("token", "vault://shop/token"),
    ("api_key", "{{ .Values.key }}"),
    ("name", "Password policy"),
    ("description", "Password: see the vault"),
    ("description", "The token is kept in the safe; risk-free since 2024"),
    ("url", "https://example.com:8443/a@b?x=1"),
    ("url", "http://[2001:db8::1]:80/a@b"),
    ("url", "amqp://guest:${AMQP_PASSWORD}@queue"),
    ("url", "git@github.com:acme/shop.git"),
    ("commit", "9fceb02d0ae598e95dc970b74767f19372d61af8"),
    ("key", "SRV-000231"),
    ("key", "123e4567-e89b-12d3-a456-426614174000"),
    ("image", "registry.example.com/shop@sha256:" + "ab12" * 16),
    ("email", "ada@example.com"),
    ("ports", "8080:80"),
    ("author", "ada"),
    ("primary_key", "id"),
]


@pytest.mark.parametrize("value", SHAPED)
def test_a_secret_is_known_by_its_shape(value: str) -> None:
    assert looks_like_secret("description", value)
    assert suspicious(value)
    assert suspicious(value.encode())


@pytest.mark.parametrize("value", SHAPED)
def test_a_message_never_shows_it(value: str) -> None:
    assert quoted(value) == REDACTED
    shown = redact(f"before {value} after")
    assert REDACTED in shown
    assert "hunter" not in shown
    assert shown.startswith("before ")


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert names_secret(name)
    assert looks_like_secret(name, "abc")


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_ordinary_values_are_none(name: str, value: str) -> None:
    assert looks_like_secret(name, value) is None


def test_random_text_is_one_only_under_the_name_of_a_key() -> None:
    random = "aB3dE5gH7jK9mN1pQ2rS4tU6"
    assert looks_like_secret("ssh_host_key", random)
    assert looks_like_secret("description", random) is None


@pytest.mark.parametrize("text", ["PASSWORD='2'0", "PASSWORD=a'b c'\"d\"", "token=" + "x1" * 2000])
def test_all_of_a_password_is_hidden_however_it_is_quoted(text: str) -> None:
    assert redact(text) == f"{text.partition('=')[0]}={REDACTED}"


def test_redaction_leaves_the_rest() -> None:
    assert redact("cannot reach postgres://app:hunter2@db:5432/shop") == (
        f"cannot reach postgres://app:{REDACTED}@db:5432/shop"
    )
    assert redact("cannot reach https://example.com:8443/") == "cannot reach https://example.com:8443/"


PIECES = st.sampled_from([*SHAPED, *(value for _, value in HARMLESS), "=", "@", ":", "://", "password", " ", "-----"])


@given(st.text() | st.lists(PIECES | st.text(max_size=8), max_size=6).map("".join), st.text(max_size=30))
def test_the_bulk_check_misses_nothing(text: str, name: str) -> None:
    if looks_like_secret("x", text) is not None:
        assert suspicious(text)
        assert suspicious(text.encode("utf-8", "surrogatepass"))
    redacted = redact(text)
    assert redact(redacted) == redacted
    assert len(quoted(text, name)) <= 1000


@pytest.mark.parametrize("unit", ["a", "=", ":", "@", "password=", "://a:", "eyJ.", "-----BEGIN ", "token: ", "k-"])
def test_the_time_stays_linear(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert len(quoted(text)) < 100
    assert len(redact(text)) <= len(text) + len(REDACTED)
