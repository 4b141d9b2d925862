"""Replaying a ledger: the same commits into another store give the same state, whatever kind of store it is."""

from __future__ import annotations

from collections.abc import Callable

from cmdb.ledger import state_digest
from cmdb.store.port import Store


async def replay(
    source: Store,
    target: Store,
    *,
    until: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Apply the commits that `target` lacks, up to revision `until`; the revision reached. O(effects · log n).

    Raises Conflict if the target's ledger is not the beginning of the source's. Stopped, it can be run again.
    """
    head = await target.head()
    revision = head.revision
    async for commit in source.commits(after=revision, until=until):
        await target.commit(commit)
        revision = commit.revision
        progress(revision)
    return revision


async def digest(store: Store, as_of: int | None = None) -> str:
    """The digest of a store's whole state; equal for stores with equal state, of either kind. O(n)."""
    return await state_digest(store.all_nodes(as_of), store.all_relationships(as_of))
