"""Baselines over GraphQL: recorded, compared page by page, proven, refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.changeset import ChangeSet, Link, Put, Retire
from cmdb.writing import Door
from tests.api.estate import Desk, at, furnish, items, opened
from tests.baselines.world import WITH_BASELINES, Authorised

RECORD = """mutation ($name: String!, $scope: ScopeInput!, $asOf: String) {
  recordBaseline(name: $name, purpose: "tests", scope: $scope, actor: "rose", asOf: $asOf) { __typename
    ... on RecordedBaseline { revision node { key name } } ... on WriteFailure { message remedy } } }"""

COMPARE = """query ($from: String!, $to: String! = "now", $where: String, $first: Int = 50, $after: String) {
  compareBaselines(from: $from, to: $to, where: $where, first: $first, after: $after) {
    same totalCount before { revision scope } after { revision } counts { kind nodes relationships }
    pageInfo { hasNextPage endCursor }
    edges { node { kind moved node { name } relationship { type source { name } target { name } }
      fields { field before after returned revisions } by { revision actor authority } } } } }"""

VERIFY = "query ($ref: String!) { verifyBaseline(ref: $ref) { holds count findings { subject message } } }"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The estate with a baseline of revision 4, and what was authorised since: web has a colleague less, and a link."""
    async with opened(tmp_path, WITH_BASELINES) as application:
        made = await furnish(application)
        desk = Desk.on(application)
        recorded = await desk.ask(RECORD, "recordBaseline", name="first", scope={"everything": True})
        assert at(recorded, "__typename") == "RecordedBaseline"
        hand = Door(application.store, gate=Authorised(), clock=application.clock)
        operations = (
            Put(node=made["web"], name="web-9"),
            Link(type="RUNS_ON", source=made["db1"], target=made["web"], attributes={"port": 1}),
            Retire(node=made["db2"]),
        )
        await hand.write(ChangeSet(operations), actor="hand", authority="change:CHG-000007")
        yield desk


async def test_what_differs_comes_in_pages(desk: Desk) -> None:
    whole = await desk.ask(COMPARE, "compareBaselines", **{"from": "first"})
    assert (at(whole, "same"), at(whole, "totalCount"), at(whole, "before")) == (
        False,
        len(items(at(whole, "edges"))),
        {"revision": 4, "scope": "all"},
    )
    nodes = [edge for edge in items(at(whole, "edges", "*", "node")) if at(edge, "node") is not None]
    assert [(at(node, "kind"), at(node, "node", "name")) for node in nodes] == [
        ("CHANGED", "web-9"),
        ("REMOVED", "db2"),
    ]
    [field] = items(at(nodes[0], "fields"))
    assert (at(field, "field"), at(field, "before"), at(field, "after")) == ("name", "web-1", "web-9")
    assert at(nodes[0], "by") == [{"revision": 6, "actor": "hand", "authority": "change:CHG-000007"}]
    paged: list[object] = []
    after: object = None
    while True:
        page = await desk.ask(COMPARE, "compareBaselines", **{"from": "first", "first": 2, "after": after})
        paged += items(at(page, "edges"))
        after = at(page, "pageInfo", "endCursor")
        if not at(page, "pageInfo", "hasNextPage"):
            break
    assert paged == items(at(whole, "edges"))


async def test_the_other_way_round_and_in_part(desk: Desk) -> None:
    turned = await desk.ask(COMPARE, "compareBaselines", **{"from": "now", "to": "Baseline:first"})
    kinds = {at(edge, "kind") for edge in items(at(turned, "edges", "*", "node")) if at(edge, "node") is not None}
    assert kinds == {"CHANGED", "ADDED"}
    part = await desk.ask(COMPARE, "compareBaselines", **{"from": "r4", "where": "name starts web"})
    assert at(part, "totalCount") == 1
    same = await desk.ask(COMPARE, "compareBaselines", **{"from": "first", "to": "4"})
    assert (at(same, "same"), at(same, "totalCount")) == (True, 0)


async def test_a_baseline_is_proven(desk: Desk) -> None:
    assert await desk.ask(VERIFY, "verifyBaseline", ref="first") == {"holds": True, "count": 0, "findings": []}


@pytest.mark.parametrize(
    ("scope", "name", "kind"),
    [
        ({"everything": True}, "first", "ConflictingWrite"),
        ({}, "second", "InvalidWrite"),
        ({"everything": True, "where": "is Server"}, "second", "InvalidWrite"),
        ({"where": "shade = red"}, "second", "InvalidWrite"),
        ({"service": "Service:nobody"}, "second", "MissingReference"),
    ],
)
async def test_what_cannot_be_sealed_is_refused(desk: Desk, scope: dict[str, object], name: str, kind: str) -> None:
    assert at(await desk.ask(RECORD, "recordBaseline", name=name, scope=scope), "__typename") == kind


async def test_a_service_and_the_past_are_sealed(desk: Desk) -> None:
    shop = await desk.ask(RECORD, "recordBaseline", name="shop", scope={"service": "Service:svc-shop"}, asOf="r4")
    assert (at(shop, "revision"), at(shop, "node", "name")) == (4, "shop")
