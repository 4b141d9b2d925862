"""An import from beginning to end: read, identify, compare, and say what would be done.

Reading runs in a thread of its own, so that whoever else uses the event loop is served meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from cmdb.nodes import Node
from cmdb.reconciliation.claims import Importer, Progress, RowError
from cmdb.reconciliation.collecting import fewer_collections
from cmdb.reconciliation.ends import ends_of
from cmdb.reconciliation.gathered import Gathered
from cmdb.reconciliation.gathering import Gatherer
from cmdb.reconciliation.identifying import identified
from cmdb.reconciliation.inputs import input_digest
from cmdb.reconciliation.kept import Kept, Touched, kept_of, touched_since
from cmdb.reconciliation.linking import Linker
from cmdb.reconciliation.nodes import Others, Outcome, compared, created, withdrawn
from cmdb.reconciliation.plan import Create, Keep, Plan, Retire, Update, no_links
from cmdb.reconciliation.said import said_of
from cmdb.reconciliation.uniqueness import not_unique
from cmdb.store.port import Claim, ClaimKind, SourceState, Store
from cmdb.writing.checking import Checks
from graph_schema.metamodel import Model

SLICE: Final = 1_000
"""Items taken from an importer between two looks at whether somebody wants to stop."""

BATCH: Final = 2_000
"""Nodes read at a time."""


@dataclass(slots=True)
class _Nodes:
    """What becomes of the nodes."""

    create: list[Create] = field(default_factory=list[Create])
    update: list[Update] = field(default_factory=list[Update])
    retire: list[Retire] = field(default_factory=list[Retire])
    keep: list[Keep] = field(default_factory=list[Keep])
    drop: list[str] = field(default_factory=list[str])
    messages: list[RowError] = field(default_factory=list[RowError])


async def plan_import(
    store: Store,
    model: Model,
    importer: Importer,
    paths: Sequence[Path],
    source: str,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Plan:
    """What importing these files as `source` would do to the graph as it stands. Writes nothing.

    The same input again is recognised by its digest, unless somebody has touched the source's nodes or relationships
    since; then, and for any other input, each claim is compared by its digest before it is looked at. Memory: about 500
    bytes for a new node, 50 for a relationship. Raises OSError for a file that cannot be read.
    """
    head = await store.head()
    state = await store.source_state(source)
    digest = await asyncio.to_thread(input_digest, importer, paths, model)
    same_input = state is not None and state.digest == digest
    if same_input and state is not None and state.revision == head.revision:
        return _nothing(source, importer, digest, head.revision)
    kept = await kept_of(store, source)
    touched = await _touched(store, kept, state)
    if same_input and not _concerns(touched, kept):
        return _nothing(source, importer, digest, head.revision)
    with fewer_collections():
        job = _Import(store, Checks(model), importer, paths, source, progress, digest, head.revision)
        return await _planned(job, kept, touched)


@dataclass(frozen=True, slots=True)
class _Import:
    store: Store
    checks: Checks
    importer: Importer
    paths: Sequence[Path]
    source: str
    progress: Callable[[Progress], None]
    digest: str
    revision: int


async def _planned(job: _Import, kept: Kept, touched: Touched) -> Plan:
    store, checks, source, model = job.store, job.checks, job.source, job.checks.model
    gathered = await _gathered(job, kept, touched)
    messages = list(gathered.errors)
    bound = {
        slot: kept.nodes[key][0] for key, slot in gathered.slots.items() if slot in gathered.said and key in kept.nodes
    }
    who = await identified(store, model, gathered.rows, bound)
    messages += who.errors
    nodes = _Nodes()
    await _compare_nodes(store, checks, source, gathered, who.bound, nodes)
    if not gathered.unreadable:
        await _withdraw_nodes(store, checks, source, gathered, kept, who.bound, nodes)
    new = _create_nodes(checks, gathered, who.new, nodes)
    clashes = await not_unique(store, checks, nodes.create, nodes.update)
    if clashes:
        messages += clashes.values()
        keys = {gathered.slots[create.source_key]: create.source_key for create in nodes.create}
        new = [slot for slot in new if keys[slot] not in clashes]
        nodes.create = [create for create in nodes.create if create.source_key not in clashes]
        nodes.update = [update for update in nodes.update if update.ordinal not in clashes]
    retiring = {retire.ordinal for retire in nodes.retire}
    ends = await ends_of(store, model, gathered, who.bound, new, retiring)
    links = await Linker(store, checks, source, gathered, ends, retiring).plan(kept, touched)
    return Plan(
        source=source,
        format=job.importer.name,
        digest=job.digest,
        revision=job.revision,
        claims=gathered.claims,
        create=nodes.create,
        update=nodes.update,
        link=links.link,
        relink=links.relink,
        unlink=links.unlink,
        retire=[_with_ends(retire, links.ending) for retire in nodes.retire],
        keep=nodes.keep,
        keep_links=links.keep,
        drop=nodes.drop,
        drop_links=links.drop,
        messages=_in_order([*messages, *nodes.messages, *links.messages]),
    )


def _nothing(source: str, importer: Importer, digest: str, revision: int) -> Plan:
    return Plan(source=source, format=importer.name, digest=digest, revision=revision, unchanged=True, link=no_links())


async def _touched(store: Store, kept: Kept, state: SourceState | None) -> Touched:
    """What happened since the source was last taken in whole; after an import that broke off, nothing is taken as known."""
    if not kept.nodes and not len(kept.links):
        return Touched()
    if state is None or state.revision == 0:
        return Touched(
            nodes={ordinal for ordinal, _ in kept.nodes.values()}, links={int(ident) for ident in kept.links.tolist()}
        )
    return await touched_since(store, state.revision)


def _concerns(touched: Touched, kept: Kept) -> bool:
    if not touched.nodes.isdisjoint(ordinal for ordinal, _ in kept.nodes.values()):
        return True
    return bool(touched.links) and not touched.links.isdisjoint(kept.links.tolist())


async def _gathered(job: _Import, kept: Kept, touched: Touched) -> Gathered:
    """Read the input in a thread. Somebody who stops waiting stops the thread, too."""
    stop = threading.Event()
    loop = asyncio.get_running_loop()

    def same(key: str, digest: bytes) -> bool:
        known = kept.nodes.get(key)
        return known is not None and bool(digest) and known[1] == digest and known[0] not in touched.nodes

    def read() -> Gathered:
        gatherer = Gatherer(job.checks, same)
        items = job.importer.read(job.paths, job.checks.model, lambda done: _unless_closed(loop, job.progress, done))
        while not stop.is_set() and (some := list(islice(items, SLICE))):
            gatherer.take(some)
        return gatherer.found

    try:
        return await asyncio.to_thread(read)
    finally:
        stop.set()


def _unless_closed(loop: asyncio.AbstractEventLoop, progress: Callable[[Progress], None], done: Progress) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(progress, done)


def _create_nodes(checks: Checks, gathered: Gathered, slots: Sequence[int], nodes: _Nodes) -> list[int]:
    """Creates in ascending order of (class, name, source key), and their slots."""
    new: list[int] = []
    for row in sorted((gathered.rows[slot] for slot in slots), key=attrgetter("class_name", "name", "source_key")):
        found = created(checks, row)
        if isinstance(found, Create):
            nodes.create.append(found)
            new.append(gathered.slots[row.source_key])
        else:
            nodes.messages += found
    return new


async def _compare_nodes(
    store: Store, checks: Checks, source: str, gathered: Gathered, bound: Mapping[int, int], nodes: _Nodes
) -> None:
    """What new and changed rows make of nodes that are there."""
    slots = sorted((slot for slot in gathered.rows if slot in bound), key=lambda slot: bound[slot])
    for start in range(0, len(slots), BATCH):
        batch = slots[start : start + BATCH]
        found, claims = await _read(store, [bound[slot] for slot in batch])
        for slot in batch:
            node = found[bound[slot]]
            own, others = _own_and_others(source, claims.get(node.ordinal, ()))
            said = said_of(own.body) if own is not None else None
            outcome = compared(checks, source, gathered.rows[slot], node, said, others)
            _take(nodes, outcome, own)


async def _withdraw_nodes(
    store: Store,
    checks: Checks,
    source: str,
    gathered: Gathered,
    kept: Kept,
    bound: Mapping[int, int],
    nodes: _Nodes,
) -> None:
    """What becomes of nodes that the source no longer has."""
    current = set(bound.values())
    gone: dict[int, list[str]] = {}
    for key, (ordinal, _) in kept.nodes.items():
        if gathered.slots.get(key) not in gathered.said:
            if ordinal in current:
                nodes.drop.append(key)
            else:
                gone.setdefault(ordinal, []).append(key)
    ordinals = sorted(gone)
    for start in range(0, len(ordinals), BATCH):
        found, claims = await _read(store, ordinals[start : start + BATCH])
        for node in found.values():
            own, others = _own_and_others(source, claims.get(node.ordinal, ()))
            if own is not None:
                outcome = withdrawn(checks, source, tuple(gone[node.ordinal]), node, said_of(own.body), others)
                _take(nodes, outcome, None)


async def _read(store: Store, ordinals: Sequence[int]) -> tuple[dict[int, Node], Mapping[int, list[tuple[str, Claim]]]]:
    nodes = await store.nodes(ordinals)
    return {node.ordinal: node for node in nodes}, await store.claims_on(ClaimKind.NODE, ordinals)


def _own_and_others(source: str, claims: Sequence[tuple[str, Claim]]) -> tuple[Claim | None, Others]:
    own = next((claim for name, claim in claims if name == source), None)
    others = [(name, said_of(claim.body)) for name, claim in claims if name != source]
    return own, sorted(others, key=lambda other: other[0])


def _take(nodes: _Nodes, outcome: Outcome, own: Claim | None) -> None:
    if outcome.update is not None:
        nodes.update.append(outcome.update)
    if outcome.retire is not None:
        nodes.retire.append(outcome.retire)
    keep = outcome.keep
    if keep is not None and (
        own is None or (own.source_key, own.digest, own.body) != (keep.source_key, keep.digest, keep.body)
    ):
        nodes.keep.append(keep)
    nodes.drop += outcome.drop
    nodes.messages += outcome.messages


def _with_ends(retire: Retire, ending: Mapping[int, Sequence[int]]) -> Retire:
    ends = ending.get(retire.ordinal)
    return retire if ends is None else msgspec.structs.replace(retire, ends=tuple(sorted(ends)))


def _in_order(messages: Sequence[RowError]) -> tuple[RowError, ...]:
    return tuple(sorted(messages, key=lambda m: (m.where.file, m.where.sheet, m.where.row, m.warning, m.message)))
