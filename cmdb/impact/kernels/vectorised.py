"""The failure engine in numpy alone: whole waves at a time."""

from __future__ import annotations

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
    plain,
    relaying,
)
from cmdb.impact.kernels.limit import Limit, with_the_rest
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.rows import slots_of

_HARD, _SOFT, _DIRECT = (0, 1), (1, 2), (0, 3)
_HARD_COUNTED, _SOFT_COUNTED, _COUNTED = (4, 5), (5, 6), (4, 6)

_Run = tuple[int, int]
_NOBODY = np.empty(0, dtype=np.int32)
_NO_SLOTS = np.empty(0, dtype=np.int64)


class VectorisedMake:
    """See `cmdb.impact.kernels.Make`."""

    def group(self, keys: Int32s | Int64s, count: int) -> tuple[Int32s, Int32s]:
        """A stable sort."""
        start = np.zeros(count + 1, dtype=np.int32)
        np.cumsum(np.bincount(keys, minlength=count), out=start[1:])
        return np.argsort(keys, kind="stable").astype(np.int32), start

    def components(self, rows: Rows, nodes: int) -> Components:
        """What is neither above nor below a ring is taken off in waves; only the core is walked one by one."""
        slots, counted = _slots(rows, np.arange(nodes), _HARD), _slots(rows, np.arange(nodes), _HARD_COUNTED)
        owner = np.concatenate([rows.target[slots], rows.counted[counted]])
        provider = np.concatenate([_owners(rows, nodes, _HARD), _owners(rows, nodes, _HARD_COUNTED)])
        alive = np.ones(nodes, dtype=bool)
        below = self._peeled(provider, owner, alive)
        above = self._peeled(owner, provider, alive)
        core = np.flatnonzero(alive).astype(np.int32)
        order, ends = np.empty(len(core), np.int32), np.empty(len(core), np.int32)
        work = np.full((5, nodes), plain.OUTSIDE, dtype=np.int32)
        graph = (rows.header, rows.target, rows.counted, rows.code, np.empty(0, dtype=np.int64))
        found = plain.find_components(*graph, core, work, order, ends)
        return Components(
            np.concatenate([above, order, below[::-1]]),
            np.concatenate(
                [
                    np.arange(1, len(above) + 1, dtype=np.int32),
                    ends[:found] + np.int32(len(above)),
                    np.arange(len(above) + len(core) + 1, nodes + 1, dtype=np.int32),
                ]
            ),
        )

    def needs(self, rows: Rows, nodes: int, pools: int) -> Int32s:
        """See `plain.count_needs`."""
        everybody = np.arange(nodes, dtype=np.int32)
        slot = _slots(rows, everybody, _HARD_COUNTED)
        first = np.unique(rows.code[slot] >> 1, return_index=True)[1]
        owner = np.concatenate([rows.target[_slots(rows, everybody, _HARD)], rows.counted[slot[first]]])
        return np.bincount(owner, minlength=nodes).astype(np.int32)

    def presumed(self, rows: Rows, unmet: Int32s, missing: Weights) -> Bools:
        """See `plain.settle`."""
        return plain.settle(_derive, rows, unmet, missing)

    def engine(self, graph: Graph) -> Engine:
        """See `VectorisedEngine`."""
        return VectorisedEngine(graph)

    def relay(
        self, rows: Rows, providers: Int32s, fresh: Rows, dead: tuple[Bits, Bits], begin: tuple[int, int]
    ) -> None:
        """See `relaying.relay`."""
        relaying.relay(rows, providers, fresh, *dead, *begin)

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
        return relaying.arrange(rows, *needs, begin, ring, rank, *room)

    def _peeled(self, before: Int32s, after: Int32s, alive: Bools) -> Int32s:
        """Take off, wave by wave, who is alive and comes after nobody alive; in that order."""
        nodes = len(alive)
        kept = alive[before] & alive[after]
        before, after = before[kept], after[kept]
        waiting = np.bincount(after, minlength=nodes)
        order, start = self.group(before, nodes)
        header = np.stack([start[:-1], np.diff(start)], axis=1)
        waves: list[Int32s] = [np.empty(0, dtype=np.int32)]
        wave = np.flatnonzero(alive & (waiting == 0)).astype(np.int32)
        while len(wave):
            alive[wave] = False
            waves.append(wave)
            onward = after[order[slots_of(header, wave)]]
            np.subtract.at(waiting, onward, 1)
            wave = np.unique(onward[waiting[onward] == 0])
        return np.concatenate(waves)


