"""How fast what is there is changed: puts to existing nodes through the door, each with history and ledger.

The peer is the bare statement of the same database under the same durability: `UPDATE` of the same rows in a copy of the
file, in transactions of the same size. One put per change set waits for the disk each time, and so does the peer. On
Neo4j, which is measured at 10,000 CIs whatever the size, the peer is one `UNWIND … SET` per change set. Neighbours are
nodes that were created together and share pages of the file; anywhere is anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import apsw
import msgspec

from benchmarks import stores
from benchmarks.result import Goal, Result, at_least, faster, medians_ms
from cmdb.changeset import ChangeSet, Put
from cmdb.clock import system_clock
from cmdb.store.neo4j import Neo4jStore
from cmdb.store.neo4j.server import ToolMissing
from cmdb.store.port import Store
from cmdb.writing import INITIALISATION, Door, InitialisationGate

_MOST: Final = 50_000
_MOST_NEO4J: Final = 5_000
_AT_ONCE: Final = 1_000
_SINGLES: Final = 500
_REPEATS: Final = 3

_UPDATE: Final = "UPDATE node SET attributes = json_patch(attributes, ?2) WHERE ordinal = ?1"
_UPDATE_NEO4J: Final = """
UNWIND $rows AS row MATCH (n:Node {ordinal: row.ordinal}) SET n.description = row.description
"""


def run(size: str) -> list[Result]:
    """Operations a second, from the median of three rounds, each with other values."""
    with asyncio.Runner() as runner:
        results = list(_sqlite(runner, size))
        try:
            results += _neo4j(runner)
        except ToolMissing as missing:
            results.append(Result("Neo4j", float("nan"), "op/s", note=f"not measured: {missing.message}"))
    return results


def _sqlite(runner: asyncio.Runner, size: str) -> Iterator[Result]:
    fresh = stores.filled(size).path
    opened = stores.sqlite(stores.copied(fresh, f"changes-{size}.db"))
    store = runner.run(opened.__aenter__())
    raw = _plain(stores.copied(fresh, f"changes-raw-{size}.db"))
    ordinals = range(stores.estate(size).size)
    some = Random(3).sample(ordinals, min(_MOST, len(ordinals)))

    def update(wanted: Sequence[int], at_once: int, text: str) -> None:
        for part in stores.chunked(wanted, at_once):
            with raw:
                raw.executemany(_UPDATE, [(o, msgspec.json.encode({"description": text}).decode()) for o in part])

    for name, wanted, at_once, goal in (
        ("puts to neighbours, 1,000 in a change set", ordinals[: len(some)], _AT_ONCE, at_least(40_000)),
        ("puts anywhere, 1,000 in a change set", some, _AT_ONCE, at_least(40_000)),
        ("puts, 1 in a change set", some[:_SINGLES], 1, None),
    ):
        yield from _beside(
            name, len(wanted), _writes(runner, store, wanted, at_once), _texts(update, wanted, at_once), "UPDATE", goal
        )
    raw.close()
    runner.run(opened.__aexit__(None, None, None))


def _neo4j(runner: asyncio.Runner) -> Iterator[Result]:
    content = stores.neo4j_estate("10k")
    opened = stores.neo4j("changes")
    store = runner.run(opened.__aenter__())
    try:
        runner.run(stores.fill(store, content))
        some = Random(3).sample(range(content.size), _MOST_NEO4J)

        def update(wanted: Sequence[int], at_once: int, text: str) -> None:
            runner.run(_set_descriptions(store, wanted, at_once, text))

        for name, wanted, at_once, goal in (
            ("Neo4j: puts, 1,000 in a change set", some, _AT_ONCE, at_least(10_000)),
            ("Neo4j: puts, 1 in a change set", some[: _SINGLES // 10], 1, None),
        ):
            ours, theirs = _writes(runner, store, wanted, at_once), _texts(update, wanted, at_once)
            yield from _beside(name, len(wanted), ours, theirs, "UNWIND … SET", goal)
    finally:
        runner.run(opened.__aexit__(None, None, None))


async def _set_descriptions(store: Neo4jStore, wanted: Sequence[int], at_once: int, text: str) -> None:
    for part in stores.chunked(wanted, at_once):
        await store.connection.values(
            _UPDATE_NEO4J, {"rows": [{"ordinal": o, "description": f"{text} {o}"} for o in part]}
        )


def _beside(
    name: str, operations: int, ours: Callable[[], None], theirs: Callable[[], None], peer: str, goal: Goal | None
) -> Iterator[Result]:
    mine, bare = medians_ms([ours, theirs], _REPEATS)
    yield Result(name, operations / mine * 1e3, "op/s", goal=goal, note=f"{operations:,} operations")
    yield faster(name, mine / operations * 1e3, peer, bare / operations * 1e3, "µs/op")


def _writes(runner: asyncio.Runner, store: Store, ordinals: Sequence[int], at_once: int) -> Callable[[], None]:
    door = Door(store, gate=InitialisationGate(), clock=system_clock)

    async def write(text: str) -> None:
        for part in stores.chunked(ordinals, at_once):
            puts = tuple(Put(node=o, attributes={"description": f"{text} {o}"}) for o in part)
            await door.write(ChangeSet(puts), actor="benchmark", authority=INITIALISATION)

    rounds = count()
    return lambda: runner.run(write(f"changed in {at_once}s, round {next(rounds)}"))


def _texts(
    update: Callable[[Sequence[int], int, str], None], ordinals: Sequence[int], at_once: int
) -> Callable[[], None]:
    rounds = count()
    return lambda: update(ordinals, at_once, f"round {next(rounds)}")


def _plain(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -128000")
    return connection
