"""What is planned, asked through GraphQL; and hits in groups, pools and as plain ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.changeset import Link, New, Operation, Put
from graph_schema.reader import shipped_model
from tests.api.estate import Desk, at, items, opened, write


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[Application]:
    """Two shops on a cluster of two of three hosts, which stand in two racks; hosts have owners, shops environments."""
    clusters = {"left": "production", "right": None}
    hosts = ("one", "two", "three")
    operations: list[Operation] = [
        *(Put(node=New(name), class_name="Rack", name=name) for name in ("rack-1", "rack-2")),
        *(Put(node=New(name), class_name="Hypervisor", name=name) for name in hosts),
        *(Put(node=New(name), class_name="Team", name=name) for name in ("network", "compute")),
        Put(node=New("pool"), class_name="HypervisorCluster", name="pool", attributes={"redundancy": ("hosts=2",)}),
    ]
    for name, environment in clusters.items():
        attributes = {} if environment is None else {"environment": environment}
        operations += [
            Put(node=New(name), class_name="VirtualMachine", name=name, attributes={**attributes}),
            Link(type="RUNS_ON", source=New(name), target=New("pool")),
        ]
    for host, rack in zip(hosts, ("rack-1", "rack-1", "rack-2"), strict=True):
        operations += [
            Link(type="HAS_MEMBER", source=New("pool"), target=New(host), attributes={"pool": "hosts"}),
            Link(type="LOCATED_IN", source=New(host), target=New(rack)),
            Link(type="OWNED_BY", source=New(host), target=New("compute")),
        ]
    operations.append(Link(type="OWNED_BY", source=New("one"), target=New("network")))
    async with opened(tmp_path, shipped_model()) as application:
        await write(application, *operations)
        yield application


ASK = """query ($of: [String!]!, $planned: [OperationInput!], $context: [FailedInput!], $asOf: String) {
    impact(of: $of, planned: $planned, context: $context, asOf: $asOf) {
    revision sources { key name } counts { down atRisk }
    hits { edges { node { verdict node { key name relationships { totalCount edges { node { key } } } }
      path { relationship provider { key } } reasons { pool members { node { key } } } } } }
    plan { before { counts { down } sources { name } }
      difference { onlyBefore { totalCount edges { node { node { name } before after } } }
        onlyAfter { totalCount edges { node { node { key } before after } } }
        worse { edges { node { node { name } before after } } } better { edges { node { node { name } before after } } } }
      redundancyLost { totalCount edges { node { owner { name } pool } } } redundancyGained { totalCount }
      newSinglePoints { totalCount edges { node { node { name } takesDown takes(first: 2) { name } } } } } } }"""

MOVED = [
    {"link": {"type": "LOCATED_IN", "from": "Hypervisor:three", "to": "Rack:rack-1"}},
    {"unlink": {"type": "LOCATED_IN", "from": "Hypervisor:three", "to": "Rack:rack-2"}},
]
"""All hosts in one rack."""


def edges(found: object, *path: str) -> list[object]:
    return items(at(found, *path, "edges", "*", "node"))


async def test_a_plan_is_asked_and_nothing_is_written(shipped: Application) -> None:
    desk = Desk.on(shipped)
    head = await shipped.store.head()
    weak = [
        {"unlink": {"type": "HAS_MEMBER", "from": "HypervisorCluster:pool", "to": "Hypervisor:three"}},
        {"retire": {"ref": "Hypervisor:three"}},
    ]
    found = await desk.ask(ASK, "impact", of=["Hypervisor:one"], planned=weak)
    assert at(found, "counts") == {"down": 4, "atRisk": 0}
    plan = at(found, "plan")
    assert at(plan, "before", "counts", "down") == 1
    worse = {at(h, "node", "name"): (at(h, "before"), at(h, "after")) for h in edges(plan, "difference", "worse")}
    assert worse == {"pool": ("AT_RISK", "DOWN")}
    assert at(plan, "difference", "onlyAfter", "totalCount") == 2
    assert {at(h, "after") for h in edges(plan, "difference", "onlyAfter")} == {"DOWN"}
    assert edges(plan, "redundancyLost") == [{"owner": {"name": "pool"}, "pool": "hosts"}]
    assert at(await desk.ask(ASK, "impact", of=["Hypervisor:one"]), "plan") is None
    assert await shipped.store.head() == head


async def test_what_would_be_created_is_shown_by_its_handle(shipped: Application) -> None:
    desk = Desk.on(shipped)
    planned = [
        {"put": {"ref": "@four", "class": "Hypervisor", "name": "four"}},
        {"link": {"type": "HAS_MEMBER", "from": "HypervisorCluster:pool", "to": "@four", "key": "",
                  "attributes": [{"name": "pool", "value": "hosts"}]}},
        {"link": {"type": "LOCATED_IN", "from": "@four", "to": "Rack:rack-2"}},
    ]  # fmt: skip
    found = await desk.ask(ASK, "impact", of=["@four", "Hypervisor:one"], planned=planned)
    assert at(found, "sources") == [{"key": "@four", "name": "four"}, {"key": "HYP-000001", "name": "one"}]
    [pool] = [h for h in edges(found, "hits") if at(h, "node", "name") == "pool"]
    assert at(pool, "verdict") == "AT_RISK"
    assert {"key": "@four"} in items(at(pool, "reasons", 0, "members", "*", "node"))
    assert at(pool, "node", "relationships", "totalCount") == 4
    assert at(found, "plan", "before", "sources") == [{"name": "one"}]
    assert [at(h, "node", "key") for h in edges(found, "plan", "difference", "onlyAfter")] == ["@four"]
    explained = await desk.ask(
        """query ($planned: [OperationInput!]) { impact(of: ["Rack:rack-2"], planned: $planned) {
        explain(hit: "@four") { after pools { members { node { name } } } } } }""",
        "impact",
        "explain",
        planned=planned,
    )
    assert at(explained, "after") == "DOWN"


async def test_a_move_that_puts_everything_in_one_place(shipped: Application) -> None:
    found = await Desk.on(shipped).ask(ASK, "impact", of=["Rack:rack-2"], planned=MOVED)
    plan = at(found, "plan")
    gone = {at(h, "node", "name"): (at(h, "before"), at(h, "after")) for h in edges(plan, "difference", "onlyBefore")}
    assert gone == {"three": ("DOWN", None), "pool": ("AT_RISK", None)}
    points = {at(p, "node", "name"): at(p, "takesDown") for p in edges(plan, "newSinglePoints")}
    assert points == {"rack-1": 1}


async def test_what_cannot_be_planned_is_refused(shipped: Application) -> None:
    desk = Desk.on(shipped)
    assert (await desk.error(ASK, of=["Rack:rack-1"], planned=MOVED, asOf="r2"))[0] == "usage"
    assert (await desk.error(ASK, of=["@nobody"], planned=MOVED))[0] == "not_found"
    assert (await desk.error(ASK, of=["Rack:rack-1"], planned=[{"retire": {"ref": "Rack:none"}}]))[0] == "not_found"
    assert (await desk.error(ASK, of=["Rack:rack-1"], planned=MOVED * 6_000))[0] == "usage"
    bad = [{"link": {"type": "LOCATED_IN", "from": "Rack:rack-1", "to": "Team:network"}}]
    assert (await desk.error(ASK, of=["Rack:rack-1"], planned=bad))[0] == "invalid"


GROUPS = """query ($by: GroupBy!, $first: Int = 50, $after: String) { impact(of: ["Rack:rack-1"]) {
    hits { edges { node { node { id key name } verdict } } } hitIds down: hitIds(verdict: DOWN) risk: hitIds(verdict: AT_RISK)
    groups(by: $by, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
      edges { node { value owner { name } totalCount down degraded atRisk
        hits(first: 2) { totalCount edges { node { node { name } verdict path { type } } } } } } } } }"""


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("VERDICT", {"DOWN": 6}),
        ("CLASS", {"Hypervisor": 2, "VirtualMachine": 2, "HypervisorCluster": 1, "Rack": 1}),
        ("ENVIRONMENT", {None: 5, "production": 1}),
        ("OWNER", {"compute": 2, "network": 1, None: 4}),
    ],
)
async def test_hits_come_in_groups(shipped: Application, by: str, wanted: dict[str | None, int]) -> None:
    found = await Desk.on(shipped).ask(GROUPS, "impact", by=by)
    groups = edges(found, "groups")
    sizes: Counter[str | None] = Counter()
    for group in groups:
        name = at(group, "owner", "name") if at(group, "owner") is not None else at(group, "value")
        sizes[None if name is None else str(name).upper() if by == "VERDICT" else str(name)] = int(
            str(at(group, "totalCount"))
        )
        assert at(group, "totalCount") == sum(int(str(at(group, each))) for each in ("down", "degraded", "atRisk"))
        assert at(group, "hits", "totalCount") == at(group, "totalCount")
        assert len(edges(group, "hits")) == min(2, int(str(at(group, "totalCount"))))
    assert sizes == wanted
    assert at(found, "groups", "totalCount") == len(wanted)
    assert [at(g, "totalCount") for g in groups] == sorted(sizes.values(), reverse=True)


async def test_groups_and_their_hits_come_in_pages(shipped: Application) -> None:
    desk = Desk.on(shipped)
    whole = edges(await desk.ask(GROUPS, "impact", by="CLASS"), "groups")
    first = await desk.ask(GROUPS, "impact", "groups", by="CLASS", first=3)
    rest = await desk.ask(GROUPS, "impact", "groups", by="CLASS", after=at(first, "pageInfo", "endCursor"))
    assert at(first, "pageInfo", "hasNextPage") is True
    assert edges({"g": first}, "g") + edges({"g": rest}, "g") == whole


async def test_ids_come_plain(shipped: Application) -> None:
    found = await Desk.on(shipped).ask(GROUPS, "impact", by="VERDICT")
    hits = edges(found, "hits")
    assert at(found, "hitIds") == [at(hit, "node", "id") for hit in hits]
    assert at(found, "down") == [at(hit, "node", "id") for hit in hits if at(hit, "verdict") == "DOWN"]
    assert at(found, "risk") == []


async def test_pools_that_are_touched_come_with_their_arithmetic(shipped: Application) -> None:
    desk = Desk.on(shipped)
    query = """query ($first: Int = 50, $after: String) { impact(of: ["Hypervisor:three"]) { pools(first: $first, after: $after) {
        totalCount pageInfo { endCursor } edges { node { owner { name }
          reason { pool need total before after members { node { name } after } } } } } } }"""
    whole = await desk.ask(query, "impact", "pools")
    [pool] = edges({"p": whole}, "p")
    assert (at(pool, "owner", "name"), at(pool, "reason", "pool")) == ("pool", "hosts")
    assert [at(pool, "reason", name) for name in ("need", "total", "before", "after")] == [2, 3, 3, 2]
    assert {at(m, "node", "name"): at(m, "after") for m in items(at(pool, "reason", "members"))}["three"] == "DOWN"
    rack = query.replace("Hypervisor:three", "Rack:rack-1")
    every = edges({"p": await desk.ask(rack, "impact", "pools")}, "p")
    one = await desk.ask(rack, "impact", "pools", first=1)
    rest = await desk.ask(rack, "impact", "pools", after=at(one, "pageInfo", "endCursor"))
    assert edges({"p": one}, "p") + edges({"p": rest}, "p") == every
    assert len(every) == at(one, "totalCount") == 5
