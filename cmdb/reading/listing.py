"""All nodes that a filter accepts, for filters that accept few."""

from __future__ import annotations

from cmdb.filters import Filter
from cmdb.nodes import Node
from cmdb.store.port import LARGEST_PAGE, Query, Sort, Store


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
