"""Several sources, and people, about the same things: who is meant, whose word stands, who may take away."""

from __future__ import annotations

import pytest

from cmdb.changeset import Link, New, Put
from cmdb.reconciliation.claims import Known
from cmdb.reconciliation.settling import Change
from cmdb.store.port import ClaimKind
from tests.reconciliation.world import World, link, node


async def test_a_node_is_found_by_the_strongest_rule_it_has_values_for(world: World) -> None:
    await world.take_in("a", node("1", name="web", serial="S1"), node("2", name="db"))
    plan = await world.take_in(
        "b",
        node("x", name="web-new", serial="S1"),
        node("y", name="db", serial="S2"),
        node("z", name="web", serial="S9"),
    )
    assert [c.source_key for c in plan.create] == ["z"]
    assert [(u.key, u.changes) for u in plan.update] == [("SRV-000001", (Change("serial", None, "S2", "b"),))]
    assert [m.message for m in plan.warnings] == [
        "Server 'web-new' SRV-000002.name stays 'web', which a claims; here it is 'web-new'"
    ]


async def test_a_node_of_another_class_or_a_retired_one_is_not_meant(world: World) -> None:
    await world.take_in("a", node("1", "VirtualServer", name="web"), node("2", name="db"))
    await world.take_in("a", node("1", "VirtualServer", name="web"))
    plan = await world.take_in("b", node("x", name="web"), node("y", name="db"))
    assert [c.source_key for c in plan.create] == ["y", "x"]


async def test_several_candidates_are_an_error_that_names_them(world: World) -> None:
    await world.by_hand(*(Put(node=New(n), class_name="Server", name="web") for n in "ab"))
    plan = await world.plan("s", [node("x", name="web", row=3)])
    assert [str(e.where) for e in plan.errors] == ["estate.csv:3"]
    assert "could be any of 2 nodes: SRV-000001, SRV-000002" in plan.errors[0].message
    assert plan.empty


async def test_two_rows_of_a_source_cannot_be_about_one_node(world: World) -> None:
    await world.by_hand(Put(node=New("x"), class_name="Server", name="web", attributes={"serial": "S1"}))
    plan = await world.plan("s", [node("b", name="web"), node("a", name="other", serial="S1")])
    assert [e.message for e in plan.errors] == [
        "Server 'web' is about SRV-000001, and so is another row of this source"
    ]
    new = await world.plan("s", [node("b", name="new", row=1), node("a", name="new", row=2)])
    assert [e.message for e in new.errors] == ["Server 'new' cannot be told from 'a' at estate.csv:2"]


async def test_a_source_may_rename_its_key(world: World) -> None:
    await world.take_in("s", node("old", name="web", serial="S1"), node("db"), link("old", "db"))
    plan = await world.take_in("s", node("new", name="web", serial="S1"), node("db"), link("new", "db"))
    assert plan.empty
    assert list(plan.drop) == ["old"]
    gone = await world.take_in("s", node("db"))
    assert [r.name for r in gone.retire] == ["web"]


async def test_who_was_first_holds_and_nobody_flips_it(world: World) -> None:
    first, second = node("1", name="web", tier="gold", note="a"), node("x", name="web", tier="silver", count=2)
    await world.take_in("a", first)
    plan = await world.take_in("b", second)
    assert [u.changes for u in plan.update] == [(Change("count", None, 2, "b"),)]
    assert [m.message for m in plan.warnings] == [
        "Server 'web' SRV-000001.tier stays 'gold', which a claims; here it is 'silver'"
    ]
    for _ in range(2):
        assert (await world.take_in("a", first)).empty
        assert (await world.take_in("b", second)).empty
    assert (await world.node("web")).attributes == {"tier": "gold", "note": "a", "count": 2}
    changed = await world.take_in("a", node("1", name="web", tier="bronze", note="a"))
    assert [u.changes for u in changed.update] == [(Change("tier", "gold", "bronze", "a"),)]


async def test_when_nobody_upholds_a_value_another_source_is_heard(world: World) -> None:
    await world.take_in("a", node("1", name="web", tier="gold", note="a"))
    await world.take_in("b", node("x", name="web", tier="silver", note="a"))
    plan = await world.take_in("a", node("1", name="web"))
    assert [u.changes for u in plan.update] == [(Change("tier", "gold", "silver", "b"),)]
    assert (await world.node("web")).attributes == {"tier": "silver", "note": "a"}


