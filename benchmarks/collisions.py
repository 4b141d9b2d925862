"""Collisions of a year of changes, the free slots among them, and what only two together take down.

Three million CIs are named by 100,000 changes, most of them once, a few by very many changes. The peer compares every two
changes whose windows overlap by plain Python sets, pair by pair in order of time. It is given the first weeks of the
year; what it takes for a pair, times the overlapping pairs of the year, is what the year would take. Both must find the
same there. Joint collisions are asked of an estate in which networks, power and hosts are pools of which one is enough.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np

from benchmarks.estate import SIZES, TYPES, generate
from benchmarks.result import Result, at_most, faster, median_ms
from cmdb.changes.calendars import Purpose, read_calendar
from cmdb.changes.collisions import Board, Work, all_collisions, board_of, collisions_of
from cmdb.changes.joint import Outage, joint_collisions, joint_collisions_of
from cmdb.changes.slots import Wish, free_slots
from cmdb.changes.spans import Span, micros
from cmdb.impact import Propagation
from cmdb.impact.structure import TypeRule, build_structure
from graph_schema.metamodel import Need

_CHANGES = {"10k": 10_000, "100k": 100_000, "1m": 100_000}
_CIS, _SERVICES, _PEOPLE = 1_000_000, 2_000, 500
_TOUCHED, _IMPACTED, _HIT_SERVICES = 4, 33, 2
_FIRST = micros(datetime(2026, 1, 1, tzinfo=UTC))
_MINUTE = 60_000_000
_MINUTES = 365 * 24 * 60
_YEAR = Span(_FIRST, _FIRST + _MINUTES * _MINUTE)
_PEER_CHANGES, _MOST_PEER_PAIRS = 5_000, 200_000
_DRAWN, _MOST_FALLEN, _CLOSURES_ASKED = 20_000, 60, 250
_POOLED = frozenset({"CONNECTS_THROUGH", "POWERED_BY", "RUNS_ON"})


def run(size: str) -> list[Result]:
    """Seconds for all collisions, milliseconds for those of one change and for slots."""
    works = year_of_changes(_CHANGES[size])
    begun = time.perf_counter()
    board = board_of(works)
    laid_out = time.perf_counter() - begun
    return [*_collisions(board, laid_out), *_slots(board), *_joint(size)]


def _collisions(board: Board, laid_out: float) -> list[Result]:
    begun = time.perf_counter()
    found = all_collisions(board)
    taken = laid_out + time.perf_counter() - begun
    named = sum(len(lists.value) for lists in (board.touches, board.impacts))
    pairs = int((board.stop - np.arange(len(board)) - 1).sum())
    note = f"{len(found):,} of {pairs:,} overlapping pairs collide; {named:,} CIs named; {laid_out:.2g} s to lay out"

    part = board_of(board.works[:_PEER_CHANGES])
    begun = time.perf_counter()
    wanted, compared, seen = _one_by_one(part.works)
    each = (time.perf_counter() - begun) / compared
    some = all_collisions(part)
    ours = set(zip(some.first.tolist(), some.second.tolist(), strict=True))
    if {pair for pair in ours if pair[0] < seen} != wanted:
        raise AssertionError("sets and columns do not agree")
    chosen = board.works[:: len(board) // 100]
    one = median_ms(lambda: [collisions_of(board, work) for work in chosen], 5) / len(chosen)
    return [
        Result("all collisions of a year", taken, "s", goal=at_most(30), note=note),
        faster("beside", taken, "sets, pair by pair", each * pairs, "s", note=f"{compared:,} pairs measured"),
        Result("collisions of one change", one, "ms", note=f"mean of {len(chosen)}"),
    ]


def _one_by_one(works: Sequence[Work]) -> tuple[set[tuple[int, int]], int, int]:
    """Pairs that collide, how many were compared, and with how many works those began."""
    sets = [
        (
            {*work.touches.tolist()},
            {*work.touches.tolist(), *work.impacts.tolist()},
            {*work.services.tolist()},
            {*work.implementers},
        )
        for work in works
    ]
    found: set[tuple[int, int]] = set()
    compared = seen = 0
    for at, work in enumerate(works):
        if compared > _MOST_PEER_PAIRS:
            break
        seen += 1
        touches, all_hit, services, people = sets[at]
        for other in range(at + 1, len(works)):
            if works[other].window.begin >= work.window.end:
                break
            compared += 1
            its_touches, its_hit, its_services, its_people = sets[other]
            if touches & its_hit or all_hit & its_touches or services & its_services or people & its_people:
                found.add((at, other))
    return found, compared, seen


def _slots(board: Board) -> list[Result]:
    calendars = [
        read_calendar("year end", Purpose.FREEZE, "2025-12-15T00:00", "2026-01-07T00:00", "UTC", rule="FREQ=YEARLY"),
        read_calendar(
            "month end",
            Purpose.FREEZE,
            "2026-01-31T12:00",
            "2026-02-01T12:00",
            "UTC",
            rule="FREQ=MONTHLY;BYMONTHDAY=-1",
        ),
        read_calendar(
            "nights", Purpose.MAINTENANCE, "2026-01-01T20:00", "2026-01-02T06:00", "Europe/Berlin", rule="FREQ=DAILY"
        ),
    ]
    busiest = max(board.works, key=lambda work: len(work.impacts))
    wishes = [
        Wish("new", timedelta(hours=2), work.touches, work.impacts, work.services, work.implementers)
        for work in (busiest, *board.works[:: len(board) // 20])
    ]
    begun = time.perf_counter()
    free_slots(board, wishes[0], calendars, _YEAR, count=100)
    first = time.perf_counter() - begun
    each = median_ms(lambda: [free_slots(board, wish, calendars, _YEAR, count=100) for wish in wishes], 3) / len(wishes)
    found = [len(free_slots(board, wish, calendars, _YEAR, count=100)) for wish in wishes]
    return [
        Result("100 slots, the first time", first, "s", goal=at_most(1), note="sorts the board by CI"),
        Result(
            "100 slots",
            each,
            "ms",
            note=f"mean of {len(wishes)}, the busiest among them; {min(found)} to {max(found)} found",
        ),
    ]


def _joint(size: str) -> list[Result]:
    estate = generate(SIZES[size])
    rules = [TypeRule(name, need=Need.ANY if name in _POOLED else Need.EACH) for name in TYPES]
    structure = build_structure(estate.dependencies, np.ones(estate.size, dtype=np.bool_), rules)
    propagation = Propagation(structure)
    outages = _outages(propagation, board_of(year_of_changes(_CHANGES[size])).works)
    begun = time.perf_counter()
    found = joint_collisions(propagation, outages)
    taken = time.perf_counter() - begun
    known = [replace(outage, fallen=propagation.close(np.unique(outage.down))) for outage in outages]
    begun = time.perf_counter()
    if not np.array_equal(joint_collisions(propagation, known).second, found.second):
        raise AssertionError("known closures lead elsewhere")
    screened = time.perf_counter() - begun
    chosen = outages[:: len(outages) // 20]
    one = median_ms(lambda: [joint_collisions_of(propagation, outages, each) for each in chosen], 3) / len(chosen)

    weeks = known[:_PEER_CHANGES]
    overlapping = [pair for pair in combinations(weeks, 2) if pair[0].window.overlaps(pair[1].window)]
    numbers = np.stack([found.first, found.second], axis=1)
    pairs = {(found.outages[int(a)].key, found.outages[int(b)].key) for a, b in numbers}
    some = overlapping[:: max(1, len(overlapping) // _CLOSURES_ASKED)]
    some += [pair for pair in overlapping if (pair[0].key, pair[1].key) in pairs][:_CLOSURES_ASKED]
    begun = time.perf_counter()
    wanted = {(a.key, b.key) for a, b in some if _together(propagation, a, b)}
    each = (time.perf_counter() - begun) / len(some)
    if pairs & {(a.key, b.key) for a, b in some} != wanted:
        raise AssertionError("closures of pairs and the screen do not agree")
    fallen = sum(len(outage.fallen) for outage in known if outage.fallen is not None)
    windows = np.array([outage.window for outage in outages])
    overlaps = int((np.searchsorted(windows[:, 0], windows[:, 1]) - np.arange(len(windows)) - 1).sum())
    note = (
        f"{len(outages):,} changes take down {fallen:,} of {estate.size:,} CIs, counted once for each change; "
        f"{len(found):,} of {overlaps:,} overlapping pairs"
    )
    peer, theirs = "a closure for each overlapping pair", each * overlaps
    return [
        Result("all joint collisions of a year", taken, "s", goal=at_most(30), note=note),
        faster("with closures known", screened, peer, theirs, "s", note=f"{len(some):,} pairs measured"),
        Result("joint collisions of one change", one, "ms", note=f"mean of {len(chosen)}"),
    ]


def _outages(propagation: Propagation, works: Sequence[Work]) -> list[Outage]:
    """The works, each of which takes down as many CIs of the estate as it touches, of those that not too many need."""
    random = np.random.default_rng(6)
    drawn = random.integers(0, propagation.structure.nodes, _DRAWN, dtype=np.int32)
    small = np.array([ci for ci in drawn if len(propagation.close(np.array([ci]))) <= _MOST_FALLEN], dtype=np.int32)
    return [Outage(work.key, work.window, random.choice(small, len(work.touches))) for work in works]


def _together(propagation: Propagation, one: Outage, other: Outage) -> bool:
    """Whether both take down what is in neither's closure."""
    both = propagation.close(np.union1d(one.down, other.down))
    alone = [outage.fallen for outage in (one, other) if outage.fallen is not None]
    return len(both) > len(np.unique(np.concatenate(alone)))


