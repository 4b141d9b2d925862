"""How fast an export is taken in: read, identified, planned, checked, versioned, in the ledger, with its claims.

The peer is the same file loaded raw into plain tables of the same database (`executemany`, the same chunks, the same
three indexes of nodes and two of relationships, no history, ledger, claims, search or checks): what the store itself
costs. Both run in this process, one after the other. Rates are by the clock on the wall; on a busy machine compare the
ratio, or the processor seconds in the notes.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString, TypeVar

import apsw
import msgspec
from neo4j import AsyncDriver, AsyncGraphDatabase

from benchmarks.estate import Estate, generate
from benchmarks.result import Result, at_least, at_most, faster
from cmdb.changeset import ChangeSet, Put
from cmdb.clock import system_clock
from cmdb.reconciliation.applying import apply_plan
from cmdb.reconciliation.importing import plan_import
from cmdb.store.neo4j import open_neo4j
from cmdb.store.port import Store
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION, Door, InitialisationGate, found
from graph_schema.reader import shipped_model
from importers.ndjson import Ndjson

T = TypeVar("T")

_CIS: Final = {"10k": 10_000, "100k": 200_000, "1m": 1_000_000}
"""The goals are about 200,000 CIs and a million relationships, so that is what `100k` measures here."""
_NEO4J_CIS: Final = {"10k": 5_000, "100k": 20_000, "1m": 100_000}
_CHANGES: Final = 50_000
_NODES, _LINKS = 5_000, 20_000
_ESTATE: Final = "0123456789ab8def8123"

_TABLES: Final = """
CREATE TABLE node(id INTEGER PRIMARY KEY, key TEXT, class TEXT, name TEXT, state TEXT, attributes TEXT);
CREATE UNIQUE INDEX node_key ON node(key);
CREATE INDEX node_name ON node(name);
CREATE INDEX node_class ON node(class);
CREATE TABLE relationship(
  id INTEGER PRIMARY KEY, type TEXT, source INTEGER, target INTEGER, key TEXT, attributes TEXT
);
CREATE UNIQUE INDEX relationship_natural ON relationship(source, type, target, key);
CREATE INDEX relationship_target ON relationship(target, type);
"""
_RAW_INDEX: Final[LiteralString] = "CREATE CONSTRAINT raw_ordinal IF NOT EXISTS FOR (n:Raw) REQUIRE n.ordinal IS UNIQUE"
_RAW_NODES: Final[LiteralString] = "UNWIND $rows AS row CREATE (n:Raw) SET n = row"
_RAW_LINKS: Final[LiteralString] = """
UNWIND $rows AS row MATCH (a:Raw {ordinal: row[0]}) MATCH (b:Raw {ordinal: row[1]}) CREATE (a)-[:LINK {id: row[2]}]->(b)
"""
_RAW_WIPE: Final[LiteralString] = "MATCH (n:Raw) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds on the wall, and of the processor."""

    wall: float
    processor: float


def run(size: str) -> list[Result]:
    """SQLite at this size; Neo4j at a smaller one where `CMDB_BENCH_NEO4J` names a server, whose graph is lost."""
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(_sqlite(Path(folder), _CIS[size]))
        if server := os.environ.get("CMDB_BENCH_NEO4J"):
            results += asyncio.run(_neo4j(Path(folder), server, _NEO4J_CIS[size]))
    return results


async def _sqlite(folder: Path, size: int) -> list[Result]:
    export = folder / "estate.ndjson"
    estate = generate(size)
    items = _write_export(estate, export)
    raw = await _timed(lambda: asyncio.to_thread(_raw_load, export, folder / "raw.db"))
    path = folder / "store.db"
    store = open_sqlite(path, create=True)
    door = await _door(store)
    first = await _timed(lambda: _take_in(door, export))
    again = await _timed(lambda: _take_in(door, export))
    copied = folder / "copy.ndjson"
    copied.write_bytes(export.read_bytes() + b"\n")
    other = await _timed(lambda: _take_in(door, copied))
    ledger, whole = _bytes(path)
    operations = min(size, _CHANGES)
    changes = await _timed(lambda: _change(door, operations))
    await store.close()
    return [
        Result("first import", items / first.wall, "items/s", goal=at_least(120_000), note=_note(first, items)),
        faster("first import, beside raw load", first.wall, "raw executemany", raw.wall, "s", note=_note(raw, items)),
        faster("same input again", again.wall, "first import", first.wall, "s", goal=at_least(10)),
        faster(
            "other bytes, same claims",
            other.wall,
            "first import",
            first.wall,
            "s",
            note="each claim known by its digest",
        ),
        Result("changes", operations / changes.wall, "op/s", goal=at_least(40_000), note=_note(changes, operations)),
        Result("ledger", ledger / items, "bytes/op", goal=at_most(20)),
        Result("database", whole / items, "bytes/item", goal=at_most(150), note="claims included"),
    ]


