"""What one source says: created, updated, linked, ended, and taken in a second time."""

from __future__ import annotations

import pytest

from cmdb.changeset import New, Put, Retire
from cmdb.errors import Conflict, Invalid
from cmdb.reconciliation.applying import Chunks
from cmdb.reconciliation.claims import Known, RowError, Where
from cmdb.reconciliation.plan import Summary
from cmdb.reconciliation.settling import Change
from cmdb.store.port import ClaimKind
from tests.reconciliation.world import World, link, node

ESTATE = (
    node("web", serial="S1", count="3", tier="gold", row=1),
    node("db", serial="S2", row=2),
    node("svc-shop", "Service", owner="Ann", row=3),
    link("web", "db", port=5432, row=4),
    link("svc-shop", "web", "BACKED_BY", row=5),
)


def counts(summary: Summary) -> dict[str, int]:
    return {name: value for name in Summary.__slots__ if (value := getattr(summary, name)) and name != "claims"}


async def test_a_first_import_creates_all_that_is_claimed(world: World) -> None:
    plan = await world.take_in("cmdb.csv", *ESTATE)
    assert counts(plan.summary()) == {"create": 3, "link": 2}
    assert [(n.class_name, n.name, n.state, n.attributes) for n in await world.nodes()] == [
        ("Server", "db", "in_use", {"serial": "S2"}),
        ("Server", "web", "in_use", {"serial": "S1", "count": 3, "tier": "gold"}),
        ("Service", "svc-shop", "in_use", {"owner": "Ann"}),
    ]
    assert [(r.type, r.source, r.target, r.attributes) for r in await world.relationships()] == [
        ("RUNS_ON", 1, 0, {"port": 5432}),
        ("BACKED_BY", 2, 1, {}),
    ]


async def test_the_same_input_again_is_an_empty_plan(world: World) -> None:
    await world.take_in("s", *ESTATE)
    head = await world.store.head()
    again = await world.take_in("s", *ESTATE)
    assert again.empty
    assert again.unchanged
    otherwise = await world.take_in("s", *reversed(ESTATE))
    assert otherwise.empty
    assert not otherwise.unchanged
    assert not otherwise.keep
    assert not otherwise.messages
    assert await world.store.head() == head


async def test_a_plan_writes_nothing(world: World) -> None:
    head = await world.store.head()
    plan = await world.plan("s", ESTATE)
    assert not plan.empty
    assert await world.store.head() == head
    assert await world.store.sources() == []


async def test_a_changed_value_is_an_update_of_that_value_alone(world: World) -> None:
    await world.take_in("s", *ESTATE)
    plan = await world.take_in("s", node("web", name="www", serial="S1", count=4, note="new"), *ESTATE[1:])
    [update] = plan.update
    assert (update.key, update.changes) == (
        "SRV-000002",
        (
            Change("count", 3, 4, "s"),
            Change("name", "web", "www", "s"),
            Change("note", None, "new", "s"),
            Change("tier", "gold", None, "s"),
        ),
    )
    assert (await world.node("www")).attributes == {"serial": "S1", "count": 4, "note": "new"}
    assert (await world.plan("s", [node("web", name="www", serial="S1", count=4, note="new"), *ESTATE[1:]])).empty


async def test_an_observed_value_stays_with_the_claim(world: World) -> None:
    await world.take_in("s", node("web", checked="2026-01-31T12:00:00Z", tier="gold"))
    web = await world.node("web")
    assert web.attributes == {"tier": "gold"}
    again = await world.take_in("s", node("web", checked="2026-02-01T12:00:00Z", tier="gold"))
    assert again.empty
    assert (await world.node("web")).version == 1
    [(source, claim)] = (await world.store.claims_on(ClaimKind.NODE, [web.ordinal]))[web.ordinal]
    assert source == "s"
    assert b"2026-02-01T12:00:00.000000Z" in claim.body


