"""Backup and restore: whole, streamed, refused when damaged, between stores of both kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j import Driver

from cmdb.changeset import ChangeSet, New, Put
from cmdb.clock import system_clock
from cmdb.errors import Conflict, Failed, Invalid
from cmdb.ledger import EMPTY
from cmdb.safekeeping import digest, restore, verify, write_backup
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState, Store
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION, Door, InitialisationGate
from tests.neo4j_server import wipe
from tests.reference.book import Book
from tests.store.places import Neo4jPlaces, opened
from tests.strategies import histories


def story() -> Book:
    """A little of everything."""
    book = Book()
    book.commit()
    web, service = book.node(name="web"), book.node("Service", "svc-shop", attributes={"owner": "Ann"})
    book.link(service, web, "BACKED_BY")
    book.commit()
    book.change(web, name="网络服务器", attributes={"tags": ("a", "b"), "count": 3})
    book.commit()
    book.retire(web)
    book.commit()
    return book


async def filled(path: Path, book: Book) -> Store:
    store = open_sqlite(path, create=True)
    for commit in book.reference.commits:
        await store.commit(commit)
    state = SourceState(source="netbox", format="netbox", digest="d", revision=2, seen=book.reference.head.time)
    claims = tuple(
        Claim(
            source_key=f"key {n}",
            kind=ClaimKind.NODE,
            bound_to=n % 2,
            digest=bytes([n % 256]) * 16,
            body=b'{"name":"x"}',
            seen=book.reference.head.time,
        )
        for n in range(300)
    )
    await store.keep_claims(ClaimChanges(source="netbox", put=claims, state=state))
    return store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await filled(tmp_path / "source.sqlite", story())
    yield made
    await made.close()


async def all_claims(store: Store) -> list[Claim]:
    return [claim async for batch in store.claims("netbox") for claim in batch]


async def assert_same(one: Store, other: Store) -> None:
    assert await one.head() == await other.head()
    assert await digest(one) == await digest(other)
    assert await digest(one, 2) == await digest(other, 2)
    assert await one.sources() == await other.sources()
    assert await all_claims(one) == await all_claims(other)


async def test_a_restored_store_is_the_one_that_was_backed_up(store: Store, tmp_path: Path) -> None:
    summary = await write_backup(store, tmp_path / "it.backup")
    assert (summary.commits, summary.sources, summary.claims) == (4, 1, 300)
    async with opened(f"sqlite:///{tmp_path / 'target.sqlite'}") as target:
        assert await restore(tmp_path / "it.backup", target) == summary
        await assert_same(store, target)


@pytest.mark.neo4j
async def test_a_store_moves_to_neo4j_and_back(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    driver: Driver = request.getfixturevalue("neo4j_driver")
    places = Neo4jPlaces(request.getfixturevalue("neo4j_graph"), lambda: wipe(driver, schema=False))
    await write_backup(store, tmp_path / "there.backup")
    async with opened(await places.empty()) as server:
        await restore(tmp_path / "there.backup", server)
        await assert_same(store, server)
        await write_backup(server, tmp_path / "back.backup")
    async with opened(f"sqlite:///{tmp_path / 'back.sqlite'}") as target:
        await restore(tmp_path / "back.backup", target)
        await assert_same(store, target)


async def test_any_flipped_bit_is_noticed_before_the_target_is_touched(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "it.backup"
    await write_backup(store, path)
    whole = path.read_bytes()
    async with opened(f"sqlite:///{tmp_path / 'target.sqlite'}") as target:
        for place in range(0, len(whole), max(1, len(whole) // 200)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << (place % 8)
            path.write_bytes(damaged)
            with pytest.raises(Invalid, match="damaged or no backup"):
                await restore(path, target)
        assert await target.head() == EMPTY


@pytest.mark.parametrize("share", [0, 1, 8, 50, 90, 99])
async def test_a_file_that_was_cut_short_is_refused(store: Store, tmp_path: Path, share: int) -> None:
    path = tmp_path / "it.backup"
    await write_backup(store, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * share // 100])
    async with opened(f"sqlite:///{tmp_path / 'target.sqlite'}") as target:
        with pytest.raises(Invalid, match="damaged or no backup"):
            await restore(path, target)
        assert await target.head() == EMPTY


@given(content=st.binary(max_size=2000))
def test_strange_files_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("strange")
    (folder / "strange").write_bytes(content)

    async def refused() -> None:
        async with opened(f"sqlite:///{folder / 'target.sqlite'}") as target:
            with pytest.raises(Invalid):
                await restore(folder / "strange", target)

    asyncio.run(refused())


async def test_a_backup_never_overwrites_and_a_missing_one_says_so(store: Store, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"precious")
    with pytest.raises(Failed, match="there already"):
        await write_backup(store, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"precious"
    with pytest.raises(Failed, match="cannot be written"):
        await write_backup(store, tmp_path / "no" / "such" / "folder")
    with pytest.raises(Failed, match="cannot be read"):
        await restore(tmp_path / "nothing", store)


async def test_restoring_over_another_estate_is_refused(store: Store, tmp_path: Path) -> None:
    await write_backup(store, tmp_path / "it.backup")
    other = Book()
    other.node(name="other")
    other.commit()
    async with opened(f"sqlite:///{tmp_path / 'other.sqlite'}") as target:
        await target.commit(other.reference.commits[0])
        with pytest.raises(Conflict, match="not empty"):
            await restore(tmp_path / "it.backup", target)
        assert await target.head() == other.reference.head


async def test_an_interrupted_restore_goes_on(store: Store, tmp_path: Path) -> None:
    await write_backup(store, tmp_path / "it.backup")
    async with opened(f"sqlite:///{tmp_path / 'target.sqlite'}") as target:
        async for commit in store.commits(until=2):
            await target.commit(commit)
        await restore(tmp_path / "it.backup", target)
        await assert_same(store, target)


async def test_a_backup_holds_one_revision_while_others_write(tmp_path: Path) -> None:
    book = Book()
    book.commit()
    for number in range(40):
        book.node(name=f"n{number}")
        book.commit()
    store = await filled(tmp_path / "busy.sqlite", book)
    door = Door(store, gate=InitialisationGate(), clock=system_clock)

    async def keep_writing(stop: asyncio.Event) -> int:
        written = 0
        while not stop.is_set():
            put = Put(node=New("n"), class_name="Server", name=f"late {written}")
            await door.write(ChangeSet((put,)), actor="late", authority=INITIALISATION)
            written += 1
            await asyncio.sleep(0)
        return written

    stop = asyncio.Event()
    writing = asyncio.create_task(keep_writing(stop))
    await asyncio.sleep(0.02)
    summary = await write_backup(store, tmp_path / "busy.backup")
    await asyncio.sleep(0.02)
    stop.set()
    assert await writing > 0
    assert (await store.head()).revision > summary.head.revision
    async with opened(f"sqlite:///{tmp_path / 'target.sqlite'}") as target:
        await restore(tmp_path / "busy.backup", target)
        assert await target.head() == summary.head
        assert await digest(target) == await digest(store, summary.head.revision)
    await store.close()


@given(book=histories())
def test_any_history_survives(tmp_path_factory: pytest.TempPathFactory, book: Book) -> None:
    folder = tmp_path_factory.mktemp("any")

    async def round_trip() -> None:
        store = await filled(folder / "source.sqlite", book)
        await write_backup(store, folder / "it.backup")
        async with opened(f"sqlite:///{folder / 'target.sqlite'}") as target:
            await restore(folder / "it.backup", target)
            for revision in range(1, book.reference.head.revision + 1):
                assert await digest(target, revision) == await digest(store, revision)
            async with opened(f"sqlite:///{folder / 'scratch.sqlite'}") as scratch:
                assert (await verify(target, scratch)).holds
        await store.close()

    asyncio.run(round_trip())
