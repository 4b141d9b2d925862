"""The root of a content: SHA-256 over two trees, of the items and of the relationships between them.

A leaf is SHA-256 over the canonical lines (`cmdb.ledger.node_line`, `relationship_line`) of those in one bucket of ids that
belong to the content; a tree is SHA-256 over the bucket's number and the leaf, bucket after bucket. Buckets without any
are left out. So the root depends on what the content says and on nothing else, and is the same on every kind of store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import numpy as np

from cmdb.baselines.content import FEW, Content, Ids
from cmdb.filters import Direction
from cmdb.ledger import BUCKET, node_line, relationship_line
from cmdb.store.lines import Lines, bucketed, line_ident
from cmdb.store.port import Store


class Tree:
    """Folds the texts of buckets, given in ascending order, into one digest."""

    def __init__(self) -> None:
        self._all = sha256()

    def add(self, lines: Lines) -> None:
        """Take in the lines of a bucket that has some."""
        self.add_leaf(lines.bucket, sha256(lines.text).digest())

    def add_leaf(self, bucket: int, leaf: bytes) -> None:
        """Take in the digest of a bucket's lines."""
        self._all.update(bucket.to_bytes(8, "big") + leaf)

    def digest(self) -> bytes:
        """The digest of all that was added."""
        return self._all.digest()


def root_of(items: Tree, relationships: Tree) -> str:
    """The root over both trees; 64 hexadecimal digits."""
    return sha256(items.digest() + relationships.digest()).hexdigest()


async def seal(store: Store, content: Content, as_of: int) -> str:
    """The root of a content as of a revision. O(n + m), or O(content · log n) where it is small."""
    items, relationships = Tree(), Tree()
    if len(content.items) <= FEW:
        ordinals: list[int] = content.items.tolist()
        wanted = set(content.relationships.tolist())
        nodes = await store.nodes(ordinals, as_of) if ordinals else []
        edges = await store.relationships(ordinals, Direction.OUT, as_of=as_of) if ordinals else []
        inner = sorted((edge for edge in edges if edge.id in wanted), key=lambda edge: edge.id)
        for lines in bucketed(nodes, lambda node: node.ordinal, node_line):
            items.add(lines)
        for lines in bucketed(inner, lambda edge: edge.id, relationship_line):
            relationships.add(lines)
    else:
        await asyncio.gather(
            _fold(items, store.node_lines(as_of), content.items),
            _fold(relationships, store.relationship_lines(as_of), content.relationships),
        )
    return root_of(items, relationships)


async def _fold(tree: Tree, batches: AsyncIterator[list[Lines]], wanted: Ids) -> None:
    async for batch in batches:
        for lines in batch:
            if (chosen := chosen_of(lines, wanted)) is not None:
                tree.add(chosen)


def chosen_of(lines: Lines, wanted: Ids) -> Lines | None:
    """Of a bucket's lines those whose ids are wanted (ascending); None if there are none. O(lines)."""
    first, beyond = np.searchsorted(wanted, (BUCKET * lines.bucket, BUCKET * (lines.bucket + 1))).tolist()
    if first == beyond:
        return None
    if beyond - first == lines.text.count(b"\n") + 1:
        return lines
    those = set(wanted[first:beyond].tolist())
    chosen = [line for line in lines.text.split(b"\n") if line_ident(line) in those]
    return Lines(lines.bucket, b"\n".join(chosen)) if chosen else None
