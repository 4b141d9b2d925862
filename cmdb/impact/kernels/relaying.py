"""Rows laid anew and ranks put right after a change: plain Python over arrays, which compiles as it stands."""

# ruff: noqa: SIM108 - one line would be a long one

from __future__ import annotations

import numpy as np

from cmdb.impact.kernels import Bits, Bools, Rows
from cmdb.projection.columns import Int32s, Int64s

_SPACING = 2**40
_LOWEST = -(2**62)


def relay(
    rows: Rows, providers: Int32s, fresh: Rows, dead_edge: Bits, dead_pool: Bits, begin: int, counted_begin: int
) -> None:
    """Lay the rows of these anew from `begin` and `counted_begin` on, whose room is there.

    A slot of a dead edge, or in a dead pool, is left out; the i-th row of `fresh` is added to that of `providers[i]`.
    """
    header = rows.header
    one = np.uint64(1)
    at, counted_at = begin, counted_begin
    for i in range(len(providers)):
        node = providers[i]
        for run in range(3):
            first, last = header[node, run], header[node, run + 1]
            header[node, run] = at
            for slot in range(first, last):
                edge = rows.edge[slot]
                if edge >> 6 >= len(dead_edge) or not dead_edge[edge >> 6] >> np.uint64(edge & 63) & one:
                    rows.target[at] = rows.target[slot]
                    rows.edge[at] = edge
                    at += 1
            for slot in range(fresh.header[i, run], fresh.header[i, run + 1]):
                rows.target[at] = fresh.target[slot]
                rows.edge[at] = fresh.edge[slot]
                at += 1
        header[node, 3] = at
        for run in range(4, 6):
            first, last = header[node, run], header[node, run + 1]
            header[node, run] = counted_at
            for slot in range(first, last):
                pool = rows.code[slot] >> 1
                if pool >> 6 >= len(dead_pool) or not dead_pool[pool >> 6] >> np.uint64(pool & 63) & one:
                    rows.counted[counted_at] = rows.counted[slot]
                    rows.code[counted_at] = rows.code[slot]
                    rows.weight[counted_at] = rows.weight[slot]
                    rows.counted_edge[counted_at] = rows.counted_edge[slot]
                    counted_at += 1
            for slot in range(fresh.header[i, run], fresh.header[i, run + 1]):
                rows.counted[counted_at] = fresh.counted[slot]
                rows.code[counted_at] = fresh.code[slot]
                rows.weight[counted_at] = fresh.weight[slot]
                rows.counted_edge[counted_at] = fresh.counted_edge[slot]
                counted_at += 1
        header[node, 6] = counted_at


def arrange(
    rows: Rows,
    dependents: Int32s,
    providers: Int32s,
    begin: int,
    ring: Int32s,
    rank: Int64s,
    seen: Bools,
    queue: Int32s,
) -> tuple[int, int, int]:
    """Put ranks right, need after need from `begin` on, until one closes a ring.

    What needs the dependent, directly or not, and ranks no lower than the provider moves below it, in the order in
    which it was; nobody else has to. Returns the number of the need that closes a ring (all of them if none does), how
    many CIs of the queue need its dependent, and the largest rank below theirs; -1 for their number where the queue, or
    the space between two ranks, does not suffice.
    """
    header = rows.header
    for need in range(begin, len(dependents)):
        dependent, provider = dependents[need], providers[need]
        top = rank[provider]
        if rank[dependent] < top or (ring[dependent] >= 0 and ring[dependent] == ring[provider]):
            continue
        lower = top - _SPACING
        closed = False
        queue[0] = dependent
        seen[dependent] = True
        count = 1
        done = 0
        while done < count:
            node = queue[done]
            done += 1
            closed = closed or node == provider
            direct = header[node, 1] - header[node, 0]
            for step in range(direct + header[node, 5] - header[node, 4]):
                if step < direct:
                    found = rows.target[header[node, 0] + step]
                else:
                    found = rows.counted[header[node, 4] + step - direct]
                if rank[found] < top:
                    lower = max(lower, rank[found])
                elif not seen[found] and count < len(queue):
                    seen[found] = True
                    queue[count] = found
                    count += 1
        for i in range(count):
            seen[queue[i]] = False
        space = (top - lower) // (count + 1)
        if count == len(queue) or space < 1 or lower < _LOWEST:
            return need, -1, 0
        if closed:
            return need, count, int(lower)
        old = rank[queue[:count]]
        place = 0
        order = np.argsort(old)
        for i in range(count):
            if i == 0 or old[order[i]] != old[order[i - 1]]:
                place += 1
            rank[queue[order[i]]] = lower + place * space
    return len(dependents), 0, 0
