"""What is kept, in bytes, and how fast the whole of it is digested, verified, backed up and restored.

*An operation* is a node created or a relationship linked; *an item* is a node or a relationship. The first store is
the estate committed in bulk, without claims. The second is the same kind of estate taken in by an import, which keeps a
claim for each thing; it has at most 200,000 CIs. What replays a whole ledger is measured on at most 100,000.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

import apsw

from benchmarks import stores
from benchmarks.estate import SIZES, Estate, generate
from benchmarks.result import Result, at_most, cost
from cmdb.clock import system_clock
from cmdb.ledger import broken_links
from cmdb.reconciliation.applying import apply_plan
from cmdb.reconciliation.claims import Item, NodeClaim, Progress, RelationshipClaim, Where
from cmdb.reconciliation.importing import plan_import
from cmdb.safekeeping.backup import restore, write_backup
from cmdb.safekeeping.replay import digest
from cmdb.safekeeping.verification import verify
from cmdb.store.port import Store
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION, Door, InitialisationGate, found
from graph_schema.metamodel import Model
from graph_schema.reader import shipped_model

T = TypeVar("T")

_MOST_CLAIMED: Final = 200_000
_REPLAYED: Final = {"1m": "100k"}
_PARTS: Final = {
    "node": "nodes",
    "node_words": "search",
    "relationship": "relationships",
    "relationship_natural": "indexes of relationships",
    "relationship_target": "indexes of relationships",
    "ledger": "ledger",
    "claim": "claims",
    "source": "claims",
}
"""Tables and indexes by what they are for; the longest beginning counts, the rest is `all else`."""


def run(size: str) -> list[Result]:
    """Bytes per item; seconds and rates of one run each."""
    smaller = _REPLAYED.get(size, size)
    replayed = stores.filled(smaller).path
    return [*_bare(size), *_claimed(size), *asyncio.run(_rates(size)), *asyncio.run(_replayed(smaller, replayed))]


def _bare(size: str) -> Iterator[Result]:
    store, content = stores.filled(size), stores.estate(size)
    items = content.size + len(content.dependencies)
    sizes = _bytes(store.path)
    yield Result("ledger", sizes["ledger"] / items, "bytes/op", goal=at_most(20), note=f"{items:,} operations")
    yield Result("database", sum(sizes.values()) / items, "bytes/item", goal=at_most(150), note="without claims")
    yield from _where(sizes, items, "")
    yield Result("bulk commits", items / store.seconds, "items/s", note="finished effects into the store")


def _claimed(size: str) -> Iterator[Result]:
    content = generate(min(SIZES[size], _MOST_CLAIMED))
    items = content.size + len(content.dependencies)
    path = stores.folder() / f"claimed-{size}.db"
    asyncio.run(_import(content, path))
    sizes = _bytes(path)
    yield Result(
        "database with claims", sum(sizes.values()) / items, "bytes/item", goal=at_most(150), note=f"{items:,} items"
    )
    yield from _where(sizes, items, "with claims ")


def _where(sizes: Mapping[str, int], items: int, which: str) -> Iterator[Result]:
    parts: dict[str, int] = {}
    for name, size in sizes.items():
        part = _part_of(name)
        parts[part] = parts.get(part, 0) + size
    for part, size in sorted(parts.items(), key=lambda entry: -entry[1]):
        yield Result(f"{which}… {part}", size / items, "bytes/item")


def _part_of(name: str) -> str:
    if name.startswith("node_") and not name.startswith("node_words"):
        return "indexes of nodes" if not name.startswith("node_version") else "all else"
    begun = [table for table in _PARTS if name == table or name.startswith(f"{table}_")]
    exact = max(begun, key=len, default="")
    return "all else" if "version" in name else _PARTS.get(exact, "all else")


def _bytes(path: Path) -> dict[str, int]:
    """Bytes of each table and index."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    connection.close()
    return dict(cast("Sequence[tuple[str, int]]", rows))


async def _rates(size: str) -> list[Result]:
    content = stores.estate(size)
    items = content.size + len(content.dependencies)
    results: list[Result] = []
    async with stores.sqlite(stores.filled(size).path) as store:
        head = await store.head()
        reading, _ = await _timed(lambda: _read(store))
        hashing, _ = await _timed(lambda: digest(store))
        results.append(cost("state digest", hashing, "reading all of it", reading, "s", note=f"{items:,} items"))
        chain, broken = await _timed(lambda: broken_links(store.commits(), head))
        if broken:
            raise AssertionError(broken[0].message)
        results.append(Result("ledger, chain verified", items / chain, "op/s", note=f"{items:,} operations"))
        whole = stores.folder() / f"{size}.backup"
        seconds, _ = await _timed(lambda: write_backup(store, whole))
        note = f"{whole.stat().st_size / 1e6:,.1f} MB, {whole.stat().st_size / items:.1f} bytes/item"
        results.append(Result("backup", items / seconds, "items/s", note=note))
    return results


async def _replayed(size: str, filled: Path) -> list[Result]:
    content, folder = stores.estate(size), stores.folder()
    items = content.size + len(content.dependencies)
    backup = folder / f"replayed-{size}.backup"
    async with stores.sqlite(filled) as store:
        await write_backup(store, backup)
        scratch = open_sqlite(folder / f"scratch-{size}.db", create=True)
        checking, verification = await _timed(lambda: verify(store, scratch))
        await scratch.close()
        if not verification.holds:
            raise AssertionError(verification.findings[0].message)
    target = open_sqlite(folder / f"restored-{size}.db", create=True)
    restoring, _ = await _timed(lambda: restore(backup, target))
    await target.close()
    note = f"{items:,} items"
    return [
        Result("ledger verify", items / checking, "items/s", note=f"replayed and compared, {note}"),
        Result("restore", items / restoring, "items/s", note=f"checked, then committed, {note}"),
    ]


async def _read(store: Store) -> None:
    async for _ in store.all_nodes():
        pass
    async for _ in store.all_relationships():
        pass


async def _timed(work: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    begun = time.perf_counter()
    done = await work()
    return time.perf_counter() - begun, done


async def _import(content: Estate, path: Path) -> None:
    """Take an estate in as a source."""
    store, model = open_sqlite(path, create=True), shipped_model()
    await found(store, model, estate="0123456789ab8def8123", actor="benchmark", clock=system_clock)
    plan = await plan_import(store, model, _EstateAsSource(content), [], "benchmark")
    if plan.errors:
        raise AssertionError(f"the estate does not fit the model: {plan.errors[0].message}")
    door = Door(store, gate=InitialisationGate(), clock=system_clock)
    await apply_plan(door, plan, actor="benchmark", authority=INITIALISATION)
    await store.close()


class _EstateAsSource:
    """An importer that reads no file: it claims an estate. Source keys are names."""

    name = "estate"

    def __init__(self, content: Estate) -> None:
        self._content = content

    def recognises(self, path: Path) -> bool:
        """Never: there is no such file."""
        return False

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """The nodes, then the relationships."""
        names: list[str] = []
        where = Where("estate")
        for class_name, name, attributes in self._content.nodes():
            names.append(name)
            yield NodeClaim(
                source_key=name,
                class_name=class_name,
                name=name,
                state="in_use",
                attributes={**attributes},
                where=where,
            )
        for type_name, source, target in self._content.relationships():
            yield RelationshipClaim(type=type_name, source=names[source], target=names[target], where=where)
