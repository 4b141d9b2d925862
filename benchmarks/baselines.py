"""Baselines of the whole estate: how long sealing takes, what is stored, and how long a comparison takes.

The peer of sealing is a plain copy of all rows, which is what a baseline without a ledger has to be: `CREATE TABLE … AS
SELECT` of nodes and relationships into another file, durable as the store is. Sealing is quick because commits keep its
leaves up; what that costs is set beside the commits that fill a store. Ten thousand nodes are then changed in ten commits;
the peer of comparing is one statement that joins the copied nodes with the present ones and gives those that differ. It
tells neither who changed them nor when, nor what came back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median_low
from typing import Final

import apsw

from benchmarks import stores
from benchmarks.estate import SIZES
from benchmarks.result import Result, at_most, cost, medians_ms
from cmdb.application import Application, open_application
from cmdb.application.baselines import Recording, record_baseline, seal_scope
from cmdb.application.comparing import compare_moments
from cmdb.baselines import Everything, Filtered
from cmdb.changeset import ChangeSet, Put
from cmdb.ledger import node_line
from cmdb.store.leaves import Part
from cmdb.store.sqlite import open_sqlite
from cmdb.store.touching import Before, kinds_of, touched_leaves
from cmdb.writing import INITIALISATION, Door, InitialisationGate
from graph_schema.reader import shipped_model

_DIFFERENCES: Final = 10_000
_COMMITS: Final = 10
_REPEATS: Final = 3
_TOUCHED: Final = 1_000
_COMMITTED: Final = "100k"
"""The size at most of the estate that is committed once more, to see what leaves cost the commits."""

_COPY: Final = """
CREATE TABLE copy.node AS SELECT * FROM main.node;
CREATE TABLE copy.relationship AS SELECT * FROM main.relationship;
"""
_DIFFER: Final = """
SELECT n.ordinal, n.key, c.attributes, n.attributes FROM copy.node AS c JOIN main.node AS n ON n.ordinal = c.ordinal
WHERE c.version <> n.version OR c.attributes <> n.attributes OR c.name <> n.name OR c.state <> n.state
"""


def run(size: str) -> list[Result]:
    """Seconds for sealing and comparing, bytes for what is stored."""
    path = stores.copied(stores.filled(size).path, f"baselines-{size}.db")
    with asyncio.Runner() as runner:
        application = runner.run(open_application(f"sqlite:///{path}"))
        try:
            return list(_measured(runner, application, path, size))
        finally:
            runner.run(application.close())


def _measured(runner: asyncio.Runner, application: Application, path: Path, size: str) -> Iterator[Result]:
    content = stores.estate(size)
    copied = path.with_name(f"copy-{size}.db")

    async def sealed() -> None:
        await seal_scope(application, Everything(), await application.store.head())

    theirs = _copy(path, copied)
    items = f"{content.size:,} CIs, {len(content.dependencies):,} relationships"
    ours = _timed(runner, sealed)
    yield Result("sealing everything for the first time", ours.wall, "s", goal=at_most(1), note=f"{ours}; {items}")
    yield cost("sealing everything for the first time", ours.wall, "a copy of all rows", theirs, "s")
    _forget(path)
    ours = _timed(runner, sealed)
    yield Result("sealing everything where no leaves are kept", ours.wall, "s", note=str(ours))
    rounds: list[Taken] = []
    for number in range(_REPEATS):
        runner.run(_change(application, content.size, _TOUCHED, f"round {number}"))
        rounds.append(_timed(runner, sealed))
    ours = median_low(rounds)
    yield Result(f"sealing everything after {_TOUCHED:,} CIs changed", ours.wall, "s", goal=at_most(1), note=str(ours))
    yield _kept_up(min(size, _COMMITTED, key=SIZES.__getitem__))
    head = runner.run(application.store.head())
    part = Filtered("name ends 7")
    (ours,) = medians_ms([lambda: runner.run(seal_scope(application, part, head))], _REPEATS)
    yield Result("sealing a tenth, by a filter", ours / 1e3, "s")

    runner.run(_change(application, content.size, _TOUCHED, "before it is recorded"))
    begun = time.perf_counter()
    made = runner.run(record_baseline(application, Recording("first", "benchmark", Everything()), actor="bench"))
    recording = time.perf_counter() - begun
    yield Result(f"recorded after {_TOUCHED:,} CIs changed, all of it", recording, "s", goal=at_most(1))
    stored = len(node_line(made.node)) + runner.run(_ledger_bytes(application))
    yield Result("stored for a baseline, node and ledger entry", stored, "bytes", goal=at_most(4096))

    runner.run(_change(application, content.size, _DIFFERENCES, "since"))

    def compared() -> None:
        found = runner.run(compare_moments(application, "first", "now"))
        _expect(len(found.differences.nodes))

    (ours,) = medians_ms([compared], _REPEATS)
    theirs = _differ(path, copied)
    yield Result("comparing, 10,000 differences", ours / 1e3, "s", goal=at_most(2))
    yield cost("comparing, 10,000 differences", ours / 1e3, "a join with the copy", theirs, "s")


async def _change(application: Application, size: int, count: int, why: str) -> None:
    door = Door(application.store, gate=InitialisationGate(), clock=application.clock)
    some = Random(4).sample(range(size), count)
    for part in range(_COMMITS):
        puts = [
            Put(node=ordinal, attributes={"description": f"looked at {part}, {why}"})
            for ordinal in some[part::_COMMITS]
        ]
        await door.write(ChangeSet(puts), actor="bench", authority=INITIALISATION)


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """Seconds on the wall, and of the processor."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.processor:.2f} s of processor time"


