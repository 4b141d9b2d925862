"""Who goes down, asked of Neo4j, is who goes down in memory, wherever no ring has slack."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from cmdb.application import initialise, open_application
from cmdb.changeset import ChangeSet, Link, New, Operation, Put
from cmdb.impact.on_neo4j import down_set
from cmdb.store.neo4j import Neo4jStore
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
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


@pytest.mark.neo4j
async def test_the_same_nodes_go_down(neo4j_graph: str) -> None:
    random = Random(5)
    application = await open_application(neo4j_graph)
    await initialise(application, shipped_model(), actor="test")
    await application.door.write(estate(random), actor="test", authority=INITIALISATION)
    store = application.store
    assert isinstance(store, Neo4jStore)
    standing = await application.structures.current()
    sizes: list[int] = []
    for source in range(NODES):
        sources = sorted({source, random.randrange(NODES)})
        wanted = standing.propagation.close(np.array(sources, dtype=np.int32))
        found = await down_set(store, sources)
        assert found.tolist() == wanted.tolist()
        sizes.append(len(found))
    assert max(sizes) > NODES // 4
    await application.close()
