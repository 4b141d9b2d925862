"""Records of a process by where they stand, a page at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from api.graphql.loading import Once
from api.graphql.paging import Page, checked_first, page_info
from api.graphql.reading import View
from cmdb.filters import And, Compare, IsA, Lookup
from cmdb.nodes import Node
from cmdb.store.port import Query, Store

T = TypeVar("T")


async def page_in(
    view: View,
    class_name: str,
    stages: Sequence[StrEnum],
    first: int,
    after: str | None,
    gather: Callable[[Store, Sequence[Node]], Awaitable[list[T]]],
) -> Page[T]:
    """The records of a class in these stages, by age, each with what `gather` reads around all of them. O(page)."""
    where = And((IsA(class_name), Compare("state", Lookup.IN, tuple(stage.value for stage in stages))))
    found = await view.store.find(Query(where=where, limit=checked_first(first), after=after))
    rows = await gather(view.store, found.items) if found.items else []
    info = page_info(found.cursors, after, more=found.more)
    return Page(rows, found.cursors, info, Once(lambda: view.store.count(where)))
