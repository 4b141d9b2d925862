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
from functools import cached_property

import numpy as np

from cmdb.changes.collisions import contains
from cmdb.changes.meetings import Entries, meetings, stops
from cmdb.changes.spans import Span
from cmdb.impact import Propagation
from cmdb.impact.footing import HARD_COUNTED_RUN, owners_of_slots, slots
from cmdb.projection.columns import Int32s, Int64s


@dataclass(frozen=True, eq=False, slots=True)
class Outage:
    """A change as far as it takes CIs `down` (ordinals, in any order) while its window lasts."""

    key: str
    window: Span
    down: Int32s


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

    CIs that are not present take nothing down. O(a closure for each set of CIs that is taken down + what pairs with
    overlapping windows share of pools and rings + a few closures for each pair that collides or shares a ring).
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


@dataclass(frozen=True, eq=False, slots=True)
class _Loss:
    """What the closure of some CIs takes from pools whose owners stay up, beyond what the context takes.

    `member[i]` is a member of `pool[i]`, sorted by pool, then by member. Of the `rings` of the owners, sorted, are those
    that are firm and may hang on a pool that lost weight.
    """

    pool: Int32s
    member: Int32s
    weight: Int64s
    rings: Int32s


class _Screen:
    def __init__(self, propagation: Propagation, outages: Iterable[Outage], context: Int32s | None) -> None:
        self.outages = sorted(outages, key=lambda outage: (outage.window, outage.key))
        self._propagation = propagation
        self._structure = propagation.structure
        self._context = self._present(np.empty(0, np.int32) if context is None else context)
        self._fallen = propagation.close(self._context)
        number: dict[bytes, int] = {}
        self._sets: list[Int32s] = []
        self._set_of: list[int] = []
        for outage in self.outages:
            down = self._present(outage.down)
            self._set_of.append(number.setdefault(down.tobytes(), len(number)))
            if len(number) > len(self._sets):
                self._sets.append(down)
        self._losses = [self._loss(down) for down in self._sets]
        self._found: dict[tuple[int, int], tuple[int, ...]] = {}

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Places of outages that overlap and took weight from the same pools or rings."""
        pools = len(self._structure.pools.need)
        groups = [
            np.concatenate([np.unique(loss.pool).astype(np.int64), loss.rings.astype(np.int64) + pools])
            for loss in self._losses
        ]
        of_each = [groups[number] for number in self._set_of]
        entries = Entries(
            np.concatenate([np.empty(0, np.int64), *of_each]),
            np.repeat(np.arange(len(of_each), dtype=np.int32), [len(some) for some in of_each]),
        )
        windows = np.array([outage.window for outage in self.outages], dtype=np.int64).reshape(-1, 2)
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
        mine, its = self._losses[one], self._losses[other]
        if not len(np.intersect1d(mine.rings, its.rings)) and not self._is_too_much(mine, its):
            return ()
        alone = np.union1d(self._close(self._sets[one]), self._close(self._sets[other]))
        both = self._close(np.union1d(self._sets[one], self._sets[other]))
        return tuple(np.setdiff1d(both, alone, assume_unique=True).tolist())

    def _is_too_much(self, mine: _Loss, its: _Loss) -> bool:
        """Whether a pool loses more to both than it can."""
        pool = np.concatenate([mine.pool, its.pool]).astype(np.int64)
        member = np.concatenate([mine.member, its.member])
        weight = np.concatenate([mine.weight, its.weight])
        key = pool << 32 | member
        order = np.argsort(key, kind="stable")
        once = order[np.diff(key[order], prepend=-1) != 0]
        begins = np.flatnonzero(np.diff(pool[once], prepend=-1))
        lost = np.add.reduceat(weight[once], begins) if len(begins) else weight
        return bool(np.any(lost > self._spare[pool[once][begins]]))

    @cached_property
    def _spare(self) -> Int64s:
        """What each pool can lose when the context has taken its part."""
        spare = self._structure.pools.columns.slack.astype(np.int64)
        pool, _, weight, _ = self._taken(self._fallen)
        np.subtract.at(spare, pool, weight)
        return spare

    def _taken(self, fallen: Int32s) -> tuple[Int32s, Int32s, Int64s, Int32s]:
        """Pool, member, weight and owner, wherever one of these is a member of a hard pool that can lose something."""
        rows = self._structure.graph.rows
        slot = slots(rows, fallen, HARD_COUNTED_RUN)
        member = owners_of_slots(rows, fallen, HARD_COUNTED_RUN)
        return rows.code[slot] >> 1, member, rows.weight[slot].astype(np.int64), rows.counted[slot]

    def _loss(self, down: Int32s) -> _Loss:
        fallen = self._close(down)
        pool, member, weight, owner = self._taken(np.setdiff1d(fallen, self._fallen, assume_unique=True))
        up = np.flatnonzero(~contains(owner, fallen))
        up = up[np.lexsort((member[up], pool[up]))]
        footing = self._structure.graph.footing
        firm = owner[up][~footing.presumed[owner[up]]]
        ring = np.unique(footing.ring[firm])
        return _Loss(pool[up], member[up], weight[up], ring[ring >= 0])

    def _close(self, down: Int32s) -> Int32s:
        return self._propagation.close(np.union1d(down, self._context))

    def _present(self, ordinals: Int32s) -> Int32s:
        known = np.unique(ordinals)
        known = known[(known >= 0) & (known < self._structure.nodes)]
        return known[self._structure.present[known]]
