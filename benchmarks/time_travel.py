"""Reading the past: one CI, its history, a million relationships and the whole graph, as of a revision.

The store is the estate with a past: a fiftieth of its nodes was changed and a fiftieth of its relationships ended in ten
commits, and what is asked is how it was before them. Beside each figure stands the same read of the present, and the
rows alone: the same statement's rows as the driver gives them, without making values of them. Single reads are timed by
the thousand, of nodes chosen at random.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import Final, LiteralString

import apsw

from benchmarks import stores
from benchmarks.result import Goal, Result, at_most, cost, medians_ms
from cmdb.store.neo4j import Neo4jStore
from cmdb.store.neo4j.server import ToolMissing
from cmdb.store.port import Store

_READS: Final = 1_000
_REPEATS: Final = 5
_FEW: Final = 2

_ROW_THEN: Final = """
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node WHERE ordinal = ?1 AND since <= ?2
UNION ALL
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node_version
WHERE ordinal = ?1 AND since <= ?2 AND until > ?2
"""
_ROWS_EVER: Final = """
SELECT ordinal, key, class, name, state, retired, attributes, version, since, 0 FROM node WHERE ordinal = ?1
UNION ALL
SELECT ordinal, key, class, name, state, retired, attributes, version, since, until FROM node_version WHERE ordinal = ?1
"""
_EDGES_THEN: Final = """
SELECT id, type, source, target FROM relationship WHERE since <= ?1
UNION ALL SELECT id, type, source, target FROM relationship_version WHERE until > ?1 AND since <= ?1
"""
_NODES_THEN: Final = """
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node WHERE since <= ?1
UNION ALL
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node_version
WHERE until > ?1 AND since <= ?1
"""

_CYPHER_NODE: Final = """
MATCH (n:Node {ordinal: $ordinal}) WHERE n.since <= $as_of RETURN n{.*}
UNION ALL MATCH (n:_NodeVersion {ordinal: $ordinal}) WHERE n.since <= $as_of AND n._until > $as_of RETURN n{.*}
"""
_CYPHER_EDGES: Final = """
MATCH (n:Node)-[r]->(m:Node) WHERE n.ordinal >= $first AND n.ordinal < $beyond AND r.since <= $as_of
RETURN r.id, type(r), n.ordinal, m.ordinal
"""
_NODES_AT_ONCE: Final = 4_000
_RAW_NODES: Final = 20_000
"""Nodes at most whose relationships are read row by row from Neo4j, for a rate: all of them would take minutes."""


def run(size: str) -> list[Result]:
    """Medians: microseconds or milliseconds for one, seconds for a million."""
    with asyncio.Runner() as runner:
        results = list(_sqlite(runner, size))
        try:
            results += _neo4j(runner, size)
        except ToolMissing as missing:
            results.append(Result("Neo4j", float("nan"), "ms", note=f"not measured: {missing.message}"))
    return results


def _sqlite(runner: asyncio.Runner, size: str) -> Iterator[Result]:
    aged, content = stores.aged(size), stores.estate(size)
    opened = stores.sqlite(aged.path)
    store = runner.run(opened.__aenter__())
    raw = apsw.Connection(str(aged.path), flags=apsw.SQLITE_OPEN_READONLY)
    some = Random(2).sample(range(content.size), _READS)

    def rows(statement: LiteralString, *further: int) -> None:
        for ordinal in some:
            raw.execute(statement, (ordinal, *further)).fetchall()

    then, now, bare = medians_ms(
        [
            lambda: runner.run(_each(some, lambda o: store.nodes([o], aged.before))),
            lambda: runner.run(_each(some, lambda o: store.nodes([o]))),
            lambda: rows(_ROW_THEN, aged.before),
        ],
        _REPEATS,
    )
    yield from _beside("one CI as of a revision", then, now, bare, "µs", at_most(20))
    ever, bare = medians_ms([lambda: runner.run(_each(some, store.history)), lambda: rows(_ROWS_EVER)], _REPEATS)
    yield cost("history of a CI", ever, "its rows alone", bare, "µs")

    millions = len(content.dependencies) / 1e6
    types = runner.run(_types(store))
    then, now, bare = (
        ms / 1e3 / millions
        for ms in medians_ms(
            [
                lambda: runner.run(store.relationship_columns(types, aged.before)),
                lambda: runner.run(store.relationship_columns(types)),
                lambda: _drain(raw.execute(_EDGES_THEN, (aged.before,))),
            ],
            _FEW,
        )
    )
    yield from _beside("a million relationships as of a revision", then, now, bare, "s", at_most(0.5))
    items = (content.size + len(content.dependencies)) / 1e6
    then = _seconds(lambda: runner.run(_export(store, aged.before))) / items
    now = _seconds(lambda: runner.run(_export(store, None))) / items
    rows_then = (raw.execute(statement, (aged.before,)) for statement in (_NODES_THEN, _EDGES_THEN))
    bare = _seconds(lambda: _drain(*rows_then)) / items
    yield from _beside("a million items of the whole graph as of a revision", then, now, bare, "s")
    raw.close()
    runner.run(opened.__aexit__(None, None, None))


def _neo4j(runner: asyncio.Runner, size: str) -> Iterator[Result]:
    content = stores.neo4j_estate(size)
    opened = stores.aged_neo4j(size)
    store, before = runner.run(opened.__aenter__())
    try:
        some = Random(2).sample(range(content.size), _READS // 4)
        raw = _CypherRows(store, before)
        then, now, bare = (
            ms / len(some)
            for ms in medians_ms(
                [
                    lambda: runner.run(_each(some, lambda o: store.nodes([o], before))),
                    lambda: runner.run(_each(some, lambda o: store.nodes([o]))),
                    lambda: runner.run(_each(some, raw.node)),
                ],
                _FEW,
            )
        )
        yield from _beside("Neo4j: one CI as of a revision", then, now, bare, "ms", at_most(2))
        (ever,) = medians_ms([lambda: runner.run(_each(some, store.history))], _FEW)
        yield Result("Neo4j: history of a CI", ever / len(some), "ms")
        millions = len(content.dependencies) / 1e6
        types = runner.run(_types(store))
        part = min(content.size, _RAW_NODES)
        then, now, bare = (
            ms / 1e3
            for ms in medians_ms(
                [
                    lambda: runner.run(store.relationship_columns(types, before)),
                    lambda: runner.run(store.relationship_columns(types)),
                    lambda: runner.run(raw.edges(part)),
                ],
                1,
            )
        )
        then, now, bare = then / millions, now / millions, bare / millions * content.size / part
        yield from _beside("Neo4j: a million relationships as of a revision", then, now, bare, "s", at_most(3))
        items = (content.size + len(content.dependencies)) / 1e6
        then = _seconds(lambda: runner.run(_export(store, before))) / items
        now = _seconds(lambda: runner.run(_export(store, None))) / items
        yield cost("Neo4j: a million items of the whole graph as of a revision", then, "the present", now, "s")
    finally:
        runner.run(opened.__aexit__(None, None, None))


class _CypherRows:
    """The rows alone, as the driver gives them."""

    def __init__(self, store: Neo4jStore, as_of: int) -> None:
        self._values = store.connection.values
        self._as_of = as_of

    async def node(self, ordinal: int) -> object:
        return await self._values(_CYPHER_NODE, {"ordinal": ordinal, "as_of": self._as_of})

    async def edges(self, size: int) -> None:
        for first in range(0, size, _NODES_AT_ONCE):
            wanted = {"first": first, "beyond": first + _NODES_AT_ONCE, "as_of": self._as_of}
            await self._values(_CYPHER_EDGES, wanted)


def _beside(name: str, then: float, now: float, bare: float, unit: str, goal: Goal | None = None) -> Iterator[Result]:
    yield Result(name, then, unit, goal=goal)
    yield cost(name, then, "the present", now, unit)
    yield cost(name, then, "the rows alone", bare, unit)


async def _each(ordinals: Sequence[int], read: Callable[[int], Awaitable[object]]) -> None:
    for ordinal in ordinals:
        await read(ordinal)


async def _types(store: Store) -> list[str]:
    model = await store.model()
    return [t.name for t in model.relationship_types] if model else []


async def _export(store: Store, as_of: int | None) -> None:
    await _drained(store.all_nodes(as_of))
    await _drained(store.all_relationships(as_of))


async def _drained(batches: AsyncIterator[list[object]] | AsyncIterator[object]) -> None:
    async for _ in batches:
        pass


def _seconds(work: Callable[[], object]) -> float:
    """Of one run: what reads everything is long enough, and warm by what went before."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _drain(*cursors: Iterator[object]) -> None:
    for cursor in cursors:
        deque(cursor, maxlen=0)
