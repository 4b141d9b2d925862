"""The structure that follows a store is at every step what the graph's relationships and attributes say."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import numpy as np
import pytest

from cmdb.application import Application, initialise, open_application
from cmdb.changeset import ChangeSet, Link, New, Operation, Patch, Put, Retire, Unlink
from cmdb.errors import Failed
from cmdb.impact import State, StructureFollower, WhatIf
from cmdb.impact.following import Standing
from cmdb.impact.kernels import MakeChoice
from cmdb.nodes import Node, Relationship
from cmdb.writing import INITIALISATION
from graph_schema.metamodel import DependentEnd, Model, Need
from graph_schema.reader import shipped_model
from graph_schema.values import Value
from tests.impact.cases import NUMBA, NUMPY
from tests.impact.test_changing import same_ground
from tests.reference.impact import Case, EdgeOf, PoolOf, Reference, TypeOf

TYPES = ("DEPENDS_ON", "USES", "HAS_MEMBER", "REPLICATES_TO")
"""Hard and each, soft and each, hard and any, no dependency."""


def case_of(model: Model, nodes: list[Node], relationships: list[Relationship], scenario: dict[str, str]) -> Case:
    """The graph as the reference reads it; CIs are called by their ordinals."""
    edges: list[EdgeOf] = []
    types: dict[str, TypeOf] = {}
    for relationship in relationships:
        dependency = model.type_by_name[relationship.type].dependency
        if dependency is None:
            continue
        ends = (relationship.source, relationship.target)
        dependent, provider = ends if dependency.dependent is DependentEnd.FROM else ends[::-1]
        edge: EdgeOf = {"from": str(dependent), "to": str(provider), "type": relationship.type}
        if "pool" in relationship.attributes:
            edge["pool"] = str(relationship.attributes["pool"])
        if "weight" in relationship.attributes:
            edge["weight"] = int(str(relationship.attributes["weight"]))
        edges.append(edge)
        need = "any" if dependency.need is Need.ANY else "all"
        types[relationship.type] = {"need": need, "strength": dependency.strength.value}
    pools: list[PoolOf] = []
    for node in nodes:
        entries = node.attributes.get("redundancy", ())
        for entry in () if node.retired or not isinstance(entries, tuple) else entries:
            name, _, said = str(entry).partition("=")
            need, _, strength = said.partition(",")
            pools.append(
                {
                    "of": str(node.ordinal),
                    "name": name,
                    "need": int(need) if need.isdigit() else need,
                    "strength": strength or "hard",
                }
            )
    return {
        "name": "store",
        "nodes": [{"id": str(n.ordinal), "retired": True} if n.retired else str(n.ordinal) for n in nodes],
        "edges": edges,
        "pools": pools,
        "types": types,
        "scenario": scenario,
    }


async def agrees(standing: Standing, application: Application, as_of: int | None = None) -> None:
    """Every CI that fails alone takes down and weakens whom the reference says."""
    nodes = [n async for batch in application.store.all_nodes(as_of) for n in batch]
    relationships = [r async for batch in application.store.all_relationships(as_of) for r in batch]
    model = await application.model()
    everybody = np.arange(len(nodes), dtype=np.int32)
    for node in nodes:
        if not node.retired:
            found = standing.propagation.states(WhatIf({node.ordinal: State.DOWN}))
            states = {str(o): State(s).name.lower() for o, s in enumerate(found.state(everybody).tolist()) if s}
            case = case_of(model, nodes, relationships, {str(node.ordinal): "down"})
            assert states == Reference(case).expected()["state"]


def attributes(**said: Value | None) -> Patch:
    return said


def some_changes(random: Random, live: list[int], there: list[Relationship], step: int) -> list[Operation]:
    """A change set of one to three operations that fit together."""
    if len(live) < 4 or random.random() < 0.2:
        return [Put(node=New(f"n{step}"), class_name="Cluster", name=f"n{step}")]
    match random.randrange(6):
        case 0:
            gone = random.choice(live)
            return [Retire(node=gone)]
        case 1 if there:
            old = random.choice(there)
            return [Unlink(type=old.type, source=old.source, target=old.target, key=old.key)]
        case 2:
            need = random.choice(("all", "any", "1", "2", "50%", "quorum:51%", "1,soft"))
            said = random.choice(((f"a={need}",), (f"a={need}", "b=any"), None))
            return [Put(node=random.choice(live), attributes=attributes(redundancy=said))]
        case 3 if there:
            old = random.choice(there)
            if old.type == "REPLICATES_TO":
                return [Unlink(type=old.type, source=old.source, target=old.target, key=old.key)]
            changed = attributes(pool=random.choice(("a", "b", None)), weight=random.choice((1, 3, None)))
            return [Link(type=old.type, source=old.source, target=old.target, key=old.key, attributes=changed)]
        case 4:
            return [Put(node=random.choice(live), attributes={"description": f"step {step}"})]
        case _:
            source, target = random.sample(live, 2)
            kind = random.choice(TYPES)
            said = attributes(pool=random.choice(("a", "a", "b")), weight=random.choice((1, 2)))
            return [Link(type=kind, source=source, target=target, attributes={} if kind == "REPLICATES_TO" else said)]


def operations(links: ChangeSet) -> list[Link]:
    return [one for one in links if isinstance(one, Link)]


@pytest.mark.parametrize("make", [NUMBA, NUMPY], ids=["numba", "numpy"])
async def test_at_every_step_it_is_what_the_graph_says(make: MakeChoice, tmp_path: Path) -> None:
    random = Random(11)
    application = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    await initialise(application, shipped_model(), actor="test")
    follower = StructureFollower(application.store, make=make)
    for step in range(90):
        nodes = [n async for batch in application.store.all_nodes() for n in batch]
        there = [r async for batch in application.store.all_relationships() for r in batch]
        live = [n.ordinal for n in nodes if not n.retired]
        changes = ChangeSet(tuple(some_changes(random, live, there, step)))
        await application.door.write(changes, actor="test", authority=INITIALISATION)
        if step % 7 == 6:
            continue
        standing = await follower.current()
        fresh = await StructureFollower(application.store, make=make).current()
        assert standing.structure.revision == fresh.structure.revision == (await application.store.head()).revision
        assert set(standing.structure.warnings()) == set(fresh.structure.warnings())
        same_ground(standing.structure, fresh.structure)
        if step % 3 == 0:
            await agrees(standing, application)
    for revision in (2, 30, 60):
        await agrees(await follower.as_of(revision), application, revision)
    assert await follower.as_of(30) is await follower.as_of(30)
    await application.close()


async def test_what_was_changed_much_is_laid_out_anew_while_it_answers(tmp_path: Path) -> None:
    application = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    await initialise(application, shipped_model(), actor="test")
    nodes = ChangeSet(tuple(Put(node=New(f"n{n}"), class_name="Cluster", name=f"n{n}") for n in range(40)))
    created = (await application.door.write(nodes, actor="test", authority=INITIALISATION)).created
    ordinals = list(created.values())
    follower = StructureFollower(application.store)
    first = await follower.current()
    links = ChangeSet(
        tuple(
            Link(type="DEPENDS_ON", source=one, target=other, attributes=attributes(weight=1 + one % 3, pool="a"))
            for one in ordinals
            for other in ordinals
            if one < other
        )
    )
    for _ in range(2):
        await application.door.write(links, actor="test", authority=INITIALISATION)
        unlinked = ChangeSet(
            tuple(Unlink(type="DEPENDS_ON", source=k.source, target=k.target) for k in operations(links))
        )
        await follower.current()
        await application.door.write(unlinked, actor="test", authority=INITIALISATION)
        await follower.current()
    await application.door.write(links, actor="test", authority=INITIALISATION)
    standing = await follower.current()
    while standing.structure.claim.room is first.structure.claim.room:
        await asyncio.sleep(0.01)
        standing = await follower.current()
    assert standing.structure.revision == (await application.store.head()).revision
    await agrees(standing, application)
    await application.close()


async def test_an_empty_store_has_no_structure(tmp_path: Path) -> None:
    application = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    with pytest.raises(Failed, match="empty"):
        await StructureFollower(application.store).current()
    await application.close()
