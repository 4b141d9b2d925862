"""Single points of failure over GraphQL: those of the definition, in pages, with services, paths, pools and pairs."""

from __future__ import annotations

import pytest

from cmdb.changeset import Put
from tests.api.estate import Desk, at, items, state_of, write
from tests.impact.test_following import case_of
from tests.reference.impact import Reference

POINTS = """query ($of: [String!], $asOf: String, $first: Int = 50, $after: String) {
    singlePointsOfFailure(of: $of, asOf: $asOf, first: $first, after: $after) {
    revision complete totalCount serviceCount without pageInfo { hasNextPage endCursor }
    of { node { key } pools { pool type strength need total survives members { key } } }
    edges { cursor node { takesDown node { key } services { key }
      path { relationship type dependent { key } provider { key } } } } } }"""

PAIRS = """query ($of: [String!]) { singlePointsOfFailure(of: $of) { pairs {
    totalCount complete bound candidates examined pairs(first: 5) { one { key } other { key } } } } }"""


async def told(desk: Desk) -> tuple[Reference, dict[str, str]]:
    """What failure means here, and the ordinals by key."""
    there = await state_of(desk.application.store)
    nodes, relationships = list(there.nodes.values()), list(there.relationships.values())
    reference = Reference(case_of(await desk.application.model(), nodes, relationships, {}))
    return reference, {node.key: str(node.ordinal) for node in nodes if not node.retired}


async def test_each_node_has_the_points_that_its_definition_gives_it(desk: Desk) -> None:
    reference, ordinal = await told(desk)
    for key in ordinal:
        wanted = {ci for ci in ordinal if ci != key and ordinal[key] in reference.close({ordinal[ci]})}
        found = await desk.ask(POINTS, "singlePointsOfFailure", of=[key])
        points = items(at(found, "edges", "*", "node"))
        assert {at(point, "node", "key") for point in points} == wanted
        assert (at(found, "totalCount"), at(found, "serviceCount")) == (len(wanted), 1)
        assert at(found, "without") == (0 if wanted else 1)
        for point in points:
            assert (at(point, "takesDown"), at(point, "services")) == (1, [{"key": key}])
            path = items(at(point, "path"))
            assert (at(path[0], "dependent", "key"), at(path[-1], "provider", "key")) == (key, at(point, "node", "key"))


async def test_where_nothing_is_named_all_services_are_asked_about(desk: Desk) -> None:
    named = await desk.ask(POINTS, "singlePointsOfFailure", of=["SVC-000001"])
    everything = await desk.ask(POINTS, "singlePointsOfFailure")
    assert at(everything, "edges") == at(named, "edges")
    assert at(everything, "edges") != []
    assert (at(everything, "of"), at(everything, "complete")) == ([], True)


async def test_what_protects_it_is_counted(desk: Desk) -> None:
    [shop] = items(at(await desk.ask(POINTS, "singlePointsOfFailure", of=["SVC-000001"]), "of"))
    pools = {(at(pool, "pool"), at(pool, "type")): pool for pool in items(at(shop, "pools"))}
    assert pools
    for pool in pools.values():
        total, need = int(str(at(pool, "total"))), int(str(at(pool, "need")))
        assert at(pool, "survives") == total - need
        assert len(items(at(pool, "members"))) == total


async def test_pages_add_up_and_keep_to_their_revision(desk: Desk) -> None:
    whole = items(at(await desk.ask(POINTS, "singlePointsOfFailure", of=["SVC-000001"]), "edges", "*", "node"))
    found: list[object] = []
    after: object = None
    for _ in whole:
        page = await desk.ask(POINTS, "singlePointsOfFailure", of=["SVC-000001"], first=1, after=after)
        found += items(at(page, "edges", "*", "node"))
        after = at(page, "pageInfo", "endCursor")
        assert at(page, "pageInfo", "hasNextPage") is (len(found) < len(whole))
    assert found == whole
    assert len(whole) > 1
    await write(desk.application, Put(node=0, attributes={"note": "later"}))
    body = (await desk.answer(POINTS, of=["SVC-000001"], first=1, after=after)).body
    assert at(body, "errors", 0, "extensions", "code") == "conflict"


async def test_pairs_fall_only_together(desk: Desk) -> None:
    reference, ordinal = await told(desk)
    key = {number: name for name, number in ordinal.items()}
    shop = ordinal["SVC-000001"]
    harmless = [ci for ci in key if shop not in reference.close({ci})]
    wanted = {
        frozenset((key[a], key[b])) for a in harmless for b in harmless if a < b and shop in reference.close({a, b})
    }
    found = await desk.ask(PAIRS, "singlePointsOfFailure", "pairs", of=["SVC-000001"])
    pairs = {frozenset((at(p, "one", "key"), at(p, "other", "key"))) for p in items(at(found, "pairs"))}
    assert pairs == wanted != set()
    assert (at(found, "totalCount"), at(found, "complete"), at(found, "bound")) == (len(wanted), True, "none")


async def test_the_past_can_be_asked(desk: Desk) -> None:
    then = await desk.ask(POINTS, "singlePointsOfFailure", of=["SRV-000001"], asOf="r2")
    now = await desk.ask(POINTS, "singlePointsOfFailure", of=["SRV-000001"])
    keys = [{str(k) for k in items(at(answer, "edges", "*", "node", "node", "key"))} for answer in (then, now)]
    assert keys[0] - keys[1] == {"SRV-000003"}
    assert at(then, "revision") == 2


@pytest.mark.parametrize(
    ("variables", "code"),
    [({"of": ["SRV-999999"]}, "not_found"), ({"first": 0}, "usage"), ({"after": "x"}, "usage")],
)
async def test_what_cannot_be_asked_is_refused(desk: Desk, variables: dict[str, object], code: str) -> None:
    assert (await desk.error(POINTS, **variables))[0] == code


async def test_pairs_of_several_are_refused(desk: Desk) -> None:
    assert (await desk.error(PAIRS, of=["SRV-000001", "SRV-000002"]))[0] == "usage"
