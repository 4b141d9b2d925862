"""Nodes are found by reference, filter, words and class, with typed attributes and labels in both languages."""

from __future__ import annotations

import pytest

from cmdb.reconciliation.said import Said, encode
from cmdb.store.port import Claim, ClaimChanges, ClaimKind
from tests.api.estate import Desk, at, items

BY_CLASS = "query ($class: String!) { nodes(class: $class) { totalCount edges { node { name } } } }"


async def test_a_node_is_found_by_key_id_and_name(desk: Desk) -> None:
    query = "query ($ref: String!) { node(ref: $ref) { id key name } }"
    node = await desk.ask(query, "node", ref="SRV-000001")
    assert at(node, "name") == "web-1"
    for reference in (at(node, "id"), "Server:web-1", "Item:web-1"):
        assert await desk.ask(query, "node", ref=reference) == node
    assert await desk.ask("query ($id: ID!) { node(id: $id) { id key name } }", "node", id=at(node, "id")) == node


async def test_nodes_by_reference_keep_their_order(desk: Desk) -> None:
    query = '{ nodesByRef(refs: ["VM-000002", "SRV-000001", "VM-000002"]) { key } }'
    assert await desk.ask(query, "nodesByRef", "*", "key") == ["VM-000002", "SRV-000001", "VM-000002"]


async def test_a_class_has_its_attributes_as_typed_fields(desk: Desk) -> None:
    query = """{ node(ref: "SRV-000002") { __typename name ... on Server {
        note built uptime active address firmware ports price tier } } }"""
    assert await desk.ask(query, "node") == {
        "__typename": "Server", "name": "主机", "note": "机房 A", "built": "2024-02-29", "uptime": 3600, "active": True,
        "address": "10.0.0.9", "firmware": "1.2.3", "ports": None, "price": None, "tier": None,
    }  # fmt: skip


async def test_whole_numbers_keep_every_digit(desk: Desk) -> None:
    query = '{ nodesByRef(refs: ["SRV-000001", "VM-000001", "VM-000002"]) { ... on Item { count } attributes { name value } } }'
    nodes = await desk.ask(query, "nodesByRef")
    assert at(nodes, "*", "count") == ["9223372036854775807", 2**53 - 1, "9007199254740992"]
    assert {"name": "ports", "value": [80, 443]} in [*items(at(nodes, 0, "attributes"))]
    wide = 'query ($n: Value) { nodes(where: { field: "count", eq: $n }) { edges { node { name } } } }'
    for given in (2**63 - 1, "9223372036854775807"):
        assert await desk.ask(wide, "nodes", "edges", "*", "node", "name", n=given) == ["web-1"]


async def test_labels_of_class_and_state_come_in_both_languages(desk: Desk) -> None:
    found = await desk.ask('{ node(ref: "SRV-000001") { classLabel { en zh } stateLabel { zh } } }', "node")
    assert found == {"classLabel": {"en": "for tests", "zh": "测试用"}, "stateLabel": {"zh": "测试用"}}


async def test_interfaces_follow_the_abstract_classes(desk: Desk) -> None:
    query = """{ nodes { edges { node {
        __typename ... on ConfigurationItem { key } ... on Record { state } ... on Item { tier } } } } }"""
    nodes = await desk.ask(query, "nodes", "edges", "*", "node")
    assert {"__typename": "Service", "key": "SVC-000001", "tier": "gold"} in items(nodes)
    assert {"__typename": "Ticket", "state": "open"} in items(nodes)


@pytest.mark.parametrize(
    ("name", "found"),
    [("Server", ["web-1", "db1", "db2", "主机"]), ("VirtualServer", ["db1", "db2"]), ("Ticket", ["slow shop"])],
)
async def test_a_class_stands_for_those_below_it(desk: Desk, name: str, found: list[str]) -> None:
    answer = await desk.ask(BY_CLASS, "nodes", **{"class": name})
    assert (at(answer, "totalCount"), at(answer, "edges", "*", "node", "name")) == (len(found), found)


async def test_retired_nodes_are_left_out_until_asked_for(desk: Desk) -> None:
    assert "old" not in items(
        await desk.ask("{ nodes { edges { node { name } } } }", "nodes", "edges", "*", "node", "name")
    )
    query = '{ nodes(includeRetired: true, whereText: "retired = true") { edges { node { name state retired } } } }'
    assert await desk.ask(query, "nodes", "edges", "*", "node") == [
        {"name": "old", "state": "dismantled", "retired": True}
    ]


async def test_text_filters_and_tree_filters_hold_together(desk: Desk) -> None:
    query = """{ nodes(class: "Item", whereText: "related RUNS_ON to (name = '主机')",
        where: { NOT: { field: "name", startsWith: "db" } }) { edges { node { name } } } }"""
    assert await desk.ask(query, "nodes", "edges", "*", "node", "name") == ["web-1"]


