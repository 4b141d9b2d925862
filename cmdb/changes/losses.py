"""What sets of CIs, when they are down, take from pools whose owners stay up: the ground on which two of them can meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cmdb.changes.collisions import Lists, contains
from cmdb.changes.meetings import numbers_of, sorted_once
from cmdb.impact import Structure
from cmdb.impact.footing import HARD_COUNTED_RUN, owners_of_slots, slots
from cmdb.projection.columns import Int32s, Int64s

_NO: Final = np.empty(0, dtype=np.int64)
_LOW: Final = 0xFFFF_FFFF
_AT_ONCE: Final = 1 << 20
"""CIs of closures that are looked at together, and as many more as one closure has."""


@dataclass(frozen=True, eq=False)
class Losses:
    """What each of some sets takes from pools, beyond what the context takes.

    Loss i is what one set takes from pool `pool[i]`: in all `weight[i]`, by the members
    `member[begin[i]:begin[i + 1]]`, sorted, which weigh `member_weight`. Those of set j are from `start[j]` up to, and
    without, `start[j + 1]`, sorted by pool. `rings` are, by set, those that the owners are in, as far as they are firm.
    """

    start: Int64s
    pool: Int32s
    weight: Int64s
    begin: Int64s
    member: Int32s
    member_weight: Int64s
    rings: Lists

    def together(self, one: Int64s, other: Int64s) -> Int64s:
        """What two losses of the same pool are together: a member that both take counts once. O(members)."""
        mine, row = self._members(one)
        its, its_row = self._members(other)
        shared = contains(row << 32 | self.member[mine], its_row << 32 | self.member[its])
        twice = np.bincount(row[shared], self.member_weight[mine[shared]], minlength=len(one)).astype(np.int64)
        return self.weight[one] + self.weight[other] - twice

    def _members(self, losses: Int64s) -> tuple[Int64s, Int64s]:
        """The places of the members of some losses, and the number of the loss that each is of."""
        length = self.begin[losses + 1] - self.begin[losses]
        return numbers_of(self.begin[losses], length), np.repeat(np.arange(len(losses), dtype=np.int64), length)


def losses_of(structure: Structure, gone: Int32s, closures: Iterable[Int32s], sets: int) -> Losses:
    """The losses of so many sets, of their closures; `gone` is the closure of the context. O(pools above what falls)."""
    numbers, keys, weights, rings = [_NO], [_NO], [_NO], [_NO]
    for first, some in _parts(closures):
        number, key, weight, ring = _some(structure, gone, some)
        numbers.append(number + first)
        keys.append(key)
        weights.append(weight)
        rings.append(ring + (first << 32))
    number, key, weight = np.concatenate(numbers), np.concatenate(keys), np.concatenate(weights)
    pool = (key >> 32).astype(np.int32)
    heads = np.flatnonzero(_differs(number) | _differs(pool))
    edges = np.arange(sets + 1)
    ring = np.concatenate(rings)
    return Losses(
        start=np.searchsorted(number[heads], edges).astype(np.int64),
        pool=pool[heads],
        weight=np.add.reduceat(weight, heads) if len(heads) else _NO,
        begin=np.append(heads, len(key)).astype(np.int64),
        member=(key & _LOW).astype(np.int32),
        member_weight=weight,
        rings=Lists(np.searchsorted(ring, edges << 32).astype(np.int64), (ring & _LOW).astype(np.int32)),
    )


def spare_of(structure: Structure, gone: Int32s) -> Int64s:
    """What each pool can lose when the context has taken its part; `gone` is the closure of that."""
    spare = structure.pools.columns.slack.astype(np.int64)
    rows = structure.graph.rows
    slot = slots(rows, gone, HARD_COUNTED_RUN)
    np.subtract.at(spare, rows.code[slot] >> 1, rows.weight[slot].astype(np.int64))
    return spare


def _some(structure: Structure, gone: Int32s, closures: Sequence[Int32s]) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Set, pool and member as a key, and weight, sorted by the first two; and sets and rings as keys, sorted."""
    rows, footing = structure.graph.rows, structure.graph.footing
    size = [len(fallen) for fallen in closures]
    fallen = np.concatenate(closures)
    number = np.repeat(np.arange(len(closures), dtype=np.int64), size)
    is_down = number << 32 | fallen
    new = ~contains(fallen, gone)
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


def _differs(values: Int32s | Int64s) -> NDArray[np.bool_]:
    """Whether each differs from the one before; the first does."""
    return np.concatenate([np.ones(min(1, len(values)), dtype=np.bool_), values[1:] != values[:-1]])


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
