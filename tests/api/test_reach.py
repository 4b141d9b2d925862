"""What depends on what, by which path, complete and in pages; and the past told."""

from __future__ import annotations

from cmdb.changeset import Put
from tests.api.estate import Desk, at, items, write

DEPENDENTS = """query ($of: [String!]!, $first: Int!, $after: String, $asOf: String) { dependents(of: $of, asOf: $asOf) {
    total complete revision sources { name } countsByClass { className count classLabel { zh } }
    hits(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        edges { cursor node { distance node { name } path { type dependent { name } provider { name } } } } } } }"""


async def test_dependents_are_counted_and_each_explained(desk: Desk) -> None:
    found = await desk.ask(DEPENDENTS, "dependents", of=["SRV-000002"], first=10)
    assert (at(found, "total"), at(found, "complete"), at(found, "revision")) == (4, True, 4)
    assert at(found, "sources") == [{"name": "主机"}]
    assert at(found, "countsByClass", "*", "className") == ["VirtualServer", "Server", "Service"]
    hits = at(found, "hits", "edges", "*", "node")
    assert [(at(h, "distance"), at(h, "node", "name")) for h in items(hits)] == [
        (1, "web-1"),
        (1, "db1"),
        (1, "db2"),
        (2, "svc-shop"),
    ]
    assert at(hits, 3, "path") == [
        {"type": "RUNS_ON", "dependent": {"name": "svc-shop"}, "provider": {"name": "web-1"}},
        {"type": "RUNS_ON", "dependent": {"name": "web-1"}, "provider": {"name": "主机"}},
    ]


async def test_hits_come_in_pages_that_add_up(desk: Desk) -> None:
    names: list[object] = []
    after: object = None
    hits: object = None
    for _ in range(4):
        hits = await desk.ask(DEPENDENTS, "dependents", "hits", of=["SRV-000002"], first=1, after=after)
        names += items(at(hits, "edges", "*", "node", "node", "name"))
        after = at(hits, "pageInfo", "endCursor")
    assert names == ["web-1", "db1", "db2", "svc-shop"]
    assert not at(hits, "pageInfo", "hasNextPage")


async def test_a_cursor_of_another_revision_is_refused_with_the_way_on(desk: Desk) -> None:
    first = await desk.ask(DEPENDENTS, "dependents", "hits", "pageInfo", "endCursor", of=["SRV-000002"], first=1)
    await write(desk.application, Put(node=0, attributes={"note": "later"}))
    body = (await desk.answer(DEPENDENTS, of=["SRV-000002"], first=1, after=first)).body
    assert at(body, "errors", 0, "extensions", "code") == "conflict"
    assert 'asOf: "r4"' in str(at(body, "errors", 0, "extensions", "remedy"))
    again = await desk.ask(DEPENDENTS, "dependents", "hits", of=["SRV-000002"], first=1, after=first, asOf="r4")
    assert at(again, "edges", "*", "node", "node", "name") == ["db1"]


async def test_the_past_had_other_dependencies(desk: Desk) -> None:
    query = 'query ($at: String) { dependents(of: ["SRV-000003"], asOf: $at) { total revision } }'
    assert await desk.ask(query, "dependents", at="r2") == {"total": 2, "revision": 2}
    assert await desk.ask(query, "dependents", at="r3") == {"total": 0, "revision": 3}
    assert (await desk.error(query, at=None))[0] == "not_found", "it is retired by now"


async def test_depends_goes_the_other_way_and_path_names_the_chain(desk: Desk) -> None:
    query = '{ depends(of: ["SVC-000001"]) { total hits { edges { node { node { name } } } } } }'
    found = await desk.ask(query, "depends")
    assert at(found, "hits", "edges", "*", "node", "node", "name") == ["web-1", "db1", "db2", "主机"]
    path = (
        "query ($a: String!, $b: String!) { path(from: $a, to: $b) { from { name } path { type provider { name } } } }"
    )
    assert await desk.ask(path, "path", "path", "*", "provider", "name", a="SVC-000001", b="SRV-000002") == [
        "web-1",
        "主机",
    ]
    assert await desk.ask(path, "path", a="SRV-000002", b="SVC-000001") == {"from": {"name": "主机"}, "path": None}


async def test_dependents_of_nothing_or_of_the_unknown_is_refused(desk: Desk) -> None:
    query = "query ($of: [String!]!) { dependents(of: $of) { total } }"
    assert await desk.error(query, of=[]) == ("invalid", "nothing is asked about")
    assert (await desk.error(query, of=["SRV-000002", "SRV-999999"]))[0] == "not_found"


async def test_history_tells_steps_of_a_node_and_its_relationships(desk: Desk) -> None:
    query = """query ($first: Int!, $after: String, $asOf: String) {
        history(ref: "SRV-000001", first: $first, after: $after, asOf: $asOf) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { step commit { revision actor reason }
        changes { field before after } relationship { type from { name } to { name } } } } } }"""
    whole = await desk.ask(query, "history", first=50)
    steps = at(whole, "edges", "*", "node")
    told = [(at(s, "step"), at(s, "commit", "revision")) for s in items(steps)]
    assert told == [("CREATED", 2), ("LINKED", 2), ("LINKED", 2), ("LINKED", 2), ("CHANGED", 3), ("UNLINKED", 3)]
    assert {"field": "price", "before": "12.50", "after": None} not in items(at(steps, 4, "changes"))
    assert {"field": "price", "before": "12.5", "after": None} in items(at(steps, 4, "changes"))
    assert at(steps, 5, "relationship") == {"type": "RUNS_ON", "from": {"name": "web-1"}, "to": {"name": "old"}}
    pages: list[object] = []
    after: object = None
    for _ in range(3):
        page = await desk.ask(query, "history", first=2, after=after)
        pages += items(at(page, "edges", "*", "node"))
        after = at(page, "pageInfo", "endCursor")
    assert pages == steps
    assert await desk.ask(query, "history", "totalCount", first=1, asOf="r2") == 4


async def test_the_ledger_is_read_from_its_newest_end(desk: Desk) -> None:
    query = """query ($first: Int!, $after: String, $asOf: String) { ledger(first: $first, after: $after, asOf: $asOf) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { revision actor reason authority previous } } } }"""
    page = await desk.ask(query, "ledger", first=3)
    assert at(page, "totalCount") == 4
    assert at(page, "edges", "*", "node", "actor") == ["writer", "Ann", "writer"]
    last = await desk.ask(query, "ledger", first=3, after=at(page, "pageInfo", "endCursor"))
    assert at(last, "edges", "*", "node") == [
        {
            "revision": 1,
            "actor": "founder",
            "reason": "the CMDB begins",
            "authority": "initialisation",
            "previous": "0" * 64,
        }
    ]
    assert not at(last, "pageInfo", "hasNextPage")
    assert await desk.ask(query, "ledger", "edges", "*", "node", "revision", first=9, asOf="r2") == [2, 1]
