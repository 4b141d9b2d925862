"""The kernels in numpy alone: whole levels at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.kernels import Spread, Trail
from cmdb.projection.rows import (
    LENGTH,
    Rows,
    append_edges,
    capacity_for,
    find_edges,
    remove_edges,
    room_for,
    slots_of,
)


class VectorisedKernels:
    """See `cmdb.projection.kernels.Kernels`."""

    append_edges = staticmethod(append_edges)
    remove_edges = staticmethod(remove_edges)
    find_edges = staticmethod(find_edges)

    def sort_into_rows(self, owners: Int32s, neighbours: Int32s, nodes: int) -> tuple[Rows, Int32s]:
        """Edges keep their order within a row."""
        length = np.bincount(owners, minlength=nodes).astype(np.int32)
        room = room_for(length)
        end = np.cumsum(room, dtype=np.int64)
        start = (end - room).astype(np.int32)
        tail = int(end[-1]) if nodes else 0

        order = np.argsort(owners, kind="stable").astype(np.int32)
        first = np.cumsum(length, dtype=np.int64) - length
        place = np.empty(len(owners), dtype=np.int32)
        place[order] = np.arange(len(owners)) - first[owners[order]]
        slot = start[owners] + place
        neighbour, edge = np.zeros(capacity_for(tail), np.int32), np.zeros(capacity_for(tail), np.int32)
        neighbour[slot] = neighbours
        edge[slot] = np.arange(len(owners), dtype=np.int32)
        rows = Rows(np.stack([start, length], axis=1), room, neighbour, edge, np.array([tail], dtype=np.int64))
        return rows, place

    def spread(self, rows: Rows, nodes: int, sources: Int32s, goal: int) -> Spread:
        """A level at a time: all neighbours of its nodes that were not seen."""
        seen = np.zeros(nodes, dtype=bool)
        levels: list[Int32s] = []
        level = sources
        while len(level):
            levels.append(level)
            seen[level] = True
            if goal >= 0 and seen[goal]:
                break
            found = rows.neighbour[slots_of(rows.header, level)]
            level = np.unique(found[~seen[found]])
        return _joined(levels)

    def trail(self, rows: Rows, nodes: int, spread: Spread, relationship: Int64s) -> Trail:
        """A level at a time: all edges to the next, sorted by node, neighbour and relationship."""
        position = np.zeros(nodes, dtype=np.int32)
        position[spread.order] = np.arange(len(spread.order))
        trail = Trail(np.full_like(spread.order, -1), np.full(len(spread.order), -1, dtype=np.int64))
        for begin, end in pairwise((0, *spread.ends.tolist()[:-1])):
            level = spread.order[begin:end]
            slot = slots_of(rows.header, level)
            at = position[rows.neighbour[slot]]
            onward = at >= end
            at, by = at[onward], relationship[rows.edge[slot][onward]]
            node = np.repeat(level, rows.header[level, LENGTH])[onward]
            best = np.lexsort((by, node, at))
            reached, first = np.unique(at[best], return_index=True)
            trail.via[reached] = node[best][first]
            trail.relationship[reached] = by[best][first]
        return trail


def _joined(levels: list[Int32s]) -> Spread:
    ends = np.cumsum([len(level) for level in levels], dtype=np.int32)
    return Spread(np.concatenate(levels) if levels else np.empty(0, np.int32), ends)
