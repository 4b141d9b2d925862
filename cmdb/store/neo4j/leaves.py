"""Leaves of everything, a node each with a label of its own; see `cmdb.store.leaves`.

Relationships carry no index, so the leaf of a bucket of theirs also has the ordinals of their sources, by which they are
read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, cast

from cmdb.changeset import Effect, Linked, NodeCreated
from cmdb.ledger import BUCKET
from cmdb.store.leaves import LeafRow, Leaves, Part, known_leaves, leaf_rows
from cmdb.store.neo4j.connection import Connection, Reading, Writing
from cmdb.store.touching import Before, Kinds, touched_leaves, unclear_ends

LEAVES_AT_ONCE: Final = 5_000

_NEXT: Final = "MATCH (c:_Counters {only: 1}) RETURN c.ordinal, c.relationship"
_CLASSES: Final = "MATCH (n:Node) WHERE n.ordinal IN $ordinals RETURN n.ordinal, n.class"
_TOUCH: Final = """
UNWIND $rows AS row MERGE (l:_Leaf {slot: row[0]})
SET l.touched = $revision, l.body = row[1], l.sources = coalesce(l.sources, []) + row[2]
"""
_RENEW: Final = """
UNWIND $rows AS row MERGE (l:_Leaf {slot: row[0]}) ON CREATE SET l.touched = $revision
WITH l, row WHERE l.touched <= $revision SET l.body = row[1]
"""
_FORGET: Final = "MATCH (l:_Leaf) SET l.body = null"
_READ: Final = """
MATCH (c:_Counters {only: 1})
RETURN [c.ordinal, c.relationship, COLLECT { MATCH (l:_Leaf) WHERE l.body IS NOT NULL RETURN [l.slot, l.body] }] AS rows
"""
_SOURCES: Final = "MATCH (l:_Leaf) WHERE l.slot IN $slots RETURN collect([l.slot, l.sources]) AS rows"

_Slot: TypeAlias = tuple[int, bytes | None]


async def next_ids(writing: Writing, effects: Iterable[Effect]) -> dict[Part, int]:
    """The next ordinal and relationship id, which need not be asked for where nothing is created."""
    if not any(isinstance(effect, NodeCreated | Linked) for effect in effects):
        return {}
    nodes, relationships = cast("tuple[int, int]", (await writing.values(_NEXT))[0])
    return {Part.ITEMS: nodes, Part.RELATIONSHIPS: relationships}


async def touch(
    writing: Writing, effects: Sequence[Effect], revision: int, kinds: Kinds, sizes: dict[Part, int]
) -> None:
    """Keep up with a commit whose effects are applied; `sizes` were the next ids before it. O(effects · log n)."""
    ends = unclear_ends(effects, kinds)
    found = await writing.values(_CLASSES, {"ordinals": ends}) if ends else []
    classes = dict(cast("list[tuple[int, str]]", found))
    rows = touched_leaves(effects, Before(revision, kinds, sizes, classes))
    sources: dict[int, list[int]] = {}
    for effect in effects:
        if isinstance(effect, Linked):
            sources.setdefault(_slot(Part.RELATIONSHIPS, effect.id // BUCKET), []).append(effect.source)
    slots = [[slot, body, sources.get(slot, [])] for slot, body in _slots(rows)]
    await writing.run_chunks(_TOUCH, slots, LEAVES_AT_ONCE, {"revision": revision})


async def forget(writing: Writing) -> None:
    """Make all of them stale."""
    await writing.run(_FORGET)


async def read(connection: Connection) -> Leaves:
    """What is known at the head. O(n / 256)."""

    async def work(reading: Reading) -> Leaves:
        mark, found = await reading.rows(_READ, {})
        nodes, relationships, kept = cast("tuple[int, int, list[_Slot]]", found)
        rows: Iterable[LeafRow] = ((slot % 2, slot // 2, body) for slot, body in kept)
        sizes = {Part.ITEMS: nodes, Part.RELATIONSHIPS: relationships}
        return Leaves(mark.revision, sizes, known_leaves(rows))

    return await connection.read(work)


async def renew(writing: Writing, leaves: Leaves) -> None:
    """Keep those that no commit touched since, none if a model came in between."""
    if (await writing.locked_mark()).model <= leaves.revision:
        rows = [list(row) for row in _slots(leaf_rows(leaves.known))]
        await writing.run_chunks(_RENEW, rows, LEAVES_AT_ONCE, {"revision": leaves.revision})


async def sources_of(connection: Connection, buckets: Sequence[int], size: int) -> dict[int, list[int]] | None:
    """For each bucket the sources of all relationships that ever had ids in it; None where some are not known.

    `size` is the next relationship id.
    """

    async def work(reading: Reading) -> list[object]:
        return (await reading.rows(_SOURCES, {"slots": [_slot(Part.RELATIONSHIPS, b) for b in buckets]}))[1]

    rows = cast("list[tuple[int, list[int] | None]]", await connection.read(work))
    found = {slot // 2: sources or [] for slot, sources in rows}
    complete = all(len(found.get(b, ())) >= min(BUCKET, size - BUCKET * b) for b in buckets)
    return {bucket: found.get(bucket, []) for bucket in buckets} if complete else None


def _slot(part: int, bucket: int) -> int:
    return 2 * bucket + part


def _slots(rows: Iterable[LeafRow]) -> list[_Slot]:
    return [(_slot(part, bucket), body) for part, bucket, body in rows]