async def test_what_is_gone_from_the_source_is_retired_only_when_asked(world: World) -> None:
    await world.take_in("s", *ESTATE)
    less = (ESTATE[0], ESTATE[2], ESTATE[4])
    plan = await world.take_in("s", *less, retire=False)
    assert counts(plan.summary()) == {"retire": 1}
    assert [(r.key, r.state, r.reason) for r in plan.retire] == [
        ("SRV-000001", "dismantled", "the source no longer has it")
    ]
    assert not (await world.node("db")).retired
    assert len(await world.relationships()) == 2
    again = await world.take_in("s", *less, retire=True)
    assert counts(again.summary()) == {"retire": 1}
    assert {n.name: n.retired for n in await world.nodes()} == {"web": False, "db": True, "svc-shop": False}
    assert [r.type for r in await world.relationships()] == ["BACKED_BY"]
    last = await world.plan("s", [*less, node("extra")])
    assert counts(last.summary()) == {"create": 1}


async def test_a_relationship_that_is_gone_is_unlinked_and_one_with_other_attributes_changed(world: World) -> None:
    await world.take_in("s", *ESTATE)
    plan = await world.take_in(
        "s", *ESTATE[:3], link("web", "db", port=5433, remark="moved"), link("web", "db", key="b")
    )
    assert counts(plan.summary()) == {"link": 1, "relink": 1, "unlink": 1}
    assert [(u.type, u.from_node, u.to_node, u.key) for u in plan.unlink] == [
        ("BACKED_BY", "SVC-000001", "SRV-000002", "")
    ]
    assert plan.relink[0].changes == (Change("port", 5432, 5433, "s"), Change("remark", None, "moved", "s"))
    assert [(r.type, r.key, r.attributes) for r in await world.relationships()] == [
        ("RUNS_ON", "", {"port": 5433, "remark": "moved"}),
        ("RUNS_ON", "b", {}),
    ]
    back = await world.take_in("s", *ESTATE)
    assert counts(back.summary()) == {"link": 1, "relink": 1, "unlink": 1}
    assert (await world.plan("s", tuple(reversed(ESTATE)))).empty


async def test_what_comes_back_after_it_was_retired_is_a_new_node(world: World) -> None:
    await world.take_in("s", node("web"), node("db"))
    await world.take_in("s", node("web"))
    plan = await world.take_in("s", node("web"), node("db"))
    assert counts(plan.summary()) == {"create": 1}
    assert sorted((n.name, n.retired) for n in await world.nodes()) == [("db", False), ("db", True), ("web", False)]


async def test_what_somebody_retired_is_not_woken(world: World) -> None:
    await world.take_in("s", node("web"), node("db"), link("web", "db"))
    await world.by_hand(Retire(node=(await world.node("db")).ordinal))
    plan = await world.take_in("s", node("web"), node("db"), link("web", "db"))
    assert plan.empty
    assert [m.warning for m in plan.messages] == [True, True]
    assert "SRV-000001, which is retired" in plan.messages[1].message
    assert (await world.plan("s", [node("web"), node("db"), link("web", "db"), node("new")])).summary().create == 1


async def test_a_change_by_hand_is_seen_although_the_input_is_the_same(world: World) -> None:
    await world.take_in("s", *ESTATE)
    web = await world.node("web")
    await world.by_hand(Put(node=web.ordinal, attributes={"count": 7}))
    plan = await world.plan("s", ESTATE)
    assert [(u.key, u.changes) for u in plan.update] == [(web.key, (Change("count", 7, 3, "s"),))]
    await world.by_hand(Put(node=New("x"), class_name="Server", name="other"))
    assert [u.key for u in (await world.plan("s", ESTATE)).update] == [web.key]


async def test_what_somebody_else_did_does_not_matter_if_it_does_not_concern_the_source(world: World) -> None:
    await world.take_in("s", *ESTATE)
    await world.by_hand(Put(node=New("x"), class_name="Server", name="other"))
    plan = await world.plan("s", ESTATE)
    assert plan.empty
    assert plan.unchanged


async def test_states_follow_the_lifecycle(world: World) -> None:
    await world.take_in(
        "s", node("a", state="ordered"), node("b", state="under_change"), node("t", "Ticket", reference=1)
    )
    assert {n.name: n.state for n in await world.nodes()} == {"a": "ordered", "b": "under_change", "t": "open"}
    plan = await world.plan(
        "s", [node("a", state="under_change"), node("b", state="in_use"), node("t", "Ticket", reference=1)]
    )
    assert [(e.message, e.remedy) for e in plan.errors] == [
        ("Server 'a' SRV-000001 cannot go from ordered to under_change", "from there it can go to: in_use, cancelled")
    ]
    assert [u.changes for u in plan.update] == [(Change("state", "under_change", "in_use", "s"),)]
    gone = await world.take_in("s", node("a", state="cancelled"), node("b"), node("t", "Ticket", reference=1))
    assert [(r.key, r.state, r.reason) for r in gone.retire] == [
        ("SRV-000001", "cancelled", "the source says that it is cancelled")
    ]
    assert (await world.plan("s", [node("t", "Ticket", reference=1), node("a", state="cancelled"), node("b")])).empty


