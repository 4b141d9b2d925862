"""The application: stores by URL, and answers that stay those of one revision while others write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.application import Application, describe, initialise, open_application, open_store, reach, route
from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire, Unlink
from cmdb.errors import Conflict, Failed, NotFound, StoreUnreachable, Usage
from cmdb.projection import Direction
from cmdb.writing import INITIALISATION
from tests.reference.model import MODEL
from tests.store.places import SQLITE
from tests.writing.office import create, ticking

SHOP, WEB, DB, SPARE = range(4)


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    """At revision 2: the shop is backed by web, web runs on db, the spare one stands alone."""
    opened = await open_application(f"{SQLITE}{tmp_path / 'store.db'}", create=True, clock=ticking())
    try:
        await initialise(opened, MODEL, actor="tester", random_bits=lambda bits: 2**bits - 1)
        await write(
            opened,
            create("Service", "svc-shop", owner="ops"),
            *(create("Server", name) for name in ("web", "db", "spare")),
            Link(type="BACKED_BY", source=New("svc-shop"), target=New("web")),
            Link(type="RUNS_ON", source=New("web"), target=New("db")),
        )
        yield opened
    finally:
        await opened.close()


async def write(application: Application, *operations: Operation) -> int:
    written = await application.door.write(ChangeSet(operations), actor="tester", authority=INITIALISATION)
    return written.head.revision


async def test_what_depends_is_counted_and_described(application: Application) -> None:
    found = await reach(application, ["Server:db"], Direction.DEPENDENTS)
    assert (found.total, found.counts, found.answer.revision) == (2, {"Server": 1, "Service": 1}, 2)
    assert [(h.node.name, h.distance) for h in await describe(application, found)] == [("web", 1), ("svc-shop", 2)]
    [far] = await describe(application, found, 1, 1)
    assert [(hop.dependent.name, hop.type, hop.forwards, hop.provider.name) for hop in far.path] == [
        ("svc-shop", "BACKED_BY", True, "web"),
        ("web", "RUNS_ON", True, "db"),
    ]
    assert await describe(application, found, 2, 5) == []


async def test_a_relationship_that_leads_to_its_dependent_is_read_backwards(application: Application) -> None:
    await write(application, Link(type="FEEDS", source=SPARE, target=SHOP))
    needed = await reach(application, ["Service:svc-shop"], Direction.PROVIDERS)
    hits = {hit.node.name: hit.path for hit in await describe(application, needed)}
    assert set(hits) == {"web", "db", "spare"}
    [hop] = hits["spare"]
    assert (hop.type, hop.forwards, hop.dependent.name, hop.provider.name) == ("FEEDS", False, "svc-shop", "spare")


async def test_sources_are_counted_once_and_not_among_the_hits(application: Application) -> None:
    key = (await reach(application, ["Server:web"], Direction.DEPENDENTS)).sources[0].key
    found = await reach(application, ["Server:db", "Server:web", key, "Server:db"], Direction.DEPENDENTS)
    assert [node.name for node in found.sources] == ["db", "web"]
    assert (found.total, found.counts) == (1, {"Service": 1})
    assert [(h.node.name, h.distance) for h in await describe(application, found)] == [("svc-shop", 1)]


async def test_an_answer_is_described_as_it_was_given_whatever_was_written_since(application: Application) -> None:
    found = await reach(application, ["Server:db"], Direction.DEPENDENTS)
    before = await describe(application, found)
    await write(application, Put(node=WEB, name="web-1"))
    assert await describe(application, found) == before
    await write(application, Unlink(type="RUNS_ON", source=WEB, target=DB))
    assert await describe(application, found) == before
    await write(application, Retire(node=WEB))
    assert await describe(application, found) == before
    assert (await reach(application, ["Server:db"], Direction.DEPENDENTS)).total == 0


async def test_the_past_is_asked_by_revision_or_moment(application: Application) -> None:
    last = (await application.store.head()).time
    await write(application, Unlink(type="RUNS_ON", source=WEB, target=DB), Put(node=DB, name="db-1"))
    for moment in ("2", "r2", last):
        found = await reach(application, ["Server:db"], Direction.DEPENDENTS, moment)
        assert (found.total, found.as_of, found.answer.revision) == (2, 2, 2)
        first, second, hops = await route(application, "Service:svc-shop", "Server:db", moment)
        assert (first.name, second.name) == ("svc-shop", "db")
        assert [hop.type for hop in hops or ()] == ["BACKED_BY", "RUNS_ON"]
    with pytest.raises(NotFound):
        await reach(application, ["Server:db"], Direction.DEPENDENTS)
    assert (await route(application, "Service:svc-shop", "Server:db-1"))[2] is None


async def test_what_is_retired_needs_nothing_and_supports_nobody(application: Application) -> None:
    await write(application, Retire(node=WEB))
    for question in (
        reach(application, ["Server:db", "Server:web"], Direction.DEPENDENTS),
        reach(application, ["Server:web"], Direction.PROVIDERS, "3"),
        route(application, "Service:svc-shop", "Server:web"),
    ):
        with pytest.raises(NotFound, match="is retired since revision 3") as caught:
            await question
        assert "--as-of 2" in caught.value.remedy
    assert (await reach(application, ["Server:web"], Direction.DEPENDENTS, "2")).total == 1


async def test_a_path_to_itself_has_no_steps(application: Application) -> None:
    assert (await route(application, "Server:web", "Server:web"))[2] == ()
    assert (await route(application, "Server:db", "Server:web"))[2] is None


# -- opening -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["", "store.db", "postgres://host/x", "sqlite://host/x", "sqlite:///", "neo4j://", "bolt:", "file:///x"]
)
async def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(Usage) as caught:
        await open_store(url, create=True)
    assert repr(url) in caught.value.message
    assert "sqlite:///" in caught.value.remedy


async def test_stores_are_made_only_when_asked_for(tmp_path: Path) -> None:
    url = f"{SQLITE}{tmp_path / 'a%20b.db'}"
    with pytest.raises(NotFound):
        await open_application(url)
    empty = await open_application(url, create=True)
    assert (tmp_path / "a b.db").exists()
    for question in (empty.model, empty.ids, empty.follower.current):
        with pytest.raises(Failed, match="empty"):
            await question()
    head = await initialise(empty, MODEL, actor="tester")
    assert head.revision == 1
    assert (await empty.ids()).id_of(0)[14] == "8"
    with pytest.raises(Conflict):
        await initialise(empty, MODEL, actor="tester")
    await empty.close()


async def test_a_password_is_in_no_message() -> None:
    with pytest.raises(StoreUnreachable) as caught:
        await open_store("neo4j://somebody:hunter2@127.0.0.1:1")
    assert "hunter2" not in caught.value.message + caught.value.remedy
