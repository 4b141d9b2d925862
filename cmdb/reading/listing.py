"""Nodes that are wanted whole: all that a filter accepts, for filters that accept few, and those of some ordinals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cmdb.filters import Filter
from cmdb.nodes import Node
from cmdb.store.port import LARGEST_PAGE, Query, Sort, Store

_AT_ONCE: Final = 10_000


async def every(store: Store, where: Filter, sort: Sort | None = None) -> list[Node]:
    """The nodes, in order, page by page; O(what is accepted). For what may be many there are pages and streams."""
    found: list[Node] = []
    after: str | None = None
    while True:
        page = await store.find(Query(where=where, sort=sort or Sort(), limit=LARGEST_PAGE, after=after))
        found += page.items
        if not page.more:
            return found
        after = page.cursors[-1]


async def nodes_by_ordinal(store: Store, ordinals: Iterable[int], as_of: int | None) -> dict[int, Node]:
    """Nodes as of a revision (None is now), by ordinal; those that are not there are left out. O(n log n)."""
    wanted = sorted(ordinals)
    found: dict[int, Node] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        found |= {n.ordinal: n for n in await store.nodes(wanted[first : first + _AT_ONCE], as_of)}
    return found
