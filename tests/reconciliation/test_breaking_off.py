"""An import that breaks off leaves whole commits, and is finished by the next."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from cmdb.errors import Refused
from cmdb.reconciliation.applying import Chunks
from cmdb.reconciliation.claims import Item
from cmdb.writing import WriteRequest
from tests.reconciliation.world import World, a_world, link, node

SMALL = Chunks(nodes=4, links=6)


class DyingGate:
    """A gate that refuses everything after some commits."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def check(self, request: WriteRequest) -> None:
        self.left -= 1
        if self.left < 0:
            raise Refused("no more today")


def estate(size: int) -> list[Item]:
    nodes = [node(f"n{number:05}", count=number) for number in range(size)]
    links = [link(f"n{number:05}", f"n{number * 7 % size:05}", port=number % 3) for number in range(size)]
    return [*nodes, *links]


@pytest.mark.parametrize("commits", range(8))
async def test_what_is_left_is_done_by_the_next_import(tmp_path: Path, commits: int) -> None:
    items = estate(16)
    async with a_world(tmp_path / "whole.db") as world:
        await world.take_in("s", *items)
        expected = [(n.key, n.name, n.attributes) for n in await world.nodes()]
        edges = sorted((r.type, r.source, r.target, sorted(r.attributes.items())) for r in await world.relationships())
    async with a_world(tmp_path / "broken.db") as world:
        world.gate = DyingGate(commits)
        if commits < 7:
            with pytest.raises(Refused):
                await world.apply(await world.plan("s", items), chunks=SMALL)
        else:
            await world.apply(await world.plan("s", items), chunks=SMALL)
        assert (await world.store.head()).revision == 1 + min(commits, 7)
        world.gate = DyingGate(1000)
        rest = await world.plan("s", items)
        assert len(rest.create) == max(0, 16 - 4 * commits)
        assert len(rest.link) == 16 - max(0, min(6 * (commits - 4), 16))
        assert not rest.messages
        await world.apply(rest, chunks=SMALL)
        assert [(n.key, n.name, n.attributes) for n in await world.nodes()] == expected
        assert (
            sorted((r.type, r.source, r.target, sorted(r.attributes.items())) for r in await world.relationships())
            == edges
        )
        assert (await world.plan("s", items)).unchanged
        assert [n.version for n in await world.nodes()] == [1] * 16


async def test_retirements_that_broke_off_are_planned_again(world: World) -> None:
    await world.take_in("s", *estate(10))
    less = [node("n00000", count=0)]
    world.gate = DyingGate(2)
    with pytest.raises(Refused):
        await world.apply(await world.plan("s", less), chunks=SMALL)
    world.gate = DyingGate(100)
    plan = await world.plan("s", less)
    assert len(plan.retire) == 9 - 4
    await world.apply(plan, chunks=SMALL)
    assert [n.name for n in await world.nodes() if not n.retired] == ["n00000"]
    assert (await world.plan("s", less)).unchanged


_CHILD = """
import asyncio, sys
from pathlib import Path
from cmdb.reconciliation.applying import Chunks
from tests.reconciliation.test_breaking_off import estate
from tests.reconciliation.world import a_world

async def main() -> None:
    async with a_world(Path(sys.argv[1])) as world:
        print("begins", flush=True)
        await world.apply(await world.plan("s", estate(400)), chunks=Chunks(nodes=5, links=5))
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.3])
async def test_a_killed_process_leaves_whole_commits(tmp_path: Path, delay: float) -> None:
    path = tmp_path / "store.db"
    root = Path(__file__).parents[2]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(path), stdout=PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"begins\n"
    await asyncio.sleep(delay)
    child.kill()
    await child.wait()
    async with a_world(path) as world:
        nodes, relationships = await world.nodes(), await world.relationships()
        claims = [claim async for batch in world.store.claims("s") for claim in batch]
        assert len(claims) == len(nodes) + len(relationships)
        assert len(nodes) % 5 == 0
        await world.take_in("s", *estate(400))
        assert len(await world.nodes()) == 400
        assert len(await world.relationships()) == 400
        assert (await world.plan("s", estate(400))).unchanged
