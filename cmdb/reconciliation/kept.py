"""What a store keeps of a source's earlier imports, and what others have done to it since."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cmdb.changeset import ModelInstalled, NodeChanged, NodeRetired, Relinked, Unlinked
from cmdb.store.port import ClaimKind, Store


@dataclass(slots=True)
class Kept:
    """The claims of one source: of nodes by source key (ordinal, digest), of relationships by id in ascending order.

    A relationship's claim has its id as source key. `link_digests` has only those that are not empty.
    """

    nodes: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])
    links: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    link_digests: dict[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass(slots=True)
class Touched:
    """What was changed or ended since some revision: ordinals of nodes, ids of relationships."""

    nodes: set[int] = field(default_factory=set[int])
    links: set[int] = field(default_factory=set[int])
    model: bool = False


async def kept_of(store: Store, source: str) -> Kept:
    """All that a store keeps of a source, without the bodies. O(claims)."""
    kept = Kept()
    links = array("q")
    async for batch in store.claims(source):
        for claim in batch:
            if claim.kind is ClaimKind.NODE:
                kept.nodes[claim.source_key] = (claim.bound_to, claim.digest)
            else:
                links.append(claim.bound_to)
                if claim.digest:
                    kept.link_digests[claim.bound_to] = claim.digest
    kept.links = np.unique(np.array(links, dtype=np.int64))
    return kept


async def touched_since(store: Store, revision: int) -> Touched:
    """What commits after a revision changed or ended; what they created was not there before. O(effects since)."""
    touched = Touched()
    async for commit in store.commits(after=revision):
        for effect in commit.effects:
            match effect:
                case NodeChanged() | NodeRetired():
                    touched.nodes.add(effect.ordinal)
                case Relinked() | Unlinked():
                    touched.links.add(effect.id)
                case ModelInstalled():
                    touched.model = True
                case _:
                    pass
    return touched
