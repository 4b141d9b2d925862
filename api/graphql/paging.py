"""Relay pages: how many rows, from which cursor, and what is said about a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import strawberry

from cmdb.errors import Conflict, Usage
from cmdb.store.port import LARGEST_PAGE

DEFAULT_PAGE: Final = 50


@strawberry.type(description="Where a page begins and ends, and whether there is more before and after it.")
class PageInfo:
    """See Relay."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


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
