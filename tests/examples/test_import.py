"""The example estate in a store: imported, questioned, and imported again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.application import Application, initialise, open_application, reach
from cmdb.projection import Direction
from cmdb.reconciliation.applying import apply_plan
from cmdb.reconciliation.importing import plan_import
from cmdb.reconciliation.plan import Plan
from cmdb.writing import INITIALISATION
from tests.examples.estate import SOURCES, estate


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    opened = await open_application(f"sqlite:///{tmp_path / 'estate.sqlite'}", create=True)
    try:
        await initialise(opened, estate().model, actor="tester")
        yield opened
    finally:
        await opened.close()


async def import_all(application: Application) -> list[Plan]:
    plans: list[Plan] = []
    for name, importer, paths in SOURCES:
        plan = await plan_import(application.store, estate().model, importer, paths, name)
        await apply_plan(application.door, plan, actor="tester", authority=INITIALISATION)
        plans.append(plan)
    return plans


async def test_the_store_holds_what_the_files_claim(application: Application) -> None:
    plans = await import_all(application)
    assert [plan.messages for plan in plans] == [(), (), ()]
    nodes = {node.ordinal: node async for batch in application.store.all_nodes() for node in batch}
    links = [one async for batch in application.store.all_relationships() for one in batch]
    assert sorted((n.class_name, n.name, n.state) for n in nodes.values()) == sorted(
        (claim.class_name, claim.name, claim.state or estate().model.lifecycle_of[claim.class_name].initial[0])
        for claim in estate().claims.values()
    )
    claims = estate().claims
    assert sorted((nodes[r.source].name, r.type, nodes[r.target].name) for r in links) == sorted(
        (claims[source].name, claim.type, claims[target].name) for source, claim, target in estate().relationships
    )


async def test_the_same_files_again_change_nothing(application: Application) -> None:
    await import_all(application)
    head = await application.store.head()
    assert all(plan.empty and not plan.messages for plan in await import_all(application))
    assert (await application.store.head()).revision == head.revision


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    "thing", ["StorageDevice:dui-sto-01", "BusinessService:Parcel booking", "ConfigMap:tariff-zones"]
)
async def test_what_is_reached_is_what_networkx_reaches(
    application: Application, thing: str, direction: Direction
) -> None:
    await import_all(application)
    found = await reach(application, [thing], direction)
    expected = estate().needing(thing) if direction is Direction.DEPENDENTS else estate().needed_by(thing)
    nodes = await application.store.nodes(found.answer.ordinals.tolist())
    assert sorted((n.class_name, n.name) for n in nodes) == sorted(
        (estate().claims[name].class_name, estate().claims[name].name) for name in {thing, *expected}
    )
    assert found.total == len(expected)
