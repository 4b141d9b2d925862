"""The root of a content: SHA-256 over two trees, of the items and of the relationships between them.

A leaf is SHA-256 over the canonical lines (`cmdb.ledger.node_line`, `relationship_line`) of those in one bucket of ids that
belong to the content; a tree is SHA-256 over the bucket's number and the leaf, bucket after bucket. Buckets without any
are left out. So the root depends on what the content says and on nothing else, and is the same on every kind of store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256

import numpy as np

from cmdb.baselines.content import FEW, Content, Ids
from cmdb.filters import Direction
from cmdb.ledger import BUCKET, node_line, relationship_line
from cmdb.store.leaves import Leaf, leaf_of
from cmdb.store.lines import Lines, bucketed, line_ident
from cmdb.store.port import Store


def root_of(items: Mapping[int, Leaf], relationships: Mapping[int, Leaf]) -> str:
    """The root over the leaves by bucket; 64 hexadecimal digits. O(buckets · log buckets)."""
    return sha256(_tree(items) + _tree(relationships)).hexdigest()


def _tree(leaves: Mapping[int, Leaf]) -> bytes:
    tree = sha256()
    for bucket in sorted(bucket for bucket, leaf in leaves.items() if leaf.count):
        tree.update(bucket.to_bytes(8, "big") + leaves[bucket].digest)
    return tree.digest()


async def seal(store: Store, content: Content, as_of: int) -> str:
    """The root of a content as of a revision. O(n + m), or O(content · log n) where it is small."""
    if len(content.items) <= FEW:
        ordinals: list[int] = content.items.tolist()
        wanted = set(content.relationships.tolist())
        nodes = await store.nodes(ordinals, as_of) if ordinals else []
        edges = await store.relationships(ordinals, Direction.OUT, as_of=as_of) if ordinals else []
        inner = sorted((edge for edge in edges if edge.id in wanted), key=lambda edge: edge.id)
        return root_of(
            {lines.bucket: leaf_of(lines) for lines in bucketed(nodes, lambda node: node.ordinal, node_line)},
            {lines.bucket: leaf_of(lines) for lines in bucketed(inner, lambda edge: edge.id, relationship_line)},
        )
    return root_of(
        *await asyncio.gather(
            _leaves(store.node_lines(as_of), content.items),
            _leaves(store.relationship_lines(as_of), content.relationships),
        )
    )


async def _leaves(batches: AsyncIterator[list[Lines]], wanted: Ids) -> dict[int, Leaf]:
    return {lines.bucket: leaf_of(chosen_of(lines, wanted)) async for batch in batches for lines in batch}


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
