"""What a change set would make of what fails, without a word of it being written."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from cmdb.application import Application, initialise, open_application
from cmdb.application.planning import (
    Planned,
    PoolOf,
    difference,
    new_single_points,
    plan,
    planned,
    redundancy_gained,
    redundancy_lost,
)
from cmdb.changeset import ChangeSet, Link, ModelInstalled, New, Patch, Put, Retire, Unlink
from cmdb.errors import Invalid
from cmdb.impact import State, WhatIf
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from tests.impact.test_changing import same_answers, same_ground

TOP, ONE, OTHER, BASE = range(4)


@pytest.fixture
async def application(tmp_path: Path) -> Application:
    """A cluster with a pool of two, one of which needs a third."""
    application = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    await initialise(application, shipped_model(), actor="test")
    names = ("top", "one", "other", "base")
    pool: Patch = {"pool": "hosts"}
    await write(
        application,
        *(Put(node=New(name), class_name="Cluster", name=name) for name in names),
        Put(node=New("last"), class_name="Cluster", name="last"),
        Link(type="DEPENDS_ON", source=New("top"), target=New("one"), attributes=pool),
        Link(type="DEPENDS_ON", source=New("top"), target=New("other"), attributes=pool),
        Link(type="DEPENDS_ON", source=New("one"), target=New("base")),
    )
    await write(application, Put(node=TOP, attributes={"redundancy": ("hosts=any",)}))
    return application


async def write(application: Application, *operations: Put | Link | Unlink | Retire) -> None:
    await application.door.write(ChangeSet(operations), actor="test", authority=INITIALISATION)


async def test_redundancy_that_would_be_lost_and_who_becomes_a_single_point(application: Application) -> None:
    revision = (await application.store.head()).revision
    change_set = ChangeSet(
        (Link(type="DEPENDS_ON", source=OTHER, target=BASE), Unlink(type="DEPENDS_ON", source=TOP, target=ONE))
    )
    found = await plan(application, change_set)
    assert redundancy_lost(found) == (PoolOf(TOP, "hosts"),)
    assert redundancy_gained(found) == ()
    points = {point.ordinal: point.newly.tolist() for point in new_single_points(found)}
    assert points == {BASE: [TOP, OTHER], OTHER: [TOP]}
    question = WhatIf({BASE: State.DOWN})
    differs = difference(found.before.propagation.impact(question), found.after.propagation.impact(question))
    assert differs.only_after.tolist() == [OTHER]
    assert differs.worse.tolist() == [TOP]
    assert (differs.only_before.tolist(), differs.better.tolist()) == ([], [])
    assert (await application.store.head()).revision == revision
    await application.close()


async def test_the_member_that_remains_becomes_a_single_point_and_what_it_stands_on(application: Application) -> None:
    found = await plan(application, ChangeSet((Unlink(type="DEPENDS_ON", source=TOP, target=OTHER),)))
    points = {point.ordinal: point.newly.tolist() for point in new_single_points(found)}
    assert points == {ONE: [TOP], BASE: [TOP]}
    await application.close()


@pytest.mark.parametrize("seed", range(6))
async def test_new_single_points_are_all_that_closures_tell(tmp_path: Path, seed: int) -> None:
    """On random estates with pools and rings, for random plans: each CI closed alone, before and after."""
    random = Random(seed)  # noqa: S311 - a repeatable source
    application = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    await initialise(application, shipped_model(), actor="test")
    size = 12
    await write(
        application,
        *(
            Put(node=New(f"c{i}"), class_name="Cluster", name=f"c{i}", attributes=_redundancy(random))
            for i in range(size)
        ),
    )
    links = {(random.randrange(size), random.randrange(size)) for _ in range(26)}
    await write(
        application,
        *(Link(type="DEPENDS_ON", source=s, target=t, attributes=_pool(random)) for s, t in sorted(links) if s != t),
    )
    for _ in range(25):
        found = await plan(application, ChangeSet(tuple(_planned(random, size, sorted(links)))))
        told = {point.ordinal: point.newly.tolist() for point in new_single_points(found)}
        assert told == _by_closures(found)
    await application.close()


def _redundancy(random: Random) -> Patch:
    return {"redundancy": (f"a={random.choice(['any', 'all', '2', '50%'])}", "b=any")}


def _pool(random: Random) -> Patch:
    pool = random.choice(["a", "b", None, None])
    return {} if pool is None else {"pool": pool, "weight": random.randint(1, 3)}


def _planned(random: Random, size: int, links: list[tuple[int, int]]) -> list[Put | Link | Unlink | Retire]:
    operations: list[Put | Link | Unlink | Retire] = []
    for source, target in random.sample([link for link in links if link[0] != link[1]], random.randint(0, 3)):
        operations.append(Unlink(type="DEPENDS_ON", source=source, target=target))
    for _ in range(random.randint(0, 2)):
        source, target = random.sample(range(size), 2)
        operations.append(Link(type="DEPENDS_ON", source=source, target=target, key="new", attributes=_pool(random)))
    if random.random() < 0.4:
        operations.append(Put(node=random.randrange(size), attributes=_redundancy(random)))
    if random.random() < 0.2:
        operations.append(Retire(node=random.randrange(size)))
    return operations


def _by_closures(found: Planned) -> dict[int, list[int]]:
    before, after = found.before, found.after
    points: dict[int, list[int]] = {}
    for ordinal in np.flatnonzero(after.structure.present).tolist():
        one = np.array([ordinal], dtype=np.int32)
        was = set(before.propagation.close(one).tolist())
        newly = sorted(set(after.propagation.close(one).tolist()) - was - {ordinal})
        if newly:
            points[ordinal] = newly
    return points


async def test_redundancy_that_would_be_gained(application: Application) -> None:
    await write(application, Put(node=TOP, attributes={"redundancy": ("hosts=all",)}))
    change_set = ChangeSet(
        (
            Put(node=New("third"), class_name="Cluster", name="third"),
            Link(type="DEPENDS_ON", source=TOP, target=New("third"), attributes={"pool": "hosts"}),
            Put(node=TOP, attributes={"redundancy": ("hosts=2",)}),
        )
    )
    found = await plan(application, change_set)
    assert redundancy_gained(found) == (PoolOf(TOP, "hosts"),)
    assert redundancy_lost(found) == ()
    assert new_single_points(found) == ()
    question = WhatIf({ONE: State.DOWN})
    differs = difference(found.before.propagation.impact(question), found.after.propagation.impact(question))
    assert differs.better.tolist() == [TOP]
    assert found.after.roster.count(np.array([5], dtype=np.int32)) == {"Cluster": 1}
    assert len(found.before.roster) == 5
    await application.close()


async def test_what_is_planned_is_what_stands_when_it_is_written(application: Application) -> None:
    operations = (
        Put(node=New("n"), class_name="Cluster", name="n", attributes={"redundancy": ("a=any",)}),
        Link(type="DEPENDS_ON", source=New("n"), target=ONE, attributes={"pool": "a"}),
        Link(type="DEPENDS_ON", source=New("n"), target=OTHER, attributes={"pool": "a", "weight": 2}),
        Link(type="DEPENDS_ON", source=BASE, target=TOP),
        Retire(node=4),
    )
    found = await plan(application, ChangeSet(operations))
    await write(application, *operations)
    standing = await application.structures.current()
    same_ground(found.after.structure, standing.structure)
    same_answers(found.after.structure, standing.structure, WhatIf({BASE: State.DOWN}))
    await application.close()


async def test_bad_plans_are_refused_as_the_door_refuses_them(application: Application) -> None:
    with pytest.raises(Invalid, match="nothing was written"):
        await plan(application, ChangeSet((Link(type="DEPENDS_ON", source=TOP, target=99),)))
    with pytest.raises(Invalid, match="another model"):
        planned(await application.structures.current(), [ModelInstalled("{}")])
    await application.close()
