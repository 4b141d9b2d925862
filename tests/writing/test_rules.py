"""Each rule of the model, broken alone: exactly its problem is said, with what to do about it, and nothing is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.changeset import Link, New, Operation, Put, Retire, Unlink
from cmdb.errors import Invalid, Problem
from tests.writing.office import DB, OLD, SHOP, SPARE, TICKET, WEB, Office, an_office, create

SECRET = "postgres://shop:Xk29fLq81mZt@db/orders"
NOWHERE = 999


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_office(tmp_path) as made:
        yield made


async def refused(office: Office, *operations: Operation) -> tuple[Problem, ...]:
    """The problems that keep operations from being written."""
    before = await office.store.head()
    with pytest.raises(Invalid) as caught:
        await office.write(*operations)
    assert await office.store.head() == before
    assert [o async for o in office.store.commits(before.revision)] == []
    count = len(caught.value.problems)
    assert caught.value.message == f"{count} problem{'s' * (count > 1)} in the change set; nothing was written"
    assert all(problem.remedy and problem.subject and problem.where for problem in caught.value.problems)
    return caught.value.problems


def link(kind: str, source: int | New, target: int | New, key: str = "", **attributes: str | int | None) -> Link:
    return Link(type=kind, source=source, target=target, key=key, attributes=dict(attributes))


RULES: list[tuple[str, Operation, str, str, str]] = [
    # what is broken, the operation, the problem's subject, its message, its remedy
    ("class: unknown", create("Sever", "x"), "x", "there is no class Sever to make nodes of", "model show"),
    ("class: abstract", create("Item", "x"), "x", "there is no class Item to make nodes of", "model show"),
    ("class: none", Put(node=New("x"), name="x"), "x", "names no class", "model show"),
    (
        "class: another one",
        Put(node=WEB, class_name="Ticket"),
        "SRV-000001",
        "is a Server and cannot become a Ticket",
        "create a new one",
    ),
    ("name: none", create("Server", None), "Server:None", "has no name", "needs one"),
    ("name: blank", create("Server", "  "), "Server:  ", "has no name", "needs one"),
    ("name: too long", Put(node=WEB, name="x" * 256), "SRV-000001", "its name has 256 characters", "at most 255"),
    ("name: control characters", Put(node=WEB, name="a\x00b"), "SRV-000001", "control characters", "correct it"),
    ("name: against the rule", create("Service", "shop", owner="o"), "Service:shop", "naming rule", "svc-payroll"),
    ("name: against the rule, later", Put(node=SHOP, name="shop"), "SVC-000001", "naming rule", "svc-payroll"),
    ("name: a secret", Put(node=WEB, name=SECRET), "SRV-000001", "its name looks like a secret", "where the secret"),
    ("attribute: unknown", create("Server", "x", cout=1), "Server:x", "has no attribute 'cout'", "count"),
    (
        "attribute: unknown, later",
        Put(node=WEB, attributes={"owner": "x"}),
        "SRV-000001",
        "no attribute 'owner'",
        "it has",
    ),
    ("attribute: of a link", link("RUNS_ON", DB, WEB, speed=1), "RUNS_ON", "has no attribute 'speed'", "port"),
    ("attribute: of none", link("BACKED_BY", SHOP, DB, port=1), "BACKED_BY", "has no attribute 'port'", "it has none"),
    (
        "value: no number",
        Put(node=WEB, attributes={"count": "many"}),
        "SRV-000001",
        "count: expected a whole number, got 'many'",
        "correct",
    ),
    (
        "value: no member",
        Put(node=WEB, attributes={"tier": "tin"}),
        "SRV-000001",
        "tier: 'tin' is not one of gold, silver, bronze",
        "correct",
    ),
    (
        "value: too large",
        create("VirtualServer", "x", share=101),
        "VirtualServer:x",
        "share: 101 is above the maximum 100",
        "correct",
    ),
    ("value: no list", Put(node=WEB, attributes={"ports": 80}), "SRV-000001", "ports: expected a list", "correct"),
    ("value: no text", Put(node=WEB, attributes={"note": "\x00"}), "SRV-000001", "note:", "correct"),
    (
        "value: of a link",
        link("RUNS_ON", DB, WEB, port="eighty"),
        "RUNS_ON",
        "port: expected a whole number",
        "correct",
    ),
    (
        "value: a secret",
        Put(node=WEB, attributes={"note": SECRET}),
        "SRV-000001",
        "note looks like a secret",
        "where the secret is kept",
    ),
    (
        "value: a secret in a list",
        Put(node=WEB, attributes={"tags": ("a", SECRET)}),
        "SRV-000001",
        "tags looks like a secret",
        "where the secret is kept",
    ),
    (
        "value: a secret of a link",
        link("RUNS_ON", DB, WEB, remark=SECRET),
        "RUNS_ON",
        "remark looks like a secret",
        "where the secret is kept",
    ),
    (
        "observed: new",
        create("Server", "x", checked="2026-01-31T12:00:00Z"),
        "Server:x",
        "checked is observed",
        "sources claim it",
    ),
    (
        "observed: later",
        Put(node=WEB, attributes={"checked": None}),
        "SRV-000001",
        "checked is observed",
        "leave it out",
    ),
    ("required: new", create("Service", "svc-x"), "Service:svc-x", "owner is required", "give it a value"),
    (
        "required: taken away",
        Put(node=SHOP, attributes={"owner": None}),
        "SVC-000001",
        "owner is required",
        "give it a value",
    ),
    ("required: of a link", link("CONNECTED_TO", WEB, DB), "CONNECTED_TO", "speed is required", "give it a value"),
    ("unique: new", create("VirtualServer", "x", serial="S1"), "VM-000001", "serial 'S1' is held by", "cannot share"),
    (
        "unique: later",
        Put(node=DB, attributes={"serial": "S1"}),
        "SRV-000002",
        "serial 'S1' is held by",
        "cannot share",
    ),
    ("unique: a number", create("Ticket", "x", reference=7), "TCK-000002", "reference 7 is held by", "cannot share"),
    ("state: unknown", Put(node=WEB, state="nowhere"), "SRV-000001", "there is no state 'nowhere'", "in_use"),
    (
        "state: not to begin in",
        create("Server", "x", state="under_change"),
        "Server:x",
        "cannot begin in state 'under_change'",
        "in_use or ordered",
    ),
    (
        "state: not from there",
        Put(node=SPARE, state="under_change"),
        "SRV-000004",
        "cannot go from 'ordered' to 'under_change'",
        "in_use, cancelled",
    ),
    ("state: final", Put(node=WEB, state="dismantled"), "SRV-000001", "'dismantled' ends its life", "use retire"),
    (
        "retire: to no final state",
        Retire(node=WEB, state="in_use"),
        "SRV-000001",
        "cannot be retired to 'in_use' from state 'in_use'",
        "dismantled",
    ),
    (
        "retire: to one out of reach",
        Retire(node=SPARE, state="dismantled"),
        "SRV-000004",
        "cannot be retired to 'dismantled'",
        "cancelled",
    ),
    (
        "retire: from a state without end",
        Retire(node=TICKET),
        "TCK-000001",
        "cannot be retired from state 'open'",
        "change its state first",
    ),
    (
        "retired: changed",
        Put(node=OLD, name="older"),
        "SRV-000003",
        "is retired (dismantled) and cannot be altered",
        "create a new one",
    ),
    ("retired: again", Retire(node=OLD), "SRV-000003", "is retired (dismantled)", "create a new one"),
    ("retired: linked", link("RUNS_ON", WEB, OLD), "SRV-000003", "is retired and cannot be linked", "another node"),
    (
        "retired: linked from",
        link("RUNS_ON", OLD, WEB),
        "SRV-000003",
        "is retired and cannot be linked",
        "another node",
    ),
    ("not there: changed", Put(node=NOWHERE, name="x"), "node 999", "is not there", "check the reference"),
    ("not there: retired", Retire(node=NOWHERE), "node 999", "is not there", "check the reference"),
    ("not there: linked", link("RUNS_ON", WEB, NOWHERE), "node 999", "is not there to be linked", "create it first"),
    (
        "not there: unlinked",
        Unlink(type="RUNS_ON", source=NOWHERE, target=WEB),
        "node 999",
        "is not there",
        "check the reference",
    ),
    ("handle: changed", Put(node=New("h"), name="x"), "h", "names no class", "model show"),
    ("handle: retired", Retire(node=New("h")), "h", "no operation before this one creates it", "put it first"),
    ("handle: linked", link("RUNS_ON", WEB, New("h")), "h", "is not there to be linked", "create it first"),
    ("type: unknown", link("RUNS_IN", WEB, DB), "RUNS_IN", "there is no such relationship type", "model show"),
    (
        "ends: wrong",
        link("RUNS_ON", WEB, SHOP),
        "RUNS_ON",
        "does not lead from Server to Service",
        "from Item to Server",
    ),
    (
        "ends: turned round",
        link("OWNS", WEB, SHOP),
        "OWNS",
        "does not lead from Server to Service",
        "from Service to Item",
    ),
    ("key: too long", link("RUNS_ON", DB, WEB, "k" * 256), "RUNS_ON", "its key has 256 characters", "at most 255"),
    ("key: control characters", link("RUNS_ON", DB, WEB, "\n"), "RUNS_ON", "its key:", "correct it"),
    ("key: a secret", link("RUNS_ON", DB, WEB, SECRET), "RUNS_ON", "its key looks like a secret", "where the secret"),
    ("cardinality: from", link("PART_OF", WEB, SHOP, "b"), "PART_OF", "2 would leave", "unlink another"),
    ("cardinality: to", link("OWNS", SHOP, WEB, "b"), "OWNS", "2 would reach", "unlink another"),
    ("unlink: not there", Unlink(type="RUNS_ON", source=DB, target=WEB), "RUNS_ON", "does not lead from", "ci show"),
    (
        "unlink: another key",
        Unlink(type="RUNS_ON", source=WEB, target=DB, key="b"),
        "RUNS_ON",
        "with key 'b'",
        "ci show",
    ),
    ("unlink: unknown type", Unlink(type="RUNS_IN", source=WEB, target=DB), "RUNS_IN", "does not lead from", "ci show"),
]


@pytest.mark.parametrize(
    ("operation", "subject", "message", "remedy"), [pytest.param(*rest, id=name) for name, *rest in RULES]
)
async def test_a_rule_that_is_broken_alone(
    office: Office, operation: Operation, subject: str, message: str, remedy: str
) -> None:
    [problem] = await refused(office, operation)
    assert problem.where == "operation 1"
    assert problem.subject == subject
    assert message in problem.message
    assert remedy in problem.remedy
    assert "Xk29fLq81mZt" not in str(problem)


@pytest.mark.parametrize(
    "operation",
    [
        create("Server", SECRET, "h"),
        create("Service", SECRET, "h", note=SECRET, nonsense=SECRET),
        Unlink(type="RUNS_ON", source=WEB, target=DB, key=SECRET),
        create("Server", "x", note=SECRET, serial=SECRET, count=SECRET, nonsense=SECRET, checked=SECRET),
        Put(node=WEB, name=SECRET, attributes={"serial": SECRET, "site": SECRET, "count": SECRET, "checked": SECRET}),
        link("RUNS_ON", WEB, DB, SECRET, port=SECRET),
    ],
)
async def test_a_secret_is_never_repeated(office: Office, operation: Operation) -> None:
    problems = await refused(office, operation)
    assert problems
    assert not any("Xk29fLq81mZt" in str(problem) for problem in problems)


async def test_all_problems_are_said_at_once_each_with_its_place(office: Office) -> None:
    problems = await refused(
        office,
        create("Server", "fine"),
        create("Service", "bad", nonsense=1),
        Put(node=WEB, name="", state="nowhere", attributes={"count": "many", "checked": "x"}),
        link("RUNS_ON", SHOP, SHOP),
        link("NONE", WEB, DB),
        Retire(node=OLD),
        link("RUNS_ON", New("bad"), New("fine")),
    )
    assert [(p.where, p.subject, p.message) for p in problems] == [
        ("operation 2", "Service:bad", "its name breaks the naming rule of its class"),
        ("operation 2", "Service:bad", "has no attribute 'nonsense'"),
        ("operation 3", "SRV-000001", "has no name"),
        ("operation 3", "SRV-000001", "there is no state 'nowhere'"),
        ("operation 3", "SRV-000001", "count: expected a whole number, got 'many'"),
        ("operation 3", "SRV-000001", "checked is observed: it follows discovery"),
        ("operation 4", "RUNS_ON", "does not lead from Service to Service"),
        ("operation 5", "NONE", "there is no such relationship type"),
        ("operation 6", "SRV-000003", "is retired (dismantled) and cannot be altered"),
        ("operation 2", "Service:bad", "owner is required"),
    ]


async def test_a_node_that_cannot_be_made_brings_no_problems_of_what_hangs_on_it(office: Office) -> None:
    [problem] = await refused(
        office,
        create("Sever", "x"),
        link("RUNS_ON", New("x"), WEB),
        link("RUNS_ON", WEB, New("x")),
        Retire(node=New("x")),
    )
    assert problem.message == "there is no class Sever to make nodes of"


async def test_a_handle_stands_for_one_node(office: Office) -> None:
    [problem] = await refused(office, create("Server", "a", "h"), create("Server", "b", "h"))
    assert (problem.where, problem.subject) == ("operation 2", "h")
    assert "used before" in problem.message


async def test_a_unique_value_may_be_had_once_within_a_change_set(office: Office) -> None:
    [problem] = await refused(office, create("Server", "a", serial="N"), create("VirtualServer", "b", serial="N"))
    assert problem.message.startswith("serial 'N' is held by SRV-")


async def test_a_unique_value_is_free_again_when_it_is_given_up(office: Office) -> None:
    await office.write(Put(node=WEB, attributes={"serial": "S2"}), Put(node=DB, attributes={"serial": "S1"}))
    assert [(await office.node(o)).attributes["serial"] for o in (WEB, DB)] == ["S2", "S1"]
    await office.write(create("Server", "heir", serial="S2"), Retire(node=WEB))
    await office.write(create("Server", "heir to the old", serial="S0"))
    [problem] = await refused(office, create("Server", "too late", serial="S2"))
    assert "serial 'S2' is held by" in problem.message


async def test_problems_call_nodes_by_their_keys(office: Office) -> None:
    [held] = await refused(office, create("Server", "x", serial="S1"))
    assert "SRV-000001" in held.message


async def test_one_too_many_is_put_where_it_is_asked_for(office: Office) -> None:
    [problem] = await refused(office, link("PART_OF", WEB, SHOP, "b"), link("RUNS_ON", DB, WEB))
    assert problem.where == "operation 1"


async def test_a_place_is_free_again_when_its_relationship_ends(office: Office) -> None:
    await office.write(
        create("Service", "svc-new", owner="ops"),
        Unlink(type="PART_OF", source=WEB, target=SHOP),
        link("PART_OF", WEB, New("svc-new")),
    )
    [problem] = await refused(office, link("PART_OF", DB, SHOP), link("PART_OF", DB, SHOP, "b"))
    assert "2 would leave SRV-000002, at most 1 may" in problem.message
    await office.write(Retire(node=SHOP))
    await office.write(create("Service", "svc-heir", owner="ops"), link("OWNS", New("svc-heir"), WEB))


async def test_what_is_retired_or_unlinked_before_cannot_be_used_after(office: Office) -> None:
    problems = await refused(
        office, Retire(node=WEB), Put(node=WEB, name="x"), link("RUNS_ON", WEB, DB), Retire(node=WEB)
    )
    assert {p.message for p in problems} == {"is retired by an operation before this one"}
    assert [p.where for p in problems] == ["operation 2", "operation 3", "operation 4"]
    [problem] = await refused(office, *[Unlink(type="RUNS_ON", source=WEB, target=DB)] * 2)
    assert problem.where == "operation 2"


MANY = 600


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        (link("RUNS_ON", WEB, NOWHERE * 10), "is not there to be linked"),
        (link("RUNS_ON", WEB, -1), "is not there to be linked"),
        (link("RUNS_ON", WEB, OLD), "is retired and cannot be linked"),
        (link("RUNS_ON", WEB, SHOP), "does not lead from Server to Service"),
        (link("RUNS_IN", WEB, DB), "there is no such relationship type"),
        (link("RUNS_ON", WEB, DB, "k" * 256), "its key has 256 characters"),
        (link("RUNS_ON", DB, WEB, remark=SECRET), "remark looks like a secret"),
        (link("RUNS_ON", DB, WEB, port="eighty"), "port: expected a whole number"),
        (link("CONNECTED_TO", DB, WEB), "speed is required"),
        (Unlink(type="RUNS_ON", source=DB, target=WEB), "does not lead from"),
    ],
)
async def test_one_flaw_among_many_links_is_found(office: Office, flaw: Operation, message: str) -> None:
    await office.write(*(create("Server", f"n{n}") for n in range(MANY)))
    links = [link("RUNS_ON", 6 + n, WEB) for n in range(MANY)]
    [problem] = await refused(office, *links[:300], flaw, *links[300:])
    assert message in problem.message
    assert problem.where == "operation 301"
    written = await office.write(*links)
    assert written.effects == MANY
    again = await office.write(*links, link("RUNS_ON", WEB, DB, port=2))
    assert (again.effects, again.head.revision) == (1, written.head.revision + 1)


async def test_one_too_many_among_many_links_is_found(office: Office) -> None:
    await office.write(*(create("Server", f"n{n}") for n in range(MANY)))
    links = [link("PART_OF", 6 + n, SHOP) for n in range(MANY)]
    [problem] = await refused(office, *links, link("PART_OF", 6, SHOP, "b"))
    assert "2 would leave" in problem.message
    assert (await office.write(*links)).effects == MANY


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        (create("Server", "x", serial="S1"), "is held by"),
        (create("Server", "x", serial="N7"), "is held by"),
        (create("Server", "x", "n7"), "this handle was used before"),
        (create("Service", "svc-x"), "owner is required"),
        (create("Server", ""), "has no name"),
        (create("Server", "x", state="dismantled"), "cannot begin in state"),
    ],
)
async def test_one_flaw_among_many_nodes_is_found(office: Office, flaw: Put, message: str) -> None:
    nodes = [create("Server", f"n{n}", serial=f"N{n}") for n in range(MANY)]
    problems = await refused(office, *nodes, flaw)
    assert [p.where for p in problems] == [f"operation {MANY + 1}"]
    assert message in problems[0].message
    assert (await office.write(*nodes)).effects == MANY
