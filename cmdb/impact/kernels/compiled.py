"""The failure engine compiled by numba; its loops release the interpreter lock.

The first question on a machine compiles, which takes seconds; the result is kept like that of the projection's
kernels.
"""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

from cmdb.impact.kernels import (
    Bits,
    Bools,
    Components,
    Engine,
    Faults,
    Graph,
    InTime,
    Outcome,
    Rows,
    Stage,
    Weights,
    relaying_compiled,
)
from cmdb.impact.kernels.footing import count_needs, find_components, settle
from cmdb.impact.kernels.limit import Limit, with_the_rest
from cmdb.impact.kernels.loops import (
    add_to,
    begin_phase,
    copy_slack,
    group_by,
    mark_worse,
    put_sources,
    reach_from,
    restore,
    unmark,
)
from cmdb.impact.kernels.plain import OUTSIDE
from cmdb.impact.kernels.sets import members, with_those, without
from cmdb.impact.kernels.waves import close_over, find_at_risk, find_distances
from cmdb.projection.columns import Int32s, Int64s

_WORTH_COPYING = 16


class CompiledMake:
    """See `cmdb.impact.kernels.Make`."""

    def group(self, keys: Int32s | Int64s, count: int) -> tuple[Int32s, Int32s]:
        """A counting sort."""
        start = np.zeros(count + 1, dtype=np.int32)
        order = np.empty(len(keys), dtype=np.int32)
        group_by(keys, start, order)
        return order, start

    def components(self, rows: Rows, nodes: int) -> Components:
        """See `plain.find_components`."""
        everybody = np.arange(nodes, dtype=np.int32)
        order, ends = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        work = np.full((5, nodes), OUTSIDE, dtype=np.int32)
        graph = (rows.header, rows.target, rows.counted, rows.code, np.empty(0, dtype=np.int64))
        found = find_components(*graph, everybody, work, order, ends)
        return Components(order, ends[:found].copy())

    def needs(self, rows: Rows, nodes: int, pools: int) -> Int32s:
        """See `plain.count_needs`."""
        unmet = np.zeros(nodes, dtype=np.int32)
        count_needs(rows.header, rows.target, rows.counted, rows.code, np.zeros(pools, dtype=bool), unmet)
        return unmet

    def presumed(self, rows: Rows, unmet: Int32s, missing: Weights) -> Bools:
        """See `plain.settle`."""
        accepted, presumed = unmet == 0, np.zeros(len(unmet), dtype=bool)
        queue = np.empty(len(unmet) + 1, dtype=np.int32)
        ready = np.flatnonzero(accepted)
        queue[: len(ready)] = ready
        graph = (rows.header, rows.target, rows.counted, rows.code, rows.weight, unmet, missing)
        settle(*graph, accepted, queue, len(ready), presumed)
        return presumed

    def engine(self, graph: Graph) -> Engine:
        """See `CompiledEngine`."""
        return CompiledEngine(graph)

    def relay(
        self, rows: Rows, providers: Int32s, fresh: Rows, dead: tuple[Bits, Bits], begin: tuple[int, int]
    ) -> None:
        """See `relaying.relay`."""
        relaying_compiled.relay(rows, providers, fresh, *dead, *begin)

    def arrange(
        self,
        rows: Rows,
        needs: tuple[Int32s, Int32s],
        begin: int,
        ring: Int32s,
        rank: Int64s,
        room: tuple[Bools, Int32s],
    ) -> tuple[int, int, int]:
        """See `relaying.arrange`."""
        return relaying_compiled.arrange(rows, *needs, begin, ring, rank, *room)


class _Layer:
    """A set of CIs on its way to being closed: `down`, or `ill` (down or degraded).

    `seen` holds the set and those assumed up, `order` the set. `slack[p]` is what pool p can still lose, of what it can
    lose as a `whole`; `log` has the pools that lost weight, phase after phase, each with its slack before. `touched` are
    those of the phase; `shaken` those of them that may have lost their spare, with `shaken_value` before.
    """

    def __init__(self, nodes: int, slack: Weights) -> None:
        self.seen = np.zeros((nodes >> 6) + 1, dtype=np.uint64)
        self.order = np.empty(nodes + 1, dtype=np.int32)
        self.whole = slack
        self.slack = slack.copy()
        self.touched = np.zeros((len(slack) >> 6) + 1, dtype=np.uint64)
        self.log = np.empty(2 * len(slack) + 1, dtype=np.int32)
        self.value = np.empty(2 * len(slack) + 1, dtype=slack.dtype)
        self.shaken = np.empty(len(slack) + 1, dtype=np.int32)
        self.shaken_value = np.empty(len(slack) + 1, dtype=slack.dtype)
        self.count = 0
        self.logged = 0
        self.shaken_count = 0

    def seed(self, ordinals: Int32s) -> None:
        """Add CIs that are not seen."""
        if len(ordinals):
            self.count = int(add_to(ordinals, self.seen, self.order, self.count))

    def reset(self) -> None:
        """Empty again."""
        if self.logged * _WORTH_COPYING > len(self.slack):
            self.slack[:] = self.whole
            self.touched[:] = 0
        elif self.logged:
            restore(self.slack, self.touched, self.log, self.value, self.logged)
        self.seen[:] = 0
        self.count = self.logged = self.shaken_count = 0


