"""What the compiled engine does to sets, logs and rows, one small loop each."""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numpy as np
from numba import njit

from cmdb.projection.kernels.compiled import lowest_bit, prefetch

_ROW_AHEAD = 6
_HEADER_AHEAD = 12
_FILL_AHEAD = 16
_WORTH_SORTING = 16


@njit(cache=True, nogil=True)
def group_by(keys, start, order):
    """A counting sort: positions by key into `order`, where each key begins into `start` (zeros at first)."""
    for i in range(len(keys)):
        start[keys[i] + 1] += 1
    for key in range(len(start) - 1):
        start[key + 1] += start[key]
    for i in range(len(keys)):
        if i + _FILL_AHEAD < len(keys):
            prefetch(start, keys[i + _FILL_AHEAD])
        at = start[keys[i]]
        order[at] = i
        start[keys[i]] = at + 1
    for key in range(len(start) - 1, 0, -1):
        start[key] = start[key - 1]
    start[0] = 0


@njit(cache=True, nogil=True)
def add_to(ordinals, seen, order, count):
    """Put those of the ordinals that are not in the set `seen` there and in `order`; returns its length."""
    for ordinal in ordinals:
        bit = np.uint64(1) << (np.uint64(ordinal) & np.uint64(63))
        if not seen[ordinal >> 6] & bit:
            seen[ordinal >> 6] |= bit
            order[count] = ordinal
            count += 1
    return count


@njit(cache=True, nogil=True)
def sort_wave(order, begin, end, fresh):
    """Sort a wave, by way of a set (empty before and after), if it is large enough to be worth a pass over that."""
    one, low = np.uint64(1), np.uint64(63)
    if (end - begin) * _WORTH_SORTING < len(fresh):
        return
    for i in range(begin, end):
        fresh[order[i] >> 6] |= one << (np.uint64(order[i]) & low)
    at = begin
    for word in range(len(fresh)):
        bits = fresh[word]
        if bits:
            fresh[word] = 0
            while bits:
                order[at] = (word << 6) + np.int64(lowest_bit(bits))
                at += 1
                bits &= bits - one


@njit(cache=True, nogil=True)
def sort_level(order, begin, end, fresh):
    """Sort a wave of any size: a large one as `sort_wave` does, a small one by Shell's method."""
    if (end - begin) * _WORTH_SORTING >= len(fresh):
        sort_wave(order, begin, end, fresh)
        return
    gap = 1
    while gap < (end - begin) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(begin + gap, end):
            moving = order[i]
            at = i
            while at >= begin + gap and order[at - gap] > moving:
                order[at] = order[at - gap]
                at -= gap
            order[at] = moving
        gap //= 3


@njit(cache=True, nogil=True)
def begin_phase(touched, log, logged):
    """Forget which pools were touched; the log stays."""
    for i in range(logged):
        touched[log[i] >> 6] = 0


@njit(cache=True, nogil=True)
def restore(slack, touched, log, value, logged):
    """Take the counters back through the log, phase after phase."""
    for i in range(logged - 1, -1, -1):
        if i >= _FILL_AHEAD:
            prefetch(slack, log[i - _FILL_AHEAD])
        slack[log[i]] = value[i]
        touched[log[i] >> 6] = 0


@njit(cache=True, nogil=True)
def copy_slack(base, source, slack, log, copied, value, touched, logged):
    """Give a second layer the counters of the first; its log says how to take them back to `base`."""
    for i in range(logged):
        pool = log[i]
        slack[pool] = source[pool]
        copied[i] = pool
        value[i] = base[pool]
        touched[pool >> 6] |= np.uint64(1) << (np.uint64(pool) & np.uint64(63))


@njit(cache=True, nogil=True)
def mark_worse(fallen, degraded, was_ill, fell, sickened, to_fall, to_sicken, waiting):
    """Put who fell and who is newly degraded into the sets that the distances are found with."""
    one, low = np.uint64(1), np.uint64(63)
    for ordinal in fallen:
        word, bit = ordinal >> 6, one << (np.uint64(ordinal) & low)
        fell[word] |= bit
        to_fall[word] |= bit
        waiting[word] |= bit
        sickened[word] |= bit & ~was_ill[word]
    for ordinal in degraded:
        word, bit = ordinal >> 6, one << (np.uint64(ordinal) & low)
        sickened[word] |= bit
        to_sicken[word] |= bit
        waiting[word] |= bit


@njit(cache=True, nogil=True)
def unmark(ordinals, sets):
    """Empty the words of these in all sets."""
    for ordinal in ordinals:
        sets[:, ordinal >> 6] = 0


@njit(cache=True, nogil=True)
def put_sources(down, degraded, to_fall, to_sicken, order):
    """Put the sources that came to be as the scenario says in `order`; returns how many they are."""
    one, low = np.uint64(1), np.uint64(63)
    count = 0
    for ordinal in down:
        if to_fall[ordinal >> 6] >> (np.uint64(ordinal) & low) & one:
            order[count] = ordinal
            count += 1
    for ordinal in degraded:
        if to_sicken[ordinal >> 6] >> (np.uint64(ordinal) & low) & one:
            order[count] = ordinal
            count += 1
    return count


@njit(cache=True, nogil=True)
def reach_from(header, target, counted, seen, queue, done, count, budget):
    """Breadth first from `queue[done:count]`, which the set `seen` holds, over every run of a row.

    No more than `budget` CIs are walked; what is returned is where to go on.
    """
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    budget += done
    while done < count and done < budget:
        if done + _HEADER_AHEAD < count:
            prefetch(header, queue[done + _HEADER_AHEAD])
            prefetch(target, header[queue[done + _ROW_AHEAD], 0])
            prefetch(counted, header[queue[done + _ROW_AHEAD], 4])
        node = np.uint64(queue[done])
        done += 1
        for slot in range(np.uint64(header[node, 0]), np.uint64(header[node, 3])):
            found = np.uint64(target[slot])
            word = seen[found >> six]
            queue[count] = found
            count += np.int64(~(word >> (found & low)) & one)
            seen[found >> six] = word | one << (found & low)
        for slot in range(np.uint64(header[node, 4]), np.uint64(header[node, 6])):
            found = np.uint64(counted[slot])
            word = seen[found >> six]
            queue[count] = found
            count += np.int64(~(word >> (found & low)) & one)
            seen[found >> six] = word | one << (found & low)
    return done, count
