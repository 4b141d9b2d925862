"""The failure engine compiled by numba; its loops release the interpreter lock.

The first question on a machine compiles, which takes seconds; the result is kept like that of the projection's
kernels.
"""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN202, C901, PLR0912, PLR0913, PLR0915, PLR0917

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from cmdb.impact.kernels import Bits, Bools, Components, Engine, Faults, Graph, Outcome, Rows, plain
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.kernels.compiled import prefetch

_COUNTER_AHEAD = 3
_ROW_AHEAD = 6
_HEADER_AHEAD = 12
_SLOT_AHEAD = 8
_WORTH_SORTING = 16
_FILL_AHEAD = 16

_find_components = njit(cache=True, nogil=True)(plain.find_components)
_derive = njit(cache=True, nogil=True)(plain.derive)


class CompiledMake:
    """See `cmdb.impact.kernels.Make`."""

    def group(self, keys: Int32s | Int64s, count: int) -> tuple[Int32s, Int32s]:
        """A counting sort."""
        start = np.zeros(count + 1, dtype=np.int32)
        order = np.empty(len(keys), dtype=np.int32)
        _group(keys, start, order)
        return order, start

    def components(self, rows: Rows, nodes: int) -> Components:
        """See `plain.find_components`."""
        everybody = np.arange(nodes, dtype=np.int32)
        order, ends = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        work = np.full((5, nodes), -1, dtype=np.int32)
        missing = np.ones(int(rows.code.max(initial=-1) >> 1) + 1, dtype=np.int64)
        graph = (rows.header, rows.target, rows.counted, rows.code, missing)
        found = _find_components(*graph, everybody, np.zeros(nodes, np.int32), 0, work, order, ends)
        return Components(order, ends[:found].copy())

    def presumed(self, rows: Rows, unmet: Int32s, missing: Int64s) -> Bools:
        """See `plain.settle`."""
        return plain.settle(_find_components, _derive, rows, unmet, missing)

    def engine(self, graph: Graph) -> Engine:
        """See `CompiledEngine`."""
        return CompiledEngine(graph)


class _Layer:
    """A set of CIs on its way to being closed: `down`, or `ill` (down or degraded).

    `seen` holds the set and those assumed up, `order` the set. `slack[p]` is what pool p can still lose, now and
    at the beginning of the phase; `log` has the pools whose slack is not that of the structure.
    """

    def __init__(self, nodes: int, slack: Int64s) -> None:
        self.seen = np.zeros((nodes >> 6) + 1, dtype=np.uint64)
        self.order = np.empty(nodes + 1, dtype=np.int32)
        self.slack = np.stack([slack, slack], axis=1)
        self.log = np.empty(2 * len(slack) + 1, dtype=np.int32)
        self.count = 0
        self.logged = 0

    def seed(self, ordinals: Int32s) -> None:
        """Add CIs that are not seen."""
        self.count = int(_seed(ordinals, self.seen, self.order, self.count))

    def reset(self, slack: Int64s, earlier: int = 0) -> None:
        """Empty again; the first `earlier` of the log are of a phase before this."""
        _restore(self.slack, self.log[earlier : self.logged])
        touched = self.log[:earlier]
        self.slack[touched] = slack[touched, None]
        self.seen[:] = 0
        self.count = self.logged = 0


class _Scratch:
    """What a question under way needs for itself; everything is empty between questions."""

    def __init__(self, graph: Graph) -> None:
        slack, rings = graph.pools.slack, len(graph.footing.ring_start)
        self.down = _Layer(graph.nodes, slack)
        self.ill = _Layer(graph.nodes, slack)
        self.fresh = np.zeros((graph.nodes >> 6) + 1, dtype=np.uint64)
        self.soft_seen = np.zeros((graph.nodes >> 6) + 1, dtype=np.uint64)
        self.softs = np.empty(graph.nodes + 1, dtype=np.int32)
        self.soft_count = 0
        self.dirty = np.zeros(rings, dtype=bool)
        self.dirty_list = np.empty(rings, dtype=np.int32)
        self.unmet = np.full(graph.nodes, -1, dtype=np.int32)
        self.doubtful = np.zeros(len(slack), dtype=np.int64)
        self.pools = np.empty(len(slack) + 1, dtype=np.int32)
        self.pool_bits = np.zeros((len(slack) >> 6) + 1, dtype=np.uint64)
        self.queue = np.empty(graph.nodes + 1, dtype=np.int32)
        self.ends = np.empty(graph.nodes + 1, dtype=np.int32)


