"""Stores filled with the estate: made once per run in a temporary folder, whoever asks first waits for it.

They are filled by the bulk way: finished effects, sealed and committed straight to the store in chunks of 5,000 nodes
and 20,000 relationships. What the door and reconciliation cost on top of that is what the import is measured for.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from benchmarks.estate import SIZES, Estate, generate
from cmdb.changeset import Effect, EstateFounded, Linked, ModelInstalled, NodeChanged, NodeCreated, Unlinked
from cmdb.ledger import Commit, Header, seal
from cmdb.nodes import estate_id, node_key
from cmdb.store.neo4j import Neo4jStore, open_neo4j
from cmdb.store.neo4j.server import ServerSpec, down, up
from cmdb.store.port import Store
from cmdb.store.sqlite import SqliteStore, open_sqlite
from graph_schema.document import model_document
from graph_schema.reader import shipped_model
from graph_schema.values import instant

NODES_AT_ONCE: Final = 5_000
LINKS_AT_ONCE: Final = 20_000

LARGEST_NEO4J: Final = 200_000
"""CIs at most in a Neo4j store, with a million relationships: a larger one takes minutes to fill."""

_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_AGED_SHARE: Final = 50
_AGED_COMMITS: Final = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filled:
    """A store file with the estate in it: `revision` is its head, `seconds` what committing took."""

    path: Path
    revision: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Aged:
    """A store file with a past: as of `before` it is the estate as it was filled, then commits changed some of it."""

    path: Path
    before: int


@cache
def folder() -> Path:
    """The run's folder for stores; it goes with the process."""
    return Path(_temporary().name)


@cache
def estate(size: str) -> Estate:
    """The estate of this size."""
    return generate(SIZES[size])


@cache
def filled(size: str) -> Filled:
    """An SQLite store with the estate; read it, or write to a copy."""
    path = folder() / f"filled-{size}.db"

    async def work() -> tuple[int, float]:
        store = open_sqlite(path, create=True)
        try:
            return await fill(store, estate(size))
        finally:
            await store.close()

    return Filled(path, *asyncio.run(work()))


@cache
def aged(size: str) -> Aged:
    """A copy in which ten commits changed a fiftieth of the nodes and ended a fiftieth of the relationships."""
    fresh = filled(size)
    path = copied(fresh.path, f"aged-{size}.db")

    async def work() -> None:
        store = open_sqlite(path)
        try:
            await age(store, estate(size))
        finally:
            await store.close()

    asyncio.run(work())
    return Aged(path, fresh.revision)


def copied(path: Path, name: str) -> Path:
    """A copy of a closed store in the run's folder."""
    return Path(shutil.copyfile(path, folder() / name))


@asynccontextmanager
async def sqlite(path: Path) -> AsyncGenerator[SqliteStore]:
    """An SQLite store, closed at the end."""
    store = open_sqlite(path)
    try:
        yield store
    finally:
        await store.close()


@cache
def neo4j_estate(size: str) -> Estate:
    """The estate of this size, or the largest one that a Neo4j store is filled with."""
    return generate(min(SIZES[size], LARGEST_NEO4J))


@asynccontextmanager
async def aged_neo4j(size: str) -> AsyncGenerator[tuple[Neo4jStore, int]]:
    """A Neo4j store with the estate and a past, filled by whoever asks first; and the revision before the changes.

    Raises ToolMissing where Java or Maven is.
    """
    async with neo4j(f"aged-{size}") as store:
        head = await store.head()
        if head.revision == 0:
            await fill(store, neo4j_estate(size))
            await age(store, neo4j_estate(size))
            head = await store.head()
        yield store, head.revision - _AGED_COMMITS


@asynccontextmanager
async def neo4j(name: str) -> AsyncGenerator[Neo4jStore]:
    """The store on a Neo4j server of its own, which ends with the block; its graph stays for the next who says `name`.

    Raises ToolMissing where Java or Maven is.
    """
    spec = ServerSpec(
        home=folder() / f"neo4j-{name}", bolt_port=0, heap_mib=2048, page_cache_mib=512, authentication=False
    )
    server = await asyncio.to_thread(up, spec, _unheard)
    try:
        store = await open_neo4j(server.url)
        try:
            yield store
        finally:
            await store.close()
    finally:
        await asyncio.to_thread(down, spec.home, _unheard)


async def fill(store: Store, content: Estate) -> tuple[int, float]:
    """Commit an estate to an empty store: the head's revision and the seconds that committing took. O(n log n)."""
    revision, seconds = 0, 0.0
    for commit in commits_of(content):
        begun = time.perf_counter()
        await store.commit(commit)
        seconds += time.perf_counter() - begun
        revision = commit.revision
    return revision, seconds


async def age(store: Store, content: Estate) -> None:
    """Give a store that `fill` filled a past: changed nodes and ended relationships in ten commits. O(n)."""
    random = Random(1)
    links = list(enumerate(content.relationships()))
    nodes = random.sample(range(content.size), content.size // _AGED_SHARE)
    ended = random.sample(links, len(links) // _AGED_SHARE)
    for part in range(_AGED_COMMITS):
        head = await store.head()
        touched = nodes[part::_AGED_COMMITS]
        effects: list[Effect] = [
            NodeChanged(
                ordinal=node.ordinal,
                version=node.version + 1,
                name=(node.name, node.name),
                state=(node.state, node.state),
                before={"description": node.attributes["description"]},
                after={"description": f"{node.name}, looked at again"},
            )
            for node in await store.nodes(touched)
        ]
        effects += [
            Unlinked(id=ident, type=type_name, source=source, target=target, key="", attributes={})
            for ident, (type_name, source, target) in ended[part::_AGED_COMMITS]
        ]
        await store.commit(seal(_header(head.revision + 1, head.hash), tuple(effects)))


def commits_of(content: Estate) -> Iterator[Commit]:
    """The estate as the first commits of a ledger. Relationship ids run from 0 in its order."""
    previous = "0" * 64
    for revision, effects in enumerate(_chunks(content), start=1):
        commit = seal(_header(revision, previous), effects)
        previous = commit.hash
        yield commit


def _chunks(content: Estate) -> Iterator[tuple[Effect, ...]]:
    model = shipped_model()
    yield EstateFounded(estate_id(Random(content.seed).getrandbits(80))), ModelInstalled(model_document(model).decode())
    codes = {c.name: c.code or "" for c in model.classes}
    states = {name: lifecycle.initial[0] for name, lifecycle in model.lifecycle_of.items()}
    numbers: Counter[str] = Counter()

    def nodes() -> Iterator[Effect]:
        for ordinal, (class_name, name, attributes) in enumerate(content.nodes()):
            numbers[class_name] += 1
            key = node_key(codes[class_name], numbers[class_name])
            yield NodeCreated(ordinal, key, class_name, name, states[class_name], {**attributes})

    links = (Linked(i, *relationship, "", {}) for i, relationship in enumerate(content.relationships()))
    yield from chunked(nodes(), NODES_AT_ONCE)
    yield from chunked(links, LINKS_AT_ONCE)


def chunked(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in tuples of `size`, the last one shorter."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some


def _header(revision: int, previous: str) -> Header:
    return Header(
        revision=revision,
        time=instant(_BEGIN + timedelta(minutes=revision)),
        actor="benchmark",
        authority="initialisation",
        reason="",
        previous=previous,
    )


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cmdb-benchmarks-")


def _unheard(_message: str) -> None:
    pass
