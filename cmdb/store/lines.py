"""Canonical lines of a state, gathered by bucket of ids: what seals are made of, and compared by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

import msgspec

from cmdb.ledger import BUCKET, node_line, relationship_line
from cmdb.nodes import Node, Relationship

T = TypeVar("T", Node, Relationship)


class Lines(msgspec.Struct, frozen=True):
    """The lines of one bucket, `BUCKET * bucket` up to before the next, in ascending order of id, joined by newlines."""

    bucket: int
    text: bytes


def line_ident(line: bytes) -> int:
    """The ordinal or relationship id that a line begins with. Raises ValueError for bytes that are no line."""
    return int(line[1 : line.index(b",")])


def bucketed(items: Iterable[T], ident: Callable[[T], int], line: Callable[[T], bytes]) -> Iterator[Lines]:
    """The lines of items that come in ascending order of id. O(items)."""
    for bucket, some in groupby(items, lambda item: ident(item) // BUCKET):
        yield Lines(bucket, b"\n".join(map(line, some)))


async def node_lines(batches: AsyncIterator[list[Node]]) -> AsyncIterator[list[Lines]]:
    """Lines from nodes, which come in ascending order of ordinal. O(n)."""
    async for lines in _gathered(batches, lambda node: node.ordinal, node_line):
        yield lines


async def relationship_lines(batches: AsyncIterator[list[Relationship]]) -> AsyncIterator[list[Lines]]:
    """Lines from relationships, which come in ascending order of id. O(n)."""
    async for lines in _gathered(batches, lambda relationship: relationship.id, relationship_line):
        yield lines


async def _gathered(
    batches: AsyncIterator[list[T]], ident: Callable[[T], int], line: Callable[[T], bytes]
) -> AsyncIterator[list[Lines]]:
    """A batch may end in the middle of a bucket, so its last one waits for the next batch."""
    waiting: list[T] = []
    async for batch in batches:
        waiting += batch
        last = ident(waiting[-1]) // BUCKET
        done = next(at for at, item in enumerate(waiting) if ident(item) // BUCKET == last)
        yield list(bucketed(waiting[:done], ident, line))
        waiting = waiting[done:]
    yield list(bucketed(waiting, ident, line))
