"""Components, and who stands on rings alone: plain Python over arrays, which compiles as it stands."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from cmdb.impact.kernels import Bools, Rows, Weights
from cmdb.projection.columns import Int32s

OUTSIDE: Final = np.iinfo(np.int32).max
"""What the index of a CI is that is not walked, or has been."""


class Derive(Protocol):
    """`derive`, or a faster make of it."""

    def __call__(
        self,
        header: Int32s,
        target: Int32s,
        counted: Int32s,
        code: Int32s,
        weight: Weights,
        unmet: Int32s,
        missing: Weights,
        accepted: Bools,
        queue: Int32s,
        count: int,
        /,
    ) -> None:
        """Accept."""
        ...


def find_components(
    header: Int32s,
    target: Int32s,
    counted: Int32s,
    code: Int32s,
    missing: Weights,
    nodes: Int32s,
    work: Int32s,
    order: Int32s,
    ends: Int32s,
) -> int:
    """Components among `nodes` over hard needs that are not met; returns their number.

    Counted pools are walked that have `missing` weight; all are, where it is empty. `work` has five rows of a number
    for each CI, the first of them `OUTSIDE` throughout, as it is again in the end. Component c is
    `order[ends[c - 1]:ends[c]]`; a component comes after those that need it. Tarjan's algorithm (SIAM J. Comput.
    1, 1972), its recursion on a stack.
    """
    index, low, at, path, open_nodes = work[0], work[1], work[2], work[3], work[4]
    for node in nodes:
        index[node] = -1
    opened = 0
    visited = 0
    emitted = 0
    found = 0
    for root in nodes:
        if index[root] >= 0:
            continue
        depth = 0
        path[0] = root
        at[root] = 0
        index[root] = visited
        low[root] = visited
        visited += 1
        open_nodes[opened] = root
        opened += 1
        while depth >= 0:
            node = path[depth]
            direct = header[node, 1] - header[node, 0]
            slots = direct + header[node, 5] - header[node, 4]
            step = at[node]
            descended = False
            while step < slots:
                if step < direct:
                    onward = target[header[node, 0] + step]
                else:
                    slot = header[node, 4] + step - direct
                    onward = counted[slot]
                    if len(missing) > 0 and missing[code[slot] >> 1] <= 0:
                        step += 1
                        continue
                step += 1
                if index[onward] < 0:
                    at[node] = step
                    depth += 1
                    path[depth] = onward
                    at[onward] = 0
                    index[onward] = visited
                    low[onward] = visited
                    visited += 1
                    open_nodes[opened] = onward
                    opened += 1
                    descended = True
                    break
                low[node] = min(low[node], index[onward])
            if descended:
                continue
            if low[node] == index[node]:
                while True:
                    opened -= 1
                    member = open_nodes[opened]
                    index[member] = OUTSIDE
                    order[emitted] = member
                    emitted += 1
                    if member == node:
                        break
                ends[found] = emitted
                found += 1
            depth -= 1
            if depth >= 0:
                low[path[depth]] = min(low[path[depth]], low[node])
    return found


def derive(
    header: Int32s,
    target: Int32s,
    counted: Int32s,
    code: Int32s,
    weight: Weights,
    unmet: Int32s,
    missing: Weights,
    accepted: Bools,
    queue: Int32s,
    count: int,
) -> None:
    """Accept whoever can be derived from the `count` CIs that are accepted and stand in `queue`."""
    done = 0
    while done < count:
        node = queue[done]
        done += 1
        for slot in range(header[node, 0], header[node, 1]):
            owner = target[slot]
            unmet[owner] -= 1
            if unmet[owner] == 0 and not accepted[owner]:
                accepted[owner] = True
                queue[count] = owner
                count += 1
        for slot in range(header[node, 4], header[node, 5]):
            pool = code[slot] >> 1
            if missing[pool] > 0:
                missing[pool] -= weight[slot]
                owner = counted[slot]
                if missing[pool] <= 0:
                    unmet[owner] -= 1
                    if unmet[owner] == 0 and not accepted[owner]:
                        accepted[owner] = True
                        queue[count] = owner
                        count += 1


def count_needs(header: Int32s, target: Int32s, counted: Int32s, code: Int32s, pools: Bools, unmet: Int32s) -> None:
    """Count the hard needs of each CI into `unmet`, a pool once: `pools` marks those that were counted."""
    for node in range(len(header)):
        for slot in range(header[node, 0], header[node, 1]):
            unmet[target[slot]] += 1
        for slot in range(header[node, 4], header[node, 5]):
            pool = code[slot] >> 1
            if not pools[pool]:
                pools[pool] = True
                unmet[counted[slot]] += 1


def settle(accept: Derive, rows: Rows, unmet: Int32s, missing: Weights) -> Bools:
    """The CIs that stand only on a ring, by this make of `derive`.

    A component that needs no other keeps its members whatever is accepted elsewhere, so components may be taken
    one by one, providers first. By the time of its turn a component may have been derived in part, or have lost
    edges to pools that are met; then it is taken apart again.
    """
    header, target, counted, code = rows.header, rows.target, rows.counted, rows.code
    nodes = len(unmet)
    accepted, presumed = unmet == 0, np.zeros(nodes, dtype=bool)
    queue = np.empty(nodes + 1, dtype=np.int32)

    def accept_all(ordinals: Int32s) -> None:
        queue[: len(ordinals)] = ordinals
        accepted[ordinals] = True
        accept(header, target, counted, code, rows.weight, unmet, missing, accepted, queue, len(ordinals))

    accept_all(np.flatnonzero(accepted).astype(np.int32))
    left = np.flatnonzero(~accepted).astype(np.int32)
    if not len(left):
        return presumed
    work = np.full((5, nodes), OUTSIDE, dtype=np.int32)
    order, ends = np.empty(len(left), dtype=np.int32), np.empty(len(left), dtype=np.int32)
    waiting = [left]
    while waiting:
        part = waiting.pop()
        part = part[~accepted[part]]
        if not len(part):
            continue
        found = find_components(header, target, counted, code, missing, part, work, order, ends)
        if found == 1:
            presumed[part] = True
            accept_all(part)
        else:
            waiting += np.split(order[: len(part)].copy(), ends[: found - 1])
    return presumed
