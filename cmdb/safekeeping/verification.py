"""Verification: the chain of the ledger holds, and the ledger explains the state, node by node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from cmdb.errors import CmdbError
from cmdb.ledger import broken_links
from cmdb.nodes import Node, NodeVersion, Relationship, RelationshipVersion
from cmdb.safekeeping.replay import replay
from cmdb.store.port import Store

MOST_FINDINGS: Final = 100
"""Findings that are listed; the count is always exact."""

T = TypeVar("T", Node, Relationship, NodeVersion, RelationshipVersion)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the ledger says: `subject` is an entry, a node or a relationship."""

    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome: how much was checked, what was found (the first ones) and how many findings there are in all."""

    revision: int
    nodes: int
    relationships: int
    findings: tuple[Finding, ...]
    count: int

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0


@dataclass(slots=True)
class _Tally:
    findings: list[Finding]
    count: int = 0
    nodes: int = 0
    relationships: int = 0

    def add(self, subject: str, message: str) -> None:
        self.count += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(subject, message))


async def verify(store: Store, scratch: Store, *, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Check a store against its own ledger, replayed into the empty store `scratch`. O(effects · log n + n).

    Finds entries that were altered, removed or reordered; nodes and relationships of the present that differ from
    what the ledger makes, that it does not know, or that are missing; and histories with other versions than it
    makes.
    """
    head = await store.head()
    tally = _Tally([])
    try:
        for broken in await broken_links(store.commits(until=head.revision), head):
            tally.add(f"entry {broken.revision}", broken.message)
        await replay(store, scratch, until=head.revision, progress=progress)
    except CmdbError as error:
        tally.add("ledger", f"cannot be replayed: {error}")
    else:
        await _compare(tally, store, scratch)
    return Verification(head.revision, tally.nodes, tally.relationships, tuple(tally.findings), tally.count)


async def _compare(tally: _Tally, store: Store, scratch: Store) -> None:
    async for kept, made in _side_by_side(store.all_nodes(), scratch.all_nodes(), lambda n: n.ordinal):
        tally.nodes += 1
        _judge(tally, _shown_node(kept or made), kept, made)
    async for kept, made in _side_by_side(store.all_relationships(), scratch.all_relationships(), lambda r: r.id):
        tally.relationships += 1
        _judge(tally, _shown_relationship(kept or made), kept, made)
    past_nodes = _side_by_side(store.past_nodes(), scratch.past_nodes(), lambda v: (v.node.ordinal, v.node.version))
    async for kept, made in past_nodes:
        version = kept or made
        _judge(tally, f"{_shown_node(version.node if version else None)} in the past", kept, made)
    past_relationships = _side_by_side(
        store.past_relationships(), scratch.past_relationships(), lambda v: (v.relationship.id, v.relationship.since)
    )
    async for kept, made in past_relationships:
        version = kept or made
        _judge(tally, f"{_shown_relationship(version.relationship if version else None)} in the past", kept, made)


def _shown_node(node: Node | None) -> str:
    return f"{node.key} version {node.version}" if node else ""


def _shown_relationship(relationship: Relationship | None) -> str:
    return f"relationship {relationship.id} {relationship.type}" if relationship else ""


def _judge(tally: _Tally, subject: str, kept: T | None, made: T | None) -> None:
    if kept is None:
        tally.add(subject, "is missing; the ledger makes it")
    elif made is None:
        tally.add(subject, "stands in the store, but the ledger does not make it")
    elif kept != made:
        names = [name for name in kept.__struct_fields__ if getattr(kept, name) != getattr(made, name)]
        tally.add(subject, f"has another {', '.join(names)} than the ledger makes")


async def _side_by_side(
    left: AsyncIterator[list[T]],
    right: AsyncIterator[list[T]],
    ident: Callable[[T], int] | Callable[[T], tuple[int, int]],
) -> AsyncIterator[tuple[T | None, T | None]]:
    """Two ascending streams merged: equal ids together, the others alone."""
    ones, others = _flat(left), _flat(right)
    one, other = await anext(ones, None), await anext(others, None)
    while one is not None or other is not None:
        first = min(ident(x) for x in (one, other) if x is not None)
        a = one if one is not None and ident(one) == first else None
        b = other if other is not None and ident(other) == first else None
        yield a, b
        one = one if a is None else await anext(ones, None)
        other = other if b is None else await anext(others, None)


async def _flat(batches: AsyncIterator[Iterable[T]]) -> AsyncIterator[T]:
    async for batch in batches:
        for item in batch:
            yield item
