"""The door: expectations and conflicts, writes without effect, time, the gate, and many writers at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cmdb.changeset import NEW, ChangeSet, Link, New, NodeChanged, NodeRetired, Put, Retire, Unlink
from cmdb.errors import Conflict, Failed, Invalid, Refused
from cmdb.filters import Direction
from cmdb.ledger import broken_links
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState
from cmdb.writing import INITIALISATION, Bound, Door, InitialisationGate, WriteRequest, found
from graph_schema.values import Value
from tests.reference.book import ESTATE
from tests.reference.model import MODEL
from tests.store.pair import all_nodes, all_relationships
from tests.store.places import SQLITE, opened
from tests.writing.office import DB, SHOP, WEB, Office, an_office, create, empty_office, ticking


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_office(tmp_path) as made:
        yield made


# -- expectations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        Put(node=WEB, name="x", expects=2),
        Put(node=WEB, expects=NEW),
        Put(node=New("h"), class_name="Server", name="x", expects=1),
        Retire(node=WEB, expects=2),
        Link(type="RUNS_ON", source=WEB, target=DB, expects=NEW),
    ],
)
async def test_another_version_than_expected_refuses_everything(office: Office, operation: Put | Retire | Link) -> None:
    before = await office.store.head()
    with pytest.raises(Conflict) as caught:
        await office.write(create("Server", "innocent", "i"), operation, create("Nonsense", "bad", "b"))
    assert await office.store.head() == before
    assert [p.where for p in caught.value.problems] == ["operation 2"]
    assert caught.value.message == caught.value.problems[0].message
    assert "read again" in caught.value.remedy


async def test_what_is_expected_is_the_version_before_the_change_set(office: Office) -> None:
    await office.write(
        Put(node=WEB, name="web-1", expects=1),
        Put(node=WEB, attributes={"count": 3}, expects=1),
        Put(node=New("new"), class_name="Server", name="new", expects=NEW),
        Retire(node=New("new"), expects=NEW),
        Link(type="RUNS_ON", source=DB, target=WEB, expects=NEW),
    )
    web = await office.node(WEB)
    assert (web.name, web.attributes["count"], web.version) == ("web-1", 3, 2)
    with pytest.raises(Conflict, match="SRV-000001 is in version 2, expected was 1"):
        await office.write(Put(node=WEB, name="x", expects=1))


async def test_a_follower_of_a_revision_writes_on_no_other(office: Office) -> None:
    change = ChangeSet((Put(node=WEB, name="x"),))
    with pytest.raises(Conflict, match="revision 3, not at 2"):
        await office.door.write(change, actor="tester", authority=INITIALISATION, follows=2)
    written = await office.door.write(change, actor="tester", authority=INITIALISATION, follows=3)
    assert written.head.revision == 4


# -- effects -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operations",
    [
        (),
        (Put(node=WEB),),
        (Put(node=WEB, name="web", state="in_use", attributes={"count": " 2", "note": None}),),
        (Put(node=WEB, name="x"), Put(node=WEB, name="web")),
        (Put(node=WEB, attributes={"count": 3}), Put(node=WEB, attributes={"count": 2})),
        (Link(type="RUNS_ON", source=WEB, target=DB),),
        (Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": "1", "remark": None}),),
        (Link(type="RUNS_ON", source=DB, target=WEB), Unlink(type="RUNS_ON", source=DB, target=WEB)),
        (
            Unlink(type="RUNS_ON", source=WEB, target=DB),
            Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": 1}),
        ),
    ],
)
async def test_what_adds_up_to_nothing_is_no_commit(
    office: Office, operations: tuple[Put | Link | Unlink, ...]
) -> None:
    before = await office.store.head()
    written = await office.write(*operations)
    assert (written.head, written.effects, written.created) == (before, 0, {})
    assert await office.store.head() == before


async def test_a_change_set_is_one_step_of_each_thing(office: Office) -> None:
    written = await office.write(
        Put(node=WEB, name="x"),
        Put(node=WEB, state="under_change", attributes={"count": None}),
        Retire(node=WEB),
        Put(node=DB, attributes={"note": "new"}),
    )
    [commit] = [c async for c in office.store.commits(3)]
    assert written.effects == len(commit.effects)
    [web, db] = [e for e in commit.effects if isinstance(e, NodeChanged)]
    assert (web.ordinal, web.version, web.name, web.state) == (WEB, 2, ("web", "x"), ("in_use", "under_change"))
    assert (web.before, web.after) == ({"count": 2}, {"count": None})
    assert (db.ordinal, db.before, db.after) == (DB, {"note": None}, {"note": "new"})
    assert [e for e in commit.effects if isinstance(e, NodeRetired)] == [
        NodeRetired(WEB, 3, ("under_change", "dismantled"))
    ]
    assert not await office.store.relationships([WEB, SHOP], Direction.OUT)
    assert not await office.store.relationships([WEB, DB], Direction.IN)


async def test_a_node_may_be_made_linked_and_retired_at_once(office: Office) -> None:
    written = await office.write(
        create("Server", "brief"),
        Link(type="RUNS_ON", source=New("brief"), target=DB),
        Retire(node=New("brief")),
    )
    node = await office.node(written.created["brief"])
    assert (node.state, node.retired, node.version) == ("dismantled", True, 2)
    assert len(await office.store.relationships([DB], Direction.IN)) == 1


# -- claims ------------------------------------------------------------------------------------------------------------


async def test_claims_are_kept_with_the_commit_and_without_one(office: Office) -> None:
    def bind(bound: Bound) -> ClaimChanges:
        seen.append(bound)
        claim = Claim(
            source_key="x",
            kind=ClaimKind.NODE,
            bound_to=bound.created.get("new", WEB),
            digest=b"d",
            body=b"{}",
            seen=bound.time,
        )
        state = SourceState(source="s", format="f", digest="", revision=bound.revision, seen=bound.time)
        return ClaimChanges(source="s", put=(claim,), state=state)

    seen: list[Bound] = []
    for operation, revision in ((create("Server", "new"), 4), (Put(node=WEB), 4)):
        await office.door.write(ChangeSet((operation,)), actor="tester", authority=INITIALISATION, bind=bind)
        state = await office.store.source_state("s")
        assert state is not None
        assert (state.revision, seen[-1].revision) == (revision, revision)
        [[claim]] = [batch async for batch in office.store.claims("s")]
        assert claim.bound_to == seen[-1].created.get("new", WEB)
    with pytest.raises(Invalid):
        await office.door.write(
            ChangeSet((create("Nonsense", "x"),)), actor="tester", authority=INITIALISATION, bind=bind
        )
    assert len(seen) == 2


# -- the gate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("actor", "authority"), [("tester", "change:CHG-1"), ("tester", ""), (" ", INITIALISATION)])
async def test_the_gate_refuses_before_anything_is_written(office: Office, actor: str, authority: str) -> None:
    with pytest.raises(Refused) as caught:
        await office.door.write(ChangeSet((Put(node=WEB, name="x"),)), actor=actor, authority=authority)
    assert caught.value.remedy
    assert await office.revision() == 3


async def test_the_gate_sees_who_by_which_authority_and_what(tmp_path: Path) -> None:
    asked: list[WriteRequest] = []

    class Recording(InitialisationGate):
        async def check(self, request: WriteRequest) -> None:
            asked.append(request)

    async with an_office(tmp_path) as office:
        door = Door(office.store, gate=Recording(), clock=office.clock)
        await door.write(ChangeSet((Put(node=WEB),)), actor="nobody", authority="none")
        await door.write(ChangeSet((Put(node=WEB, name="x"),)), actor="me", authority="standing:names", reason="why")
        [commit] = [c async for c in office.store.commits(3)]
        header = commit.header
        [request] = asked
        assert (request.actor, request.authority, request.effects) == ("me", "standing:names", commit.effects)
        assert (request.ends[WEB], request.warrant) == (("Server", False), None)
        assert (header.actor, header.authority, header.reason) == ("me", "standing:names", "why")


# -- beginnings --------------------------------------------------------------------------------------------------------


async def test_an_estate_is_founded_once(tmp_path: Path) -> None:
    async with opened(f"{SQLITE}{tmp_path / 'store.db'}") as store:
        door = Door(store, gate=InitialisationGate(), clock=ticking())
        with pytest.raises(Failed, match="empty"):
            await door.write(ChangeSet((create("Server", "x"),)), actor="tester", authority=INITIALISATION)
        head = await found(store, MODEL, estate=ESTATE, actor="tester", clock=ticking())
        assert (head.revision, await store.model()) == (1, MODEL)
        with pytest.raises(Conflict, match="not empty"):
            await found(store, MODEL, estate=ESTATE, actor="tester", clock=ticking())


# -- time --------------------------------------------------------------------------------------------------------------


async def test_commit_times_never_run_backwards_though_the_clock_does(tmp_path: Path) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    hours = [0, 1, -5, -4, 1.5, 0]
    clock = iter(noon + timedelta(hours=h) for h in hours)
    async with empty_office(tmp_path, lambda: lambda: next(clock)) as office:
        for number in range(len(hours) - 1):
            await office.write(create("Server", f"n{number}"))
        times = [c.header.time async for c in office.store.commits()]
        assert [time[11:16] for time in times] == ["12:00", "13:00", "13:00", "13:00", "13:30", "13:30"]
        assert await broken_links(office.store.commits(), await office.store.head()) == []


async def test_commit_times_are_utc_whatever_the_clocks_zone(tmp_path: Path) -> None:
    shanghai = timezone(timedelta(hours=8))
    async with empty_office(tmp_path, lambda: lambda: datetime(2026, 1, 31, 20, tzinfo=shanghai)) as office:
        assert (await office.store.head()).time == "2026-01-31T12:00:00.000000Z"


# -- many writers ------------------------------------------------------------------------------------------------------


async def test_tasks_at_several_doors_lose_and_double_nothing(tmp_path: Path) -> None:
    async with an_office(tmp_path) as one, empty_office(tmp_path) as other:
        doors = [one.door, other.door, one.another_door(), other.another_door()]
        acknowledged: list[tuple[str, int]] = []

        async def write(door: Door, number: int) -> None:
            for step in range(5):
                name = f"n{number}-{step}"
                operations = create("Server", name), Link(type="RUNS_ON", source=New(name), target=WEB)
                written = await door.write(ChangeSet(operations), actor=name, authority=INITIALISATION)
                acknowledged.append((name, written.created[name]))
                await asyncio.sleep(0)

        await asyncio.gather(*(write(doors[n % len(doors)], n) for n in range(12)))

        nodes = {n.ordinal: n for n in await all_nodes(other.store)}
        assert {nodes[ordinal].name: ordinal for _, ordinal in acknowledged} == dict(acknowledged)
        assert len(acknowledged) == 60 == len(nodes) - 6
        assert sorted(n.key for n in nodes.values() if n.class_name == "Server") == [
            f"SRV-{n:06}" for n in range(1, 65)
        ]
        links = await all_relationships(one.store)
        assert {(r.source, r.target) for r in links} >= {(ordinal, WEB) for _, ordinal in acknowledged}
        assert [r.id for r in links] == list(range(len(links)))
        assert await one.store.head() == await other.store.head()
        commits = [c async for c in one.store.commits(3)]
        assert sorted(c.header.actor for c in commits) == sorted(name for name, _ in acknowledged)
        assert await broken_links(one.store.commits(), await one.store.head()) == []


def number(value: Value) -> int:
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("expects", [True, False])
async def test_two_who_count_on_one_node_do_not_overwrite_each_other(tmp_path: Path, expects: bool) -> None:
    async with an_office(tmp_path) as one, empty_office(tmp_path) as other:
        conflicts = 0

        async def add(office: Office) -> None:
            nonlocal conflicts
            done = 0
            while done < 10:
                node = await office.node(WEB)
                await asyncio.sleep(0)
                count = number(node.attributes["count"]) + 1
                try:
                    await office.write(
                        Put(node=WEB, attributes={"count": count}, expects=node.version if expects else None)
                    )
                    done += 1
                except Conflict:
                    conflicts += 1

        await asyncio.gather(add(one), add(other), add(one))
        node = await one.node(WEB)
        if expects:
            assert (node.attributes["count"], node.version) == (32, 31)
            assert conflicts > 0
        else:
            assert conflicts == 0
            assert number(node.attributes["count"]) < 32


async def test_of_two_who_want_one_unique_value_one_gets_it(tmp_path: Path) -> None:
    async with an_office(tmp_path) as one, empty_office(tmp_path) as other:

        async def take(office: Office, name: str) -> str:
            try:
                await office.write(create("Server", name, serial="THE ONE"))
            except Invalid as error:
                return error.problems[0].message
            return "done"

        told = await asyncio.gather(*(take(o, f"{n}") for n, o in enumerate([one, other] * 4)))
        assert told.count("done") == 1
        assert all("held by" in message for message in told if message != "done")
        assert len(await one.store.having("serial", ["THE ONE"])) == 1


async def test_a_writer_that_is_always_outrun_gives_up_and_says_so(tmp_path: Path) -> None:
    async with an_office(tmp_path) as slow, empty_office(tmp_path) as quick:

        class Outrun(InitialisationGate):
            """While this writer asks for permission, another one commits."""

            async def check(self, request: WriteRequest) -> None:
                await quick.write(create("Server", f"n{await quick.revision()}"))

        door = Door(slow.store, gate=Outrun(), clock=slow.clock)
        before = await slow.revision()
        with pytest.raises(Conflict):
            await door.write(ChangeSet((Put(node=WEB, name="x"),)), actor="tester", authority=INITIALISATION)
        assert (await slow.node(WEB)).name == "web"
        assert await slow.revision() > before + 1
