"""How failure spreads, compiled: closing, what is at risk, and how far away everything is."""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN201, ANN202, SIM114

from __future__ import annotations

import numpy as np
from numba import njit

from cmdb.impact.kernels.loops import sort_level, sort_wave
from cmdb.projection.kernels.compiled import prefetch

_COUNTER_AHEAD = 3
_ROW_AHEAD = 6
_HEADER_AHEAD = 12
_SLOT_AHEAD = 24
_FILL_AHEAD = 16


@njit(cache=True, nogil=True)
def close_over(
    header,
    target,
    counted,
    code,
    weight,
    ring,
    ring_start,
    ring_member,
    firm,
    seen,
    order,
    slack,
    touched,
    log,
    value,
    done,
    count,
    logged,
    dirty,
    unmet,
    doubtful,
    pools,
    queue,
    fresh,
    with_soft,
    soft_seen,
    softs,
    soft_count,
    heaviest,
    shaken,
    shaken_value,
    shaken_count,
    rings,
    at,
    budget,
):
    """Walk on from `order[done:count]` until quiet; look at the rings that lost weight; again until none did.

    Rings are numbered dependents first and failure goes the other way, so the last is looked at first: what is
    found there can only hurt rings that come later. `rings` of them are to be looked at, none after `at`. A wave is
    begun as long as no more than `budget` CIs were walked or looked at; what is returned is where to go on.

    `shaken` gets the pools that can lose less than `heaviest` now and could lose as much before, or were not touched
    yet in this phase, each once, with what they could lose: of all others none lost its spare.
    """
    one, six, low, ahead = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(_SLOT_AHEAD)
    end = done
    while done < count or rings > 0:
        if done == end:
            if budget < 0:
                break
            if done < count:
                sort_wave(order, end, count, fresh)
                budget -= count - end
                end = count
        if done == count:
            while not dirty[at]:
                at -= 1
            rings -= 1
            dirty[at] = False
            members = ring_member[ring_start[at] : ring_start[at + 1]]
            budget -= len(members)
            count = _look(
                header, target, counted, code, weight, members, firm, seen, order, count, slack, unmet, doubtful,
                pools, queue,
            )  # fmt: skip
            continue
        if done + _HEADER_AHEAD < end:
            prefetch(header, order[done + _HEADER_AHEAD])
            later = order[done + _ROW_AHEAD]
            prefetch(target, header[later, 0])
            if header[later, 4] < header[later, 6]:
                prefetch(code, header[later, 4])
                prefetch(weight, header[later, 4])
            near = order[done + _COUNTER_AHEAD]
            for slot in range(header[near, 4], min(header[near, 6], header[near, 4] + _SLOT_AHEAD)):
                prefetch(slack, code[slot] >> 1)
        node = np.uint64(order[done])
        done += 1
        for slot in range(np.uint64(header[node, 0]), np.uint64(header[node, 1])):
            found = np.uint64(target[slot])
            word = seen[found >> six]
            order[count] = found
            count += np.int64(~(word >> (found & low)) & one)
            seen[found >> six] = word | one << (found & low)
        last = np.uint64(header[node, 5])
        for slot in range(np.uint64(header[node, 4]), last):
            if slot + ahead < last:
                prefetch(slack, np.uint64(code[slot + ahead]) >> one)
            pool = np.uint64(code[slot]) >> one
            word = touched[pool >> six]
            left = slack[pool]
            log[logged] = pool
            value[logged] = left
            first = ~(word >> (pool & low)) & one
            logged += np.int64(first)
            touched[pool >> six] = word | one << (pool & low)
            shaken[shaken_count] = pool
            shaken_value[shaken_count] = left
            could = (left >= heaviest) | (first == one)
            left -= weight[slot]
            slack[pool] = left
            shaken_count += np.int64(could & (left < heaviest))
            if left < 0:
                found = np.uint64(counted[slot])
                word = seen[found >> six]
                order[count] = found
                count += np.int64(~(word >> (found & low)) & one)
                seen[found >> six] = word | one << (found & low)
            elif code[slot] & 1:
                hurt = ring[counted[slot]]
                if not dirty[hurt]:
                    dirty[hurt] = True
                    at = max(at, hurt)
                    rings += 1
        if with_soft:
            for slot in range(np.uint64(header[node, 1]), np.uint64(header[node, 2])):
                found = np.uint64(target[slot])
                word = soft_seen[found >> six]
                softs[soft_count] = found
                soft_count += np.int64(~(word >> (found & low)) & one)
                soft_seen[found >> six] = word | one << (found & low)
            for slot in range(np.uint64(header[node, 5]), np.uint64(header[node, 6])):
                pool = np.uint64(code[slot]) >> one
                word = touched[pool >> six]
                left = slack[pool]
                log[logged] = pool
                value[logged] = left
                first = ~(word >> (pool & low)) & one
                logged += np.int64(first)
                touched[pool >> six] = word | one << (pool & low)
                shaken[shaken_count] = pool
                shaken_value[shaken_count] = left
                could = (left >= heaviest) | (first == one)
                left -= weight[slot]
                slack[pool] = left
                shaken_count += np.int64(could & (left < heaviest))
                if left < 0:
                    found = np.uint64(counted[slot])
                    word = soft_seen[found >> six]
                    softs[soft_count] = found
                    soft_count += np.int64(~(word >> (found & low)) & one)
                    soft_seen[found >> six] = word | one << (found & low)
    return done, count, logged, soft_count, shaken_count, rings, at