class VectorisedEngine:
    """See `cmdb.impact.kernels.Engine`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def outcome(
        self, context: Faults, scenario: Faults, assumed: Int32s, *, distances: bool, in_time: InTime | None = None
    ) -> Outcome:
        """Close what is down twice, with what is ill laid over each time."""
        nodes, limit = self._graph.nodes, Limit(in_time)
        fixed, soft = _mask(assumed, nodes), np.zeros(nodes, dtype=bool)
        slack = self._graph.pools.slack.copy()
        down = np.zeros(nodes, dtype=bool)

        self._close(down, fixed, slack, context.down, soft, limit, Stage.CONTEXT)
        was_down, slack_before = down.copy(), slack.copy()
        seeds = np.concatenate([context.degraded, _listed(soft)])
        was_ill, _ = self._ill(down, fixed, slack, seeds, limit, Stage.CONTEXT)
        before = (_packed(was_down), _packed(was_ill))
        listed_before = (_listed(was_down), _listed(was_ill & ~was_down))
        if limit.cut is not None:
            return Outcome(*before, *before, *listed_before, *[_NOBODY] * 6, cut=limit.cut)

        self._close(down, fixed, slack, scenario.down, soft, limit, Stage.DOWN)
        seeds = np.concatenate([context.degraded, scenario.degraded, _listed(soft)])
        is_ill, ill_slack = self._ill(down, fixed, slack, seeds, limit, Stage.DEGRADED)
        is_ill |= was_ill

        fell, sickened = down & ~was_down, is_ill & ~was_ill
        at_risk = unspared = order = ends = _NOBODY
        if distances:
            lost = np.zeros(len(slack), dtype=bool)
            if limit.goes_on(Stage.AT_RISK):
                lost = self._unspared(slack_before, slack, was_down, down, sickened)
            unspared = _listed(lost)
            at_risk = np.unique(self._graph.pools.owner[unspared])
            sets = (fell, sickened, is_ill & ~down)
            order, ends = self._distances((slack, ill_slack, lost), sets, at_risk, scenario, limit)
        return Outcome(
            *before,
            _packed(down),
            _packed(is_ill),
            *listed_before,
            _listed(fell),
            _listed(sickened & ~down),
            at_risk,
            unspared,
            order,
            ends,
            limit.cut,
        )

    def reach(self, sources: Int32s, in_time: InTime | None = None) -> Bits | None:
        """A wave at a time, over every run of a row."""
        rows, limit = self._graph.rows, Limit(in_time)
        seen = _mask(sources, self._graph.nodes)
        wave = sources
        while len(wave):
            if not limit.goes_on(Stage.SPARED):
                return None
            found = [rows.target[_slots(rows, wave, _DIRECT)], rows.counted[_slots(rows, wave, _COUNTED)]]
            wave = _fresh(np.concatenate(found), ~seen)
            seen[wave] = True
        return _packed(seen)

    def _ill(
        self, down: Bools, fixed: Bools, slack: Weights, seeds: Int32s, limit: Limit, stage: Stage
    ) -> tuple[Bools, Weights]:
        """Who is down or degraded when these are degraded at least, and the slack that pools have then."""
        ill, left = down.copy(), slack.copy()
        self._close(ill, fixed, left, seeds, None, limit, stage)
        return ill, left

    def _close(
        self,
        closed: Bools,
        fixed: Bools,
        slack: Weights,
        seeds: Int32s,
        soft: Bools | None,
        limit: Limit,
        stage: Stage,
    ) -> None:
        """Add the seeds to `closed` and close it, taking every loss off `slack`; `soft` gets whom losses weaken."""
        rows, ring = self._graph.rows, self._graph.footing.ring
        wave = _fresh(seeds, ~closed & ~fixed)
        while len(wave):
            dirty: list[Int32s] = []
            while len(wave):
                closed[wave] = True
                if not limit.goes_on(stage):
                    return
                failed, shaken = self._charge(slack, wave, _HARD_COUNTED)
                dirty.append(np.unique(ring[shaken]))
                found = np.concatenate([rows.target[_slots(rows, wave, _HARD)], failed])
                if soft is not None:
                    soft[rows.target[_slots(rows, wave, _SOFT)]] = True
                    soft[self._charge(slack, wave, _SOFT_COUNTED)[0]] = True
                wave = _fresh(found, ~closed & ~fixed)
            wave = self._hanging(np.unique(np.concatenate(dirty)), ~closed & ~fixed, slack)

    def _charge(self, slack: Weights, wave: Int32s, run: _Run) -> tuple[Int32s, Int32s]:
        """Take the weight of a wave off its pools; owners of those that fail, and of those to be looked at."""
        rows = self._graph.rows
        slot = _slots(rows, wave, run)
        if not len(slot):
            return _NOBODY, _NOBODY
        pool, owner = rows.code[slot] >> 1, rows.counted[slot]
        np.subtract.at(slack, pool, rows.weight[slot])
        failed = slack[pool] < 0
        return owner[failed], owner[~failed & (rows.code[slot] & 1 > 0)]

    def _hanging(self, rings: Int32s, standing: Bools, slack: Weights) -> Int32s:
        """Whoever in these rings is left standing on nothing but them."""
        if not len(rings):
            return rings
        rows, footing = self._graph.rows, self._graph.footing
        begin = footing.ring_start[rings]
        header = np.stack([begin, footing.ring_start[rings + 1] - begin], axis=1)
        members = footing.ring_member[slots_of(header, np.arange(len(rings), dtype=np.int32))]
        asked = members[standing[members] & ~footing.presumed[members]]
        doubted = _mask(asked, len(standing))

        needed = rows.target[_slots(rows, asked, _HARD)]
        unmet = np.bincount(needed[doubted[needed]], minlength=len(standing))
        slot = _slots(rows, asked, _HARD_COUNTED)
        slot = slot[doubted[rows.counted[slot]]]
        missing = -slack.astype(np.int64)
        np.add.at(missing, rows.code[slot] >> 1, rows.weight[slot])
        short = np.unique(rows.code[slot] >> 1)
        np.add.at(unmet, self._graph.pools.owner[short[missing[short] > 0]], 1)

        accepted = ~doubted
        ready = asked[unmet[asked] == 0]
        accepted[ready] = True
        queue = np.empty(len(standing) + 1, dtype=np.int32)
        queue[: len(ready)] = ready
        graph = (rows.header, rows.target, rows.counted, rows.code, rows.weight)
        _derive(*graph, unmet.astype(np.int32), missing, accepted, queue, len(ready))
        return asked[~accepted[asked]]

    def _unspared(
        self, slack_before: Weights, slack: Weights, was_down: Bools, is_down: Bools, sickened: Bools
    ) -> Bools:
        """The pools that stood the loss of any one member before and no longer do; of owners not hit otherwise."""
        pools = self._graph.pools
        touched = np.flatnonzero((pools.even >= 0) & (slack < slack_before))
        owner = pools.owner[touched]
        touched = touched[~is_down[owner] & ~sickened[owner]]
        lost = np.zeros(len(slack), dtype=bool)
        before = pools.even[touched].astype(np.int64)
        after = before.copy()
        uneven = np.flatnonzero(before == 0)
        if len(uneven):
            before[uneven] = self._heaviest(touched[uneven], was_down)
            after[uneven] = self._heaviest(touched[uneven], is_down)
        lost[touched] = (slack_before[touched] >= before) & (slack[touched] < after)
        return lost

    def _heaviest(self, pools: Int64s, down: Bools) -> Int64s:
        """The largest weight of a member that is not down, 0 if all are."""
        members = self._graph.members
        header = np.stack([members.start[:-1], np.diff(members.start)], axis=1)
        slot = slots_of(header, pools.astype(np.int32))
        weight = np.where(down[members.provider[slot]], 0, members.weight[slot])
        size = header[pools, 1].astype(np.int64)
        return np.maximum.reduceat(weight, np.cumsum(size) - size)

    def _distances(
        self,
        counters: tuple[Weights, Weights, Bools],
        sets: tuple[Bools, Bools, Bools],
        at_risk: Int32s,
        scenario: Faults,
        limit: Limit,
    ) -> tuple[Int32s, Int32s]:
        """Breadth first over failed edges, a wave at a time; see the compiled make."""
        rows = self._graph.rows
        slack, ill_slack, unspared = counters
        fell, sickened, ill_only = sets
        to_fall, to_sicken, to_risk = fell.copy(), sickened & ill_only, _mask(at_risk, len(fell))
        sources = (scenario.down[to_fall[scenario.down]], scenario.degraded[to_sicken[scenario.degraded]])
        hits = to_fall | to_sicken | to_risk
        first = wave = np.sort(np.concatenate(sources))
        failed, ill_failed = slack < 0, ill_slack < 0
        direct = [(fell, to_fall, _HARD), (sickened, to_sicken, _HARD), (fell, to_sicken, _SOFT)]
        counted = [
            (fell, to_fall, _HARD_COUNTED, failed),
            (sickened, to_sicken, _HARD_COUNTED, ill_failed),
            (fell, to_sicken, _SOFT_COUNTED, failed),
            (fell, to_risk, _COUNTED, unspared),
        ]
        direct = [rule for rule in direct if rule[1].any()]
        counted = [rule for rule in counted if rule[1].any() and rule[3].any()]
        levels: list[Int32s] = [_NOBODY]
        while len(wave) and limit.goes_on(Stage.DISTANCE):
            levels.append(wave)
            for waiting in (to_fall, to_sicken, to_risk):
                waiting[wave] = False
            found = [_NOBODY]
            for passing, waiting, run in direct:
                owner = rows.target[_slots(rows, wave[passing[wave]], run)]
                found.append(owner[waiting[owner]])
            for passing, waiting, run, through in counted:
                slot = _slots(rows, wave[passing[wave]], run)
                owner = rows.counted[slot]
                found.append(owner[waiting[owner] & through[rows.code[slot] >> 1]])
            wave = np.unique(np.concatenate(found))
        order, ends = np.concatenate(levels), np.cumsum([len(level) for level in levels[1:]], dtype=np.int32)
        return (order, ends) if limit.cut is None else with_the_rest(order, ends, first, _packed(hits))


def _derive(
    header: Int32s,
    target: Int32s,
    counted: Int32s,
    code: Int32s,
    weight: Weights,
    unmet: Int32s,
    missing: Weights,
    accepted: Bools,
    queue: Int32s,
    count: int,
) -> None:
    """`plain.derive` a wave at a time."""
    rows = Rows(header, target, target, counted, code, weight, counted)
    wave = queue[:count].copy()
    while len(wave):
        owner = target[_slots(rows, wave, _HARD)]
        np.subtract.at(unmet, owner, 1)
        slot = _slots(rows, wave, _HARD_COUNTED)
        slot = slot[missing[code[slot] >> 1] > 0]
        np.subtract.at(missing, code[slot] >> 1, weight[slot])
        met, first = np.unique(code[slot] >> 1, return_index=True)
        first = first[missing[met] <= 0]
        np.subtract.at(unmet, counted[slot[first]], 1)
        found = np.concatenate([owner, counted[slot[first]]])
        wave = np.unique(found[(unmet[found] == 0) & ~accepted[found]])
        accepted[wave] = True


def _slots(rows: Rows, nodes: Int32s | Int64s, run: _Run) -> Int64s:
    """Slots of a run of the rows of `nodes`, row after row."""
    begin = rows.header[nodes, run[0]]
    length = rows.header[nodes, run[1]] - begin
    end = np.cumsum(length, dtype=np.int64)
    total = int(end[-1]) if len(end) else 0
    return np.repeat(begin - end + length, length) + np.arange(total) if total else _NO_SLOTS


def _owners(rows: Rows, nodes: int, run: _Run) -> Int32s:
    """The provider of each slot of a run, row after row."""
    return np.repeat(np.arange(nodes, dtype=np.int32), rows.header[:, run[1]] - rows.header[:, run[0]])


def _fresh(ordinals: Int32s, wanted: Bools) -> Int32s:
    return np.unique(ordinals[wanted[ordinals]])


def _mask(ordinals: Int32s, nodes: int) -> Bools:
    mask = np.zeros(nodes, dtype=bool)
    mask[ordinals] = True
    return mask


def _listed(mask: Bools) -> Int32s:
    return np.flatnonzero(mask).astype(np.int32)


def _packed(mask: Bools) -> Bits:
    words = (len(mask) >> 6) + 1
    octets = np.zeros(words * 8, dtype=np.uint8)
    packed = np.packbits(mask, bitorder="little")
    octets[: len(packed)] = packed
    return octets.view(np.uint64)