def year_of_changes(count: int) -> list[Work]:
    """Changes of a year: most at night and short, a few CIs in very many of them."""
    random = np.random.default_rng(5)
    day = random.integers(0, 365, count)
    minute = np.where(random.random(count) < 0.7, random.normal(1_320, 120, count), random.integers(0, 1_440, count))
    begin = np.clip(day * 1_440 + minute // 15 * 15, 0, _MINUTES).astype(np.int64)
    length = np.clip(random.lognormal(4.8, 0.7, count) // 15 * 15, 15, 10_080).astype(np.int64)
    touched = 1 + random.poisson(_TOUCHED - 1, count)
    impacted = np.minimum((random.pareto(1.5, count) * _IMPACTED / 2).astype(np.int64), 20_000)
    hit = random.poisson(_HIT_SERVICES, count)
    cis = (_CIS * random.random(int(touched.sum() + impacted.sum())) ** 3).astype(np.int32)
    services = (_SERVICES * random.random(int(hit.sum())) ** 2).astype(np.int32)
    parts = np.split(cis, np.cumsum(np.stack([touched, impacted], axis=1).ravel())[:-1])
    of_services = np.split(services, np.cumsum(hit)[:-1])
    people = random.integers(0, _PEOPLE, count)
    return [
        Work(
            f"CHG-{at:06}",
            Span(_FIRST + int(begin[at]) * _MINUTE, _FIRST + int(begin[at] + length[at]) * _MINUTE),
            parts[2 * at],
            parts[2 * at + 1],
            of_services[at],
            (f"person {people[at]}",),
        )
        for at in range(count)
    ]
