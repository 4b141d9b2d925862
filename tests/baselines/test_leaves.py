"""Sealing everything from kept leaves gives what sealing it from the beginning gives, whatever happened in between."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from cmdb.application import Application
from cmdb.application.baselines import Recording, record_baseline, seal_scope
from cmdb.application.proving import verify_baseline
from cmdb.baselines import Everything
from cmdb.baselines.content import content_of
from cmdb.baselines.proving import Proof
from cmdb.baselines.sealing import seal
from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire, Unlink
from cmdb.filters import Direction
from cmdb.store.leaves import Leaf, Part, packed
from cmdb.writing import INITIALISATION
from tests.changes.office import an_estate


async def as_from_the_beginning(application: Application, revision: int | None = None) -> None:
    store = application.store
    head = await store.head()
    if revision is not None:
        [head] = [commit.head async for commit in store.commits(revision - 1, revision)]
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
        revisions: list[int] = []
        for _ in range(12):
            for _ in range(random.randint(1, 4)):
                operation = await _one(application, random, machines)
                await application.door.write(ChangeSet((operation,)), actor="carla", authority=INITIALISATION)
            await as_from_the_beginning(application)
            revisions.append((await application.store.head()).revision)
        for revision in random.sample(revisions, 4):
            await as_from_the_beginning(application, revision)
        await as_from_the_beginning(application)


async def test_an_altered_leaf_is_read_again_and_a_forged_one_is_found_by_verification(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        await as_from_the_beginning(application)
        connection = apsw.Connection(str(tmp_path / "store.sqlite"))
        connection.execute("UPDATE leaf SET body = CAST(substr(body, 1, 5) || x'00' || substr(body, 7) AS BLOB)")
        await as_from_the_beginning(application)
        assert (await _proof(application, "healed")).holds
        forged = packed(Part.ITEMS, 0, Leaf(1, bytes(32)))
        connection.execute("UPDATE leaf SET body = ? WHERE part = ? AND bucket = 0", (forged, Part.ITEMS))
        connection.close()
        proof = await _proof(application, "forged")
        assert any("names the root" in finding.message for finding in proof.findings)


async def _proof(application: Application, name: str) -> Proof:
    await record_baseline(application, Recording(name, "to be proven", Everything()), actor="carla")
    return await verify_baseline(application, name)


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
