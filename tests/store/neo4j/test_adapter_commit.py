"""What is particular to commits on Neo4j: lost acknowledgements, dead announcements, and what is seen of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from neo4j import Driver

from cmdb.errors import Conflict, Refused, StoreUnreachable, Usage
from cmdb.store.neo4j import open_neo4j
from cmdb.store.neo4j.server import Release, RunningServer, ServerSpec, down
from tests.neo4j_server import STARTS_SOONER
from tests.store.pair import Pair, agree_wholly
from tests.store.places import opened

pytestmark = pytest.mark.neo4j

COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""Bolt's COMMIT message in its frame."""


@dataclass
class Wire:
    """A server seen through a connection that breaks at commits: before they arrive, or before their answer does."""

    host: str
    port: int
    breaks: list[str] = field(default_factory=list[str])
    """What to do at the next commits: `lost` before it arrives, `unheard` before it is answered."""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self.host, self.port)
        answering = asyncio.create_task(_pour(there_reader, writer))
        try:
            while data := await reader.read(65536):
                fault = self.breaks.pop(0) if COMMIT in data and self.breaks else ""
                if fault == "lost":
                    return
                if fault == "unheard":
                    answering.cancel()
                    await asyncio.wait([answering])
                there_writer.write(data)
                await there_writer.drain()
                if fault == "unheard":
                    await there_reader.read(1)
                    return
        except ConnectionError:
            pass
        finally:
            answering.cancel()
            there_writer.close()
            writer.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def _wire(url: str) -> AsyncGenerator[tuple[Wire, str]]:
    parts = urlsplit(url)
    wire = Wire(parts.hostname or "", parts.port or 7687)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    try:
        yield wire, f"bolt://{user}127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("breaks", [["lost"], ["unheard"], ["lost", "lost"], ["unheard", "lost"]], ids="-".join)
async def test_a_commit_whose_acknowledgement_is_lost_is_there_once(neo4j_graph: str, breaks: list[str]) -> None:
    async with _wire(neo4j_graph) as (wire, url), opened(url) as store:
        pair = Pair(store)
        await pair.commit()
        pair.book.node()
        wire.breaks += breaks
        try:
            await pair.commit()
        except StoreUnreachable:
            assert breaks == ["lost", "lost"]
            assert (await store.head()).revision == 1
            await store.commit(pair.reference.commits[-1])
        assert wire.breaks == []
        await agree_wholly(store, pair.reference)
        pair.book.node()
        await pair.commit()
        await agree_wholly(store, pair.reference)


async def test_a_lost_commit_that_somebody_else_wrote_is_a_conflict(neo4j_graph: str) -> None:
    async with _wire(neo4j_graph) as (wire, url), opened(url) as store, opened(neo4j_graph) as other:
        pair = Pair(store)
        await pair.commit()
        pair.book.node(name="mine")
        mine = pair.book.commit()
        rival = Pair(other)
        rival.book.commit()
        rival.book.node(name="theirs")
        theirs = rival.book.commit()
        await other.commit(theirs)
        wire.breaks.append("lost")
        with pytest.raises(Conflict):
            await store.commit(mine)
        await agree_wholly(other, rival.reference)


async def test_an_announcement_of_a_dead_writer_stops_nobody(neo4j_graph: str, neo4j_driver: Driver) -> None:
    async with opened(neo4j_graph) as store:
        pair = Pair(store)
        await pair.commit()
        neo4j_driver.execute_query("MATCH (w:_Writer) SET w.applying = w.applying + 1")
        await agree_wholly(store, pair.reference)
        neo4j_driver.execute_query("MATCH (w:_Writer) SET w.applying = w.applying + 1")
        pair.book.node()
        await pair.commit()
        await agree_wholly(store, pair.reference)


async def test_reads_beside_a_writer_see_whole_commits(neo4j_graph: str) -> None:
    async with opened(neo4j_graph) as store, opened(neo4j_graph) as reading:
        pair = Pair(store)
        nodes = [pair.book.node(name="0") for _ in range(300)]
        await pair.commit()
        done = asyncio.Event()

        async def look() -> int:
            seen = 0
            while not done.is_set():
                found = await reading.nodes(nodes)
                assert len({(n.name, n.version) for n in found}) == 1
                assert len(await reading.named([found[0].name], as_of=found[0].since)) == 300
                seen += 1
            return seen

        looking = asyncio.create_task(look())
        for number in range(1, 12):
            for node in nodes:
                pair.book.change(node, name=str(number))
            await pair.commit()
        done.set()
        assert await looking > 0


async def test_who_is_not_let_in_is_told_so_without_the_secret(
    neo4j_folder: Path, neo4j_release: Release, start_neo4j: Callable[[ServerSpec], RunningServer]
) -> None:
    home = neo4j_folder / f"protected-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    server = start_neo4j(ServerSpec(home=home, bolt_port=0, release=neo4j_release, jvm_options=STARTS_SOONER))
    try:
        address = server.url.rpartition("@")[2].removeprefix("neo4j://")
        password = server.password()
        assert password is not None
        for auth in (None, ("neo4j", "hunter2-wrong"), ("nobody", password)):
            with pytest.raises(Refused) as refused:
                await open_neo4j(f"neo4j://{address}", auth=auth)
            assert "hunter2" not in f"{refused.value}{refused.value.remedy}"
            assert password not in f"{refused.value}{refused.value.remedy}"
        for url, auth in (
            (f"neo4j://{address}", ("neo4j", password)),
            (f"bolt://neo4j:{quote(password, safe='')}@{address}/neo4j", None),
        ):
            store = await open_neo4j(url, auth=auth)
            assert password not in store.url
            assert (await store.head()).revision == 0
            await store.close()
    finally:
        down(home, lambda _: None)


@pytest.mark.parametrize("url", ["neo4j://127.0.0.1:1", "bolt://127.0.0.1:1", "neo4j://u:hunter2@127.0.0.1:1"])
async def test_where_nothing_answers_the_store_is_unreachable(url: str) -> None:
    with pytest.raises(StoreUnreachable) as unreachable:
        await open_neo4j(url)
    assert "127.0.0.1:1" in str(unreachable.value)
    assert "hunter2" not in str(unreachable.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7687", "neo4j://127.0.0.1:port", "http://127.0.0.1:1", "neo4j://", "neo4j://[::1", ""]
)
async def test_what_is_no_address_is_refused_with_one_that_is(url: str) -> None:
    with pytest.raises(Usage) as unusable:
        await open_neo4j(url)
    assert "neo4j://host:7687" in unusable.value.remedy
