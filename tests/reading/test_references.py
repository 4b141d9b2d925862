"""References to nodes and to moments, resolved on a small estate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cmdb.errors import Failed, NotFound, Usage
from cmdb.reading import known_class, moment_revision, resolve, resolve_all
from cmdb.store.port import Store
from tests.reference.book import START, Book
from tests.reference.model import MODEL
from tests.store.places import SQLITE, opened

WEB, VM, SHOP, TWIN, OLD, NEW, GONE = range(7)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Six revisions: r1 at 12:01 the model, r2 at 12:02 the nodes, r3 to r5 changes, r6 the next day at 12:00."""
    book = Book()
    book.commit()
    book.node("Server", "web")
    book.node("VirtualServer", "web-vm")
    book.node("Service", "svc:shop", attributes={"owner": "ops"})
    book.node("Service", "web", attributes={"owner": "ops"})
    book.node("Server", "db")
    book.commit()
    book.retire(OLD)
    book.commit()
    book.node("VirtualServer", "db")
    book.commit()
    book.node("Server", "gone")
    book.change(WEB, name="web-1")
    book.commit()
    book.retire(GONE)
    book.commit(int(timedelta(days=1).total_seconds()) // 60 - 5)
    async with opened(f"{SQLITE}{tmp_path / 'store.db'}") as store:
        for commit in book.reference.commits:
            await store.commit(commit)
        yield store


@pytest.mark.parametrize(
    ("reference", "ordinal"),
    [
        ("SRV-000001", WEB),
        ("SRV-1", None),
        ("srv-000001", None),
        ("Server:web-1", WEB),
        ("Item:web-1", WEB),
        ("Server:web-vm", VM),
        ("Service:web", TWIN),
        ("Service:svc:shop", SHOP),
        ("Server:db", NEW),
        ("SRV-000002", OLD),
        ("Server:gone", GONE),
        ("Server:web", None),
        ("Service:db", None),
        ("Ticket:web", None),
        ("Server:", None),
        (":web", None),
        ("web", None),
        ("", None),
        ("SRV-999999", None),
        ("XXX-000001", None),
        ("00000000-0000-8000-8000-000000000000", None),
    ],
)
async def test_a_reference_means(store: Store, reference: str, ordinal: int | None) -> None:
    if ordinal is None:
        with pytest.raises(NotFound) as caught:
            await resolve(store, reference)
        assert repr(reference) in caught.value.message
        assert caught.value.remedy
    else:
        assert (await resolve(store, reference)).ordinal == ordinal


async def test_an_id_is_a_reference_whatever_its_case(store: Store) -> None:
    for node in await store.nodes(range(7)):
        assert await resolve(store, node.id) == node
        assert await resolve(store, node.id.upper()) == node
    beyond = (await resolve(store, "SRV-000001")).id[:-1] + "f"
    with pytest.raises(NotFound, match=beyond):
        await resolve(store, beyond)


async def test_many_are_resolved_in_their_order_however_they_are_called(store: Store) -> None:
    names = ["Server:db", "SRV-000001", (await resolve(store, "VM-000001")).id, "SRV-000001"]
    assert [n.ordinal for n in await resolve_all(store, names)] == [NEW, WEB, VM, WEB]
    assert await resolve_all(store, []) == []


async def test_as_of_a_revision_names_are_what_they_were(store: Store) -> None:
    assert (await resolve(store, "Server:web", 4)).ordinal == WEB
    assert (await resolve(store, "Server:db", 2)).ordinal == OLD
    assert (await resolve(store, "Server:db", 3)).retired
    assert (await resolve(store, "Server:db", 4)).ordinal == NEW
    assert (await resolve(store, "SRV-000001", 2)).name == "web"
    for reference in ("Server:gone", "SRV-000003", (await resolve(store, "SRV-000003")).id):
        with pytest.raises(NotFound, match="as of revision 4"):
            await resolve(store, reference, 4)


async def test_several_of_one_name_are_told_apart_by_key(store: Store) -> None:
    with pytest.raises(Usage) as caught:
        await resolve(store, "Item:web", 2)
    assert "'Item:web' fits 2 nodes: SRV-000001, SVC-000002" in caught.value.message
    assert "key" in caught.value.remedy


async def test_an_unknown_class_brings_the_nearest(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        await resolve(store, "Sever:web")
    assert "no class Sever" in caught.value.message
    assert "`Server`" in caught.value.remedy
    assert known_class(MODEL, "Server").code == "SRV"
    with pytest.raises(NotFound, match="there is no class Sever"):
        known_class(MODEL, "Sever")


async def test_in_an_empty_store_nothing_can_be_meant(tmp_path: Path) -> None:
    async with opened(f"{SQLITE}{tmp_path / 'empty.db'}") as empty:
        for reference in ("SRV-000001", "Server:web", "web"):
            with pytest.raises(Failed, match="empty"):
                await resolve(empty, reference)
        assert await moment_revision(empty, "0") == 0
        assert await moment_revision(empty, "2026-01-31") == 0
        with pytest.raises(NotFound, match="no revision 1 yet"):
            await moment_revision(empty, "1")


@pytest.mark.parametrize(
    ("moment", "revision"),
    [
        ("0", 0),
        ("3", 3),
        ("r3", 3),
        ("R 3", 3),
        ("rev3", 3),
        ("revision 3", 3),
        (" 006 ", 6),
        ("2026-01-31T12:00:59Z", 0),
        ("2026-01-31T12:01:00Z", 1),
        ("2026-01-31T12:01:59.999999Z", 1),
        ("2026-01-31T13:02:00+01:00", 2),
        ("2026-01-31T20:02+08:00", 2),
        ("2026-01-31 12:05:00Z", 5),
        ("2026-01-31", 5),
        ("2026-01-30", 0),
        ("2026-02-01", 6),
        ("2026-02-01T12:00:00Z", 6),
        ("2026-02-01T11:59:59Z", 5),
        ("9999-12-31", 6),
        ("9999-12-31T23:59:59Z", 6),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
async def test_a_moment_means(store: Store, moment: str, revision: int) -> None:
    assert START.isoformat() == "2026-01-31T12:00:00+00:00"
    assert await moment_revision(store, moment) == revision


@pytest.mark.parametrize("moment", ["7", "r7", "999999999999999"])
async def test_a_revision_still_to_come_is_not_found(store: Store, moment: str) -> None:
    with pytest.raises(NotFound, match="yet") as caught:
        await moment_revision(store, moment)
    assert "the newest is 6" in caught.value.remedy


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("", "no moment"),
        ("yesterday", "no moment"),
        ("-1", "no moment"),
        ("3.5", "no moment"),
        ("9" * 40, "no moment"),
        ("2026-02-30", "no moment"),
        ("2026-13-01T00:00:00Z", "no moment"),
        ("31.01.2026", "no moment"),
        ("2026-01-31T12:00:00", "no time zone"),
        ("2026-01-31T12:00:00+25:00", "no moment"),
        ("0001-01-01T00:00:00+05:00", "out of the range"),
        ("9999-12-31T23:59:59-05:00", "out of the range"),
    ],
)
async def test_what_is_no_moment_is_said(store: Store, moment: str, message: str) -> None:
    with pytest.raises(Usage, match=message) as caught:
        await moment_revision(store, moment)
    assert repr(moment) in caught.value.message