class CompiledEngine:
    """See `cmdb.impact.kernels.Engine`. Scratches are kept, one per question under way."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._firm = ~graph.footing.presumed
        self._idle: list[_Scratch] = []
        self._guard = threading.Lock()

    def outcome(self, context: Faults, scenario: Faults, assumed: Int32s, *, distances: bool) -> Outcome:
        """Close what is down twice, with what is ill laid over each time."""
        with self._scratch() as scratch:
            down = scratch.down
            down.seen[:] = 0
            _seed(assumed, down.seen, scratch.queue, 0)

            down.seed(context.down)
            self._close(scratch, down, 0, with_soft=True)
            was_down, before_down = _without(down.seen, assumed), down.order[: down.count].copy()
            was_ill, before_degraded = self._ill(scratch, (context.degraded,), was_down, assumed)

            _begin_phase(down.slack, down.log, down.logged)
            fallen, logged = down.count, down.logged
            down.seed(scenario.down)
            self._close(scratch, down, fallen, with_soft=True)
            is_down, newly_down = _without(down.seen, assumed), down.order[fallen : down.count].copy()
            self._reset_ill(scratch)
            is_ill, ill = self._ill(scratch, (context.degraded, scenario.degraded), is_down, assumed)

            degraded = ill[~members(was_ill, ill)] if len(before_degraded) else ill
            empty = np.empty(0, dtype=np.int32)
            found = (empty, empty, empty, empty)
            if distances:
                found = self._at_risk_and_distances(
                    scratch, logged, scenario, (was_down, was_ill, is_down, is_ill), len(degraded)
                )
            self._reset(scratch, logged)
        return Outcome(was_down, was_ill, is_down, is_ill, before_down, before_degraded, newly_down, degraded, *found)

    def reach(self, sources: Int32s) -> Bits:
        """Breadth first over every run of a row."""
        rows = self._graph.rows
        seen = np.zeros((self._graph.nodes >> 6) + 1, dtype=np.uint64)
        with self._scratch() as scratch:
            count = _seed(sources, seen, scratch.queue, 0)
            _reach(rows.header, rows.target, rows.counted, seen, scratch.queue, count)
        return seen

    def _close(self, scratch: _Scratch, layer: _Layer, begin: int, *, with_soft: bool) -> None:
        rows, footing = self._graph.rows, self._graph.footing
        layer.count, layer.logged, scratch.soft_count = _close(
            rows.header,
            rows.target,
            rows.counted,
            rows.code,
            rows.weight,
            footing.ring,
            footing.ring_start,
            footing.ring_member,
            self._firm,
            layer.seen,
            layer.order,
            layer.slack,
            layer.log,
            begin,
            layer.count,
            layer.logged,
            scratch.dirty,
            scratch.dirty_list,
            scratch.unmet,
            scratch.doubtful,
            scratch.pools,
            scratch.queue,
            scratch.fresh,
            with_soft,
            scratch.soft_seen,
            scratch.softs,
            scratch.soft_count,
        )

    def _ill(self, scratch: _Scratch, degraded: tuple[Int32s, ...], down: Bits, assumed: Int32s) -> tuple[Bits, Int32s]:
        """Close what is down and whoever is degraded to begin with; those who are ill, and the degraded ones."""
        layer = scratch.ill
        seeds = (*degraded, scratch.softs[: scratch.soft_count])
        if all(members(scratch.down.seen, ordinals).all() for ordinals in seeds):
            return down, np.empty(0, dtype=np.int32)
        layer.seen[:] = scratch.down.seen
        layer.logged = scratch.down.logged
        _copy_slack(scratch.down.slack, layer.slack, scratch.down.log, layer.log, layer.logged)
        for ordinals in seeds:
            layer.seed(ordinals)
        self._close(scratch, layer, 0, with_soft=False)
        return _without(layer.seen, assumed), layer.order[: layer.count].copy()

    def _at_risk_and_distances(
        self, scratch: _Scratch, logged: int, scenario: Faults, sets: tuple[Bits, Bits, Bits, Bits], degraded: int
    ) -> tuple[Int32s, Int32s, Int32s, Int32s]:
        rows, pools, graph_members = self._graph.rows, self._graph.pools, self._graph.members
        was_down, was_ill, is_down, is_ill = sets
        fell, sickened = is_down & ~was_down, is_ill & ~was_ill
        risk = np.zeros_like(was_down)
        risks, unspared = _at_risk(
            *pools,
            *graph_members[:3],
            scratch.down.slack,
            scratch.down.log[logged : scratch.down.logged],
            was_down,
            is_down,
            sickened,
            risk,
            scratch.queue,
            scratch.pools,
            scratch.pool_bits,
        )
        at_risk, lost = scratch.queue[:risks].copy(), scratch.pools[:unspared].copy()
        to_fall, to_sicken = fell.copy(), sickened & ~is_down
        sources = np.concatenate(
            [
                scenario.down[members(fell, scenario.down)],
                scenario.degraded[members(to_sicken, scenario.degraded)],
            ]
        )
        scratch.queue[: len(sources)] = sources
        layer = scratch.ill if scratch.ill.logged or scratch.ill.count else scratch.down
        levels = _distances(
            rows.header,
            rows.target,
            rows.counted,
            rows.code,
            scratch.down.slack,
            layer.slack,
            scratch.pool_bits,
            fell,
            sickened,
            to_fall,
            to_sicken,
            risk.copy(),
            degraded > 0,
            scratch.queue,
            len(sources),
            scratch.ends,
            scratch.fresh,
        )
        scratch.pool_bits[lost >> 6] = 0
        ends = scratch.ends[:levels].copy()
        return at_risk, lost, scratch.queue[: ends[-1] if levels else 0].copy(), ends

    def _reset_ill(self, scratch: _Scratch) -> None:
        if scratch.ill.count or scratch.ill.logged:
            scratch.ill.reset(self._graph.pools.slack)

    def _reset(self, scratch: _Scratch, logged: int) -> None:
        self._reset_ill(scratch)
        scratch.down.reset(self._graph.pools.slack, logged)
        if scratch.soft_count:
            scratch.soft_seen[:] = 0
            scratch.soft_count = 0

    @contextmanager
    def _scratch(self) -> Generator[_Scratch]:
        """A scratch that went through an error is not used again."""
        with self._guard:
            scratch = self._idle.pop() if self._idle else None
        scratch = scratch or _Scratch(self._graph)
        yield scratch
        with self._guard:
            self._idle.append(scratch)


def members(bits: Bits, ordinals: Int32s) -> Bools:
    """Which of the ordinals are in the set."""
    wide = ordinals.astype(np.uint64)
    return (bits[wide >> np.uint64(6)] >> (wide & np.uint64(63)) & np.uint64(1)).astype(bool)


def _without(bits: Bits, ordinals: Int32s) -> Bits:
    """A copy of the set, the ordinals taken out."""
    rest = bits.copy()
    wide = ordinals.astype(np.uint64)
    np.bitwise_and.at(rest, wide >> np.uint64(6), ~(np.uint64(1) << (wide & np.uint64(63))))
    return rest


@intrinsic
def _lowest_bit(typing, word):
    """Index of the lowest bit that is set in `word`, which is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def _group(keys, start, order):
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
def _seed(ordinals, seen, order, count):
    for ordinal in ordinals:
        bit = np.uint64(1) << (np.uint64(ordinal) & np.uint64(63))
        if not seen[ordinal >> 6] & bit:
            seen[ordinal >> 6] |= bit
            order[count] = ordinal
            count += 1
    return count


