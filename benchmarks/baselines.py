"""Baselines of the whole estate: how long sealing takes, what is stored, and how long a comparison takes.

The peer of sealing is a plain copy of all rows, which is what a baseline without a ledger has to be: `CREATE TABLE … AS
SELECT` of nodes and relationships into another file, durable as the store is. Ten thousand nodes are then changed in ten
commits; the peer of comparing is one statement that joins the copied nodes with the present ones and gives those that
differ. It tells neither who changed them nor when, nor what came back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import apsw

from benchmarks import stores
from benchmarks.result import Result, at_most, cost, medians_ms
from cmdb.application import Application, open_application
from cmdb.application.baselines import Recording, record_baseline, seal_scope
from cmdb.application.comparing import compare_moments
from cmdb.baselines import Everything, Filtered
from cmdb.baselines.leaves import KEPT
from cmdb.changeset import ChangeSet, Put
from cmdb.ledger import node_line
from cmdb.writing import INITIALISATION, Door, InitialisationGate

_DIFFERENCES: Final = 10_000
_COMMITS: Final = 10
_REPEATS: Final = 3

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
    head = runner.run(application.store.head())

    def sealed(kept: bytes) -> None:
        runner.run(application.store.keep(KEPT, kept))
        runner.run(seal_scope(application, Everything(), head))

    copied = path.with_name(f"copy-{size}.db")
    (ours,) = medians_ms([lambda: sealed(b"")], 1)
    theirs = _copy(path, copied)
    items = f"{content.size:,} CIs, {len(content.dependencies):,} relationships and more"
    yield Result("sealing everything, the first time", ours / 1e3, "s", note=items)
    yield cost("sealing everything, the first time", ours / 1e3, "a copy of all rows", theirs, "s")
    leaves = runner.run(application.store.kept(KEPT)) or b""
    runner.run(_change(application, content.size, 1_000))
    head = runner.run(application.store.head())
    (ours,) = medians_ms([lambda: sealed(leaves)], _REPEATS)
    yield Result("sealing everything after 1,000 CIs changed", ours / 1e3, "s", goal=at_most(1))
    part = Filtered("name ends 7")
    (ours,) = medians_ms([lambda: runner.run(seal_scope(application, part, head))], _REPEATS)
    yield Result("sealing a tenth, by a filter", ours / 1e3, "s")

    made = runner.run(record_baseline(application, Recording("first", "benchmark", Everything()), actor="bench"))
    stored = len(node_line(made.node)) + runner.run(_ledger_bytes(application))
    yield Result("stored for a baseline, node and ledger entry", stored, "bytes", goal=at_most(4096))

    runner.run(_change(application, content.size, _DIFFERENCES))

    def compared() -> None:
        found = runner.run(compare_moments(application, "first", "now"))
        _expect(len(found.differences.nodes))

    (ours,) = medians_ms([compared], _REPEATS)
    theirs = _differ(path, copied)
    yield Result("comparing, 10,000 differences", ours / 1e3, "s", goal=at_most(2))
    yield cost("comparing, 10,000 differences", ours / 1e3, "a join with the copy", theirs, "s")


async def _change(application: Application, size: int, count: int) -> None:
    door = Door(application.store, gate=InitialisationGate(), clock=application.clock)
    some = Random(4).sample(range(size), count)
    for part in range(_COMMITS):
        puts = [
            Put(node=ordinal, attributes={"description": f"looked at {part}, {count}"})
            for ordinal in some[part::_COMMITS]
        ]
        await door.write(ChangeSet(puts), actor="bench", authority=INITIALISATION)


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
