"""Single points of failure: the CIs whose loss alone takes others down, under pools and rings, worked out many at once.

A failure is a bit. Providers come before dependents, so a CI's row of bits follows from those of its providers: any of
them that it cannot do without hands on its bits, and a pool adds up weights in all scenarios at once. Within a ring rows
are gone over until they are quiet. Then the firm CIs get full rows, from which the scenarios are taken in which they can
be derived, again until quiet; what stays is down, and it begins anew. That is the definition of Close scenario by
scenario, so nothing is left to a closure for each.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid, Problem
from cmdb.impact.kernels import Bits
from cmdb.impact.kernels.bits import BitLoops, bit_loops
from cmdb.impact.structure import Structure
from cmdb.impact.underlying import Underlying, underlying
from cmdb.projection.columns import Int32s, Int64s

AT_ONCE: Final = 4096
"""Scenarios that are worked out together: a row takes 512 bytes for each CI above them."""


@dataclass(frozen=True, eq=False)
class SinglePoints:
    """Who takes down which of `services` alone, as of `revision`; nothing is left out.

    `ordinal[i]` takes down `services_down[i]` of them beside itself, of `importance[i]` together, and is `distance[i]`
    needs away from the nearest. Those that take down the most come first, then the most important, the nearest, the
    oldest. `points[j]` is how many take down `services[j]`, beside itself.
    """

    revision: int
    services: Int32s
    points: Int64s
    ordinal: Int32s
    services_down: Int64s
    importance: Int64s
    distance: Int32s
    complete: bool = field(default=True, kw_only=True)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.ordinal)


def single_points(structure: Structure, service: int) -> Int32s:
    """The CIs whose loss alone takes the service down, the nearest first; itself is not among them.

    O(providers · needs among them / 64). Raises `Invalid` for a CI that is not present.
    """
    return single_points_of(structure, np.array([service], dtype=np.int32)).ordinal


def single_points_of(
    structure: Structure,
    services: Int32s,
    importance: Int64s | None = None,
    *,
    threads: int = 1,
) -> SinglePoints:
    """The CIs whose loss alone takes one of the services down, each with how many it does.

    `importance` goes by service, 0 where nothing is said; all of it together is below 2^53. There is one pass over what
    stands above them for each chunk of `AT_ONCE` providers: O(providers / 4096 · needs above · 512 bytes). Each thread
    takes at most 512 bytes for each CI. Raises `Invalid` for CIs that are not present.
    """
    services, named = np.unique(services.astype(np.int32), return_index=True)
    check_present(structure, services)
    weight = np.zeros(len(services), dtype=np.int64) if importance is None else importance[named]
    below = underlying(structure, services)
    loops = bit_loops(structure.make)
    size = len(below.ordinal)
    chunks = [np.arange(at, min(at + AT_ONCE, size), dtype=np.int32) for at in range(0, size, AT_ONCE)]
    values = np.stack([np.ones(len(services)), weight.astype(np.float64)])
    sums = np.zeros((2, size), dtype=np.int64)

    def tally(part: tuple[Int32s, ...]) -> Int64s:
        sweep, points = Sweep(below, loops), np.zeros(len(services), dtype=np.int64)
        for places in part:
            numbers = np.arange(len(places), dtype=np.int32)
            standing, fallen = sweep.tops_down(places, numbers, len(places))
            for some in np.array_split(np.arange(len(standing)), 1 + (len(standing) >> 9)):
                found = values[:, standing[some]] @ fallen[some].astype(np.float64)
                sums[:, places] += found.astype(np.int64)
            points[standing] += fallen.sum(axis=1, dtype=np.int64)
        return points

    parts = [tuple(chunks[first::threads]) for first in range(min(threads, len(chunks)))]
    with ThreadPoolExecutor(max(1, len(parts))) as pool:
        points = sum(pool.map(tally, parts), np.full(len(services), -1, dtype=np.int64))
    sums[:, below.top] -= values.astype(np.int64)
    count, importances = sums
    found = np.flatnonzero(count > 0)
    ranks = (below.ordinal, below.distance, -importances, -count)
    found = found[np.lexsort([rank[found] for rank in ranks])]
    return SinglePoints(
        structure.revision,
        services,
        points,
        below.ordinal[found],
        count[found],
        importances[found],
        below.distance[found],
    )


def falls_with(structure: Structure, tops: Int32s, failing: Int32s) -> NDArray[np.bool_]:
    """Whether each of `tops` (rows) is down when each of `failing` (columns, at most `AT_ONCE`) fails alone.

    Both are sorted. Who of `failing` is below none of them takes none down. O(needs below the tops · columns / 8).
    """
    below = underlying(structure, tops)
    order = np.argsort(below.ordinal)
    at = np.minimum(np.searchsorted(below.ordinal[order], failing), len(order) - 1)
    column = np.flatnonzero(below.ordinal[order[at]] == failing).astype(np.int32)
    place = order[at[column]].astype(np.int32)
    by_place = np.argsort(place)
    found = np.zeros((len(tops), len(failing)), dtype=np.bool_)
    if len(column):
        sweep = Sweep(below, bit_loops(structure.make))
        standing, fallen = sweep.tops_down(place[by_place], column[by_place], len(failing))
        found[standing] = fallen
    return found


def check_present(structure: Structure, ordinals: Int32s) -> None:
    """Raises `Invalid` naming every CI that is not present."""
    problems = [
        Problem("is not present", f"CI {ordinal}", "", "name CIs that exist and are not retired")
        for ordinal in ordinals.tolist()
        if not (0 <= ordinal < structure.nodes and structure.present[ordinal])
    ]
    if problems:
        raise Invalid(f"the question is about CIs that are not there: {problems[0]}", problems=tuple(problems))


class Sweep:
    """Passes over the same needs one after the other; rows are kept from pass to pass. For one thread."""

    def __init__(self, below: Underlying, loops: BitLoops) -> None:
        self._below, self._loops = below, loops
        self._slot = np.empty(len(below.ordinal), dtype=np.int32)
        self._rows: Bits = np.empty((0, 0), dtype=np.uint64)

    def tops_down(self, failing: Int32s, bit: Int32s, scenarios: int) -> tuple[Int64s, NDArray[np.uint8]]:
        """Which of the CIs on top fall at all, and for each of these a row: 1 for each scenario in which it does.

        In scenario b all `failing[i]` with `bit[i] == b` fail; these are places, sorted.
        """
        needs, slot = self._below.needs, self._slot
        used, ring = self._loops.mark(needs, failing, slot)
        rows = self._room(used + 1 + ring, (scenarios + 63) >> 6)
        self._loops.spread(needs, failing, bit, slot, rows)
        standing = np.flatnonzero(slot[self._below.top] >= 0)
        fallen = rows[slot[self._below.top[standing]]]
        return standing, np.unpackbits(fallen.view(np.uint8), axis=1, count=scenarios, bitorder="little")

    def _room(self, count: int, words: int) -> Bits:
        if self._rows.shape[1] != words or len(self._rows) < count:
            self._rows = np.empty((count + (count >> 3), words), dtype=np.uint64)
        return self._rows[:count]