def _timed(runner: asyncio.Runner, work: Callable[[], Coroutine[None, None, None]]) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    runner.run(work())
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def _forget(path: Path) -> None:
    """Let go of the leaves, as in a store that was made before they were kept."""
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM leaf")
    connection.close()


def _kept_up(size: str) -> Result:
    """What the leaves of all commits that fill a store cost, beside these commits without them; processor time."""
    path = stores.folder() / f"committed-{size}.db"
    store = open_sqlite(path, create=True)
    kinds, sizes = kinds_of(shipped_model()), dict.fromkeys(Part, 0)
    leaves = commits = 0.0
    with asyncio.Runner() as runner:
        for commit in stores.commits_of(stores.estate(size)):
            begun = time.process_time()
            touched_leaves(commit.effects, Before(commit.revision, kinds, sizes, {}))
            between = time.process_time()
            runner.run(store.commit(commit))
            leaves += between - begun
            commits += time.process_time() - between
            kept = runner.run(store.counters())
            sizes = {Part.ITEMS: kept.ordinal, Part.RELATIONSHIPS: kept.relationship}
        runner.run(store.close())
    path.unlink()
    items = sizes[Part.ITEMS] + sizes[Part.RELATIONSHIPS]
    note = f"{leaves / items * 1e6:.2f} µs of processor time per item, at {size}"
    return cost("leaves kept up by commits", leaves, "commits without them", commits - leaves, "s", note=note)


async def _ledger_bytes(application: Application) -> int:
    """Of the newest entry, before it is packed."""
    head = await application.store.head()
    return sum([len(commit.body) async for commit in application.store.commits(head.revision - 1)])


def _expect(found: int) -> None:
    if found != _DIFFERENCES:
        raise RuntimeError(f"{found} differences were found, {_DIFFERENCES} were made")


def _copy(path: Path, copied: Path) -> float:
    connection = apsw.Connection(str(path))
    connection.execute("ATTACH ? AS copy", (str(copied),))
    connection.execute("PRAGMA copy.journal_mode = wal; PRAGMA copy.synchronous = FULL")
    begun = time.perf_counter()
    with connection:
        connection.execute(_COPY)
    connection.execute("PRAGMA copy.wal_checkpoint(FULL)")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def _differ(path: Path, copied: Path) -> float:
    connection = apsw.Connection(str(path))
    connection.execute("ATTACH ? AS copy", (str(copied),))
    begun = time.perf_counter()
    found = connection.execute(_DIFFER).fetchall()
    seconds = time.perf_counter() - begun
    _expect(len(found))
    connection.close()
    return seconds