@njit(cache=True, nogil=True)
def _sort(order, begin, end, fresh):
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
                order[at] = (word << 6) + np.int64(_lowest_bit(bits))
                at += 1
                bits &= bits - one


@njit(cache=True, nogil=True)
def _begin_phase(slack, log, logged):
    for i in range(logged):
        slack[log[i], 1] = slack[log[i], 0]


@njit(cache=True, nogil=True)
def _restore(slack, log):
    for i in range(len(log)):
        if i + _FILL_AHEAD < len(log):
            prefetch(slack, log[i + _FILL_AHEAD])
        slack[log[i], 0] = slack[log[i], 1]


@njit(cache=True, nogil=True)
def _copy_slack(source, slack, log, copied, logged):
    for i in range(logged):
        slack[log[i], 0] = source[log[i], 0]
        copied[i] = log[i]


@njit(cache=True, nogil=True)
def _reach(header, target, counted, seen, queue, count):
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    done = 0
    while done < count:
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


@njit(cache=True, nogil=True)
def _close(
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
    log,
    done,
    count,
    logged,
    dirty,
    dirty_list,
    unmet,
    doubtful,
    pools,
    queue,
    fresh,
    with_soft,
    soft_seen,
    softs,
    soft_count,
):
    """Walk on from `order[done:count]` until quiet; look at the rings that lost weight; again until none did."""
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    rings = 0
    end = done
    while done < count or rings > 0:
        if done < count and done == end:
            _sort(order, end, count, fresh)
            end = count
        if done == count:
            rings -= 1
            at = dirty_list[rings]
            dirty[at] = False
            members = ring_member[ring_start[at] : ring_start[at + 1]]
            count = _look(
                header, target, counted, code, weight, members, firm, seen, order, count, slack, unmet, doubtful,
                pools, queue,
            )  # fmt: skip
            continue
        if done + _HEADER_AHEAD < end:
            prefetch(header, order[done + _HEADER_AHEAD])
            ahead = order[done + _ROW_AHEAD]
            prefetch(target, header[ahead, 0])
            if header[ahead, 4] < header[ahead, 6]:
                prefetch(code, header[ahead, 4])
                prefetch(weight, header[ahead, 4])
            ahead = order[done + _COUNTER_AHEAD]
            for slot in range(header[ahead, 4], min(header[ahead, 6], header[ahead, 4] + _SLOT_AHEAD)):
                prefetch(slack, code[slot] >> 1)
        node = np.uint64(order[done])
        done += 1
        for slot in range(np.uint64(header[node, 0]), np.uint64(header[node, 1])):
            found = np.uint64(target[slot])
            word = seen[found >> six]
            order[count] = found
            count += np.int64(~(word >> (found & low)) & one)
            seen[found >> six] = word | one << (found & low)
        for slot in range(header[node, 4], header[node, 5]):
            if slot + _SLOT_AHEAD < header[node, 5]:
                prefetch(slack, code[slot + _SLOT_AHEAD] >> 1)
            pool = code[slot] >> 1
            left = slack[pool, 0]
            if left == slack[pool, 1]:
                log[logged] = pool
                logged += 1
            left -= weight[slot]
            slack[pool, 0] = left
            if left < 0:
                found = np.uint64(counted[slot])
                word = seen[found >> six]
                order[count] = found
                count += np.int64(~(word >> (found & low)) & one)
                seen[found >> six] = word | one << (found & low)
            elif code[slot] & 1:
                at = ring[counted[slot]]
                if not dirty[at]:
                    dirty[at] = True
                    dirty_list[rings] = at
                    rings += 1
        if with_soft:
            for slot in range(np.uint64(header[node, 1]), np.uint64(header[node, 2])):
                found = np.uint64(target[slot])
                word = soft_seen[found >> six]
                softs[soft_count] = found
                soft_count += np.int64(~(word >> (found & low)) & one)
                soft_seen[found >> six] = word | one << (found & low)
            for slot in range(header[node, 5], header[node, 6]):
                pool = code[slot] >> 1
                left = slack[pool, 0]
                if left == slack[pool, 1]:
                    log[logged] = pool
                    logged += 1
                left -= weight[slot]
                slack[pool, 0] = left
                if left < 0:
                    found = np.uint64(counted[slot])
                    word = soft_seen[found >> six]
                    softs[soft_count] = found
                    soft_count += np.int64(~(word >> (found & low)) & one)
                    soft_seen[found >> six] = word | one << (found & low)
    return count, logged, soft_count


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
                if slack[pool, 0] >= doubtful[pool] and slack[pool, 0] < doubtful[pool] + weight[slot]:
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
                short = slack[pool, 0] < doubtful[pool]
                doubtful[pool] -= weight[slot]
                if short and slack[pool, 0] >= doubtful[pool]:
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
def _at_risk(
    owner,
    _slack,
    even,
    spare,
    start,
    provider,
    weight,
    left,
    touched,
    was_down,
    is_down,
    sickened,
    risk,
    risks,
    unspared,
    unspared_bits,
):
    """Of the pools that lost weight, those that stood the loss of any one member before and no longer do."""
    one, low = np.uint64(1), np.uint64(63)
    found = 0
    owners = 0
    for i in range(len(touched)):
        if i + _FILL_AHEAD < len(touched):
            prefetch(spare, touched[i + _FILL_AHEAD])
            prefetch(left, touched[i + _FILL_AHEAD])
            prefetch(owner, touched[i + _FILL_AHEAD])
            prefetch(even, touched[i + _FILL_AHEAD])
        pool = touched[i]
        if not spare[pool]:
            continue
        bit = np.uint64(owner[pool]) & low
        if (is_down[owner[pool] >> 6] | sickened[owner[pool] >> 6]) >> bit & one:
            continue
        before = even[pool]
        after = even[pool]
        if before == 0:
            for at in range(start[pool], start[pool + 1]):
                member = provider[at]
                if not was_down[member >> 6] >> (np.uint64(member) & low) & one:
                    before = max(before, weight[at])
                if not is_down[member >> 6] >> (np.uint64(member) & low) & one:
                    after = max(after, weight[at])
        if left[pool, 1] >= before and left[pool, 0] < after:
            unspared[found] = pool
            unspared_bits[pool >> 6] |= one << (np.uint64(pool) & low)
            found += 1
            if not risk[owner[pool] >> 6] >> bit & one:
                risk[owner[pool] >> 6] |= one << bit
                risks[owners] = owner[pool]
                owners += 1
    return owners, found


