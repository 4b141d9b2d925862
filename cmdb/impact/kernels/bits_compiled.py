"""Many failures at once, compiled: the loops over words."""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN202

from __future__ import annotations

import numpy as np
from numba import njit

from cmdb.impact.kernels import Bits, bits_plain
from cmdb.impact.kernels.bits import Needs
from cmdb.projection.columns import Int32s

_mark = njit(cache=True, nogil=True)(bits_plain.mark)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


class CompiledBits:
    """See `cmdb.impact.kernels.bits.BitLoops`."""

    def mark(self, needs: Needs, failing: Int32s, slot: Int32s) -> tuple[int, int]:
        """One CI after the other."""
        ends, _, *columns = needs
        return _mark(ends, *columns, failing, slot)

    def spread(self, needs: Needs, failing: Int32s, bit: Int32s, slot: Int32s, rows: Bits) -> None:
        """One component after the other."""
        _spread(*needs, failing, bit, slot, rows)


@njit(cache=True, nogil=True)
def _fails_more(pool, member_start, member, weight, slack, slot, rows, into, planes):
    """Set in row `into` the scenarios in which more than the slack of a pool is down; whether any was not set.

    Weights are added up in all 64 scenarios of a word at once: `planes[b]` holds bit b of each sum. The sums begin so
    high that they run over when the slack is exceeded, which can happen but once.
    """
    zero = np.uint64(0)
    left, total = slack[pool], np.int64(0)
    for i in range(member_start[pool], member_start[pool + 1]):
        total += weight[i]
        if slot[member[i]] >= 0:
            left -= weight[i]
    if left >= 0:
        return False
    width = 0
    while total >> width:
        width += 1
    base = (np.int64(1) << width) - 1 - slack[pool]
    changed = False
    for word in range(rows.shape[1]):
        for b in range(width):
            planes[b] = _FULL if (base >> b) & 1 else zero
        over = zero
        for i in range(member_start[pool], member_start[pool + 1]):
            at = slot[member[i]]
            if at < 0:
                continue
            down = rows[at, word]
            if down == zero:
                continue
            carry = zero
            rest = weight[i]
            for b in range(width):
                added = down if rest & 1 else zero
                rest >>= 1
                half = planes[b] ^ added
                onward = (planes[b] & added) | (carry & half)
                planes[b] = half ^ carry
                carry = onward
                if carry == zero and rest == 0:
                    break
            over |= carry
        if over & ~rows[into, word]:
            rows[into, word] |= over
            changed = True
    return changed


@njit(cache=True, nogil=True)
def _absorb(
    place, start, provider, pool_start, member_start, member, weight, slack, slot, rows, into, planes
):  # fmt: skip
    """Set in row `into` the scenarios in which a need of the CI is not met; whether any was not set."""
    changed = False
    words = rows.shape[1]
    last = -1
    for i in range(start[place], start[place + 1]):
        at = slot[provider[i]]
        if at < 0 or at == last:
            continue
        last = at
        fresh = np.uint64(0)
        for word in range(words):
            fresh |= rows[at, word] & ~rows[into, word]
            rows[into, word] |= rows[at, word]
        changed |= fresh != 0
    for pool in range(pool_start[place], pool_start[place + 1]):
        changed |= _fails_more(pool, member_start, member, weight, slack, slot, rows, into, planes)
    return changed


@njit(cache=True, nogil=True)
def _may_hang(begin, stop, presumed, pool_start, member_start, member):
    """Whether a firm CI of the ring has a pool with slack that counts on the ring; without, needs alone decide."""
    for place in range(begin, stop):
        if not presumed[place]:
            for i in range(member_start[pool_start[place]], member_start[pool_start[place + 1]]):
                if begin <= member[i] < stop:
                    return True
    return False


@njit(cache=True, nogil=True)
def _settle_ring(
    begin, stop, presumed, start, provider, pool_start, member_start, member, weight, slack, slot, rows, spare, planes
):  # fmt: skip
    """First who has an unmet need, until quiet; then the firm CIs that cannot be derived; over and over.

    Rows from `spare` on are free: one, and one for each CI of the ring.
    """
    words = rows.shape[1]
    may_hang = _may_hang(begin, stop, presumed, pool_start, member_start, member)
    own = slot[begin]
    while True:
        changed = True
        while changed:
            changed = False
            for place in range(begin, stop):
                changed |= _absorb(
                    place, start, provider, pool_start, member_start, member, weight, slack, slot, rows,
                    slot[place], planes,
                )  # fmt: skip
        if not may_hang:
            return
        for place in range(begin, stop):
            kept = spare + 1 + place - begin
            for word in range(words):
                rows[kept, word] = rows[own + place - begin, word]
                if not presumed[place]:
                    rows[own + place - begin, word] = _FULL
        changed = True
        while changed:
            changed = False
            for place in range(begin, stop):
                if presumed[place]:
                    continue
                kept = spare + 1 + place - begin
                for word in range(words):
                    rows[spare, word] = rows[kept, word]
                _absorb(
                    place, start, provider, pool_start, member_start, member, weight, slack, slot, rows,
                    spare, planes,
                )  # fmt: skip
                for word in range(words):
                    changed |= rows[slot[place], word] != rows[spare, word]
                    rows[slot[place], word] = rows[spare, word]
        quiet = True
        for place in range(begin, stop):
            for word in range(words):
                quiet &= rows[slot[place], word] == rows[spare + 1 + place - begin, word]
        if quiet:
            return


@njit(cache=True, nogil=True)
def _spread(
    ends, presumed, start, provider, pool_start, member_start, member, weight, slack, failing, bit, slot, rows
):  # fmt: skip
    """See `BitLoops.spread`; rows are cleared as they come."""
    one = np.uint64(1)
    planes = np.empty(64, dtype=np.uint64)
    spare = 0
    for place in range(len(slot)):
        spare = max(spare, slot[place] + 1)
    used = 0
    begun = 0
    first = np.searchsorted(ends, failing[0], side="right")
    begin = ends[first - 1] if first else 0
    for stop in ends[first:]:
        if slot[begin] == used:
            for place in range(begin, stop):
                for word in range(rows.shape[1]):
                    rows[used, word] = 0
                while begun < len(failing) and failing[begun] == place:
                    rows[used, bit[begun] >> 6] |= one << np.uint64(bit[begun] & 63)
                    begun += 1
                used += 1
            if stop - begin == 1:
                _absorb(
                    begin, start, provider, pool_start, member_start, member, weight, slack, slot, rows,
                    slot[begin], planes,
                )  # fmt: skip
            else:
                _settle_ring(
                    begin, stop, presumed, start, provider, pool_start, member_start, member, weight, slack, slot,
                    rows, spare, planes,
                )  # fmt: skip
        begin = stop
