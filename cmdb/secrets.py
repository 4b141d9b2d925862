"""Tells a secret from an ordinary value, so that none is stored, logged or shown.

A secret is known by its shape (a private key, a vendor's token, a password inside a URL or a connection string)
or by the name it stands under (`db_password`, `apiKey`, `密码`). Names that speak *about* a secret
(`secret_name`, `token_ttl`) and values that point to one (`${DB_PASSWORD}`, `vault://…`, `****`) are none.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Final

REDACTED: Final = "[redacted]"


def looks_like_secret(name: str, value: str) -> str | None:
    """Why `value`, standing under `name`, looks like a secret; None when it does not. O(len(value))."""
    text = value.strip()
    if suspicious(text):
        for reason, shape in _SHAPES:
            if any(not _is_harmless(found) for found in _secret_parts(shape, text)):
                return reason
    if _is_harmless(text):
        return None
    if names_secret(name):
        return "stands under the name of a secret"
    if _WEAK_NAME.search(name) and _is_random(text):
        return "is a random text under the name of a key"
    return None


def suspicious(text: str | bytes) -> bool:
    """Whether `text` could hold a secret that its shape gives away; False is certain. O(len(text)), for bulk.

    Never False for a text that `looks_like_secret` refuses whatever its name. Bytes are looked at as they
    stand, so text with escapes, as JSON has them, must be decoded first.
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    size = len(text)
    if size < _SHORTEST:
        return False
    if "=" in text or "@" in text or (":" in text and _any_in(_WORDS_OF_SECRETS, text.lower())):
        return True
    if size < _SHORTEST_TOKEN:
        return False
    if "-" in text and _any_in(_DASHED, text):
        return True
    if "_" in text and _any_in(_UNDERSCORED, text):
        return True
    if "A" in text and _any_in(_CAPITAL, text):
        return True
    return "eyJ" in text or "earer" in text or ("." in text and _any_in(_DOTTED, text))


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether an attribute of this name holds a secret: `db_password` and `apiKey` do, `secret_name` not."""
    words = [word.lower() for word in _WORD.findall(name[:_LONGEST_NAME])]
    last = max((end for end in range(len(words)) if _ends_noun(words, end)), default=None)
    if last is None:
        return False
    return _QUALIFIERS.isdisjoint(words[last + 1 :]) and _NEGATIONS.isdisjoint(words[:last])


def redact(text: str) -> str:
    """`text` with everything in it that is shaped like a secret replaced, fit for a message or a log."""
    if suspicious(text):
        for _, shape in _SHAPES:
            text = shape.sub(_replace, text)
    return text


def quoted(value: object, name: str = "", longest: int = 60) -> str:
    """`value` as a message may show it: in quotes, shortened, and hidden where it looks like a secret."""
    text = value if isinstance(value, str) else repr(value)
    if looks_like_secret(name, text) is not None:
        return REDACTED
    return repr(text if len(text) <= longest else f"{text[: longest - 1]}…")


_SHORTEST = 8
_LONGEST_NAME = 512
_SHORTEST_TOKEN = 18

_NAME_OF_ONE = (
    r"(?:[\w.-]*(?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|credentials?|requirepass)"
    r"|[\w.-]*(?:api|account|access|private|secret|shared|encryption)[ _-]?key)"
)
_SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "holds a private key",
        re.compile(
            r"(?P<secret>-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"[A-Za-z0-9+/=\s\\:,.-]{0,16384}|PuTTY-User-Key-File-\d[\s\S]{0,16384})"
        ),
    ),
    (
        "holds an AWS access key",
        re.compile(r"(?<![A-Za-z0-9])(?P<secret>A[KS]IA[A-Z0-9]{16})(?![A-Za-z0-9])"),
    ),
    (
        "holds an access token",
        re.compile(
            r"(?<![A-Za-z0-9])(?P<secret>gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}"
            r"|glpat-[A-Za-z0-9_-]{16,64}|xox[abeoprs]-[A-Za-z0-9-]{10,255}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}"
            r"|AIza[A-Za-z0-9_-]{35}|npm_[A-Za-z0-9]{30,64}|dckr_pat_[A-Za-z0-9_-]{16,64}|pypi-AgE[A-Za-z0-9_-]{16,512}"
            r"|hv[sb]\.[A-Za-z0-9_-]{20,512})"
        ),
    ),
    (
        "holds a signed token",
        re.compile(
            r"(?<![A-Za-z0-9])(?P<secret>eyJ[A-Za-z0-9_-]{6,8192}\.eyJ[A-Za-z0-9_-]{6,8192}\.[A-Za-z0-9_-]{0,8192})"
        ),
    ),
    (
        "holds a URL with a password",
        re.compile(
            r"[A-Za-z][A-Za-z0-9+.-]{0,40}://[^\s/?#@:\[\]]{0,256}:(?!\d{1,5}(?:[/?#\s]|$))(?P<secret>[^\s/]{1,1024}|[^\s@]{1,1024})@"
        ),
    ),
    (
        "holds a password in a connection string or command",
        re.compile(
            rf"(?i)(?<![\w.-]){_NAME_OF_ONE}[\"']?\s{{0,4}}=\s{{0,4}}(?P<secret>(?:\"[^\"]{{1,1024}}\"|'[^']{{1,1024}}'|[^\s;,&\"']+)+)"
        ),
    ),
    (
        "holds a password in text",
        re.compile(
            rf"(?i)(?<![\w.-]){_NAME_OF_ONE}[\"']?\s{{0,4}}:\s{{0,4}}[\"']?"
            r"(?P<secret>(?=[^\s\"',;]{0,1024}[0-9!#$%^&*+?])[^\s\"',;]{6,})"
        ),
    ),
    (
        "holds credentials of a request",
        re.compile(
            r"(?i)(?<![\w.-])(?:authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?\w{1,20}|bearer)\s{1,4}(?P<secret>[A-Za-z0-9+/=._~-]{12,8192})"
        ),
    ),
    (
        "holds a signature that grants access",
        re.compile(r"(?i)[?&;](?:sig|x-amz-signature|x-goog-signature)=(?P<secret>[A-Za-z0-9%+/=_-]{20,1024})"),
    ),
)
"""Shapes, each with the part that is secret. Every repetition that something follows is bounded, so matching stays linear."""

_WORDS_OF_SECRETS = (
    "passw",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "passphrase",
    "requirepass",
    "authorization",
)
_DASHED = ("-----", "glpat-", "xox", "pypi-")
_UNDERSCORED = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "k_live_", "k_test_", "npm_")
_CAPITAL = ("AKIA", "ASIA", "AIza", "EARER")
_DOTTED = ("hvs.", "hvb.")
"""Parts of every token's prefix, by a letter that ordinary text often lacks."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[\u4e00-\u9fff]+")
_NOUN_ENDINGS = (
    "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential",
    "credentials", "creds", "apikey", "secretkey", "accesskey", "privatekey", "requirepass",
    "密码", "口令", "密钥", "令牌", "私钥",
)  # fmt: skip
_KEYS_OF = frozenset(
    """
    api private access secret encryption signing account auth ssh master storage shared licence
    license product
    """.split()
)
_NOUN_PAIRS = frozenset({(word, "key") for word in _KEYS_OF}) | {
    ("connection", "string"),
    ("conn", "string"),
    ("snmp", "community"),
}
_QUALIFIERS = frozenset(
    """
    name names id ids ref refs reference references ttl policy policies file files path paths dir
    directory type types length len min max expiry expires expire expiration expired age count
    enabled required location store url uri arn version rotation rotated algorithm changed date
    owner manager provider endpoint host port lifetime scope issuer audience limit size format
    vault reset mount status days hint kind class label title description management
    """.split()
)
_NEGATIONS = frozenset(
    """
    no has is requires require allow use uses enable disable without number max min
    """.split()
)
_WEAK_NAME = re.compile(r"(?i)(?:key|auth|salt|signature|session|cookie|webhook|licen[cs]e|bearer)\d*$")

