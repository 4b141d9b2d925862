"""Sealing everything from kept leaves gives what sealing it from the beginning gives, whatever happened in between."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cmdb.application import Application
from cmdb.application.baselines import seal_scope
from cmdb.baselines import Everything
from cmdb.baselines.content import content_of
from cmdb.baselines.leaves import KEPT
from cmdb.baselines.sealing import seal
from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire, Unlink
from cmdb.filters import Direction
from cmdb.writing import INITIALISATION
from tests.changes.office import an_estate


async def as_from_the_beginning(application: Application) -> None:
    store = application.store
    head = await store.head()
    made = await seal_scope(application, Everything(), head)
    content = await content_of(store, application.follower, Everything(), head.revision)
    assert made.root == await seal(store, content, head.revision)
    assert (made.items, made.relationships) == (len(content.items), len(content.relationships))


@pytest.mark.parametrize("seed", range(3))
async def test_from_kept_leaves_as_from_the_beginning(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a repeatable source
    async with an_estate(tmp_path, closed=False) as (application, _):
        many = [Put(node=New(f"m{i}"), class_name="VirtualMachine", name=f"m{i}") for i in range(600)]
        created = (await application.door.write(ChangeSet(many), actor="carla", authority=INITIALISATION)).created
        machines = list(created.values())
        await as_from_the_beginning(application)
        assert await application.store.kept(KEPT) is not None
        for _ in range(12):
            for _ in range(random.randint(1, 4)):
                operation = await _one(application, random, machines)
                await application.door.write(ChangeSet((operation,)), actor="carla", authority=INITIALISATION)
            await as_from_the_beginning(application)
        await application.store.keep(KEPT, b"nonsense")
        await as_from_the_beginning(application)


async def _one(application: Application, random: Random, machines: list[int]) -> Operation:
    one, other = random.sample(machines, 2)
    match random.randrange(5):
        case 0:
            return Put(
                node=New("new"), class_name=random.choice(["VirtualMachine", "Team"]), name=f"n{random.random()}"
            )
        case 1:
            machines.remove(one)
            return Retire(node=one)
        case 2:
            links = await application.store.relationships(machines, Direction.OUT, ["USES"])
            if links:
                link = random.choice(links)
                return Unlink(type="USES", source=link.source, target=link.target)
            return Link(type="USES", source=one, target=other)
        case 3:
            return Link(type="USES", source=one, target=other, attributes={"weight": random.randint(1, 9)})
        case _:
            return Put(node=one, attributes={"description": str(random.random())})
