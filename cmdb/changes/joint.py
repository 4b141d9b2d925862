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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cmdb.changes.collisions import Lists
from cmdb.changes.losses import losses_of, spare_of
from cmdb.changes.meetings import Entries, encounters, meetings, numbers_of, sorted_once, stops
from cmdb.changes.spans import Span
from cmdb.impact import Propagation
from cmdb.projection.columns import Int32s, Int64s

_LOW: Final = 0xFFFF_FFFF


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


@dataclass(frozen=True, eq=False)
class JointCollisions:
    """All pairs of outages that collide jointly, by place in `outages`, sorted; on which CIs is worked out when it is asked."""

    outages: tuple[Outage, ...]
    first: Int32s
    second: Int32s
    _question: _Question

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[JointCollision]:
        return map(self.at, range(len(self)))

    def at(self, place: int) -> JointCollision:
        """One pair; three closures, unless the same CIs were asked for before."""
        first, second = int(self.first[place]), int(self.second[place])
        cis = self._question.only_together(first, second)
        return JointCollision(self.outages[first].key, self.outages[second].key, cis)


def joint_collisions(
    propagation: Propagation, outages: Iterable[Outage], context: Int32s | None = None
) -> JointCollisions:
    """All pairs with overlapping windows that collide jointly while the CIs of the `context` are down.

    CIs that are not present take nothing down. O(a closure for each set of CIs taken down, if it is not known + pools
    above what falls + what pairs with overlapping windows share of pools and rings + three closures for each pair that
    shares a ring, and no pool that loses too much).
    """
    question = _Question(propagation, outages, context)
    return question.answered(np.ones(len(question.outages), dtype=np.bool_))


def joint_collisions_of(
    propagation: Propagation, outages: Iterable[Outage], one: Outage, context: Int32s | None = None
) -> JointCollisions:
    """Those of one change with any other; an outage of its own key is left out. O as above, for those that overlap."""
    others = [other for other in outages if other.key != one.key and other.window.overlaps(one.window)]
    question = _Question(propagation, [*others, one], context)
    return question.answered(np.array([outage is one for outage in question.outages]))


class _Question:
    """The outages in order of time, each with the number of its set: the CIs that it takes down, as far as they are there."""

    def __init__(self, propagation: Propagation, outages: Iterable[Outage], context: Int32s | None) -> None:
        self.outages = tuple(sorted(outages, key=lambda outage: (outage.window, outage.key)))
        self._propagation = propagation
        self._context = self._present(np.empty(0, np.int32) if context is None else context)
        number: dict[bytes, int] = {}
        self._sets: list[Int32s] = []
        known: list[Int32s | None] = []
        set_of: list[int] = []
        for outage in self.outages:
            down = self._present(outage.down)
            set_of.append(number.setdefault(down.tobytes(), len(number)))
            if len(number) > len(self._sets):
                self._sets.append(down)
                known.append(outage.fallen)
        self._set_of = np.array(set_of, dtype=np.int32)
        closures = (
            self._close(down) if fallen is None else fallen for down, fallen in zip(self._sets, known, strict=True)
        )
        gone, structure = propagation.close(self._context), propagation.structure
        self._losses = losses_of(structure, gone, closures, len(self._sets))
        self._spare = spare_of(structure, gone)
        self._found: dict[tuple[int, int], tuple[int, ...]] = {}

    def answered(self, asked: NDArray[np.bool_]) -> JointCollisions:
        """The pairs of which one, at least, is asked about."""
        windows = np.array([outage.window for outage in self.outages], dtype=np.int64).reshape(-1, 2)
        stop = stops(windows[:, 0], windows[:, 1])
        by_pool = sorted_once(np.concatenate([np.empty(0, np.int64), *self._too_much(stop, asked)]))
        rings = _of_works(self._losses.rings, self._set_of)
        by_ring = meetings(rings, rings, stop)
        among = asked[by_ring.first] | asked[by_ring.second]
        rest = np.setdiff1d((by_ring.first.astype(np.int64) << 32 | by_ring.second)[among], by_pool)
        hanging = [pair for pair in rest.tolist() if self.only_together(pair >> 32, pair & _LOW)]
        pairs = np.union1d(by_pool, np.array(hanging, dtype=np.int64))
        return JointCollisions(self.outages, (pairs >> 32).astype(np.int32), (pairs & _LOW).astype(np.int32), self)

    def only_together(self, first: int, second: int) -> tuple[int, ...]:
        """What two outages take down that neither does alone."""
        one, other = sorted((int(self._set_of[first]), int(self._set_of[second])))
        if (one, other) not in self._found:
            alone = np.union1d(self._close(self._sets[one]), self._close(self._sets[other]))
            both = self._close(np.union1d(self._sets[one], self._sets[other]))
            self._found[one, other] = tuple(np.setdiff1d(both, alone, assume_unique=True).tolist())
        return self._found[one, other]

    def _too_much(self, stop: Int64s, asked: NDArray[np.bool_]) -> Iterator[Int64s]:
        """Pairs, as `first << 32 | second`, that share a pool which loses more to both than it can."""
        losses = self._losses
        begin = losses.start[self._set_of]
        length = losses.start[self._set_of + 1] - begin
        loss = numbers_of(begin, length)
        work = np.repeat(np.arange(len(self._set_of), dtype=np.int32), length)
        order = np.lexsort((work, losses.pool[loss]))
        loss, work = loss[order], work[order]
        for mine, its in encounters(Entries(losses.pool[loss].astype(np.int64), work), stop):
            first, second, one, other = work[mine], work[its], loss[mine], loss[its]
            at_most = losses.weight[one] + losses.weight[other]
            near = np.flatnonzero((at_most > self._spare[losses.pool[one]]) & (asked[first] | asked[second]))
            together = losses.together(one[near], other[near])
            found = near[together > self._spare[losses.pool[one[near]]]]
            yield sorted_once(first[found].astype(np.int64) << 32 | second[found])

    def _close(self, down: Int32s) -> Int32s:
        return self._propagation.close(np.union1d(down, self._context))

    def _present(self, ordinals: Int32s) -> Int32s:
        present = self._propagation.structure.present
        known = np.unique(ordinals)
        known = known[(known >= 0) & (known < len(present))]
        return known[present[known]]


def _of_works(lists: Lists, sets: Int32s) -> Entries:
    """What is said of sets, of the works that take them down."""
    begin = lists.start[sets]
    length = lists.start[sets + 1] - begin
    value = lists.value[numbers_of(begin, length)]
    return Entries(value.astype(np.int64), np.repeat(np.arange(len(sets), dtype=np.int32), length))