async def _neo4j(folder: Path, server: str, size: int) -> list[Result]:
    export = folder / "small.ndjson"
    estate = generate(size)
    items = _write_export(estate, export)
    await _raw_neo4j(server, estate)
    raw = await _timed(lambda: _raw_neo4j(server, estate))
    store = await open_neo4j(server)
    door = await _door(store)
    first = await _timed(lambda: _take_in(door, export))
    changes = await _timed(lambda: _change(door, min(size, _CHANGES)))
    await store.close()
    operations = min(size, _CHANGES)
    return [
        faster(
            "Neo4j: first import",
            first.wall,
            "warm raw UNWIND",
            raw.wall,
            "s",
            goal=at_least(0.85),
            note=_note(first, items),
        ),
        Result("Neo4j: changes", operations / changes.wall, "op/s", goal=at_least(10_000)),
    ]


async def _door(store: Store) -> Door:
    await found(store, shipped_model(), estate=_ESTATE, actor="benchmark", clock=system_clock)
    return Door(store, gate=InitialisationGate(), clock=system_clock)


async def _take_in(door: Door, export: Path) -> None:
    model = await door.store.model()
    if model is None:
        raise ValueError("the store is empty")
    plan = await plan_import(door.store, model, Ndjson(), [export], "benchmark")
    if plan.errors:
        raise ValueError(f"the export does not fit the model: {plan.errors[0].message}")
    await apply_plan(door, plan, actor="benchmark", authority=INITIALISATION)


async def _change(door: Door, operations: int) -> None:
    for start in range(0, operations, _NODES):
        puts = (
            Put(node=ordinal, attributes={"description": f"changed {ordinal}"})
            for ordinal in range(start, min(start + _NODES, operations))
        )
        await door.write(ChangeSet(tuple(puts)), actor="benchmark", authority=INITIALISATION)


def _write_export(estate: Estate, path: Path) -> int:
    """Write an estate as the product exports it; how many lines."""
    names: list[str] = []
    lines = 0
    with path.open("w", encoding="utf-8") as file:
        for line in _export(estate, names):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            lines += 1
    return lines


def _export(estate: Estate, names: list[str]) -> Iterator[dict[str, object]]:
    for class_name, name, attributes in estate.nodes():
        names.append(name)
        yield {"node": {"id": name, "class": class_name, "name": name, "state": "in_use", "attributes": attributes}}
    for kind, source, target in estate.relationships():
        yield {"relationship": {"type": kind, "from": names[source], "to": names[target], "key": "", "attributes": {}}}


class _Node(msgspec.Struct):
    id: str
    class_name: str = msgspec.field(name="class")
    name: str
    state: str
    attributes: msgspec.Raw


class _Relationship(msgspec.Struct):
    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    key: str


class _Line(msgspec.Struct):
    node: _Node | None = None
    relationship: _Relationship | None = None


def _raw_load(export: Path, path: Path) -> None:
    """Rows into tables, and nothing else."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -128000")
    connection.execute(_TABLES)
    decode = msgspec.json.Decoder(_Line).decode
    ordinal_of: dict[str, int] = {}
    nodes: list[tuple[int, str, str, str, str, str]] = []
    links: list[tuple[int, str, int, int, str, None]] = []
    count = 0

    def flush() -> None:
        with connection:
            connection.executemany("INSERT INTO node VALUES(?, ?, ?, ?, ?, ?)", nodes)
            connection.executemany("INSERT INTO relationship VALUES(?, ?, ?, ?, ?, ?)", links)
        nodes.clear()
        links.clear()

    with export.open("rb") as file:
        for text in file:
            line = decode(text)
            if (n := line.node) is not None:
                ordinal = ordinal_of[n.id] = len(ordinal_of)
                nodes.append((ordinal, n.id, n.class_name, n.name, n.state, bytes(n.attributes).decode()))
            elif (r := line.relationship) is not None:
                count += 1
                links.append((count, r.type, ordinal_of[r.source], ordinal_of[r.target], r.key, None))
            if len(nodes) >= _NODES or len(links) >= _LINKS:
                flush()
    flush()
    connection.close()


async def _raw_neo4j(server: str, estate: Estate) -> None:
    """The same nodes and relationships by UNWIND, matched by an indexed number."""
    connected: AsyncDriver = AsyncGraphDatabase.driver(server)  # pyright: ignore[reportUnknownMemberType]  # open keywords
    async with connected as driver, driver.session() as session:  # pyright: ignore[reportUnknownMemberType]  # the driver leaves its session untyped here
        await (await session.run(_RAW_WIPE)).consume()
        await (await session.run(_RAW_INDEX)).consume()
        nodes = [
            {"ordinal": ordinal, "class": class_name, "name": name, "state": "in_use", **attributes}
            for ordinal, (class_name, name, attributes) in enumerate(estate.nodes())
        ]
        for start in range(0, len(nodes), _NODES):
            await (await session.run(_RAW_NODES, rows=nodes[start : start + _NODES])).consume()
        links = [[source, target, ident] for ident, (_, source, target) in enumerate(estate.relationships())]
        for start in range(0, len(links), _LINKS):
            await (await session.run(_RAW_LINKS, rows=links[start : start + _LINKS])).consume()


def _bytes(path: Path) -> tuple[int, int]:
    """Bytes of the ledger's table, and of all tables and indexes."""
    connection = apsw.Connection(str(path))
    sizes: dict[str, int] = dict(connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall())
    connection.close()
    return sizes["ledger"], sum(sizes.values())


async def _timed(work: Callable[[], Awaitable[T]]) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    await work()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def _note(taken: Taken, items: int) -> str:
    return f"{taken.processor:.1f} s of processor time: {items / taken.processor:,.0f}/s"
