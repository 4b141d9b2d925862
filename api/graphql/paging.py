"""Relay pages: how many rows, from which cursor, and what is said about a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import strawberry

from api.graphql.loading import Once
from cmdb.errors import Conflict, Usage
from cmdb.store.port import LARGEST_PAGE

DEFAULT_PAGE: Final = 50

Row = TypeVar("Row")
Source = TypeVar("Source")


@strawberry.type(description="Where a page begins and ends, and whether there is more before and after it.")
class PageInfo:
    """See Relay."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A row and the cursor to go on after it.")
class Edge(Generic[Row]):
    """See Relay."""

    cursor: str
    node: Row


@strawberry.type(description="A page of rows. `totalCount` is exact, and counted only when it is asked for.")
class Connection(Generic[Row]):
    """See Relay. The page is there already."""

    count: strawberry.Private[Once[int]]
    edges: list[Edge[Row]]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self) -> int:
        """Of all pages, exactly."""
        return await self.count.get()


@dataclass(frozen=True, slots=True)
class Page(Generic[Source]):
    """What a page is made of: rows, the cursor of each, what is said about the page, how many rows all pages have."""

    rows: Sequence[Source]
    cursors: Sequence[str]
    info: PageInfo
    count: Once[int]

    def edges(self, shown: Callable[[Source], Row]) -> list[Edge[Row]]:
        """The rows with their cursors, each as it is shown."""
        return [Edge(cursor=mark, node=shown(row)) for mark, row in zip(self.cursors, self.rows, strict=True)]

    def connection(self, shown: Callable[[Source], Row]) -> Connection[Row]:
        """The page, with each row as it is shown."""
        return Connection(count=self.count, edges=self.edges(shown), page_info=self.info)


def page_of(every: Sequence[Source], revision: int, first: int, after: str | None) -> Page[Source]:
    """A page of rows that are all at hand, in an answer of a revision. Raises as `place_after`. O(page)."""
    start = place_after(revision, first, after)
    some = every[start : start + first]
    marks = cursors(revision, start, len(some))

    async def count() -> int:
        return len(every)

    return Page(some, marks, page_info(marks, after, more=start + len(some) < len(every)), Once(count))


def page_info(cursors: Sequence[str], after: str | None, *, more: bool) -> PageInfo:
    """What is said about a page with these cursors that was asked for after a cursor."""
    return PageInfo(
        has_next_page=more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def checked_first(first: int) -> int:
    """The size of a page. Raises Usage when it is not within 1 and LARGEST_PAGE."""
    if not 1 <= first <= LARGEST_PAGE:
        raise Usage(f"first is {first}", remedy=f"ask for 1 to {LARGEST_PAGE} rows, and for more with `after`")
    return first


def place_after(revision: int, first: int, after: str | None) -> int:
    """Where in an answer of a revision the page after a cursor of `cursors` begins; 0 without one.

    Raises Usage for the size of the page or a damaged cursor, Conflict for a cursor of another revision.
    """
    checked_first(first)
    if after is None:
        return 0
    made_at, place = numbers_in(after, 2)
    if made_at != revision:
        raise Conflict(
            f"the cursor is of revision {made_at}, this answer of {revision}",
            remedy=f'ask with asOf: "r{made_at}", or start again without a cursor',
        )
    return place


def cursors(revision: int, start: int, count: int) -> list[str]:
    """The cursors of `count` rows from position `start` on of an answer of a revision."""
    return [f"{revision}.{start + place}" for place in range(1, count + 1)]


def numbers_in(cursor: str, count: int) -> tuple[int, ...]:
    """The whole numbers that a cursor of ours is made of. Raises Usage when it is damaged."""
    parts = cursor.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise Usage("the cursor is damaged", remedy="start again without a cursor")
    return tuple(int(part) for part in parts)
