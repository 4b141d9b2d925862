"""Who goes down, asked of Neo4j, is who goes down in memory, wherever no ring has slack; and so is the way to a source."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from random import Random
from typing import NotRequired, TypedDict, cast

import numpy as np
import pytest
from neo4j import Driver

from cmdb.application import Application, initialise, open_application
from cmdb.changeset import ChangeSet, Link, New, Operation, Put
from cmdb.impact import State, WhatIf
from cmdb.impact.on_neo4j import down_set, fallen, path_to
from cmdb.store.neo4j import Neo4jStore
from cmdb.store.neo4j.traversal import statements
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from tests.examples.estate import estate as example
from tests.examples.test_import import import_all
from tests.impact.test_following import TYPES, attributes

NODES = 120


def estate(random: Random) -> ChangeSet:
    """Clusters that need others of smaller number, so that there are no rings: pools, weights, soft needs."""
    operations: list[Operation] = []
    for n in range(NODES):
        need = random.choice(("all", "any", "1", "2", "50%", "quorum:51%", "1,soft"))
        said = random.choice(((f"a={need}",), (f"a={need}", "b=any"), None))
        operations.append(
            Put(node=New(str(n)), class_name="Cluster", name=f"n{n}", attributes=attributes(redundancy=said))
        )
    natural: set[tuple[str, int, int]] = set()
    for n in range(1, NODES):
        for _ in range(random.randrange(4)):
            kind, target = random.choice(TYPES), random.randrange(n)
            if (kind, n, target) in natural:
                continue
            natural.add((kind, n, target))
            said = attributes(pool=random.choice(("a", "a", "b")), weight=random.choice((1, 2)))
            pooled = kind != "REPLICATES_TO" and random.random() < 0.5
            operations.append(
                Link(type=kind, source=New(str(n)), target=New(str(target)), attributes=said if pooled else {})
            )
    return ChangeSet(tuple(operations))


async def agrees(application: Application, sources: list[int], paths: int) -> int:
    """Who is down is so in memory too, and of some of them the way to a source; how many are down."""
    store = application.store
    assert isinstance(store, Neo4jStore)
    standing = await application.structures.current()
    wanted = standing.propagation.close(np.array(sources, dtype=np.int32))
    assert (await down_set(store, sources)).tolist() == wanted.tolist()
    known = await fallen(store, sources)
    assert known.down.tolist() == wanted.tolist()
    impact = standing.propagation.impact(WhatIf(dict.fromkeys(sources, State.DOWN)))
    farthest = sorted(wanted.tolist(), key=lambda ordinal: (-(impact.distance_to(ordinal) or 0), ordinal))
    for hit in farthest[:paths]:
        path = await path_to(store, known, hit)
        assert path is not None
        assert len(path) == impact.distance_to(hit)
        at = hit
        for hop in path:
            assert hop.dependent == at
            culprits = {(m.provider, m.relationship) for r in impact.reasons(at) for m in r.culprits(State.DOWN)}
            assert hop.provider in {provider for provider, _ in culprits}
            at = hop.provider
        assert at in sources
    return len(wanted)


@pytest.mark.neo4j
async def test_the_same_nodes_go_down_by_the_same_ways(neo4j_graph: str) -> None:
    random = Random(5)
    application = await open_application(neo4j_graph)
    await initialise(application, shipped_model(), actor="test")
    await application.door.write(estate(random), actor="test", authority=INITIALISATION)
    sizes = [await agrees(application, sorted({one, random.randrange(NODES)}), 2) for one in range(0, NODES, 10)]
    assert max(sizes) > NODES // 4
    store = application.store
    assert isinstance(store, Neo4jStore)
    spared = await fallen(store, [NODES - 1])
    assert await path_to(store, spared, 0) is None
    await application.close()


@pytest.mark.neo4j
async def test_the_example_estate_falls_alike(neo4j_graph: str) -> None:
    application = await open_application(neo4j_graph)
    await initialise(application, example().model, actor="test")
    await import_all(application)
    structure = (await application.structures.current()).structure
    present = np.flatnonzero(structure.present).tolist()
    sizes = [await agrees(application, [ordinal], 1) for ordinal in present[:: max(1, len(present) // 20)]]
    assert max(sizes) > 10
    await application.close()


@pytest.mark.neo4j
async def test_every_statement_is_planned_as_it_is_meant(neo4j_graph: str, neo4j_driver: Driver) -> None:
    application = await open_application(neo4j_graph)
    await initialise(application, shipped_model(), actor="test")
    await application.close()
    anything = {"wanted": [0], "frontier": [0]}
    plans: dict[str, set[str]] = {}
    for name, statement in statements(shipped_model()).items():
        _, summary, _ = neo4j_driver.execute_query(f"EXPLAIN {statement}", anything)
        plans[name] = operators(cast("Plan", summary.plan))
    for name, plan in plans.items():
        assert not plan & {"AllNodesScan", "NodeByLabelScan", "CartesianProduct"} - allowed(name), (name, plan)
        assert "NodeUniqueIndexSeek" in plan, (name, plan)
    walks = [plan for name, plan in plans.items() if name.startswith("walk")]
    assert len(walks) == 4
    for plan in walks:
        assert any(operator.startswith("VarLengthExpand(Pruning,BFS") for operator in plan), plan


def allowed(name: str) -> set[str]:
    """The number of nodes is read beside the sources."""
    return {"CartesianProduct"} if name == "sources" else set()


class Plan(TypedDict):
    """What the driver tells of a plan."""

    operatorType: str
    children: NotRequired[list[Plan]]


def operators(plan: Plan) -> set[str]:
    """All operators of a plan, without the database's name."""
    found = {plan["operatorType"].split("@")[0]}
    return found.union(*(operators(child) for child in plan.get("children", [])))
