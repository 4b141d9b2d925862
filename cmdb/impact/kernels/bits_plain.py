"""Many failures at once in numpy alone, row by row. `mark` is the source of the compiled loop too."""

from __future__ import annotations

import numpy as np

from cmdb.impact.kernels import Bits
from cmdb.impact.kernels.bits import Needs
from cmdb.projection.columns import Int32s, Int64s


class PlainBits:
    """See `cmdb.impact.kernels.bits.BitLoops`."""

    def mark(self, needs: Needs, failing: Int32s, slot: Int32s) -> tuple[int, int]:
        """One CI after the other."""
        return mark(
            needs.ends,
            needs.start,
            needs.provider,
            needs.pool_start,
            needs.member_start,
            needs.member,
            needs.weight,
            needs.slack,
            failing,
            slot,
        )

    def spread(self, needs: Needs, failing: Int32s, bit: Int32s, slot: Int32s, rows: Bits) -> None:
        """One component after the other; a row is an array."""
        used = 0
        rows[:] = 0
        for place, number in zip(failing.tolist(), bit.tolist(), strict=True):
            rows[slot[place], number >> 6] |= np.uint64(1) << np.uint64(number & 63)
        begin = 0
        for stop in needs.ends.tolist():
            if stop - begin > 1 and slot[begin] >= 0:
                _settle_ring(needs, begin, stop, slot, rows)
                used = int(slot[stop - 1]) + 1
            elif stop - begin == 1 and slot[begin] == used:
                rows[used] |= _unmet(needs, begin, slot, rows)
                used += 1
            begin = stop


def mark(
    ends: Int32s,
    start: Int32s,
    provider: Int32s,
    pool_start: Int32s,
    member_start: Int32s,
    member: Int32s,
    weight: Int64s,
    slack: Int64s,
    failing: Int32s,
    slot: Int32s,
) -> tuple[int, int]:
    """See `BitLoops.mark`."""
    slot[:] = -1
    for place in failing:
        slot[place] = -2
    used = 0
    largest = 0
    first = int(np.searchsorted(ends, int(failing[0]), side="right"))
    begin = ends[first - 1] if first else 0
    for stop in ends[first:]:
        ring = stop - begin > 1
        shared = -1
        touched = False
        for place in range(begin, stop):
            if slot[place] == -2:
                touched = True
            for i in range(start[place], start[place + 1]):
                found = slot[provider[i]]
                if found >= 0 and found != shared:
                    if shared >= 0:
                        touched = True
                        break
                    shared = found
            for pool in range(pool_start[place], pool_start[place + 1]):
                left = slack[pool]
                for i in range(member_start[pool], member_start[pool + 1]):
                    if slot[member[i]] != -1:
                        left -= weight[i]
                if left < 0 or (ring and left < slack[pool]):
                    touched = True
                    break
        if ring:
            if touched or shared >= 0:
                largest = max(largest, stop - begin)
                for place in range(begin, stop):
                    slot[place] = used
                    used += 1
            else:
                slot[begin:stop] = -1
        elif touched:
            slot[begin] = used
            used += 1
        else:
            slot[begin] = shared
        begin = stop
    return used, largest


def _unmet(needs: Needs, place: int, slot: Int32s, rows: Bits) -> Bits:
    """In which scenarios a need is not met, by the rows of the providers."""
    found = np.zeros(rows.shape[1], dtype=np.uint64)
    at = slot[needs.provider[needs.start[place] : needs.start[place + 1]]]
    if len(at := at[at >= 0]):
        np.bitwise_or.reduce(rows[at], axis=0, out=found)
    for pool in range(int(needs.pool_start[place]), int(needs.pool_start[place + 1])):
        part = slice(int(needs.member_start[pool]), int(needs.member_start[pool + 1]))
        at, weight = slot[needs.member[part]], needs.weight[part]
        down = np.unpackbits(rows[at[at >= 0]].view(np.uint8), axis=1, bitorder="little")
        lost = weight[at >= 0] @ down.astype(np.int64)
        found |= np.packbits(lost > needs.slack[pool], bitorder="little").view(np.uint64)
    return found


def _settle_ring(needs: Needs, begin: int, stop: int, slot: Int32s, rows: Bits) -> None:
    """First who has an unmet need, until quiet; then the firm CIs that cannot be derived; over and over."""
    own = slice(int(slot[begin]), int(slot[begin]) + stop - begin)
    firm = [place for place in range(begin, stop) if not needs.presumed[place]]
    hanging: Bits = np.empty((stop - begin, rows.shape[1]), dtype=np.uint64)
    while True:
        changed = True
        while changed:
            changed = False
            for place in range(begin, stop):
                before = rows[slot[place]].copy()
                rows[slot[place]] |= _unmet(needs, place, slot, rows)
                changed |= bool((rows[slot[place]] != before).any())
        if not firm:
            return
        hanging[:] = rows[own]
        rows[own][~needs.presumed[begin:stop]] = ~np.uint64(0)
        _derive(needs, firm, hanging, begin, slot, rows)
        if np.array_equal(rows[own], hanging):
            return


def _derive(needs: Needs, firm: list[int], down: Bits, begin: int, slot: Int32s, rows: Bits) -> None:
    """Take from the rows of the firm CIs, full at first, the scenarios in which they can be derived."""
    changed = True
    while changed:
        changed = False
        for place in firm:
            left = down[place - begin] | _unmet(needs, place, slot, rows)
            changed |= bool((rows[slot[place]] != left).any())
            rows[slot[place]] = left
