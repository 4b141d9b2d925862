"""What a traversal answers with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from cmdb.projection.columns import Int32s, Int64s


class Direction(Enum):
    """Which way a traversal goes along *dependent needs provider*."""

    DEPENDENTS = "dependents"
    """From a provider to those that need it: the way an impact spreads."""
    PROVIDERS = "providers"
    """From a dependent to what it needs."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One relationship of a path: `dependent` needs `provider`."""

    relationship: int
    dependent: int
    provider: int


@dataclass(frozen=True)
class Reach:
    """The nodes reached from some sources, which come first, at distance 0.

    `ordinals` are ordered by distance, then by ordinal; those at distance d are `ordinals[ends[d -
    1]:ends[d]]`. Where the way back was asked for, `via[i]` is the neighbour of `ordinals[i]` one step nearer
    to a source, the smallest if there are several, and `via_edge[i]` the relationship between the two, again
    the smallest; both are -1 for a source. The answer holds for `revision` and depends on nothing but the
    graph at that revision.
    """

    direction: Direction
    revision: int
    ordinals: Int32s
    ends: Int32s
    via: Int32s | None = None
    via_edge: Int64s | None = None

    def __len__(self) -> int:
        return len(self.ordinals)

    @cached_property
    def distance(self) -> Int32s:
        """Edges of a shortest way from a source, per ordinal; O(hits)."""
        sizes = np.diff(self.ends, prepend=np.int32(0))
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    def position(self, ordinal: int) -> int | None:
        """Place of `ordinal`, None if not reached; O(log hits) after a first O(hits log hits)."""
        ordinals, places = self._by_ordinal
        at = int(np.searchsorted(ordinals, ordinal))
        return int(places[at]) if at < len(ordinals) and ordinals[at] == ordinal else None

    def path_to(self, ordinal: int) -> tuple[Hop, ...] | None:
        """A shortest path between a source and `ordinal`, read from the dependent end to the provider end.

        None if `ordinal` was not reached, empty for a source. O(length log hits). Raises `ValueError` if the
        way back was not asked for.
        """
        if self.via is None or self.via_edge is None:
            raise ValueError("this reach was made without the way back: ask for it with want_path=True")
        at = self.position(ordinal)
        if at is None:
            return None
        hops: list[Hop] = []
        while at is not None and self.via[at] >= 0:
            nearer = int(self.via[at])
            hops.append(hop_back(self.direction, int(self.via_edge[at]), ordinal, nearer))
            ordinal, at = nearer, self.position(nearer)
        return in_reading_order(self.direction, hops)

    @cached_property
    def _by_ordinal(self) -> tuple[Int32s, Int64s]:
        places = np.argsort(self.ordinals)
        return self.ordinals[places], places


def hop_back(direction: Direction, relationship: int, node: int, nearer: int) -> Hop:
    """The step from `nearer` to `node` of a traversal, as the dependency that it follows."""
    if direction is Direction.DEPENDENTS:
        return Hop(relationship, dependent=node, provider=nearer)
    return Hop(relationship, dependent=nearer, provider=node)


def in_reading_order(direction: Direction, steps_back: list[Hop]) -> tuple[Hop, ...]:
    """Steps back from a hit to its source, ordered so that a hop's provider is the next one's dependent."""
    return tuple(steps_back) if direction is Direction.DEPENDENTS else tuple(reversed(steps_back))
