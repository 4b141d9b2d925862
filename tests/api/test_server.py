"""The HTTP door: loopback only, JSON only, bounded, and watched."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from api.guarding import names_loopback, require_loopback
from api.page import query_page
from api.server import LARGEST_BODY
from cmdb.errors import Refused, Usage
from tests.api.estate import at, furnish, opened

ROOT = Path(__file__).resolve().parents[2]


async def test_a_question_is_answered(client: httpx.AsyncClient) -> None:
    query = {"query": "query a($r: String!) { node(ref: $r) { name } } query b { revision }", "operationName": "a"}
    response = await client.post("/graphql", json={**query, "variables": {"r": "SRV-000002"}})
    assert response.status_code == 200
    assert response.json() == {"data": {"node": {"name": "主机"}}, "extensions": {"revision": 4}}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "10.0.0.1",
        "[2001:db8::1]",
        "",
        "127.0.0.1@evil",
        "0.0.0.0",  # noqa: S104 - what must be refused
    ],
)
async def test_other_hosts_are_turned_away(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/graphql", "/health", "/metrics", "/"):
        assert (await client.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "127.8.8.8", "[::1]:80", "LOCALHOST"])
def test_loopback_has_several_names(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"]
)
async def test_what_a_plain_form_can_send_is_not_read(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("/graphql", content=b'{"query": "{ revision }"}', headers={"content-type": kind})
    assert response.status_code == 415


async def test_no_other_page_gets_a_permission(client: httpx.AsyncClient) -> None:
    asked = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    response = await client.options("/graphql", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'[{"query": "{ revision }"}]',
        b'{"query": 1}',
        b'{"variables": {}}',
        b'{"query": "{ revision }", "variables": []}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"query": "\\ud800"}',
    ],
    ids=range(10),
)
async def test_what_is_no_question_is_told_how_to_ask(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert at(response.json(), "errors", 0, "extensions", "code") == "usage"


async def test_a_request_has_its_size(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LARGEST_BODY:
            sent += 2**20
            yield b" " * 2**20

    response = await client.post("/graphql", content=endless(), headers={"content-type": "application/json"})
    assert response.status_code == 413


async def test_a_bad_query_is_a_bad_request(client: httpx.AsyncClient) -> None:
    for query, status in (("{ nope }", 400), ('{ node(ref: "SRV-000099") { key } }', 200)):
        assert (await client.post("/graphql", json={"query": query})).status_code == status


async def test_health_tells_the_head(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"live": True}
    for path in ("/health", "/health/ready"):
        assert (await client.get(path)).json() == {"live": True, "ready": True, "revision": 4}


async def test_an_empty_store_is_alive_but_not_ready(tmp_path: Path) -> None:
    from api.server import create_app
    from cmdb.application import open_application

    application = await open_application(f"sqlite:///{tmp_path / 'none.db'}", create=True)
    transport = httpx.ASGITransport(app=create_app(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
    await application.close()


async def test_metrics_count_what_was_asked(client: httpx.AsyncClient) -> None:
    for body in (
        {"query": "{ revision }"},
        {"query": "{ revision }"},
        {"query": "{ nope }"},
        {"query": '{ node(ref: "SRV-9") { key } }'},
    ):
        await client.post("/graphql", json=body)
    await client.post("/graphql", content=b"x", headers={"content-type": "application/json"})
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    assert found['cmdb_graphql_requests_total{kind="query",outcome="ok"}'] == "2"
    assert found['cmdb_graphql_requests_total{kind="query",outcome="not_found"}'] == "1"
    assert found['cmdb_graphql_requests_total{kind="unread",outcome="usage"}'] == "2"
    assert found["cmdb_graphql_request_seconds_count"] == found['cmdb_graphql_request_seconds_bucket{le="+Inf"}'] == "5"
    assert found["cmdb_store_revision"] == "4"


class _Outline(HTMLParser):
    """Labels, fields, and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: set[str] = set()
        self.fields: set[str] = set()
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attrs)
        if tag == "label":
            self.labels.add(known["for"] or "")
        if tag in {"textarea", "select", "input"}:
            self.fields.add(known["id"] or "")
        if tag in {"script", "link", "img", "iframe"}:
            self.fetched += [value for name in ("src", "href") if (value := known.get(name))]


async def test_the_page_stands_alone_and_names_its_fields(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql")
    outline = _Outline()
    outline.feed(response.text)
    assert response.headers["content-security-policy"] == query_page().policy
    assert "unsafe" not in query_page().policy
    assert outline.fetched == []
    assert not re.search(r"https?://", response.text)
    assert outline.fields == outline.labels == {"example", "query", "variables"}
    assert outline.tags.count("h1") == 1
    assert response.headers["x-frame-options"] == "DENY"


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_have_the_contrast_that_people_need() -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for edges, in light and dark."""
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{([^}]*)\}", query_page().html)
    ]
    assert len(palettes) == 2
    for colours in palettes:
        for front, back, least in (
            ("ink", "paper", 4.5),
            ("wrong", "paper", 4.5),
            ("deed", "paper", 4.5),
            ("deed-ink", "deed", 4.5),
            ("edge", "paper", 3),
        ):
            light, dark = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, (front, back)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "10.1.2.3"])  # noqa: S104 - what must be refused
def test_only_loopback_is_bound(host: str) -> None:
    with pytest.raises(Refused, match="no authentication") as refused:
        require_loopback(host)
    assert "127.0.0.1" in refused.value.remedy


def test_loopback_is_bound_and_nonsense_is_not() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.3.2.1"):
        assert require_loopback(host) == host
    with pytest.raises(Usage):
        require_loopback("not a host")


def _start(store: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "api", "--store", store, *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def _answers(client: httpx.AsyncClient, server: subprocess.Popen[str]) -> None:
    for _ in range(3_000):
        assert server.poll() is None, server.stderr and server.stderr.read()
        try:
            if (await client.get("/health/ready")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("the server does not answer")


async def test_the_server_serves_a_store_until_it_is_stopped(tmp_path: Path) -> None:
    async with opened(tmp_path) as application:
        await furnish(application)
        url = application.store.url
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = _start(url, "--port", str(port))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await _answers(client, server)
            query = '{ dependents(of: ["SRV-000002"]) { total } nodes(class: "Server") { totalCount } }'
            response = await client.post("/graphql", json={"query": query})
            assert response.json()["data"] == {"dependents": {"total": 4}, "nodes": {"totalCount": 4}}
            assert "server" not in response.headers
        server.send_signal(signal.SIGINT)
        assert server.wait(100) == 0
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "::"], 4, "no authentication"),
        ([], 3, "nothing.db"),
        (["--host", "not a host"], 2, "no address"),
    ],
)
def test_what_cannot_be_served_ends_with_its_code(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    server = _start(f"sqlite:///{tmp_path / 'nothing.db'}", *arguments)
    _, said = server.communicate(timeout=300)
    assert server.returncode == code
    assert words in said
    assert "Traceback" not in said


async def test_many_ask_at_once(client: httpx.AsyncClient) -> None:
    query = {
        "query": '{ dependents(of: ["SRV-000002"]) { total hits(first: 2) { edges { node { node { key } path { type } } } } } }'
    }
    answers = await asyncio.gather(*(client.post("/graphql", json=query) for _ in range(50)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["data"]["dependents"]["total"] == 4