@njit(cache=True, nogil=True)
def _look(
    header, target, counted, code, weight, members, firm, seen, order, count, slack, unmet, doubtful, pools, queue
):
    """Whoever in this ring hangs on nothing but the ring falls.

    `unmet[u]` is -1 but for the firm CIs in question; `doubtful[p]` is the weight that these give to pool p.
    """
    one, low = np.uint64(1), np.uint64(63)
    for member in members:
        if firm[member] and not seen[member >> 6] >> (np.uint64(member) & low) & one:
            unmet[member] = 0
    touched = 0
    for member in members:
        if unmet[member] < 0:
            continue
        for slot in range(header[member, 0], header[member, 1]):
            if unmet[target[slot]] >= 0:
                unmet[target[slot]] += 1
        for slot in range(header[member, 4], header[member, 5]):
            if unmet[counted[slot]] >= 0:
                pool = code[slot] >> 1
                if doubtful[pool] == 0:
                    pools[touched] = pool
                    touched += 1
                if slack[pool] >= doubtful[pool] and slack[pool] < doubtful[pool] + weight[slot]:
                    unmet[counted[slot]] += 1
                doubtful[pool] += weight[slot]
    derived = 0
    for member in members:
        if unmet[member] == 0:
            queue[derived] = member
            derived += 1
    done = 0
    while done < derived:
        node = queue[done]
        done += 1
        for slot in range(header[node, 0], header[node, 1]):
            owner = target[slot]
            if unmet[owner] > 0:
                unmet[owner] -= 1
                if unmet[owner] == 0:
                    queue[derived] = owner
                    derived += 1
        for slot in range(header[node, 4], header[node, 5]):
            owner = counted[slot]
            if unmet[owner] >= 0:
                pool = code[slot] >> 1
                short = slack[pool] < doubtful[pool]
                doubtful[pool] -= weight[slot]
                if short and slack[pool] >= doubtful[pool]:
                    unmet[owner] -= 1
                    if unmet[owner] == 0:
                        queue[derived] = owner
                        derived += 1
    for member in members:
        if unmet[member] > 0:
            seen[member >> 6] |= one << (np.uint64(member) & low)
            order[count] = member
            count += 1
        unmet[member] = -1
    for i in range(touched):
        doubtful[pools[i]] = 0
    return count


@njit(cache=True, nogil=True)
def find_at_risk(
    owner,
    even,
    start,
    provider,
    weight,
    left,
    shaken,
    value,
    was_down,
    is_down,
    sickened,
    risk,
    waiting,
    risks,
    unspared,
    unspared_bits,
):
    """Of the shaken pools, those that stood the loss of any one member before and no longer do.

    Their owners come into the sets `risk` and `waiting`.
    """
    one, low = np.uint64(1), np.uint64(63)
    found = 0
    owners = 0
    for i in range(len(shaken)):
        if i + _FILL_AHEAD < len(shaken):
            prefetch(left, shaken[i + _FILL_AHEAD])
            prefetch(even, shaken[i + _FILL_AHEAD])
        pool = shaken[i]
        before = np.int64(even[pool])
        after = before
        if before < 0 or (before > 0 and (value[i] < before or left[pool] >= after)):
            continue
        bit = np.uint64(owner[pool]) & low
        if (is_down[owner[pool] >> 6] | sickened[owner[pool] >> 6]) >> bit & one:
            continue
        if before == 0:
            for at in range(start[pool], start[pool + 1]):
                member = provider[at]
                if not was_down[member >> 6] >> (np.uint64(member) & low) & one:
                    before = max(before, weight[at])
                if not is_down[member >> 6] >> (np.uint64(member) & low) & one:
                    after = max(after, weight[at])
        if value[i] >= before and left[pool] < after:
            unspared[found] = pool
            unspared_bits[pool >> 6] |= one << (np.uint64(pool) & low)
            found += 1
            if not risk[owner[pool] >> 6] >> bit & one:
                risk[owner[pool] >> 6] |= one << bit
                waiting[owner[pool] >> 6] |= one << bit
                risks[owners] = owner[pool]
                owners += 1
    return owners, found