async def test_new_nodes_that_have_ended_already_are_left_out(world: World) -> None:
    plan = await world.take_in("s", node("a", state="dismantled"), node("b"), link("b", "a"))
    assert [n.name for n in await world.nodes()] == ["b"]
    assert [m.warning for m in plan.messages] == [True, True]


@pytest.mark.parametrize(
    ("item", "message", "remedy"),
    [
        (node("x", "Sever"), "there is no class 'Sever' to make nodes of", "did you mean `Server`?"),
        (node("x", "Item"), "there is no class 'Item' to make nodes of", "write one of"),
        (node("x", serail="1"), "a Server has no attribute 'serail'", "did you mean `serial`?"),
        (node("x", count="many"), "Server.count: expected a whole number, got 'many'", "correct the value"),
        (node("x", tier="iron"), "Server.tier: 'iron' is not one of gold, silver, bronze", "correct the value"),
        (node("x", name=" "), "Server: has no name", "every node needs one"),
        (node("x", state="asleep"), "a Server has no state 'asleep'", "write one of"),
        (node("x", "Service", owner="Ann"), "Service: its name breaks the naming rule", "name it like svc-payroll"),
        (node("svc-x", "Service"), "cannot be created: owner is required", "give it a value"),
        (node("", name="x"), "a source key has 1 to 1024 characters", "name the thing shorter"),
        (node("x", name="a\ud800"), "the row has broken Unicode", "save the file as UTF-8"),
        (node("x", name="n" * 300), "its name has 300 characters", "at most 255 fit"),
        (link("a", "b", "RUNS_IN"), "there is no relationship type 'RUNS_IN'", "did you mean `RUNS_ON`?"),
        (link("a", "nobody"), "leads to or from 'nobody', which no row and no node is", "correct the reference"),
        (link("a", Known("SRV-000099")), "leads to or from 'SRV-000099', which no row and no node is", "correct the reference"),
        (link("a", "b", "BACKED_BY"), "BACKED_BY does not lead from Server to Server", "it leads from Service to Server"),
        (link("a", "b", prot=1), "a RUNS_ON has no attribute 'prot'", "did you mean `port`?"),
        (link("a", "b", "CONNECTED_TO"), "CONNECTED_TO: speed is required", "give it a value"),
        (link("a", "b", key="k" * 300), "its key has 300 characters", "at most 255 fit"),
        (RowError(where=Where("f", 3), message="row 3 is odd", remedy="make it even"), "row 3 is odd", "make it even"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_a_row_that_makes_no_sense_stops_the_import_unless_left_out(
    world: World, item: object, message: str, remedy: str
) -> None:
    items = (node("a"), node("b"), item)
    plan = await world.plan("s", items)  # pyright: ignore[reportArgumentType]  # parametrised values
    [error] = plan.errors
    assert message in error.message
    assert remedy in error.remedy
    assert error.where.file
    with pytest.raises(Invalid, match="1 row cannot be imported; nothing was written") as raised:
        await world.apply(plan)
    assert raised.value.problems[0].message == error.message
    assert await world.nodes() == []
    outcome = await world.apply(plan, skip_errors=True)
    assert (outcome.created, outcome.skipped) == (2, 1)
    assert [n.name for n in await world.nodes()] == ["a", "b"]
    again = await world.plan("s", items)  # pyright: ignore[reportArgumentType]  # parametrised values
    assert again.empty
    assert [e.message for e in again.errors] == [error.message]


async def test_a_row_with_an_error_does_not_retire_what_it_was_about(world: World) -> None:
    await world.take_in("s", node("a"), node("b"), link("a", "b"))
    broken = (node("a"), node("b", count="many"), link("a", "b"))
    plan = await world.take_in("s", *broken, skip_errors=True)
    assert plan.empty
    unreadable = (node("a"), RowError(where=Where("f", 2), message="cannot be read", remedy="mend it"))
    assert (await world.plan("s", unreadable)).empty
    assert counts((await world.plan("s", [node("a")])).summary()) == {"retire": 1}


async def test_keys_that_stand_twice(world: World) -> None:
    same = await world.plan("s", [node("a"), node("a", row=9), node("b"), link("a", "b"), link("a", "b")])
    assert counts(same.summary()) == {"create": 2, "link": 1}
    other = await world.plan(
        "s", [node("a"), node("a", tier="gold", row=9), node("b"), link("a", "b", port=1), link("a", "b", port=2)]
    )
    assert counts(other.summary()) == {"create": 1, "errors": 1, "warnings": 2}
    assert str(other.errors[0].where) == "estate.csv:9"
    links = await world.plan("s", [node("a"), node("b"), link("a", "b", port=1, row=1), link("a", "b", port=2, row=2)])
    assert [e.message for e in links.errors] == ["RUNS_ON stands at estate.csv:1 already, with other attributes"]


async def test_values_that_must_be_unique(world: World) -> None:
    await world.by_hand(Put(node=New("x"), class_name="VirtualServer", name="vm", attributes={"serial": "S1"}))
    plan = await world.plan(
        "s", [node("a", serial="S1", row=1), node("b", serial="S2"), node("v", "VirtualServer", serial="S2", row=3)]
    )
    assert sorted((str(e.where), e.message) for e in plan.errors) == [
        ("estate.csv:1", "serial 'S1' must be unique, and VM-000001 has it already"),
        ("estate.csv:3", "serial 'S2' must be unique, and another row, at estate.csv, has it too"),
    ]
    assert [c.name for c in plan.create] == ["b"]


async def test_unique_values_may_move_between_nodes(world: World) -> None:
    await world.take_in("s", node("a", serial="S1"), node("b", serial="S2"), node("c", serial="S3"))
    moved = (node("a", serial="S2"), node("b", serial="S1"), node("c"), node("d", "VirtualServer", serial="S3"))
    plan = await world.plan("s", moved)
    assert not plan.errors
    await world.apply(plan, chunks=Chunks(nodes=1))
    assert {n.name: n.attributes.get("serial") for n in await world.nodes()} == {
        "a": "S2",
        "b": "S1",
        "c": None,
        "d": "S3",
    }


async def test_more_relationships_than_the_model_allows(world: World) -> None:
    services = [node(f"svc-{n}", "Service", owner="Ann") for n in (1, 2)]
    await world.take_in("s", node("a"), *services, link("a", "svc-1", "PART_OF"))
    plan = await world.plan(
        "s", [node("a"), *services, link("a", "svc-1", "PART_OF"), link("a", "svc-2", "PART_OF", row=7)]
    )
    assert [(e.where.row, e.message) for e in plan.errors] == [
        (7, "PART_OF is one of 2 that would leave 'a', at most 1 may")
    ]
    moved = await world.take_in("s", node("a"), *services, link("a", "svc-2", "PART_OF"))
    assert counts(moved.summary()) == {"link": 1, "unlink": 1}


async def test_a_stale_plan_is_a_conflict_and_one_that_does_not_mind_is_applied(world: World) -> None:
    await world.take_in("s", node("a"), node("b"))
    plan = await world.plan("s", [node("a", count=1), node("b")])
    await world.by_hand(Put(node=(await world.node("b")).ordinal, attributes={"count": 9}))
    await world.apply(plan)
    assert (await world.node("a")).attributes == {"count": 1}
    assert (await world.plan("s", [node("a", count=1), node("b")])).empty
    stale = await world.plan("s", [node("a", count=2), node("b")])
    await world.by_hand(Put(node=(await world.node("a")).ordinal, attributes={"count": 8}))
    with pytest.raises(Conflict, match="the plan is stale"):
        await world.apply(stale)
    creating = await world.plan("s", [node("a", count=8), node("b"), node("c")])
    await world.by_hand(Put(node=New("x"), class_name="Server", name="c"))
    with pytest.raises(Conflict, match="SRV-000003 was created meanwhile"):
        await world.apply(creating)