class _Marks:
    """Sets of those who got worse: who fell, who sickened, to whom nobody came yet, and of these all who are `waiting`."""

    def __init__(self, words: int) -> None:
        self._sets = np.zeros((6, words), dtype=np.uint64)
        self.fell, self.sickened, self.to_fall, self.to_sicken, self.to_risk, self.waiting = self._sets

    def reset(self, marked: tuple[Int32s, ...]) -> None:
        """Empty again, where these are all that was marked."""
        if sum(map(len, marked)) * _WORTH_COPYING > self._sets.shape[1]:
            self._sets[:] = 0
        else:
            for ordinals in marked:
                unmark(ordinals, self._sets)


class _Scratch:
    """What a question under way needs for itself; everything is empty between questions."""

    def __init__(self, graph: Graph) -> None:
        slack, rings = graph.pools.slack, len(graph.footing.ring_start)
        self.down = _Layer(graph.nodes, slack)
        self.ill = _Layer(graph.nodes, slack)
        self.marks = _Marks((graph.nodes >> 6) + 1)
        self.fresh = np.zeros((graph.nodes >> 6) + 1, dtype=np.uint64)
        self.soft_seen = np.zeros((graph.nodes >> 6) + 1, dtype=np.uint64)
        self.softs = np.empty(graph.nodes + 1, dtype=np.int32)
        self.soft_count = 0
        self.dirty = np.zeros(rings, dtype=bool)
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
        self._nobody: Bits = np.zeros((graph.nodes >> 6) + 1, dtype=np.uint64)
        self._nobody.flags.writeable = False
        self._idle: list[_Scratch] = []
        self._guard = threading.Lock()

    def outcome(
        self, context: Faults, scenario: Faults, assumed: Int32s, *, distances: bool, in_time: InTime | None = None
    ) -> Outcome:
        """Close what is down twice, with what is ill laid over each time."""
        limit = Limit(in_time)
        with self._scratch() as scratch:
            down = scratch.down
            if len(assumed):
                add_to(assumed, down.seen, scratch.queue, 0)

            down.seed(context.down)
            self._close(scratch, down, 0, limit, Stage.CONTEXT, with_soft=True)
            was_down = without(down.seen, assumed) if down.count else self._nobody
            before_down = down.order[: down.count].copy()
            was_ill, before_degraded = self._ill(scratch, (context.degraded,), was_down, assumed, limit, Stage.CONTEXT)
            if limit.cut is not None:
                self._reset(scratch)
                before = (was_down, was_ill, was_down, was_ill, before_down, before_degraded)
                return Outcome(*before, *[np.empty(0, dtype=np.int32)] * 6, cut=limit.cut)

            if down.logged:
                begin_phase(down.touched, down.log, down.logged)
            fallen, down.shaken_count = down.count, 0
            down.seed(scenario.down)
            self._close(scratch, down, fallen, limit, Stage.DOWN, with_soft=True)
            is_down, newly_down = without(down.seen, assumed), down.order[fallen : down.count].copy()
            self._reset_ill(scratch)
            seeds = (context.degraded, scenario.degraded)
            is_ill, ill = self._ill(scratch, seeds, is_down, assumed, limit, Stage.DEGRADED)
            if limit.cut is not None:
                is_ill = is_ill | was_ill

            degraded = ill[~members(was_ill, ill)] if len(before_degraded) else ill
            empty = np.empty(0, dtype=np.int32)
            found = (empty, empty, empty, empty)
            if distances:
                sets, worse = (was_down, was_ill, is_down, is_ill), (newly_down, degraded)
                found = self._at_risk_and_distances(scratch, scenario, sets, worse, limit)
            self._reset(scratch)
        states = (was_down, was_ill, is_down, is_ill, before_down, before_degraded, newly_down, degraded)
        return Outcome(*states, *found, limit.cut)

    def reach(self, sources: Int32s, in_time: InTime | None = None) -> Bits | None:
        """Breadth first over every run of a row."""
        rows = self._graph.rows
        seen = np.zeros((self._graph.nodes >> 6) + 1, dtype=np.uint64)
        with self._scratch() as scratch:
            done, count = 0, add_to(sources, seen, scratch.queue, 0)
            for budget in Limit(in_time).budgets(Stage.SPARED):
                done, count = reach_from(
                    rows.header, rows.target, rows.counted, seen, scratch.queue, done, count, budget
                )
                if done == count:
                    return seen
        return None

    def _close(
        self, scratch: _Scratch, layer: _Layer, begin: int, limit: Limit, stage: Stage, *, with_soft: bool
    ) -> None:
        if begin == layer.count:
            return
        rows, footing = self._graph.rows, self._graph.footing
        done, rings, at = begin, 0, -1
        for budget in limit.budgets(stage):
            done, layer.count, layer.logged, scratch.soft_count, layer.shaken_count, rings, at = close_over(
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
                layer.touched,
                layer.log,
                layer.value,
                done,
                layer.count,
                layer.logged,
                scratch.dirty,
                scratch.unmet,
                scratch.doubtful,
                scratch.pools,
                scratch.queue,
                scratch.fresh,
                with_soft,
                scratch.soft_seen,
                scratch.softs,
                scratch.soft_count,
                self._graph.pools.heaviest,
                layer.shaken,
                layer.shaken_value,
                layer.shaken_count,
                rings,
                at,
                budget,
            )
            if done == layer.count and not rings:
                return
        scratch.dirty[:] = False

    def _ill(
        self,
        scratch: _Scratch,
        degraded: tuple[Int32s, ...],
        down: Bits,
        assumed: Int32s,
        limit: Limit,
        stage: Stage,
    ) -> tuple[Bits, Int32s]:
        """Close what is down and whoever is degraded to begin with; those who are ill, and the degraded ones."""
        layer = scratch.ill
        seeds = [some for some in (*degraded, scratch.softs[: scratch.soft_count]) if len(some)]
        if all(members(scratch.down.seen, ordinals).all() for ordinals in seeds):
            return down, np.empty(0, dtype=np.int32)
        layer.seen[:] = scratch.down.seen
        layer.logged = scratch.down.logged
        copy_slack(
            self._graph.pools.slack,
            scratch.down.slack,
            layer.slack,
            scratch.down.log,
            layer.log,
            layer.value,
            layer.touched,
            layer.logged,
        )
        for ordinals in seeds:
            layer.seed(ordinals)
        self._close(scratch, layer, 0, limit, stage, with_soft=False)
        return without(layer.seen, assumed), layer.order[: layer.count].copy()

    def _at_risk_and_distances(
        self,
        scratch: _Scratch,
        scenario: Faults,
        sets: tuple[Bits, Bits, Bits, Bits],
        worse: tuple[Int32s, Int32s],
        limit: Limit,
    ) -> tuple[Int32s, Int32s, Int32s, Int32s]:
        """`worse` are who fell and who is newly degraded."""
        rows, pools, graph_members, marks = self._graph.rows, self._graph.pools, self._graph.members, scratch.marks
        was_down, was_ill, is_down, _ = sets
        fallen, degraded = worse
        mark_worse(fallen, degraded, was_ill, marks.fell, marks.sickened, marks.to_fall, marks.to_sicken, marks.waiting)
        risks = unspared = 0
        if limit.goes_on(Stage.AT_RISK):
            risks, unspared = find_at_risk(
                pools.owner,
                pools.even,
                *graph_members[:3],
                scratch.down.slack,
                scratch.down.shaken[: scratch.down.shaken_count],
                scratch.down.shaken_value[: scratch.down.shaken_count],
                was_down,
                is_down,
                marks.sickened,
                marks.to_risk,
                marks.waiting,
                scratch.queue,
                scratch.pools,
                scratch.pool_bits,
            )
        at_risk, lost = scratch.queue[:risks].copy(), scratch.pools[:unspared].copy()
        count = put_sources(scenario.down, scenario.degraded, marks.to_fall, marks.to_sicken, scratch.queue)
        sources = scratch.queue[:count]
        layer = scratch.ill if scratch.ill.logged or scratch.ill.count else scratch.down
        done = levels = 0
        for budget in limit.budgets(Stage.DISTANCE):
            done, count, levels = find_distances(
                rows.header,
                rows.target,
                rows.counted,
                rows.code,
                scratch.down.slack,
                layer.slack,
                scratch.pool_bits,
                marks.fell,
                marks.sickened,
                marks.to_fall,
                marks.to_sicken,
                marks.to_risk,
                marks.waiting,
                len(degraded) > 0,
                scratch.queue,
                done,
                count,
                scratch.ends,
                levels,
                scratch.fresh,
                budget,
            )
            if done == count:
                break
        scratch.pool_bits[lost >> 6] = 0
        order, ends = scratch.queue[:done].copy(), scratch.ends[:levels].copy()
        if limit.cut is not None:
            order, ends = with_the_rest(order, ends, sources, with_those(marks.fell | marks.sickened, at_risk))
        marks.reset((fallen, degraded, at_risk))
        return at_risk, lost, order, ends

    def _reset_ill(self, scratch: _Scratch) -> None:
        if scratch.ill.count or scratch.ill.logged:
            scratch.ill.reset()

    def _reset(self, scratch: _Scratch) -> None:
        self._reset_ill(scratch)
        scratch.down.reset()
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
