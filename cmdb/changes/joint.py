"""What two changes take down together, though neither does alone.

Works A and B, in context C, collide jointly on a CI that is in Close(A, B, C) and in neither Close(A, C) nor
Close(B, C). What follows is exact. Let U be the union of those two; the closure of all three is Close(U), so they
collide iff U is not closed, which it can be in two ways:

- a hard pool of a CI outside U is not met outside U. It is met outside each closure alone, so both took weight from it,
  and together more than it can lose: that is arithmetic, and needs no closure;
- a firm CI outside U cannot be derived outside U, though all its hard pools are met. Of those that cannot, take some that
  wait for each other and for nobody else: they are in one ring, and as they can be derived outside each closure alone,
  one of them lost weight to A in a pool with a member of the ring, and one to B.

So works are brought together by the pools, and the rings, from which each took weight while the owner stayed up; who
shares none cannot collide, and who shares a pool but not a ring is decided by adding up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from cmdb.changes.collisions import Lists, contains, distinct_lists
from cmdb.changes.meetings import Entries, added_up, meetings, numbers_of, sorted_once, stops
from cmdb.changes.spans import Span
from cmdb.impact import Propagation
from cmdb.impact.footing import HARD_COUNTED_RUN, owners_of_slots, slots
from cmdb.projection.columns import Int32s, Int64s


@dataclass(frozen=True, eq=False, slots=True)
class Outage:
    """A change as far as it takes CIs `down` (ordinals, in any order) while its window lasts.

    `fallen` is their closure with the context, sorted, where it is known for the graph that is asked; it is worked out
    where it is not.
    """

    key: str
    window: Span
    down: Int32s
    fallen: Int32s | None = None


@dataclass(frozen=True, slots=True)
class JointCollision:
    """Two changes, of which `first` begins first, and the CIs that only both together take down, sorted."""

    first: str
    second: str
    cis: tuple[int, ...]


def joint_collisions(
    propagation: Propagation, outages: Iterable[Outage], context: Int32s | None = None
) -> Iterator[JointCollision]:
    """All pairs with overlapping windows that collide jointly while the CIs of the `context` are down.

    CIs that are not present take nothing down. O(a closure for each set of CIs taken down, if it is not known + pools
    above what falls + what pairs with overlapping windows share of pools and rings + three closures for each pair that
    collides or shares a ring).
    """
    screen = _Screen(propagation, outages, context)
    return (found for pair in screen.pairs() if (found := screen.collision(*pair)))


def joint_collisions_of(
    propagation: Propagation, outages: Iterable[Outage], one: Outage, context: Int32s | None = None
) -> Iterator[JointCollision]:
    """Those of one change with any other; an outage of its own key is left out. O as above, for those that overlap."""
    others = [other for other in outages if other.key != one.key and other.window.overlaps(one.window)]
    screen = _Screen(propagation, [*others, one], context)
    own = screen.outages.index(one)
    return (found for pair in screen.pairs() if own in pair and (found := screen.collision(*pair)))


@dataclass(frozen=True, eq=False)
class _Losses:
    """What the closures of sets of CIs take from pools whose owners stay up, beyond what the context takes.

    Set i takes the members `key[j] & 0xFFFFFFFF` of the pools `key[j] >> 32`, which are sorted and weigh `weight[j]`, for
    j from `start[i]` up to, and without, `start[i + 1]`. `rings` of the owners, by set, are those that are firm.
    """

    start: Int64s
    key: Int64s
    weight: Int64s
    rings: Lists

    def of(self, number: int) -> tuple[Int64s, Int64s]:
        """Keys and weights of a set."""
        part = slice(int(self.start[number]), int(self.start[number + 1]))
        return self.key[part], self.weight[part]

    def rings_of(self, number: int) -> Int32s:
        """Rings of a set, sorted."""
        return self.rings.value[int(self.rings.start[number]) : int(self.rings.start[number + 1])]


class _Screen:
    def __init__(self, propagation: Propagation, outages: Iterable[Outage], context: Int32s | None) -> None:
        self.outages = sorted(outages, key=lambda outage: (outage.window, outage.key))
        self._propagation = propagation
        self._structure = propagation.structure
        self._context = self._present(np.empty(0, np.int32) if context is None else context)
        self._gone = propagation.close(self._context)
        number: dict[bytes, int] = {}
        self._sets: list[Int32s] = []
        self._set_of: list[int] = []
        known: list[Int32s | None] = []
        for outage in self.outages:
            down = self._present(outage.down)
            self._set_of.append(number.setdefault(down.tobytes(), len(number)))
            if len(number) > len(self._sets):
                self._sets.append(down)
                known.append(outage.fallen)
        closures = (
            self._close(down) if fallen is None else fallen for down, fallen in zip(self._sets, known, strict=True)
        )
        self._losses = self._all_losses(closures)
        self._found: dict[tuple[int, int], tuple[int, ...]] = {}

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Places of outages that overlap and took weight from the same pools or rings."""
        pools = distinct_lists(self._losses.start, (self._losses.key >> 32).astype(np.int32))
        sets = np.array(self._set_of, dtype=np.int32)
        windows = np.array([outage.window for outage in self.outages], dtype=np.int64).reshape(-1, 2)
        entries = Entries.joined(_of_works(pools, sets), _of_works(self._losses.rings, sets))
        found = meetings(entries, entries, stops(windows[:, 0], windows[:, 1]))
        return zip(found.first.tolist(), found.second.tolist(), strict=True)

    def collision(self, first: int, second: int) -> JointCollision | None:
        """What two outages take down only together."""
        one, other = sorted((self._set_of[first], self._set_of[second]))
        if (one, other) not in self._found:
            self._found[one, other] = self._together(one, other)
        cis = self._found[one, other]
        return JointCollision(self.outages[first].key, self.outages[second].key, cis) if cis else None

    def _together(self, one: int, other: int) -> tuple[int, ...]:
        shared_rings = np.intersect1d(self._losses.rings_of(one), self._losses.rings_of(other))
        if not len(shared_rings) and not self._is_too_much(one, other):
            return ()
        alone = np.union1d(self._close(self._sets[one]), self._close(self._sets[other]))
        both = self._close(np.union1d(self._sets[one], self._sets[other]))
        return tuple(np.setdiff1d(both, alone, assume_unique=True).tolist())

    def _is_too_much(self, one: int, other: int) -> bool:
        """Whether a pool loses more to both than it can."""
        (mine, my_weight), (its, its_weight) = self._losses.of(one), self._losses.of(other)
        key, weight = np.concatenate([mine, its]), np.concatenate([my_weight, its_weight])
        order = np.argsort(key, kind="stable")
        once = order[np.diff(key[order], prepend=-1) != 0]
        pool, lost = added_up(key[once] >> 32, weight[once])
        return bool(np.any(lost > self._spare[pool]))

    @cached_property
    def _spare(self) -> Int64s:
        """What each pool can lose when the context has taken its part."""
        spare = self._structure.pools.columns.slack.astype(np.int64)
        slot = slots(self._structure.graph.rows, self._gone, HARD_COUNTED_RUN)
        rows = self._structure.graph.rows
        np.subtract.at(spare, rows.code[slot] >> 1, rows.weight[slot].astype(np.int64))
        return spare

    def _all_losses(self, closures: Iterable[Int32s]) -> _Losses:
        """Those of all sets, some of them at a time."""
        numbers, keys, weights, rings = [_NO], [_NO], [_NO], [_NO]
        for first, some in _parts(closures):
            number, key, weight, ring = self._some_losses(some)
            numbers.append(number + first)
            keys.append(key)
            weights.append(weight)
            rings.append(ring + (first << 32))
        edges = np.arange(len(self._sets) + 1)
        start = np.searchsorted(np.concatenate(numbers), edges).astype(np.int64)
        ring = np.concatenate(rings)
        ring_start = np.searchsorted(ring, edges << 32).astype(np.int64)
        owned = Lists(ring_start, (ring & _LOW).astype(np.int32))
        return _Losses(start, np.concatenate(keys), np.concatenate(weights), owned)

    def _some_losses(self, closures: Sequence[Int32s]) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """Set, key and weight, sorted by the first two; and sets and rings as keys, sorted."""
        rows, footing = self._structure.graph.rows, self._structure.graph.footing
        size = [len(fallen) for fallen in closures]
        fallen = np.concatenate(closures)
        number = np.repeat(np.arange(len(closures), dtype=np.int64), size)
        is_down = number << 32 | fallen
        new = ~contains(fallen, self._gone)
        number, fallen = number[new], fallen[new]
        slot = slots(rows, fallen, HARD_COUNTED_RUN)
        member = owners_of_slots(rows, fallen, HARD_COUNTED_RUN)
        number = np.repeat(number, rows.header[fallen, HARD_COUNTED_RUN[1]] - rows.header[fallen, HARD_COUNTED_RUN[0]])
        owner = rows.counted[slot]
        up = np.flatnonzero(~contains(number << 32 | owner, is_down))
        slot, member, number, owner = slot[up], member[up], number[up], owner[up]
        key = (rows.code[slot] >> 1).astype(np.int64) << 32 | member
        order = np.lexsort((key, number))
        ring = np.where(footing.presumed[owner], np.int32(-1), footing.ring[owner])
        firm = number[ring >= 0] << 32 | ring[ring >= 0]
        return number[order], key[order], rows.weight[slot[order]].astype(np.int64), sorted_once(firm)

    def _close(self, down: Int32s) -> Int32s:
        return self._propagation.close(np.union1d(down, self._context))

    def _present(self, ordinals: Int32s) -> Int32s:
        known = np.unique(ordinals)
        known = known[(known >= 0) & (known < self._structure.nodes)]
        return known[self._structure.present[known]]


_NO: Final = np.empty(0, dtype=np.int64)
_LOW: Final = 0xFFFF_FFFF
_AT_ONCE: Final = 1 << 20
"""CIs of closures that are looked at together, and as many more as one closure has."""


def _parts(closures: Iterable[Int32s]) -> Iterator[tuple[int, list[Int32s]]]:
    """Some after the other, with the number of the first of them."""
    some: list[Int32s] = []
    number = size = 0
    for number, fallen in enumerate(closures, 1):
        some.append(fallen)
        size += len(fallen)
        if size >= _AT_ONCE:
            yield number - len(some), some
            some, size = [], 0
    if some:
        yield number - len(some), some


def _of_works(lists: Lists, sets: Int32s) -> Entries:
    """What is said of sets, of the works that take them down."""
    begin = lists.start[sets]
    length = lists.start[sets + 1] - begin
    value = lists.value[numbers_of(begin, length)]
    return Entries(value.astype(np.int64), np.repeat(np.arange(len(sets), dtype=np.int32), length))
