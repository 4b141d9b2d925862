"""The structure pass: rings, who stands on them alone, and which pools to watch for it."""

from __future__ import annotations

from typing import Final

import numpy as np

from cmdb.impact.kernels import Footing, Make, Rows
from cmdb.impact.pooling import Pools, narrowed
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.rows import slots_of

HARD_RUN: Final = (0, 1)
HARD_COUNTED_RUN: Final = (4, 5)
"""The columns of a row's header that bound what passes a failure on as it is."""

SPACING: Final = 2**40
"""Between the ranks of neighbours at first, so that there is room for others in between."""


def slots(rows: Rows, providers: Int32s, run: tuple[int, int]) -> Int64s:
    """Slots of a run of the rows of these, row after row; O(providers + slots)."""
    bounds = rows.header[providers]
    begin = bounds[:, run[0]]
    spans = np.stack([begin, bounds[:, run[1]] - begin], axis=1)
    return slots_of(spans, np.arange(len(providers), dtype=np.int32))


def owners_of_slots(rows: Rows, providers: Int32s, run: tuple[int, int]) -> Int32s:
    """The provider of each of those slots."""
    bounds = rows.header[providers]
    return np.repeat(providers, bounds[:, run[1]] - bounds[:, run[0]])


def footing_of(rows: Rows, pools: Pools, make: Make) -> Footing:
    """Rings, ranks and presumed CIs of the whole graph; O(V + E)."""
    nodes = len(rows.header)
    components = make.components(rows, nodes)
    size = np.diff(components.ends, prepend=0)
    ring_of = np.where(size > 1, np.cumsum(size > 1) - 1, -1).astype(np.int32)
    ring, rank = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int64)
    ring[components.order] = np.repeat(ring_of, size)
    rank[components.order] = np.repeat(np.arange(len(size), dtype=np.int64) * SPACING, size)
    missing = narrowed(pools.need.copy(), small=pools.columns.slack.dtype == np.int16)
    presumed = make.presumed(rows, make.needs(rows, nodes, len(missing)), missing)
    starts = np.concatenate([[0], np.cumsum(size[size > 1])]).astype(np.int32)
    members = components.order[np.repeat(size > 1, size)]
    return Footing(presumed, ring, starts, members, rank, lambda: components)


def hanging_pools(rows: Rows, footing: Footing, pools: Pools, ring_members: Int32s) -> Int32s:
    """Pools whose loss may leave a ring hanging: hard ones with slack, of a firm CI, with one of these in its ring.

    O(rows of these).
    """
    slot = slots(rows, ring_members, HARD_COUNTED_RUN)
    owner, provider = rows.counted[slot], owners_of_slots(rows, ring_members, HARD_COUNTED_RUN)
    inside = (footing.ring[owner] >= 0) & (footing.ring[owner] == footing.ring[provider]) & ~footing.presumed[owner]
    pool = rows.code[slot[inside]] >> 1
    return np.unique(pool[pools.columns.slack[pool] > 0])