@njit(cache=True, nogil=True)
def find_distances(
    header,
    target,
    counted,
    code,
    down_slack,
    ill_slack,
    unspared,
    fell,
    sickened,
    to_fall,
    to_sicken,
    to_risk,
    waiting,
    mixed,
    order,
    done,
    count,
    ends,
    levels,
    fresh,
    budget,
):
    """Breadth first over failed edges from `order[done:count]`.

    `to_fall`, `to_sicken` and `to_risk` are the hits that nobody came to; all of these are among those `waiting`. Only a
    CI that got worse passes anything on: one that fell to whom it fails or leaves without spare, one that was up to whom
    it sickens. A level is begun as long as no more than `budget` CIs were walked; what is returned is where to go on, and
    the levels so far.
    """
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    none, every = np.uint64(0), ~np.uint64(0)
    for i in range(done, count):
        to_fall[order[i] >> 6] &= ~(one << (np.uint64(order[i]) & low))
        to_sicken[order[i] >> 6] &= ~(one << (np.uint64(order[i]) & low))
    while done < count and budget >= 0:
        budget -= count - done
        sort_level(order, done, count, fresh)
        end = count
        ends[levels] = end
        levels += 1
        while done < end:
            if done + _HEADER_AHEAD < end:
                prefetch(header, order[done + _HEADER_AHEAD])
                ahead = order[done + _ROW_AHEAD]
                prefetch(target, header[ahead, 0])
                if header[ahead, 4] < header[ahead, 6]:
                    prefetch(code, header[ahead, 4])
                    prefetch(counted, header[ahead, 4])
            node = np.uint64(order[done])
            done += 1
            falls = every if fell[node >> six] >> (node & low) & one else none
            sickens = every if sickened[node >> six] >> (node & low) & one else none
            if not falls | sickens:
                continue
            if mixed:
                for slot in range(np.uint64(header[node, 0]), np.uint64(header[node, 1])):
                    found = np.uint64(target[slot])
                    word = found >> six
                    met = ((to_fall[word] & falls) | (to_sicken[word] & sickens)) >> (found & low) & one
                    order[count] = found
                    count += np.int64(met)
                    to_fall[word] &= ~(met << (found & low))
                    to_sicken[word] &= ~(met << (found & low))
            else:
                for slot in range(np.uint64(header[node, 0]), np.uint64(header[node, 1])):
                    found = np.uint64(target[slot])
                    word = to_fall[found >> six]
                    order[count] = found
                    count += np.int64(word >> (found & low) & one)
                    to_fall[found >> six] = word & ~(one << (found & low))
            for slot in range(np.uint64(header[node, 4]), np.uint64(header[node, 5])):
                found = np.uint64(counted[slot])
                word = found >> six
                if not waiting[word] >> (found & low) & one:
                    continue
                pool = np.uint64(code[slot]) >> one
                bit = found & low
                met = none
                if (to_fall[word] & falls) >> bit & one and down_slack[pool] < 0:
                    met = one
                elif (to_sicken[word] & sickens) >> bit & one and ill_slack[pool] < 0:
                    met = one
                elif (to_risk[word] & falls) >> bit & one:
                    met = unspared[pool >> six] >> (pool & low) & one
                order[count] = found
                count += np.int64(met)
                to_fall[word] &= ~(met << (found & low))
                to_sicken[word] &= ~(met << (found & low))
                to_risk[word] &= ~(met << (found & low))
                waiting[word] &= ~(met << (found & low))
            if not falls:
                continue
            for slot in range(np.uint64(header[node, 1]), np.uint64(header[node, 2])):
                found = np.uint64(target[slot])
                word = to_sicken[found >> six]
                order[count] = found
                count += np.int64(word >> (found & low) & one)
                to_sicken[found >> six] = word & ~(one << (found & low))
            for slot in range(np.uint64(header[node, 5]), np.uint64(header[node, 6])):
                found = np.uint64(counted[slot])
                word = found >> six
                if not waiting[word] >> (found & low) & one:
                    continue
                pool = np.uint64(code[slot]) >> one
                met = none
                if to_sicken[word] >> (found & low) & one and down_slack[pool] < 0:
                    met = one
                elif to_risk[word] >> (found & low) & one:
                    met = unspared[pool >> six] >> (pool & low) & one
                order[count] = found
                count += np.int64(met)
                to_sicken[word] &= ~(met << (found & low))
                to_risk[word] &= ~(met << (found & low))
                waiting[word] &= ~(met << (found & low))
    return done, count, levels
