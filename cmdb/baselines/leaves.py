"""Sealing everything again and again: the leaves of the last time are kept, and only what was touched since is read.

Leaves are kept with the store, beside the ledger, for one revision. What commits since then touched, the ledger says; the
buckets of these are read and digested anew. A model that came in between, or more touched than is worth it, begins from
the beginning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np

from cmdb.baselines.content import Content, Ids, item_classes
from cmdb.baselines.sealing import Tree, chosen_of, root_of
from cmdb.changeset import Effect, Linked, ModelInstalled, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.ledger import BUCKET
from cmdb.store.lines import Lines
from cmdb.store.port import Store
from graph_schema.metamodel import Kind, Model

KEPT: Final = "leaves of everything"
"""The name that they are kept under."""

MOST_TOUCHED: Final = 4_096
"""Buckets that may have been touched since for the others to be worth keeping."""


class Leaf(msgspec.Struct, frozen=True, array_like=True):
    """How many of a bucket belong to the content, and the digest of their lines."""

    count: int
    digest: bytes


class Leaves(msgspec.Struct, frozen=True, kw_only=True):
    """The leaves of everything as of a revision, by bucket; buckets without any are left out."""

    revision: int
    items: dict[int, Leaf]
    relationships: dict[int, Leaf]

    @property
    def root(self) -> str:
        """The root of the content."""
        return root_of(_tree(self.items), _tree(self.relationships))

    @property
    def counts(self) -> tuple[int, int]:
        """Items, and relationships between them."""
        return _sum(self.items), _sum(self.relationships)


async def kept_leaves(store: Store, revision: int) -> Leaves | None:
    """The kept leaves brought up to a revision, O(touched since · 256); None where there are none that would do."""
    body = await store.kept(KEPT)
    kept = None if body is None else _read(body)
    if kept is None or kept.revision > revision:
        return None
    touched = _Touched()
    async for commit in store.commits(after=kept.revision, until=revision):
        if not touched.take(commit.effects):
            return None
    model = await store.model(revision)
    if model is None or (await store.head()).revision < revision:
        return None
    return Leaves(
        revision=revision,
        items=await _renewed(kept.items, touched.nodes, _items(store, model, sorted(touched.nodes), revision)),
        relationships=await _renewed(
            kept.relationships, touched.edges, _edges(store, model, sorted(touched.edges), revision)
        ),
    )


async def leaves_of(store: Store, content: Content, revision: int) -> Leaves:
    """The leaves of everything, from the beginning. O(n + m)."""
    return Leaves(
        revision=revision,
        items=await _digested(store.node_lines(revision), content.items),
        relationships=await _digested(store.relationship_lines(revision), content.relationships),
    )


async def keep_leaves(store: Store, leaves: Leaves) -> None:
    """Keep them for the next time."""
    await store.keep(KEPT, msgspec.msgpack.encode(leaves))


@dataclass(slots=True)
class _Touched:
    """The buckets that commits touched."""

    nodes: set[int] = field(default_factory=set[int])
    edges: set[int] = field(default_factory=set[int])

    def take(self, effects: Iterable[Effect]) -> bool:
        """Take in the effects of a commit; False where it is not worth going on."""
        for effect in effects:
            match effect:
                case NodeCreated() | NodeChanged() | NodeRetired():
                    self.nodes.add(effect.ordinal // BUCKET)
                case Linked() | Relinked() | Unlinked():
                    self.edges.add(effect.id // BUCKET)
                case ModelInstalled():
                    return False
                case _:
                    pass
        return len(self.nodes) + len(self.edges) <= MOST_TOUCHED


async def _renewed(
    kept: dict[int, Leaf], touched: set[int], fresh: AsyncIterator[tuple[Lines, Ids]]
) -> dict[int, Leaf]:
    leaves = {bucket: leaf for bucket, leaf in kept.items() if bucket not in touched}
    async for lines, wanted in fresh:
        if (leaf := _leaf(lines, wanted)) is not None:
            leaves[lines.bucket] = leaf
    return leaves


async def _items(store: Store, model: Model, buckets: Sequence[int], revision: int) -> AsyncIterator[tuple[Lines, Ids]]:
    """The lines of these buckets, and which of their nodes are live items: a line tells class and state."""
    final = {(name, state.name) for name, life in model.lifecycle_of.items() for state in life.states if state.final}
    classes = frozenset(item_classes(model))
    async for batch in store.node_lines(revision, buckets) if buckets else _nothing():
        for lines in batch:
            rows = map(_node_row, lines.text.split(b"\n"))
            live = [row[0] for row in rows if row[2] in classes and (row[2], row[4]) not in final]
            yield lines, np.array(live, dtype=np.int64)


async def _edges(store: Store, model: Model, buckets: Sequence[int], revision: int) -> AsyncIterator[tuple[Lines, Ids]]:
    """The lines of these buckets, and which of their relationships are between items; what stands has ends that live."""
    classes = frozenset(item_classes(model))
    within = _between_items(model)
    async for batch in store.relationship_lines(revision, buckets) if buckets else _nothing():
        for lines in batch:
            rows = [_edge_row(line) for line in lines.text.split(b"\n")]
            asked = sorted({end for row in rows if within[row[1]] is None for end in row[2:4]})
            nodes = await store.nodes(asked, revision) if asked else []
            items = {node.ordinal for node in nodes if node.class_name in classes}
            inner = [row[0] for row in rows if within[row[1]] or (within[row[1]] is None and {row[2], row[3]} <= items)]
            yield lines, np.array(inner, dtype=np.int64)


def _between_items(model: Model) -> dict[str, bool | None]:
    """By relationship type, whether it always, never, or maybe (None) joins two items; a class has its parent's kind."""
    found: dict[str, bool | None] = {}
    for kind in model.relationship_types:
        ends = {all(model.class_by_name[end].kind is Kind.CI for end in (e.source, e.target)) for e in kind.ends}
        found[kind.name] = ends.pop() if len(ends) == 1 else None
    return found


_node_row = msgspec.json.Decoder(tuple[int, str, str, str, str, msgspec.Raw, int, int]).decode
_edge_row = msgspec.json.Decoder(tuple[int, str, int, int, str, msgspec.Raw, int]).decode


async def _digested(batches: AsyncIterator[list[Lines]], wanted: Ids) -> dict[int, Leaf]:
    return {
        lines.bucket: leaf async for batch in batches for lines in batch if (leaf := _leaf(lines, wanted)) is not None
    }


def _leaf(lines: Lines, wanted: Ids) -> Leaf | None:
    chosen = chosen_of(lines, wanted)
    return None if chosen is None else Leaf(chosen.text.count(b"\n") + 1, sha256(chosen.text).digest())


async def _nothing() -> AsyncIterator[list[Lines]]:
    for none in ():
        yield none


def _tree(leaves: dict[int, Leaf]) -> Tree:
    tree = Tree()
    for bucket in sorted(leaves):
        tree.add_leaf(bucket, leaves[bucket].digest)
    return tree


def _sum(leaves: dict[int, Leaf]) -> int:
    return sum(leaf.count for leaf in leaves.values())


def _read(body: bytes) -> Leaves | None:
    """Kept leaves; None for what is none any more."""
    try:
        return msgspec.msgpack.decode(body, type=Leaves)
    except msgspec.DecodeError:
        return None
