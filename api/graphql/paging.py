"""Relay pages: how many rows, from which cursor, and what is said about a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import strawberry

from cmdb.errors import Usage
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


def numbers_in(cursor: str, count: int) -> tuple[int, ...]:
    """The whole numbers that a cursor of ours is made of. Raises Usage when it is damaged."""
    parts = cursor.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise Usage("the cursor is damaged", remedy="start again without a cursor")
    return tuple(int(part) for part in parts)
