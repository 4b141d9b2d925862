"""Verification: the chain of the ledger holds, and the ledger explains the state, node by node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from cmdb.errors import CmdbError
from cmdb.ledger import broken_links
from cmdb.nodes import Node, Relationship
from cmdb.safekeeping.replay import replay
from cmdb.store.port import Store

MOST_FINDINGS: Final = 100
"""Findings that are listed; the count is always exact."""

T = TypeVar("T", Node, Relationship)


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

    Finds entries that were altered, removed or reordered; nodes and relationships of the present that differ from what the
    ledger makes, that it does not know, or that are missing; and histories with other versions than it makes.
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
        for moment in sorted({head.revision, *_sampled(head.revision)}):
            await _compare(tally, store, scratch, moment, head.revision)
    return Verification(head.revision, tally.nodes, tally.relationships, tuple(tally.findings), tally.count)


def _sampled(head: int) -> set[int]:
    """Past revisions at which the history is compared as well: the quarters."""
    return {max(1, head * quarter // 4) for quarter in (1, 2, 3)} if head else set()


async def _compare(tally: _Tally, store: Store, scratch: Store, moment: int, head: int) -> None:
    then = "" if moment == head else f" as of revision {moment}"
    async for kept, made in _side_by_side(store.all_nodes(moment), scratch.all_nodes(moment), lambda n: n.ordinal):
        tally.nodes += moment == head
        some = kept or made
        _judge(tally, some.key if some else "", then, kept, made)
    async for kept, made in _side_by_side(
        store.all_relationships(moment), scratch.all_relationships(moment), lambda r: r.id
    ):
        tally.relationships += moment == head
        some = kept or made
        _judge(tally, f"relationship {some.id} {some.type}" if some else "", then, kept, made)


def _judge(tally: _Tally, subject: str, then: str, kept: T | None, made: T | None) -> None:
    if kept is None:
        tally.add(subject, f"is missing{then}; the ledger makes it")
    elif made is None:
        tally.add(subject, f"stands in the store{then}, but the ledger does not make it")
    elif kept != made:
        names = [name for name in kept.__struct_fields__ if getattr(kept, name) != getattr(made, name)]
        tally.add(subject, f"has another {', '.join(names)}{then} than the ledger makes")


async def _side_by_side(
    left: AsyncIterator[list[T]], right: AsyncIterator[list[T]], ident: Callable[[T], int]
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
