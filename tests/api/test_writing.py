"""Writes go through the one door: all or nothing, with every problem told."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.estate import Desk, at, items

WRITE = """mutation ($operations: [OperationInput!]!, $actor: String!, $reason: String!) {
    write(operations: $operations, actor: $actor, reason: $reason) { __typename
        ... on Written { revision effects created { handle node { key name ... on Server { count } } } }
        ... on WriteFailure { message remedy problems { message subject where remedy } } } }"""


async def _write(desk: Desk, *operations: object, actor: str = "Bob") -> object:
    return await desk.ask(WRITE, "write", operations=list(operations), actor=actor, reason="because")


async def test_new_nodes_are_linked_by_their_handles(desk: Desk) -> None:
    written = await _write(
        desk,
        {
            "put": {
                "ref": "@new",
                "class": "Server",
                "name": "new",
                "attributes": [{"name": "count", "value": 2**53 + 1}],
            }
        },
        {
            "link": {
                "type": "RUNS_ON",
                "from": "@new",
                "to": "Server:主机",
                "attributes": [{"name": "port", "value": 22}],
            }
        },
    )
    assert written == {
        "__typename": "Written",
        "revision": 5,
        "effects": 2,
        "created": [{"handle": "@new", "node": {"key": "SRV-000004", "name": "new", "count": "9007199254740993"}}],
    }
    ledger = await desk.ask("{ ledger(first: 1) { edges { node { actor reason authority } } } }", "ledger", "edges", 0)
    assert ledger == {"node": {"actor": "Bob", "reason": "because", "authority": "initialisation"}}


async def test_nodes_are_changed_retired_and_unlinked(desk: Desk) -> None:
    await _write(
        desk,
        {
            "put": {
                "ref": "SRV-000001",
                "name": "web-2",
                "state": "in_use",
                "attributes": [{"name": "tier", "value": None}],
            }
        },
        {"unlink": {"type": "BACKED_BY", "from": "SVC-000001", "to": "VM-000001"}},
        {"retire": {"ref": "VM-000001"}},
    )
    query = """{ nodesByRef(refs: ["SRV-000001", "VM-000001"]) {
        name state retired version ... on Item { tier } relationships { totalCount } } }"""
    assert await desk.ask(query, "nodesByRef") == [
        {"name": "web-2", "state": "in_use", "retired": False, "version": 3, "tier": None, "relationships": {"totalCount": 1}},
        {"name": "db1", "state": "dismantled", "retired": True, "version": 2, "tier": None, "relationships": {"totalCount": 0}},
    ]  # fmt: skip


async def test_a_write_that_changes_nothing_makes_no_commit(desk: Desk) -> None:
    written = await _write(desk, {"put": {"ref": "SRV-000001", "name": "web-1"}})
    assert written == {"__typename": "Written", "revision": 4, "effects": 0, "created": []}


async def test_all_problems_are_told_and_nothing_is_written(desk: Desk) -> None:
    failed = await _write(
        desk,
        {
            "put": {
                "ref": "SRV-000001",
                "attributes": [{"name": "colour", "value": "red"}, {"name": "count", "value": "x"}],
            }
        },
        {"put": {"ref": "@s", "class": "Service", "name": "badly-named"}},
        {"link": {"type": "PART_OF", "from": "SVC-000001", "to": "SRV-000001"}},
    )
    assert at(failed, "__typename") == "InvalidWrite"
    where = items(at(failed, "problems", "*", "where"))
    assert {"operation 1", "operation 2", "operation 3"} <= set(map(str, where))
    assert len(where) >= 5
    assert "tier" in str(at(failed, "problems", 0, "remedy"))
    assert await desk.ask("{ revision }", "revision") == 4


@pytest.mark.parametrize(
    ("operation", "kind", "words"),
    [
        ({"put": {"ref": "SRV-000001", "name": "x", "expects": 1}}, "ConflictingWrite", "version"),
        ({"link": {"type": "RUNS_ON", "from": "VM-000001", "to": "Item:主机", "expects": 0}}, "ConflictingWrite", "already"),
        ({"retire": {"ref": "SRV-999999"}}, "MissingReference", "SRV-999999"),
        ({"put": {"ref": "@x", "class": "Nothing", "name": "x"}}, "InvalidWrite", "no class Nothing"),
        ({"put": {"ref": "@x", "name": "x"}}, "InvalidWrite", "names no class"),
        ({"unlink": {"type": "RUNS_ON", "from": "@y", "to": "SRV-000001"}}, "InvalidWrite", "y"),
        ({"put": {"ref": "SRV-000001", "attributes": [{"name": "tier", "value": "gold"}] * 2}}, "InvalidWrite", "twice"),
        ({"put": {"ref": "SRV-000001", "attributes": [{"name": "note", "value": "pwd=hunter2hunt"}]}}, "InvalidWrite", "secret"),
    ],
)  # fmt: skip
async def test_each_failure_has_its_type(desk: Desk, operation: object, kind: str, words: str) -> None:
    failed = await _write(desk, operation)
    assert at(failed, "__typename") == kind
    assert words in str(failed)
    assert await desk.ask("{ revision }", "revision") == 4


async def test_nobody_may_not_write(desk: Desk) -> None:
    failed = await _write(desk, {"retire": {"ref": "VM-000001"}}, actor=" ")
    assert at(failed, "__typename") == "RefusedWrite"
    assert at(failed, "problems", 0, "message") == "nobody is named as the actor"


@pytest.mark.parametrize(
    "operation", [{}, {"retire": {"ref": "a"}, "put": {"ref": "b"}}, {"put": None}, {"erase": {"ref": "a"}}]
)
async def test_an_operation_is_exactly_one_thing(desk: Desk, operation: object) -> None:
    code, _ = await desk.error(WRITE, operations=[operation], actor="Bob", reason="")
    assert code == "usage"


async def test_too_many_operations_are_an_import(desk: Desk) -> None:
    failed = await _write(desk, *[{"retire": {"ref": "VM-000001"}}] * 10_001)
    assert (
        at(failed, "__typename"),
        "import" in str(at(failed, "remedy")) or "at most" in str(at(failed, "remedy")),
    ) == (
        "InvalidWrite",
        True,
    )


async def test_writers_at_once_lose_nothing(desk: Desk) -> None:
    put = [{"put": {"ref": f"@{n}", "class": "Server", "name": f"n{n}"}} for n in range(8)]
    written = await asyncio.gather(*(_write(desk, one) for one in put))
    assert sorted(str(at(w, "revision")) for w in written) == sorted(map(str, range(5, 13)))
    found = await desk.ask('{ nodes(where: { field: "name", startsWith: "n" }) { totalCount } }', "nodes", "totalCount")
    assert found == 8
