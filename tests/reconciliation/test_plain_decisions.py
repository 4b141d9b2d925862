"""The quick decisions about many new nodes and links are those of the general way, and what is wrong goes to that."""

from __future__ import annotations

import numpy as np
import pytest

from cmdb.changeset import ChangeSet, Link, Linked, Links, New, Operation, Patch, Put, Retire, Unlink
from cmdb.errors import Conflict, Invalid
from cmdb.writing import INITIALISATION, Door
from cmdb.writing.checking import Checks
from cmdb.writing.deciding import decide
from cmdb.writing.plain import MANY, decide_links, plain_links, plain_nodes
from cmdb.writing.roster import Rosters
from cmdb.writing.view import View, load_view
from tests.reconciliation.world import IDENTIFYING, World

CHECKS = Checks(IDENTIFYING)
SIZE = MANY + 20


def nodes() -> list[Operation]:
    return [
        Put(
            node=New(f"n{number}"),
            class_name=("Server", "VirtualServer")[number % 2],
            name=f"server {number}",
            state=("in_use", "ordered", None)[number % 3],
            attributes={"serial": f"S{number}", "count": number} if number % 5 else {},
        )
        for number in range(SIZE)
    ]


def links() -> list[Operation]:
    return [
        Link(
            type="RUNS_ON",
            source=number,
            target=number * 7 % SIZE,
            key=("", "", "b")[number % 3],
            attributes={} if number % 4 else {"port": number, "protocols": ("tcp",)},
        )
        for number in range(SIZE)
    ]


async def view_of(world: World, operations: list[Operation]) -> View:
    rosters = Rosters(world.store)
    return await load_view(world.store, CHECKS, rosters, await world.store.head(), ChangeSet(tuple(operations)))


async def test_new_nodes_are_decided_alike(world: World) -> None:
    view = await view_of(world, nodes())
    change_set = ChangeSet(tuple(nodes()))
    assert plain_nodes(CHECKS, view, change_set) == decide(CHECKS, view, change_set)


async def test_new_links_are_decided_alike(world: World) -> None:
    await world.by_hand(*nodes())
    change_set = ChangeSet(tuple(links()))
    plain = plain_links(CHECKS, change_set)
    assert plain is not None
    roster = await Rosters(world.store).at(await world.store.head())
    expected = decide(CHECKS, await view_of(world, links()), change_set)
    assert decide_links(CHECKS, roster, 0, plain) == expected
    await world.by_hand(*links())
    assert [(r.source, r.target, r.key, r.attributes) for r in await world.relationships()] == [
        (e.source, e.target, e.key, e.attributes) for e in expected.effects if isinstance(e, Linked)
    ]


async def test_links_in_columns_are_decided_as_one_by_one(world: World) -> None:
    await world.by_hand(*nodes())
    rows = [link for link in links() if isinstance(link, Link)]
    columns = Links(
        types=[row.type for row in rows],
        sources=np.array([row.source for row in rows]),
        targets=np.array([row.target for row in rows]),
        keys=[row.key for row in rows],
        attributes=[row.attributes for row in rows],
    )
    assert [*columns] == rows
    assert columns[3:5] == rows[3:5]
    roster = await Rosters(world.store).at(await world.store.head())
    plain, others = plain_links(CHECKS, ChangeSet(columns)), plain_links(CHECKS, ChangeSet(tuple(rows)))
    assert plain is not None
    assert others is not None
    assert decide_links(CHECKS, roster, 7, plain) == decide_links(CHECKS, roster, 7, others)
    nothing: Patch = {}
    ends = (columns.sources[:1].repeat(SIZE), columns.targets[:1].repeat(SIZE))
    twice = Links(["RUNS_ON"] * SIZE, *ends, [""] * SIZE, [nothing] * SIZE)
    assert plain_links(CHECKS, ChangeSet(twice)) is None


async def test_each_link_gets_its_id(world: World) -> None:
    await world.by_hand(*nodes())
    first = Link(type="RUNS_ON", source=1, target=2)
    change_set = ChangeSet(
        (first, Link(type="RUNS_ON", source=3, target=2), first, Unlink(type="RUNS_ON", source=3, target=2))
    )
    assert decide(CHECKS, await view_of(world, [*change_set]), change_set).linked == (0, None, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Put(node=New("n1"), class_name="Server", name="again"), "this handle was used before"),
        (Put(node=New("x"), class_name="Item", name="x"), "there is no class Item"),
        (Put(node=New("x"), class_name="Server", name=" "), "has no name"),
        (Put(node=New("x"), class_name="Server", name="x", state="dismantled"), "cannot begin in state"),
        (Put(node=New("x"), class_name="Service", name="svc-x"), "owner is required"),
        (Put(node=New("x"), class_name="Server", name="x", attributes={"serial": "S1"}), "is held by"),
        (Put(node=New("x"), class_name="Server", name="x", attributes={"count": "many"}), "expected a whole number"),
        (Put(node=New("x"), class_name="Server", name="x", attributes={"checked": "2026-01-31"}), "is observed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_one_wrong_node_among_many_is_found(world: World, wrong: Operation, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        await world.by_hand(*nodes(), wrong)
    assert message in str(raised.value.problems[0])
    assert await world.nodes() == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Link(type="RUNS_ON", source=3, target=999_999), "is not there to be linked"),
        (Link(type="RUNS_ON", source=3, target=-1), "is not there to be linked"),
        (Link(type="RUNS_ON", source=3, target=SIZE), "is retired and cannot be linked"),
        (Link(type="RUNS_IN", source=3, target=4), "there is no such relationship type"),
        (Link(type="BACKED_BY", source=3, target=4), "does not lead from VirtualServer to Server"),
        (Link(type="CONNECTED_TO", source=3, target=4), "speed is required"),
        (Link(type="RUNS_ON", source=3, target=4, attributes={"port": "x"}), "expected a whole number"),
        (Link(type="RUNS_ON", source=3, target=4, key="k" * 999), "its key has 999 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_one_wrong_link_among_many_is_found(world: World, wrong: Operation, message: str) -> None:
    await world.by_hand(*nodes())
    await world.by_hand(Put(node=New("gone"), class_name="Server", name="gone"))
    await world.by_hand(Retire(node=SIZE))
    with pytest.raises(Invalid) as raised:
        await world.by_hand(*links(), wrong)
    assert message in str(raised.value.problems[0])
    assert await world.relationships() == []


async def test_links_that_are_there_are_changed_and_not_made_twice(world: World) -> None:
    await world.by_hand(*nodes())
    await world.by_hand(*links()[:300])
    await world.by_hand(*links())
    assert len(await world.relationships()) == SIZE
    with pytest.raises(Conflict):
        await world.by_hand(*links(), Link(type="RUNS_ON", source=0, target=0, expects=0))


async def test_a_door_sees_what_another_has_written(world: World) -> None:
    door, other = world.door(), world.door()

    async def write(through: Door, *operations: Operation) -> None:
        await through.write(ChangeSet(operations), actor="tester", authority=INITIALISATION)

    await world.by_hand(*nodes())
    await write(door, *links())
    await write(other, Put(node=New("new"), class_name="Server", name="new"), Retire(node=1))
    await write(door, *(Link(type="RUNS_ON", source=n, target=SIZE, key="c") for n in range(2, SIZE)))
    with pytest.raises(Invalid) as raised:
        await write(door, *(Link(type="RUNS_ON", source=n, target=1, key="d") for n in range(2, SIZE)))
    assert "is retired and cannot be linked" in str(raised.value.problems[0])
