"""One direction of the graph as compressed sparse rows with slack, and how edges enter and leave a row.

A row is a node's edges side by side. Removing takes the last edge of the row into the gap; adding uses the
row's spare room, and where there is none the row moves to the tail with twice the room. So both are O(1),
amortised, and what a row holds is in no particular order. The functions are plain Python over arrays and
compile as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cmdb.projection.columns import Int32s, Int64s

START, LENGTH = 0, 1
_SMALLEST_ROOM = 4


class Rows(NamedTuple):
    """`header[node]` is (start, length) of a row in `neighbour` and `edge`; `room[node]` what it may grow to.

    `tail[0]` is the first slot that no row has taken.
    """

    header: Int32s
    room: Int32s
    neighbour: Int32s
    edge: Int32s
    tail: Int64s

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.header.nbytes + self.room.nbytes + self.neighbour.nbytes + self.edge.nbytes


def append_edges(
    rows: Rows,
    owners: Int32s | Sequence[int],
    neighbours: Int32s | Sequence[int],
    edges: Int32s | Sequence[int],
    place: Int32s,
    begin: int,
) -> int:
    """Add edge `edges[i]` to the row of `owners[i]` from `begin` on, noting its place in the row.

    Returns the first i that the tail has no room for, or the number of edges when all are in.
    """
    header, room, neighbour, edge, tail = rows.header, rows.room, rows.neighbour, rows.edge, rows.tail
    for i in range(begin, len(owners)):
        owner = owners[i]
        start = header[owner, 0]
        length = header[owner, 1]
        if length == room[owner]:
            wanted = max(_SMALLEST_ROOM, 2 * length)
            moved = tail[0]
            if moved + wanted > len(neighbour):
                return i
            neighbour[moved : moved + length] = neighbour[start : start + length]
            edge[moved : moved + length] = edge[start : start + length]
            tail[0] = moved + wanted
            header[owner, 0] = moved
            room[owner] = wanted
            start = moved
        neighbour[start + length] = neighbours[i]
        edge[start + length] = edges[i]
        place[edges[i]] = length
        header[owner, 1] = length + 1
    return len(owners)


def remove_edges(rows: Rows, owners: Int32s | Sequence[int], edges: Int32s | Sequence[int], place: Int32s) -> None:
    """Take edge `edges[i]` out of the row of `owners[i]`, which must hold it."""
    header, neighbour, edge = rows.header, rows.neighbour, rows.edge
    for i in range(len(owners)):
        owner = owners[i]
        last = header[owner, 1] - 1
        gap = header[owner, 0] + place[edges[i]]
        end = header[owner, 0] + last
        neighbour[gap] = neighbour[end]
        edge[gap] = edge[end]
        place[edge[gap]] = place[edges[i]]
        header[owner, 1] = last


def find_edges(
    providers: Rows,
    dependents: Rows,
    relationship: Int64s,
    wanted: Int64s | Sequence[int],
    dependent: Int32s | Sequence[int],
    provider: Int32s | Sequence[int],
    found: Int32s,
) -> None:
    """Set `found[i]` to the edge of relationship `wanted[i]` between these ends, or -1; O(shorter row)."""
    for i in range(len(wanted)):
        found[i] = -1
        rows, owner, other = providers, dependent[i], provider[i]
        if providers.header[dependent[i], 1] > dependents.header[provider[i], 1]:
            rows, owner, other = dependents, provider[i], dependent[i]
        start = rows.header[owner, 0]
        for slot in range(start, start + rows.header[owner, 1]):
            if rows.neighbour[slot] == other and relationship[rows.edge[slot]] == wanted[i]:
                found[i] = rows.edge[slot]
                break


def slots_of(header: Int32s, nodes: Int32s) -> Int64s:
    """Slots of the rows of `nodes`, row after row; O(nodes + slots)."""
    length = header[nodes, LENGTH].astype(np.int64)
    end = np.cumsum(length)
    shift = header[nodes, START].astype(np.int64) - (end - length)
    return np.repeat(shift, length) + np.arange(end[-1] if len(end) else 0)


def room_for(length: Int32s) -> Int32s:
    """Room to give rows of these lengths: an eighth more."""
    return length + (length >> 3)


def resized(rows: Rows, nodes: int, slots: int) -> Rows:
    """The same rows in arrays for `nodes` rows and `slots` slots, both no less than there are; O(V + E)."""
    more_nodes = nodes - len(rows.room)
    more_slots = slots - len(rows.neighbour)
    return Rows(
        np.pad(rows.header, ((0, more_nodes), (0, 0))) if more_nodes else rows.header,
        np.pad(rows.room, (0, more_nodes)) if more_nodes else rows.room,
        np.pad(rows.neighbour, (0, more_slots)) if more_slots else rows.neighbour,
        np.pad(rows.edge, (0, more_slots)) if more_slots else rows.edge,
        rows.tail,
    )


def compacted(rows: Rows) -> Rows:
    """The same rows, each in the same order, side by side again with a little slack; O(V + E)."""
    length = rows.header[:, LENGTH]
    room = room_for(length)
    end = np.cumsum(room, dtype=np.int64)
    header = np.stack([(end - room).astype(np.int32), length], axis=1)
    everybody = np.arange(len(room), dtype=np.int32)
    source, target = slots_of(rows.header, everybody), slots_of(header, everybody)
    tail = int(end[-1]) if len(end) else 0
    neighbour, edge = np.zeros(capacity_for(tail), np.int32), np.zeros(capacity_for(tail), np.int32)
    neighbour[target] = rows.neighbour[source]
    edge[target] = rows.edge[source]
    return Rows(header, room, neighbour, edge, np.array([tail], dtype=np.int64))


def capacity_for(count: int) -> int:
    """Slots to allocate where `count` are in use: an eighth more, for rows that will move to the tail."""
    return count + (count >> 3) + 64
