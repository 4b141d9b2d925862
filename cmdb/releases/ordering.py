"""In which order items are deployed: what others need comes first. Pure.

step 1   db-1 (DBI-000001)
step 2   cluster (DBC-000001), proxy (PRX-000001)    a ring: each needs the other, so they go together
step 3   shop (BSV-000001)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cmdb.impact.kernels import Make, Rows, configured_make
from cmdb.nodes import Node
from cmdb.projection.columns import DependencyColumns, Int32s


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """Items that are deployed at once, by key: one, or a ring of several that need each other. Ordinals."""

    items: tuple[int, ...]

    @property
    def is_ring(self) -> bool:
        """Whether its items need each other, directly or by way of others."""
        return len(self.items) > 1


@dataclass(frozen=True, slots=True)
class NamedStep:
    """What is deployed at once: an item, or a ring of several that need each other; and the changes that touch it."""

    items: tuple[Node, ...]
    changes: tuple[str, ...]

    @property
    def is_ring(self) -> bool:
        """Whether its items need each other."""
        return len(self.items) > 1

    def __str__(self) -> str:
        names = " + ".join(f"{node.name} ({node.key})" for node in self.items)
        by = f": {', '.join(self.changes)}" if self.changes else ""
        return f"{'ring ' if self.is_ring else ''}{names}{by}"


@dataclass(frozen=True, slots=True)
class Order:
    """The steps of a deployment, and its changes, by key, in the order in which they are carried out."""

    steps: tuple[NamedStep, ...]
    changes: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """The steps, a line each."""
        return tuple(f"{number}. {step}" for number, step in enumerate(self.steps, 1))


def deployment_steps(keys: Mapping[int, str], needs: DependencyColumns) -> tuple[DeploymentStep, ...]:
    """The order of items, given as key by ordinal: providers before dependents, ties by key, a ring as one step.

    `needs` are all dependencies among the items and everything they need, so that an item which needs another one only by
    way of something that is not deployed still comes after it. A step comes as early as it may: its height is the number
    of steps that must be over before it. O(items · log items + needs + largest ordinal).
    """
    if not keys:
        return ()
    rings = _rings(np.fromiter(keys, dtype=np.int32), needs)
    own: dict[int, list[int]] = {}
    for item in keys:
        own.setdefault(int(rings.ring_of[item]), []).append(item)
    heights = _heights(rings, own)
    steps = [(heights[ring], sorted(items, key=keys.__getitem__)) for ring, items in own.items()]
    steps.sort(key=lambda step: (step[0], keys[step[1][0]]))
    return tuple(DeploymentStep(tuple(items)) for _, items in steps)


def in_order(touched: Mapping[str, Iterable[int]], steps: Sequence[DeploymentStep]) -> tuple[str, ...]:
    """Changes, as what each touches by its key, in the order in which they are carried out.

    A change comes with the first step that has an item of its own, then with the last, then by key; one that touches
    nothing which is deployed comes at the end. O(what is touched).
    """
    place = {item: number for number, step in enumerate(steps) for item in step.items}

    def when(key: str) -> tuple[int, int, str]:
        places = [place[item] for item in touched[key] if item in place] or [len(steps)]
        return min(places), max(places), key

    return tuple(sorted(touched, key=when))


@dataclass(frozen=True, slots=True)
class _Rings:
    """Strongly connected components, most of one node, those that need others before these.

    `ring_of` has the number of a node's, by ordinal; those that need ring r directly are `above[start[r]:start[r + 1]]`.
    """

    ring_of: Int32s
    start: Int32s
    above: Int32s


def _rings(items: Int32s, needs: DependencyColumns) -> _Rings:
    """The components of the items and of all ends of needs. O(items + needs + largest ordinal)."""
    ends = (items, needs.dependent, needs.provider)
    known = np.zeros(1 + max(map(_largest, ends)), dtype=np.bool_)
    for ordinals in ends:
        known[ordinals] = True
    place = np.cumsum(known, dtype=np.int32) - np.int32(1)
    nodes = int(place[-1]) + 1
    make = configured_make()(nodes)
    order, stops = make.components(_upwards(place[needs.provider], place[needs.dependent], nodes, make), nodes)
    ring_at = np.empty(nodes, dtype=np.int32)
    ring_at[order] = np.repeat(np.arange(len(stops), dtype=np.int32), np.diff(stops, prepend=0))
    ring_of = ring_at[place]
    below, above = ring_of[needs.provider], ring_of[needs.dependent]
    between = below != above
    by_ring, start = make.group(below[between], len(stops))
    return _Rings(ring_of, start, above[between][by_ring])


def _upwards(provider: Int32s, dependent: Int32s, nodes: int, make: Make) -> Rows:
    """Rows from each provider to its dependents, in which nothing is counted."""
    order, start = make.group(provider, nodes)
    header = np.zeros((nodes, 8), dtype=np.int32)
    header[:, 0] = start[:-1]
    header[:, 1:4] = start[1:, np.newaxis]
    none = np.empty(0, dtype=np.int32)
    return Rows(header, dependent[order], order, none, none, none.astype(np.int16), none)


def _heights(rings: _Rings, own: Mapping[int, Sequence[int]]) -> list[int]:
    """For each ring how many that have items of their `own` must be over before it, one after the other."""
    heights = [0] * (len(rings.start) - 1)
    for ring in range(len(heights) - 1, -1, -1):
        if over := heights[ring] + (ring in own):
            onward: list[int] = rings.above[rings.start[ring] : rings.start[ring + 1]].tolist()
            for above in onward:
                heights[above] = max(heights[above], over)
    return heights


def _largest(ordinals: Int32s) -> int:
    return int(ordinals.max(initial=0))
