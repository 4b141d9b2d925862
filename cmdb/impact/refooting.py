"""Rings, ranks and presumed CIs after a change, from those before it.

A need that runs down the ranks closes no ring. One that runs up has those who need its dependent looked through, as far
as they rank above its provider; if the provider is not among them they move below it, else what lies between is a ring
(after Bender, Fineman, Gilbert and Tarjan, ACM Trans. Algorithms 12, 2016). Who is presumed depends, in a ring, on the
pools of its own CIs alone, since whatever they need outside of it stands in the end; so only rings are settled again
whose CIs need something else than before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from cmdb.impact.footing import (
    HARD_COUNTED_RUN,
    HARD_RUN,
    SPACING,
    footing_of,
    owners_of_slots,
    slots,
)
from cmdb.impact.kernels import Bools, Components, Footing, Make, Rows
from cmdb.impact.pooling import Pools
from cmdb.impact.room import Room
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.rows import slots_of

_FEW: Final = 4096
_NOBODY: Final = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Refooted:
    """The footing after a change, and the members, before and after, of rings that may stand otherwise."""

    footing: Footing
    before: Int32s
    after: Int32s


def refooted(
    old: Footing, rows: Rows, pools: Pools, touched: Int32s, needs: tuple[Int32s, Int32s], make: Make, room: Room
) -> Refooted:
    """The footing where CIs `touched` need something else, and the hard `needs` (dependents, providers) are new.

    Its ranks and rings stand in the memory of the room's tables.

    O(what needs the dependents of needs that run up the ranks, down to their providers + rings with touched members);
    where more than a fourth of all CIs would have to be looked at, or no rank is left between two, the whole pass:
    O(V + E).
    """
    nodes = len(rows.header)
    work = _Work(old, rows, make, room)
    try:
        affected = work.split(touched)
        affected = np.concatenate([affected, work.arrange(*needs)])
    except _TooMuchError:
        footing = footing_of(rows, pools, make)
        return Refooted(footing, old.ring_member, footing.ring_member)
    if not len(affected) and nodes == len(old.ring):
        return Refooted(
            Footing(old.presumed, old.ring, old.ring_start, old.ring_member, work.rank, later_components(rows, make)),
            _NOBODY,
            _NOBODY,
        )
    affected = np.unique(affected)
    ring, starts, ring_member = work.ring, old.ring_start, old.ring_member
    if work.rings_changed:
        ring, starts, ring_member = _numbered(ring, work.rank)
    presumed = np.zeros(nodes, dtype=bool)
    presumed[: len(old.presumed)] = old.presumed
    presumed[affected] = False
    inside = affected[ring[affected] >= 0]
    presumed[inside[_presumed(rows, pools, ring, inside, make)]] = True
    footing = Footing(presumed, ring, starts, ring_member, work.rank, later_components(rows, make))
    return Refooted(footing, affected[affected < len(old.ring)], inside)


class _TooMuchError(Exception):
    """A change is not worth following."""


class _Work:
    """Ranks and rings on their way."""

    def __init__(self, old: Footing, rows: Rows, make: Make, room: Room) -> None:
        self._old, self._rows, self._make, self._room = old, rows, make, room
        self._nodes = len(rows.header)
        self._own = False
        self.rank, self.ring = old.rank, old.ring
        self.rings_changed = False
        self._next_ring = len(old.ring_start)
        if self._nodes > len(old.rank):
            self._take_own()

    def _take_own(self) -> None:
        if self._own:
            return
        self._own = True
        known = len(self._old.rank)
        self.rank = self._room.ranks.copy(self._old.rank, self._nodes)
        self.ring = self._room.rings.copy(self._old.ring, self._nodes)
        if self._nodes > known:
            top = int(self._old.rank.max(initial=0))
            self.rank[known:] = top + SPACING * np.arange(1, self._nodes - known + 1, dtype=np.int64)
            self.ring[known:] = -1

    def split(self, touched: Int32s) -> Int32s:
        """Take rings apart that hold together no longer; the members of all that have a touched one."""
        old = self._old
        known = touched[touched < len(old.ring)]
        rings = np.unique(old.ring[known])
        rings = rings[rings >= 0]
        if not len(rings):
            return _NOBODY
        spans = np.stack([old.ring_start[rings], np.diff(old.ring_start)[rings]], axis=1)
        members = np.sort(old.ring_member[slots_of(spans, np.arange(len(rings), dtype=np.int32))])
        owner, provider = _hard_needs(self._rows, members)
        inside = self.ring[owner] == self.ring[provider]
        parts = _parts(members, owner[inside], provider[inside], self._make)
        by_ring: dict[int, list[Int32s]] = {}
        for part in parts:
            by_ring.setdefault(int(old.ring[part[0]]), []).append(part)
        for some in by_ring.values():
            if len(some) > 1:
                self._spread(some)
        return members

    def _spread(self, parts: Sequence[Int32s]) -> None:
        """Give the parts of what was one ring ranks of their own, dependents first, the last its old one."""
        self._take_own()
        top = int(self.rank[parts[0][0]])
        members = np.sort(np.concatenate(parts))
        above = self.rank[_hard_needs(self._rows, members)[0]]
        lower = int(above[above < top].max(initial=top - SPACING))
        self._place(parts, lower, top)

    def _place(self, parts: Sequence[Int32s], lower: int, top: int) -> None:
        space = (top - lower) // (len(parts) + 1)
        if space < 1:
            raise _TooMuchError
        for number, part in enumerate(parts, start=1):
            self.rank[part] = top if number == len(parts) else lower + number * space
            self.ring[part] = -1
            if len(part) > 1:
                self.ring[part] = self._next_ring
                self._next_ring += 1
        self.rings_changed = True

    def arrange(self, dependents: Int32s, providers: Int32s) -> Int32s:
        """Put ranks right for new needs; the members of the rings that these close."""
        upwards = (self.rank[dependents] >= self.rank[providers]) & (
            (self.ring[dependents] < 0) | (self.ring[dependents] != self.ring[providers])
        )
        if not upwards.any():
            return _NOBODY
        self._take_own()
        needs = dependents[upwards], providers[upwards]
        queue = np.empty(self._nodes // 4 + _FEW, dtype=np.int32)
        room = np.zeros(self._nodes, dtype=bool), queue
        closed: list[Int32s] = [_NOBODY]
        at = 0
        while at < len(needs[0]):
            at, count, lower = self._make.arrange(self._rows, needs, at, self.ring, self.rank, room)
            if count < 0:
                raise _TooMuchError
            if at < len(needs[0]):
                closed.append(self._close(np.sort(queue[:count]), lower, int(self.rank[needs[1][at]])))
        return np.concatenate(closed)

    def _close(self, above: Int32s, lower: int, top: int) -> Int32s:
        """Some need each other. Those who need them come first, they last."""
        owner, provider = _hard_needs(self._rows, above)
        among = self._among(owner, above)
        parts = _parts(above, owner[among], provider[among], self._make)
        self._place(parts, lower, top)
        return np.concatenate([part for part in parts if len(part) > 1])

    def _among(self, ordinals: Int32s, some: Int32s) -> Bools:
        at = np.minimum(np.searchsorted(some, ordinals), len(some) - 1)
        return some[at] == ordinals


def _hard_needs(rows: Rows, providers: Int32s) -> tuple[Int32s, Int32s]:
    """Dependents and providers of all hard needs of these."""
    owner = [rows.target[slots(rows, providers, HARD_RUN)], rows.counted[slots(rows, providers, HARD_COUNTED_RUN)]]
    by = [owners_of_slots(rows, providers, HARD_RUN), owners_of_slots(rows, providers, HARD_COUNTED_RUN)]
    return np.concatenate(owner), np.concatenate(by)


def _parts(members: Int32s, owner: Int32s, provider: Int32s, make: Make) -> list[Int32s]:
    """Strongly connected parts of the sorted members under these needs, dependents first."""
    local = _local_rows(members, owner, provider, make)
    order, ends = make.components(local, len(members))
    return np.split(members[order], ends[:-1])


def _local_rows(members: Int32s, owner: Int32s, provider: Int32s, make: Make) -> Rows:
    """Rows of the members alone, by their places, all of it direct and hard."""
    by, start = make.group(np.searchsorted(members, provider).astype(np.int32), len(members))
    header = np.zeros((len(members), 8), dtype=np.int32)
    header[:, 0], header[:, 1], header[:, 2], header[:, 3] = start[:-1], start[1:], start[1:], start[1:]
    target = np.searchsorted(members, owner).astype(np.int32)[by]
    return Rows(header, target, by, _NOBODY, _NOBODY, np.empty(0, dtype=np.int64), _NOBODY)


def _presumed(rows: Rows, pools: Pools, ring: Int32s, members: Int32s, make: Make) -> Bools:
    """Which of the sorted members of whole rings stand on their ring alone."""
    if not len(members):
        return np.empty(0, dtype=bool)
    slot, counted_slot = slots(rows, members, HARD_RUN), slots(rows, members, HARD_COUNTED_RUN)
    owner, provider = rows.target[slot], owners_of_slots(rows, members, HARD_RUN)
    inside = ring[owner] == ring[provider]
    owner, provider = owner[inside], provider[inside]
    local = _local_rows(members, owner, provider, make)

    owner, provider = rows.counted[counted_slot], owners_of_slots(rows, members, HARD_COUNTED_RUN)
    inside = ring[owner] == ring[provider]
    counted_slot, owner, provider = counted_slot[inside], owner[inside], provider[inside]
    number, pool = np.unique(rows.code[counted_slot] >> 1, return_inverse=True)
    weight = rows.weight[counted_slot].astype(np.int64)
    within = np.zeros(len(number), dtype=np.int64)
    np.add.at(within, pool, weight)
    missing = pools.need[number] - (pools.total[number] - within)
    short = missing[pool] > 0
    by, start = make.group(np.searchsorted(members, provider[short]).astype(np.int32), len(members))
    header = local.header
    header[:, 4], header[:, 5], header[:, 6] = start[:-1], start[1:], start[1:]
    counted = np.searchsorted(members, owner[short]).astype(np.int32)
    unmet = np.bincount(local.target, minlength=len(members))
    at = np.searchsorted(members, pools.columns.owner[number[missing > 0]])
    unmet += np.bincount(at, minlength=len(members))
    code = (pool[short] << 1).astype(np.int32)
    local = Rows(header, local.target, local.edge, counted[by], code[by], weight[short][by], by)
    return make.presumed(local, unmet.astype(np.int32), missing)


def _numbered(ring: Int32s, rank: Int64s) -> tuple[Int32s, Int32s, Int32s]:
    """Rings numbered anew, dependents first."""
    members = np.flatnonzero(ring >= 0).astype(np.int32)
    members = members[np.lexsort((members, ring[members], rank[members]))]
    first = np.ones(len(members), dtype=bool)
    first[1:] = ring[members[1:]] != ring[members[:-1]]
    numbered = np.full(len(ring), -1, dtype=np.int32)
    numbered[members] = np.cumsum(first) - 1
    starts = np.append(np.flatnonzero(first), len(members)).astype(np.int32)
    return numbered, starts, members


def later_components(rows: Rows, make: Make) -> Callable[[], Components]:
    """The components, when they are asked for."""
    return partial(make.components, rows, len(rows.header))
