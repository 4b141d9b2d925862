"""GraphQL: a thousand rows beside encoding them alone, and impact through a real server with twenty clients.

Rows are asked of the application in this process, so that no network stands between; what the store takes to find them is
shown by itself. Impact is asked of `python -m api` over loopback: twenty connections, each of which asks again as soon as
it is answered, each time for another random CI; the clients share the machine with the server. Then the same clients pause
between an answer and the next question, as people do, for a while of that mean length. Beside them something sleeps and
tells how late it was woken: one question in a hundred meets whatever holds up the machine.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from api.graphql import Answering, Question
from benchmarks import stores
from benchmarks.result import Result, at_most, cost
from cmdb.application import open_application
from cmdb.filters import LIVE, And, IsA
from cmdb.store.port import Query

CLIENTS: Final = 20
REQUESTS: Final = 50
"""Of each client."""
PAUSES: Final = (0.1, 0.25, 1.0)
"""Seconds."""

_ROWS: Final = """{ nodes(class: "Container", first: 1000) { edges { node {
    id key name state className ... on Container { environment versionNumber description } } } } }"""
_IMPACT: Final = """query ($of: [String!]!) { impact(of: $of) { complete revision counts { down degraded atRisk saved }
    countsByClass { verdict of { className count } }
    hits(first: 50) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { verdict distance node { key name className } } } } } }"""
_REPEATS: Final = 30
_PATIENCE: Final = 120.0
_NAP: Final = 0.002


def run(size: str) -> list[Result]:
    """Medians in milliseconds for rows, percentiles of latency for impact."""
    path = stores.filled(size).path
    return [*asyncio.run(_rows(path)), *asyncio.run(_impact(path, size))]


async def _rows(path: Path) -> list[Result]:
    application = await open_application(f"sqlite:///{path}")
    try:
        answering = Answering(application)
        query = Query(where=And((IsA("Container"), LIVE)), limit=1000)

        async def ask() -> bytes:
            return (await answering.answer(Question(_ROWS))).encoded

        answer: dict[str, object] = msgspec.json.decode(await ask())
        whole = await _median_ms(ask)
        finding = await _median_ms(lambda: application.store.find(query))
        encoding = await _median_ms(lambda: _encoded(answer))
        note = f"{len(await ask()):,} bytes"
        return [
            cost("1,000 nodes x 8 fields", whole, "encoding the answer", encoding, "ms", at_most(10), note),
            cost("… without finding the rows", whole - finding, "encoding the answer", encoding, "ms"),
            Result("… finding the rows in the store", finding, "ms"),
        ]
    finally:
        await application.close()


async def _encoded(answer: object) -> bytes:
    return msgspec.json.encode(answer)


async def _median_ms(work: Callable[[], Awaitable[object]]) -> float:
    await work()
    taken: list[float] = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e3


async def _impact(path: Path, size: str) -> list[Result]:
    estate = stores.estate(size)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    begun = time.perf_counter()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api", "--store", f"sqlite:///{path}", "--port", str(port)
    )
    try:
        await _up(port, server)
        started = time.perf_counter() - begun
        await _client(port, estate.size, seed=-1, requests=3)
        alone = await _client(port, estate.size, seed=0, requests=REQUESTS)
        begun, worked = time.perf_counter(), _processor_seconds(server.pid)
        taken = await _crowd(port, estate.size, first_seed=1)
        elapsed, worked = time.perf_counter() - begun, _processor_seconds(server.pid) - worked
        paused = [await _paused(port, estate.size, pause) for pause in PAUSES]
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), 30)
    note = f"{len(taken):,} requests, {len(taken) / elapsed:,.0f}/s, random CIs of {estate.size:,}"
    return [
        Result(f"impact, {CLIENTS} clients, p99", _percentile(taken, 0.99), "ms", goal=at_most(50), note=note),
        Result(f"impact, {CLIENTS} clients, median", _percentile(taken, 0.5), "ms"),
        Result(f"impact, {CLIENTS} clients, the server's processor time a request", worked / len(taken) * 1e3, "ms"),
        Result("impact, one client, median", _percentile(sorted(alone), 0.5), "ms"),
        Result("impact, one client, p99", _percentile(sorted(alone), 0.99), "ms"),
        *paused,
        Result("server ready", started, "s", note="interpreter, schema, projection"),
    ]


async def _crowd(port: int, nodes: int, *, first_seed: int, pause: float = 0) -> list[float]:
    """The latencies of all clients, sorted."""
    seeds = range(first_seed, first_seed + CLIENTS)
    clients = [_client(port, nodes, seed=seed, requests=REQUESTS, pause=pause) for seed in seeds]
    return sorted(latency for each in await asyncio.gather(*clients) for latency in each)


async def _paused(port: int, nodes: int, pause: float) -> Result:
    begun, watch = time.perf_counter(), asyncio.create_task(_lateness())
    taken = await _crowd(port, nodes, first_seed=CLIENTS + 1, pause=pause)
    rate, median = len(taken) / (time.perf_counter() - begun), _percentile(taken, 0.5)
    watch.cancel()
    note = f"{rate:,.0f}/s, median {median:.1f} ms; a sleeper beside them woke {await watch:.0f} ms late at most"
    what = f"impact, {CLIENTS} clients with pauses of {pause:g} s, p99"
    return Result(what, _percentile(taken, 0.99), "ms", goal=at_most(50), note=note)


async def _lateness() -> float:
    """Milliseconds by which a sleep was too long at most, until cancelled: what holds up the clients, not the server."""
    longest = 0.0
    try:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(_NAP)
            longest = max(longest, time.perf_counter() - begun - _NAP)
    except asyncio.CancelledError:
        return longest * 1e3


def _processor_seconds(process: int) -> float:
    """What a process has worked so far; Linux tells it, elsewhere it is 0."""
    told = Path(f"/proc/{process}/stat")
    if not told.exists():
        return 0.0
    fields = told.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentile(latencies: list[float], share: float) -> float:
    """The latency that this share of the requests stays within; `latencies` are sorted."""
    return latencies[max(0, math.ceil(share * len(latencies)) - 1)]


async def _up(port: int, server: asyncio.subprocess.Process) -> None:
    begun = time.perf_counter()
    while time.perf_counter() - begun < _PATIENCE:
        if server.returncode is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the server does not answer")


async def _client(port: int, nodes: int, *, seed: int, requests: int, pause: float = 0) -> list[float]:
    """Latencies in milliseconds of one connection's requests; small enough to leave the processor to the server.

    Pauses are spread exponentially about their mean.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    chance = Random(seed)
    ids = await _ids(reader, writer)
    taken: list[float] = []
    for _ in range(requests):
        if pause:
            await asyncio.sleep(chance.expovariate(1 / pause))
        reference = f"{ids}{chance.randrange(nodes):012x}"
        body = msgspec.json.encode({"query": _IMPACT, "variables": {"of": [reference]}})
        begun = time.perf_counter()
        answer = await _post(reader, writer, body)
        taken.append((time.perf_counter() - begun) * 1e3)
        if b'"errors"' in answer:
            raise RuntimeError(answer[:500].decode())
    writer.close()
    return taken


async def _ids(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """What the ids of the estate's nodes begin with."""
    body = msgspec.json.encode({"query": "{ nodes(first: 1) { edges { node { id } } } }"})
    answer = await _post(reader, writer, body)
    return answer.partition(b'"id":"')[2][:24].decode()


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bytes:
    head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: "
    writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not answer.startswith(f"http/1.1 {HTTPStatus.OK.value}".encode()):
        raise RuntimeError(answer.decode())
    length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)
