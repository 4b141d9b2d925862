"""Statements follow the depth of a query, never the number of rows."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from api.graphql.loading import Batch, Once
from cmdb.application import Application
from cmdb.changeset import Link, New, Operation, Put
from tests.api.counting import counted
from tests.api.estate import Desk, items, opened, write

QUESTIONS = {
    "a list": """{ nodes(class: "VirtualServer", first: 500) {
        totalCount edges { node { key name ... on VirtualServer { share } } } } }""",
    "relationships of a list": """{ nodes(class: "VirtualServer", first: 500) { edges { node { key
        relationships(first: 3) { totalCount pageInfo { hasNextPage } edges { node { name } relationship { type } } } } } } }""",
    "two levels, both ways": """{ nodes(class: "VirtualServer", first: 500) { edges { node { observed { value }
        out: relationships(first: 2, types: ["RUNS_ON"]) { edges { node { key
            in: relationships(direction: IN, first: 2) { totalCount edges { node { name classLabel { zh } } } } } } } } } } }""",
    "dependents with paths": """{ dependents(of: ["Server:base"]) { total countsByClass { className count }
        hits(first: 500) { edges { node { distance node { key } path { type dependent { key } provider { key } } } } } } }""",
    "hits with reasons, groups, pools": """{ impact(of: ["Server:base"]) { hitIds
        hits(first: 500) { edges { node { node { key } reasons { members { node { key } } } path { type } } } }
        groups(by: CLASS) { edges { node { value hits(first: 300) { edges { node { node { name } path { type } } } } } } }
        pools(first: 500) { totalCount edges { node { owner { key } reason { members { node { key } } } } } } } }""",
    "a plan": """{ impact(of: ["Server:base", "@new"], planned: [
          { put: { ref: "@new", class: "Server", name: "new" } },
          { link: { type: "RUNS_ON", from: "VirtualServer:v1", to: "@new" } }]) {
        hits(first: 500) { edges { node { node { key relationships { totalCount } } path { type } } } }
        plan { before { hits(first: 500) { totalCount } } difference { worse(first: 500) { edges { node { before } } } }
          newSinglePoints { edges { node { takes { key } } } } redundancyLost { totalCount } } } }""",
    "history": """{ history(ref: "Server:base", first: 500) {
        totalCount edges { node { step relationship { from { name } } } } } }""",
}


async def _fan(application: Application, size: int) -> None:
    """`size` virtual servers, each of which runs on its own server and on one that all share."""
    operations: list[Operation] = [Put(node=New("base"), class_name="Server", name="base")]
    for number in range(size):
        vm, host = New(f"v{number}"), New(f"h{number}")
        operations += [
            Put(node=vm, class_name="VirtualServer", name=f"v{number}"),
            Put(node=host, class_name="Server", name=f"h{number}"),
            Link(type="RUNS_ON", source=vm, target=host),
            Link(type="RUNS_ON", source=vm, target=New("base")),
        ]
    await write(application, *operations)


async def _calls(folder: Path, size: int, query: str) -> Counter[str]:
    async with opened(folder) as plain:
        await _fan(plain, size)
        application, calls = counted(plain)
        desk = Desk.on(application)
        await desk.ask("{ revision }")
        await application.follower.current()
        await application.structures.current()
        calls.clear()
        await desk.ask(query)
        return calls


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS.keys())
async def test_ten_rows_and_five_hundred_take_the_same_reads(
    tmp_path_factory: pytest.TempPathFactory, query: str
) -> None:
    few = await _calls(tmp_path_factory.mktemp("few"), 10, query)
    many = await _calls(tmp_path_factory.mktemp("many"), 500, query)
    assert few == many
    assert sum(few.values()) <= 40, few


async def test_a_page_of_hits_reads_that_page_alone(tmp_path: Path) -> None:
    query = """query ($first: Int!) {
        dependents(of: ["Server:base"]) { total hits(first: $first) { edges { node { node { key } } } } } }"""
    async with opened(tmp_path) as plain:
        await _fan(plain, 50)
        application, _ = counted(plain)
        read: list[int] = []
        nodes = plain.store.nodes

        class Watching:
            def __getattr__(self, name: str) -> object:
                return self._nodes if name == "nodes" else getattr(plain.store, name)

            async def _nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> object:
                read.append(len(ordinals))
                return await nodes(ordinals, as_of)

        watched = Application(Watching(), application.door, plain.follower, plain.structures, plain.clock)  # pyright: ignore[reportArgumentType]  # stands before a store
        found = await Desk.on(watched).ask(query, "dependents", "hits", "edges", first=5)
        assert len(items(found)) == 5
        assert max(read) == 5


async def test_a_batch_fetches_what_is_ready_together_once() -> None:
    asked: list[list[int]] = []

    async def fetch(keys: list[int]) -> Mapping[int, str]:
        asked.append(keys)
        return {key: str(key) for key in keys if key != 3}

    batch = Batch(fetch)
    assert await asyncio.gather(batch.load([1, 2]), batch.load([2, 3]), batch.load([])) == [["1", "2"], ["2", None], []]
    assert await batch.load([3, 4, 1]) == [None, "4", "1"]
    assert asked == [[1, 2, 3], [4]]


async def test_a_failed_fetch_fails_for_all_who_wait() -> None:
    async def fetch(_keys: list[int]) -> Mapping[int, str]:
        raise LookupError("gone")

    batch = Batch(fetch)
    failures = await asyncio.gather(batch.load([1]), batch.load([2]), return_exceptions=True)
    assert [type(failure) for failure in failures] == [LookupError, LookupError]


async def test_once_fetches_once() -> None:
    looks: list[int] = []

    async def fetch() -> int:
        looks.append(1)
        await asyncio.sleep(0)
        return 7

    once = Once(fetch)
    assert await asyncio.gather(once.get(), once.get()) == [7, 7]
    assert looks == [1]