@njit(cache=True, nogil=True)
def _distances(
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
    mixed,
    order,
    count,
    ends,
    fresh,
):
    """Breadth first over failed edges from `order[:count]`; returns the number of levels.

    `to_fall`, `to_sicken` and `to_risk` are the hits that nobody came to. Only a CI that got worse passes
    anything on: one that fell to whom it fails or leaves without spare, one that was up to whom it sickens.
    """
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    none, every = np.uint64(0), ~np.uint64(0)
    for i in range(count):
        to_fall[order[i] >> 6] &= ~(one << (np.uint64(order[i]) & low))
        to_sicken[order[i] >> 6] &= ~(one << (np.uint64(order[i]) & low))
    levels = 0
    done = 0
    while done < count:
        _sort(order, done, count, fresh)
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
            for slot in range(header[node, 4], header[node, 5]):
                found = np.uint64(counted[slot])
                word = found >> six
                if not (to_fall[word] | to_sicken[word] | to_risk[word]) >> (found & low) & one:
                    continue
                pool = code[slot] >> 1
                failed = to_fall[word] & falls if down_slack[pool, 0] < 0 else none
                if ill_slack[pool, 0] < 0:
                    failed |= to_sicken[word] & sickens
                if unspared[pool >> 6] >> (np.uint64(pool) & low) & one:
                    failed |= to_risk[word] & falls
                met = failed >> (found & low) & one
                order[count] = found
                count += np.int64(met)
                to_fall[word] &= ~(met << (found & low))
                to_sicken[word] &= ~(met << (found & low))
                to_risk[word] &= ~(met << (found & low))
            if not falls:
                continue
            for slot in range(np.uint64(header[node, 1]), np.uint64(header[node, 2])):
                found = np.uint64(target[slot])
                word = to_sicken[found >> six]
                order[count] = found
                count += np.int64(word >> (found & low) & one)
                to_sicken[found >> six] = word & ~(one << (found & low))
            for slot in range(header[node, 5], header[node, 6]):
                found = np.uint64(counted[slot])
                word = found >> six
                if not (to_sicken[word] | to_risk[word]) >> (found & low) & one:
                    continue
                pool = code[slot] >> 1
                failed = to_sicken[word] if down_slack[pool, 0] < 0 else none
                if unspared[pool >> 6] >> (np.uint64(pool) & low) & one:
                    failed |= to_risk[word]
                met = failed >> (found & low) & one
                order[count] = found
                count += np.int64(met)
                to_sicken[word] &= ~(met << (found & low))
                to_risk[word] &= ~(met << (found & low))
    return levels