_REFERENCE = re.compile(
    r"\$\{\w{1,128}(?::?[?+][^{}]{0,256})?\}|\$\([^()]{0,256}\)|\$\w{1,128}|\{\{.{0,256}\}\}|<[^<>]{0,256}>|%\w{1,128}%|\[redacted\]"
    r"|[*•xX]{3,64}|(?:vault|op|secretsmanager|keyvault|ssm|file|env|ref|secret)[:+/].{0,512}|arn:aws:\S{1,512}"
)
_PLAIN = frozenset(
    {
        "",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "null",
        "nil",
        "required",
        "optional",
        "0",
        "1",
        "-",
    }
)
_IDENTIFIER = re.compile(r"[0-9a-fA-F-]+|\w+:[0-9a-fA-F]+|[\w.-]+[/\\].*|[a-z][a-z0-9+.-]*://.*")


def _any_in(needles: tuple[str, ...], text: str) -> bool:
    for needle in needles:  # noqa: SIM110 - a generator costs more than the search
        if needle in text:
            return True
    return False


def _secret_parts(shape: re.Pattern[str], text: str) -> list[str]:
    return [found["secret"] for found in shape.finditer(text)]


def _replace(found: re.Match[str]) -> str:
    if _is_harmless(found["secret"]):
        return found[0]
    start = found.start("secret") - found.start()
    return found[0][:start] + REDACTED + found[0][start + len(found["secret"]) :]


def _is_harmless(text: str) -> bool:
    bare = text.strip().strip("\"'")
    return bare.lower() in _PLAIN or _REFERENCE.fullmatch(bare) is not None


def _ends_noun(words: list[str], end: int) -> bool:
    if words[end].endswith(_NOUN_ENDINGS) or (words[end] == "pass" and end > 0):
        return True
    return end > 0 and (words[end - 1], words[end]) in _NOUN_PAIRS


def _is_random(text: str) -> bool:
    """Whether a text mixes digits and both cases, with at least 3.5 bits a character (Shannon's entropy)."""
    if not 20 <= len(text) <= 4096 or any(c.isspace() for c in text) or _IDENTIFIER.fullmatch(text):
        return False
    kinds = (str.isdigit, str.islower, str.isupper)
    if not all(any(kind(c) for c in text) for kind in kinds) or all(a == b for a, b in pairwise(text)):
        return False
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) >= 3.5