async def test_words_find_names_attributes_and_chinese(desk: Desk) -> None:
    query = "query ($t: String!) { nodes(search: $t, first: 1) { totalCount pageInfo { hasNextPage } edges { node { name } } } }"
    assert await desk.ask(query, "nodes", t="房") == {
        "totalCount": 1, "pageInfo": {"hasNextPage": False}, "edges": [{"node": {"name": "主机"}}],
    }  # fmt: skip
    assert await desk.ask(query, "nodes", "totalCount", t="nowhere") == 0


async def test_relationships_are_read_both_ways_with_their_attributes(desk: Desk) -> None:
    query = """{ node(ref: "SRV-000001") {
        out: relationships { totalCount edges { node { name } relationship { type from { name } to { name } } } }
        in: relationships(direction: IN, types: ["RUNS_ON"]) {
            edges { node { name } relationship { attributes { name value } } } } } }"""
    assert await desk.ask(query, "node") == {
        "out": {
            "totalCount": 1,
            "edges": [
                {
                    "node": {"name": "主机"},
                    "relationship": {"type": "RUNS_ON", "from": {"name": "web-1"}, "to": {"name": "主机"}},
                }
            ],
        },
        "in": {
            "edges": [{"node": {"name": "svc-shop"}, "relationship": {"attributes": [{"name": "port", "value": 443}]}}]
        },
    }


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ('{ node(ref: "SRV-000099") { key } }', "not_found", "there is no 'SRV-000099'"),
        ('{ node(ref: "Nothing:x") { key } }', "not_found", "no class Nothing"),
        ("{ node { key } }", "usage", "by `id` or by `ref`"),
        ('{ nodes(class: "Serve") { totalCount } }', "not_found", "no class Serve"),
        ("{ nodes(first: 0) { totalCount } }", "usage", "first is 0"),
        ("{ nodes(first: 1001) { totalCount } }", "usage", "first is 1001"),
        ('{ nodes(after: "x") { edges { cursor } } }', "usage", "cursor is damaged"),
        ('{ nodes(where: { field: "nix", eq: 1 }) { totalCount } }', "usage", "no field or attribute nix"),
        ("{ nodes(where: { eq: 1 }) { totalCount } }", "usage", "no `field`"),
        ('{ nodes(where: { field: "count" }) { totalCount } }', "usage", "no look-up"),
        ('{ nodes(where: { field: "count", eq: "many" }) { totalCount } }', "usage", "does not fit"),
        ('{ nodes(where: { field: "tags", eq: "a" }) { totalCount } }', "usage", "is a list"),
        ('{ nodes(whereText: "name =") { totalCount } }', "usage", "the filter ends there"),
        ('{ nodes(sort: { field: "nix" }) { totalCount } }', "usage", "nix to sort by"),
        ('{ nodes(search: "a", class: "Server") { totalCount } }', "usage", "goes with no filter"),
        ('{ node(ref: "SRV-000001") { relationships(types: ["RUN"]) { totalCount } } }', "not_found", "no relationship type RUN"),
        ('{ node(ref: "SRV-000001", asOf: "r99") { key } }', "not_found", "no revision 99 yet"),
        ('{ node(ref: "SRV-000001", asOf: "soon") { key } }', "usage", "'soon' is no moment"),
    ],
)  # fmt: skip
async def test_bad_questions_are_told_what_to_do(desk: Desk, query: str, code: str, words: str) -> None:
    found, message = await desk.error(query)
    assert found == code
    assert words in str(message)


async def test_the_estate_tells_what_it_holds(desk: Desk) -> None:
    estate = await desk.ask(
        "{ estate { id revision commit { actor reason } countsByClass { className count classLabel { zh } } } revision }"
    )
    assert at(estate, "estate", "revision") == at(estate, "revision") == 4
    assert at(estate, "estate", "commit") == {"actor": "writer", "reason": ""}
    assert at(estate, "estate", "countsByClass", 0) == {
        "className": "Server",
        "count": 2,
        "classLabel": {"zh": "测试用"},
    }


async def test_what_sources_observed_is_shown_beside(desk: Desk) -> None:
    server = 1
    times = {"agent": "2026-02-02T00:00:00.000000Z", "shodan": "2026-02-01T00:00:00.000000Z"}
    for source, seen in times.items():
        body = encode(Said("web", None, {"checked": seen, "note": "controlled"}, made=False))
        claim = Claim(source_key="w", kind=ClaimKind.NODE, bound_to=server, digest=b"1", body=body, seen=seen)
        await desk.application.store.keep_claims(ClaimChanges(source=source, put=(claim,)))
    query = '{ nodesByRef(refs: ["SRV-000001", "SRV-000002"]) { observed { attribute value source seen } } }'
    assert await desk.ask(query, "nodesByRef", "*", "observed") == [
        [{"attribute": "checked", "value": seen, "source": source, "seen": seen} for source, seen in times.items()],
        [],
    ]
