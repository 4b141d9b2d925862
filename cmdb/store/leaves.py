"""Leaves of everything: what the live items say, and the relationships between items, digested by bucket of ids.

A store keeps them up with each commit, in its transaction: a bucket that the commit fills from empty is digested from the
effects, any other that it touches becomes stale and is read by whoever seals next. They follow from the ledger, so a backup
leaves them out, a proof never uses them, and one that was altered counts as stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, TypeAlias
from zlib import crc32

import msgspec

from cmdb.ledger import BUCKET
from cmdb.store.lines import Lines


class Part(IntEnum):
    """What a leaf is of."""

    ITEMS = 0
    RELATIONSHIPS = 1


PARTS: Final = tuple(Part)


class Leaf(msgspec.Struct, frozen=True):
    """How many of a bucket belong to the content, and the digest of their lines."""

    count: int
    digest: bytes


NO_CONTENT: Final = Leaf(0, b"")
"""The leaf of a bucket of which nothing belongs to the content; no tree has it."""

LeafRow: TypeAlias = tuple[int, int, bytes | None]
"""(part, bucket, packed leaf; None if it is stale)."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Leaves as of a revision, by bucket. Those below the next id, `sizes`, that are not `known` must be read."""

    revision: int
    sizes: Mapping[Part, int]
    known: Mapping[Part, Mapping[int, Leaf]]

    def unknown(self, part: Part) -> set[int]:
        """The buckets to read. O(buckets)."""
        return set(range(-(-self.sizes[part] // BUCKET))).difference(self.known[part])


def leaf_of(lines: Lines | None) -> Leaf:
    """The leaf of those of a bucket's lines that belong to the content, if any do."""
    return NO_CONTENT if lines is None else Leaf(lines.text.count(b"\n") + 1, sha256(lines.text).digest())


def packed(part: int, bucket: int, leaf: Leaf) -> bytes:
    """A leaf as it is kept, with what shows that it is whole and in its place."""
    body = leaf.count.to_bytes(2, "big") + leaf.digest
    return body + _check(part, bucket, body)


def known_leaves(rows: Iterable[LeafRow]) -> dict[Part, dict[int, Leaf]]:
    """The leaves of these rows that are neither stale nor altered. O(rows)."""
    known: dict[Part, dict[int, Leaf]] = {part: {} for part in PARTS}
    for part, bucket, body in rows:
        if body is not None and body[-4:] == _check(part, bucket, body[:-4]):
            known[PARTS[part]][bucket] = Leaf(int.from_bytes(body[:2], "big"), body[2:-4])
    return known


def leaf_rows(leaves: Mapping[Part, Mapping[int, Leaf]]) -> list[LeafRow]:
    """Leaves as rows, in ascending order. O(leaves · log n)."""
    return [
        (int(part), bucket, packed(part, bucket, leaf))
        for part in PARTS
        for bucket, leaf in sorted(leaves[part].items())
    ]


def _check(part: int, bucket: int, body: bytes) -> bytes:
    return crc32(body, (bucket << 1 | part) & 0xFFFF_FFFF).to_bytes(4, "big")