async def test_a_node_is_retired_only_by_the_source_that_made_it_and_when_no_other_claims_it(world: World) -> None:
    await world.take_in("a", node("1", name="web", note="a"), node("2", name="db"))
    await world.take_in("b", node("x", name="web", tier="gold"))
    plan = await world.take_in("a", node("2", name="db"))
    assert not plan.retire
    assert [u.changes for u in plan.update] == [(Change("note", "a", None, "a"),)]
    after = await world.take_in("b")
    assert not after.retire
    assert [u.changes for u in after.update] == [(Change("tier", "gold", None, "b"),)]
    last = await world.take_in("a")
    assert [r.name for r in last.retire] == ["db"]
    assert {n.name: n.retired for n in await world.nodes()} == {"web": False, "db": True}


async def test_what_was_made_by_hand_stays(world: World) -> None:
    await world.by_hand(
        Put(node=New("w"), class_name="Server", name="web", attributes={"tier": "gold"}),
        Put(node=New("d"), class_name="Server", name="db"),
        Link(type="RUNS_ON", source=New("w"), target=New("d")),
    )
    plan = await world.take_in("s", node("1", name="web", tier="gold", note="n"), node("2", name="db"), link("1", "2"))
    assert [u.changes for u in plan.update] == [(Change("note", None, "n", "s"),)]
    assert len(plan.keep_links) == 1
    gone = await world.take_in("s")
    assert [u.changes for u in gone.update] == [(Change("note", "n", None, "s"),)]
    assert (len(gone.retire), len(gone.unlink)) == (0, 0)
    assert (await world.node("web")).attributes == {"tier": "gold"}
    assert len(await world.relationships()) == 1
    assert [claims async for claims in world.store.claims("s")] == []


async def test_a_relationship_ends_only_when_nobody_else_claims_it(world: World) -> None:
    both = (node("1", name="web"), node("2", name="db"))
    await world.take_in("a", *both, link("1", "2", port=1))
    told = await world.take_in("b", *both, link("1", "2", port=2))
    assert [m.message for m in told.warnings] == ["RUNS_ON keeps port '1', which a claims; here it is '2'"]
    plan = await world.take_in("a", *both)
    assert not plan.unlink
    assert [r.changes for r in plan.relink] == [(Change("port", 1, 2, "b"),)]
    await world.take_in("b", *both)
    assert len(await world.relationships()) == 1
    assert await world.store.claims_on(ClaimKind.RELATIONSHIP, [0]) == {}


async def test_a_relationship_that_somebody_ended_is_claimed_still(world: World) -> None:
    from cmdb.changeset import Unlink

    items = (node("a"), node("b"), link("a", "b"))
    await world.take_in("s", *items)
    await world.by_hand(Unlink(type="RUNS_ON", source=0, target=1))
    plan = await world.take_in("s", *items)
    assert len(plan.link) == 1
    assert [r.id for r in await world.relationships()] == [1]
    assert (await world.plan("s", items)).empty


async def test_references_by_key_by_id_and_by_name(world: World) -> None:
    await world.take_in("a", node("1", name="web"), node("2", "VirtualServer", name="vm"), node("3", name="db"))
    by_id = (await world.node("vm")).id
    plan = await world.take_in(
        "b",
        node("app"),
        link("app", Known("SRV-000002"), row=1),
        link("app", Known(by_id), row=2),
        link("app", Known("Server:db"), row=3),
        link(Known("Item:vm"), Known("Server:app"), row=4),
    )
    assert sorted((e.from_node, e.to_node) for e in plan.link) == [
        ("Item:vm", "Server:app"),
        ("app", by_id),
        ("app", "SRV-000002"),
        ("app", "Server:db"),
    ]
    names = {n.ordinal: n.name for n in await world.nodes()}
    assert sorted((names[r.source], names[r.target]) for r in await world.relationships()) == [
        ("app", "db"),
        ("app", "vm"),
        ("app", "web"),
        ("vm", "app"),
    ]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("Server:web", "which could be any of several nodes"),
        ("Server:nobody", "which no row and no node is"),
        ("not a reference", "which no row and no node is"),
        ("SRV-000001-", "which no row and no node is"),
        ("01234567-89ab-8def-8123-000000ffffff", "which no row and no node is"),
    ],
)
async def test_references_that_lead_nowhere_or_to_several(world: World, reference: str, message: str) -> None:
    await world.by_hand(*(Put(node=New(n), class_name="Server", name="web") for n in "ab"))
    plan = await world.plan("s", [node("app"), link("app", Known(reference))])
    assert len(plan.errors) == 1
    assert message in plan.errors[0].message


async def test_an_end_that_the_source_describes_no_longer_is_an_error(world: World) -> None:
    await world.take_in("s", node("a"), node("b"), link("a", "b"))
    plan = await world.plan("s", [node("a"), link("a", "b")])
    assert [e.message for e in plan.errors] == ["RUNS_ON leads to or from 'b', which no row and no node is"]
