"""A store and the reference, written together, and the comparison of all that they say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from cmdb.filters import Direction, Filter
from cmdb.ledger import broken_links, state_digest
from cmdb.nodes import Node, Relationship
from cmdb.store.port import LARGEST_PAGE, Query, Sort, Store
from tests.reference.book import Book
from tests.reference.graph import Reference

T = TypeVar("T")


class Pair:
    """What `book` says is committed to `store` and to the reference."""

    def __init__(self, store: Store, book: Book | None = None) -> None:
        self.store = store
        self.book = book or Book()

    @property
    def reference(self) -> Reference:
        """What the store must answer."""
        return self.book.reference

    async def commit(self, minutes: int = 1) -> int:
        """Commit what the book did since the last one; the revision."""
        commit = self.book.commit(minutes)
        await self.store.commit(commit)
        return commit.revision


async def gathered(batches: AsyncIterator[list[T]]) -> list[T]:
    """All that a stream of batches gives."""
    return [item async for batch in batches for item in batch]


async def listed(stream: AsyncIterator[T]) -> list[T]:
    """All that a stream gives."""
    return [item async for item in stream]


async def all_nodes(store: Store, as_of: int | None = None) -> list[Node]:
    """Every node of a store."""
    return await gathered(store.all_nodes(as_of))


async def all_relationships(store: Store, as_of: int | None = None) -> list[Relationship]:
    """Every relationship of a store."""
    return await gathered(store.all_relationships(as_of))


async def digest(store: Store, as_of: int | None = None) -> str:
    """The digest of a store's state."""
    return await state_digest(store.all_nodes(as_of), store.all_relationships(as_of))


async def found(
    store: Store, where: Filter, sort: Sort | None = None, as_of: int | None = None, limit: int = LARGEST_PAGE
) -> list[Node]:
    """All rows of a list, page by page."""
    rows: list[Node] = []
    after: str | None = None
    while True:
        page = await store.find(Query(where=where, sort=sort or Sort(), limit=limit, after=after, as_of=as_of))
        assert len(page.items) == len(page.cursors) <= limit
        rows += page.items
        if not page.more:
            return rows
        assert len(page.items) == limit
        after = page.cursors[-1]


async def searched(store: Store, text: str) -> list[Node]:
    """All that a full-text search finds, which must be as many as it says."""
    nodes, total = await store.search(text, limit=LARGEST_PAGE)
    assert len(nodes) == total
    return nodes


async def agree(store: Store, reference: Reference, revisions: Sequence[int | None] = (None,)) -> None:
    """Assert that a store has the head and, as of these revisions, the states of the reference."""
    assert await store.head() == reference.head
    for revision in revisions:
        assert await all_nodes(store, revision) == reference.all_nodes(revision)
        assert await all_relationships(store, revision) == reference.all_relationships(revision)


async def agree_wholly(store: Store, reference: Reference) -> None:
    """Assert that a store says what the reference says, of every revision and of every thing."""
    await agree(store, reference, [None, *range(len(reference.states))])
    assert await listed(store.commits()) == reference.commits
    assert await broken_links(store.commits(), reference.head) == []
    ordinals = sorted(reference.now.nodes)
    for revision in (None, *range(len(reference.states))):
        assert await store.nodes(ordinals, revision) == reference.nodes(ordinals, revision)
        assert await store.count_by_class(revision) == reference.count_by_class(revision)
        for direction in Direction:
            joined = await store.relationships(ordinals, direction, as_of=revision)
            assert joined == reference.relationships(ordinals, direction, as_of=revision)
    for ordinal in ordinals:
        assert await store.history(ordinal) == reference.history(ordinal)
        assert await store.relationship_history(ordinal) == reference.relationship_history(ordinal)
    counters, expected = await store.counters(), reference.counters()
    assert (counters.ordinal, counters.relationship) == (expected.ordinal, expected.relationship)
    assert expected.numbers.items() <= counters.numbers.items()
