"""What fails if these fail: states, reasons and paths, in pages, as the definition of failure has them."""

from __future__ import annotations

import pytest

from cmdb.changeset import Put
from tests.api.estate import Desk, at, items, state_of, write
from tests.impact.test_following import case_of
from tests.reference.impact import Reference

IMPACT = """query ($of: [String!]!, $state: Fault, $context: [FailedInput!], $assumeUp: [String!], $asOf: String,
    $first: Int = 50, $after: String) {
    impact(of: $of, state: $state, context: $context, assumeUp: $assumeUp, asOf: $asOf) {
    revision modelVersion complete sources { key }
    counts { down degraded atRisk saved unchanged noEffect }
    countsByClass { verdict of { className count } } countsByEnvironment { verdict environment count }
    customers { key } agreements { key } owners { key }
    services(first: 9) { totalCount edges { node { verdict node { key } } } }
    saved(first: 9) { totalCount edges { node { key } } }
    hits(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node {
      verdict before after distance node { key ... on Server { id } }
      reasons { pool type strength need total before after members { node { key } weight before after } }
      path { relationship type dependent { key } provider { key } } } } } } }"""


@pytest.mark.parametrize("state", ["DOWN", "DEGRADED"])
async def test_each_failure_has_the_hits_that_its_definition_gives_it(desk: Desk, state: str) -> None:
    there = await state_of(desk.application.store)
    nodes, relationships = list(there.nodes.values()), list(there.relationships.values())
    key = {str(node.ordinal): node.key for node in nodes}
    model = await desk.application.model()
    for node in nodes:
        if node.retired:
            continue
        case = case_of(model, nodes, relationships, {str(node.ordinal): state.lower()})
        wanted = Reference(case).expected()
        found = await desk.ask(IMPACT, "impact", of=[node.key], state=state)
        hits = items(at(found, "hits", "edges", "*", "node"))
        for verdict, ordinals in (
            ("DOWN", wanted["down"]),
            ("DEGRADED", wanted["degraded"]),
            ("AT_RISK", wanted["at_risk"]),
        ):
            named = {str(at(hit, "node", "key")) for hit in hits if at(hit, "verdict") == verdict}
            assert named == {key[ordinal] for ordinal in ordinals}
        assert {str(at(h, "node", "key")): at(h, "distance") for h in hits} == {
            key[o]: distance for o, distance in wanted["distance"].items()
        }
        assert {str(k) for k in items(at(found, "saved", "edges", "*", "node", "key"))} == {
            key[o] for o in wanted["saved"]
        }
        counts = at(found, "counts")
        names = {"down": "down", "degraded": "degraded", "at_risk": "atRisk", "saved": "saved", "no_effect": "noEffect"}
        numbers = {name: len(wanted[name]) for name in ("down", "degraded", "at_risk", "saved", "no_effect")}
        assert {name: at(counts, field) for name, field in names.items()} == numbers
        for hit in hits:
            assert len(items(at(hit, "path"))) == at(hit, "distance")


async def test_a_hit_has_its_arithmetic_and_its_evidence(desk: Desk) -> None:
    found = await desk.ask(IMPACT, "impact", of=["SRV-000002"])
    assert (at(found, "revision"), at(found, "complete"), at(found, "sources")) == (4, True, [{"key": "SRV-000002"}])
    [web] = [h for h in items(at(found, "hits", "edges", "*", "node")) if at(h, "node", "key") == "SRV-000001"]
    [reason] = items(at(web, "reasons"))
    assert (at(reason, "type"), at(reason, "need"), at(reason, "total"), at(reason, "after")) == ("RUNS_ON", 1, 1, 0)
    assert at(reason, "members", 0) == {"node": {"key": "SRV-000002"}, "weight": 1, "before": "UP", "after": "DOWN"}
    assert at(web, "path", 0, "provider", "key") == "SRV-000002"
    assert at(found, "services", "edges", "*", "node", "node", "key") == ["SVC-000001"]
    by_class = {
        (at(c, "verdict"), at(c, "of", "className")): at(c, "of", "count") for c in items(at(found, "countsByClass"))
    }
    assert sum(int(str(count)) for count in by_class.values()) == at(found, "hits", "totalCount")


async def test_hits_come_in_pages_that_add_up(desk: Desk) -> None:
    whole = at(await desk.ask(IMPACT, "impact", of=["SRV-000002"]), "hits", "edges", "*", "node", "node", "key")
    keys: list[object] = []
    after: object = None
    for _ in items(whole):
        page = await desk.ask(IMPACT, "impact", "hits", of=["SRV-000002"], first=1, after=after)
        keys += items(at(page, "edges", "*", "node", "node", "key"))
        after = at(page, "pageInfo", "endCursor")
    assert keys == whole
    await write(desk.application, Put(node=0, attributes={"note": "later"}))
    body = (await desk.answer(IMPACT, of=["SRV-000002"], first=1, after=after)).body
    assert at(body, "errors", 0, "extensions", "code") == "conflict"


async def test_context_and_assumptions_change_the_answer(desk: Desk) -> None:
    alone = await desk.ask(IMPACT, "impact", of=["SRV-000002"])
    failed = [{"ref": "SRV-000001", "state": "DEGRADED"}, {"ref": "VirtualServer:db1"}]
    assert at(await desk.ask(IMPACT, "impact", of=["SRV-000002"], context=failed), "counts") != at(alone, "counts")
    spared = await desk.ask(IMPACT, "impact", of=["SRV-000002"], assumeUp=["SRV-000001"])
    assert "SRV-000001" not in items(at(spared, "hits", "edges", "*", "node", "node", "key"))
    then = await desk.ask(IMPACT, "impact", of=["SRV-000003"], asOf="r2")
    assert at(then, "revision") == 2
    assert int(str(at(then, "hits", "totalCount"))) > 1


async def test_what_cannot_be_asked_is_refused(desk: Desk) -> None:
    assert (await desk.error(IMPACT, of=[]))[0] == "usage"
    assert (await desk.error(IMPACT, of=["SRV-999999"]))[0] == "not_found"
    assert (await desk.error(IMPACT, of=["SRV-000002"], assumeUp=["SRV-000002"]))[0] == "invalid"


async def test_what_there_was_no_time_for_is_said(desk: Desk) -> None:
    query = """query ($patience: Float, $planned: [OperationInput!]) {
        impact(of: ["SRV-000002"], patience: $patience, planned: $planned) { complete leftOut counts { down } } }"""
    hurried = await desk.ask(query, "impact", patience=0)
    assert (at(hurried, "complete"), bool(at(hurried, "leftOut"))) == (False, True)
    assert at(await desk.ask(query, "impact", patience=0, planned=[]), "complete") is False
    assert await desk.ask(query, "impact", patience=1000) == await desk.ask(query, "impact")
    assert (await desk.error(query, patience=-1))[0] == "usage"


async def test_what_holds_a_node_up_is_explained_too(desk: Desk) -> None:
    query = """query ($hit: String!) { impact(of: ["SRV-000002"]) { explain(hit: $hit) { before after distance
        pools { type need total after members { node { key } after } } } } }"""
    web = await desk.ask(query, "impact", "explain", hit="SRV-000001")
    assert (at(web, "before"), at(web, "after"), at(web, "distance")) == ("UP", "DOWN", 1)
    assert at(web, "pools", "*", "members", "*", "node", "key") == [["SRV-000002"]]
    shop = await desk.ask(query, "impact", "explain", hit="SVC-000001")
    assert len(items(at(shop, "pools"))) > 1, "those that hold are told as well"
    assert (await desk.error(query, hit="SRV-999999"))[0] == "not_found"
