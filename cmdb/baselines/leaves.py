"""Sealing everything: the store keeps most leaves up with its commits, and the other buckets are read.

As of a revision before the head, whatever commits touched since then is read as it stood. See `cmdb.store.leaves`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Final, TypeVar

import msgspec

from cmdb.baselines.sealing import root_of
from cmdb.changeset import Effect, Linked, ModelInstalled, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.errors import Failed
from cmdb.ledger import BUCKET
from cmdb.store.leaves import NO_CONTENT, PARTS, Leaf, Leaves, Part, leaf_of
from cmdb.store.lines import Lines
from cmdb.store.port import Store
from cmdb.store.touching import Kinds, kinds_of
from graph_schema.metamodel import Model

T = TypeVar("T")

MOST_TOUCHED: Final = 4_096
"""Buckets that may have been touched since a revision for the others to be worth finding."""


@dataclass(frozen=True, slots=True)
class AllLeaves:
    """The leaves of everything as of a revision, by bucket."""

    items: Mapping[int, Leaf]
    relationships: Mapping[int, Leaf]

    @property
    def root(self) -> str:
        """The root of the content."""
        return root_of(self.items, self.relationships)

    @property
    def counts(self) -> tuple[int, int]:
        """Items, and relationships between them."""
        return sum(leaf.count for leaf in self.items.values()), sum(leaf.count for leaf in self.relationships.values())


async def everything(store: Store, model: Model, revision: int) -> AllLeaves:
    """All leaves as of a revision, with the model of then. O(n / 256 + lines of the buckets that are not known).

    What is read at the head is kept for the next time. Raises Failed where a line is none.
    """
    kinds = kinds_of(model)
    kept = await store.leaves()
    touched = await _touched(store, revision, kept.revision)
    unknown = {
        part: set(range(-(-kept.sizes[part] // BUCKET))) if touched is None else kept.unknown(part) | touched[part]
        for part in PARTS
    }
    items, relationships = await asyncio.gather(
        _items(store, kinds, sorted(unknown[Part.ITEMS]), revision),
        _relationships(store, kinds, sorted(unknown[Part.RELATIONSHIPS]), revision),
    )
    if kept.revision == revision and (items or relationships):
        read = {Part.ITEMS: items, Part.RELATIONSHIPS: relationships}
        await store.renew_leaves(Leaves(revision, kept.sizes, read))
    return AllLeaves({**kept.known[Part.ITEMS], **items}, {**kept.known[Part.RELATIONSHIPS], **relationships})


async def _touched(store: Store, after: int, until: int) -> dict[Part, set[int]] | None:
    """The buckets that commits in between touched; None where it is not worth finding out, or a model is among them."""
    found: dict[Part, set[int]] = {part: set() for part in PARTS}
    if after < until:
        async for commit in store.commits(after, until):
            if not _take(found, commit.effects):
                return None
    return found


def _take(found: dict[Part, set[int]], effects: Iterable[Effect]) -> bool:
    for effect in effects:
        match effect:
            case NodeCreated() | NodeChanged() | NodeRetired():
                found[Part.ITEMS].add(effect.ordinal // BUCKET)
            case Linked() | Relinked() | Unlinked():
                found[Part.RELATIONSHIPS].add(effect.id // BUCKET)
            case ModelInstalled():
                return False
            case _:
                pass
    return sum(map(len, found.values())) <= MOST_TOUCHED


async def _items(store: Store, kinds: Kinds, buckets: list[int], revision: int) -> dict[int, Leaf]:
    """The leaves of the live items in these buckets: a line tells class and state."""
    leaves = dict.fromkeys(buckets, NO_CONTENT)
    async for batch in store.node_lines(revision, buckets) if buckets else _nothing():
        for lines in batch:
            live = [kinds.is_live_item(row.class_name, row.state) for row in _rows(_NODES, lines)]
            leaves[lines.bucket] = leaf_of(_chosen(lines, live))
    return leaves


async def _relationships(store: Store, kinds: Kinds, buckets: list[int], revision: int) -> dict[int, Leaf]:
    """The leaves of the relationships between items in these buckets; the ends of what stands live."""
    leaves = dict.fromkeys(buckets, NO_CONTENT)
    async for batch in store.relationship_lines(revision, buckets) if buckets else _nothing():
        rows = [_rows(_EDGES, lines) for lines in batch]
        unclear = [row for some in rows for row in some if kinds.within.get(row.type) is None]
        asked = sorted({end for row in unclear for end in (row.source, row.target)})
        nodes = await store.nodes(asked, revision) if asked else []
        items = {node.ordinal for node in nodes if kinds.is_item(node.class_name)}
        for lines, some in zip(batch, rows, strict=True):
            joining = [
                {row.source, row.target} <= items if (within := kinds.within.get(row.type)) is None else within
                for row in some
            ]
            leaves[lines.bucket] = leaf_of(_chosen(lines, joining))
    return leaves


def _chosen(lines: Lines, wanted: list[bool]) -> Lines | None:
    if all(wanted):
        return lines
    return Lines(lines.bucket, b"\n".join(compress(lines.text.split(b"\n"), wanted))) if any(wanted) else None


class _Node(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a node's line."""

    ordinal: int
    key: str
    class_name: str
    name: str
    state: str


class _Edge(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a relationship's line."""

    id: int
    type: str
    source: int
    target: int


_NODES: Final = msgspec.json.Decoder(_Node)
_EDGES: Final = msgspec.json.Decoder(_Edge)


def _rows(decoder: msgspec.json.Decoder[T], lines: Lines) -> list[T]:
    try:
        return decoder.decode_lines(lines.text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        first = BUCKET * lines.bucket
        raise Failed(
            f"what stands in the store from number {first} to {first + BUCKET - 1} cannot be read: {error}",
            remedy="see what was altered: cmdb ledger verify",
        ) from error


async def _nothing() -> AsyncIterator[list[Lines]]:
    for none in ():
        yield none
