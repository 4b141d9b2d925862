"""What fails, beside what is merely reached: pools, states, at-risk and distances on top of our own breadth-first search.

Every figure of the first table is a multiple of `Projection.reach` from the same sources in the same rounds, which the
module `propagation` measures against memory. The estate is asked plain (every dependency is needed), with a fifth of its
types as pools of which one is enough, and with all of them so, where redundancy stops nearly every wave. Peers know no
pools; networkx and rustworkx are asked for the structure's part of it, which all of them have to do.

The ring rule is measured on an estate whose databases are pairs: each can do with the other or with one of the machines
that it runs on, so that every pair is a ring with slack. Beside it stands the same graph with no pool marked as one that
may leave a ring hanging, so that no ring is looked at; its answer is wrong by the CIs that only the rule finds.
"""
# The peers come without type information, so what passes through them is not known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import rustworkx

from benchmarks.estate import KINDS, RING, SIZES, TYPES, Estate, generate
from benchmarks.result import Goal, Result, at_most, cost, faster, median_ms, medians_ms
from cmdb.impact import Propagation, State, Structure, WhatIf
from cmdb.impact.change import Dependency, Ended, StructureChange
from cmdb.impact.changing import changed
from cmdb.impact.kernels import make_choice
from cmdb.impact.needs import parse_need
from cmdb.impact.structure import EdgeTraits, PoolDeclaration, TypeRule, build_structure
from cmdb.projection import DependencyColumns, Direction, Projection, kernel_choice
from graph_schema.metamodel import Need

_REPEATS = {"10k": 51, "100k": 21, "1m": 9}
_MANY = 520
_TRIED, _TAKEN = 20_000, 100
_NEW = 100
_GOALS_HOLD_FROM = 1_000_000
_DATABASE = next(code for code, kind in enumerate(KINDS) if kind.name == "Database")
_REPLICATED, _HOSTED = TYPES.index(RING.type_name), TYPES.index("RUNS_ON")


def run(size: str) -> list[Result]:
    """Medians in milliseconds, and ratios."""
    estate = generate(SIZES[size])
    projection = Projection.from_columns(estate.dependencies, estate.size, 1, kernels=kernel_choice("numba"))
    types = int(estate.dependencies.type_code.max()) + 1
    results: list[Result] = []
    for name, pooled in (("no pools", 0), ("a fifth of the types pooled", 5), ("all types pooled", 1)):
        structure = _structure(estate, types, pooled)
        propagation = Propagation(structure)
        results += _against_reach(estate, projection, propagation, name, _REPEATS[size])
        results += _upkeep(estate, types, pooled, name)
        if pooled == 5:
            results += _many_sources(estate, propagation)
            results += _many_hits(estate, propagation)
            results += _planned(estate, propagation, _REPEATS[size])
        if pooled == 0:
            results += _against_peers(estate, propagation)
    return [*results, *_ring_rule(estate, types, _REPEATS[size])]


def _structure(estate: Estate, types: int, every: int) -> Structure:
    """Every so many types form pools of which one member is enough; 0 is none."""
    rules = [TypeRule(str(code), need=Need.ANY if every and code % every == 0 else Need.EACH) for code in range(types)]
    present = np.ones(estate.size, dtype=np.bool_)
    return build_structure(estate.dependencies, present, rules, make=make_choice("numba"))


def _against_reach(
    estate: Estate, projection: Projection, propagation: Propagation, name: str, repeats: int
) -> Iterator[Result]:
    for what, sources in _sources(estate):
        question = WhatIf(dict.fromkeys(sources, State.DOWN))
        fallen = len(propagation.states(question).down)
        reach, states, impact = medians_ms(
            [
                lambda sources=sources: projection.reach(sources, Direction.DEPENDENTS),
                lambda question=question: propagation.states(question),
                lambda question=question: propagation.impact(question),
            ],
            repeats,
        )
        reached = len(projection.reach(sources, Direction.DEPENDENTS).ordinals)
        note = f"{fallen:,} of {reached:,} reached CIs fail"
        limits = _limits(fallen, reached)
        yield cost(f"states, {what}, {name}", states, "our reach", reach, "ms", _goal(estate, limits[0]), note)
        yield cost(
            f"… with at-risk and distance, {what}, {name}", impact, "our reach", reach, "ms", _goal(estate, limits[1])
        )


def _ring_rule(estate: Estate, types: int, repeats: int) -> Iterator[Result]:
    structure = _with_pairs(estate, types)
    rows = structure.graph.rows
    unmarked = structure.graph._replace(rows=rows._replace(code=rows.code & ~np.int32(1)))
    ruled, unruled = Propagation(structure), Propagation(replace(structure, graph=unmarked))
    marked = len(np.unique(rows.code[rows.code & 1 > 0]))
    for what, sources in _sources(estate):
        question = WhatIf(dict.fromkeys(sources, State.DOWN))
        more = len(ruled.states(question).down) - len(unruled.states(question).down)
        ours, without = medians_ms(
            [lambda question=question: ruled.states(question), lambda question=question: unruled.states(question)],
            repeats,
        )
        note = f"{marked:,} pools in rings, {more:,} CIs fail by the rule alone"
        yield cost(f"states, {what}, pairs", ours, "no ring looked at", without, "ms", _goal(estate, 1.1), note)


def _with_pairs(estate: Estate, types: int) -> Structure:
    """Each database in one pool of its machines and its neighbour, of which one is enough."""
    columns = estate.dependencies
    databases = np.flatnonzero(estate.kind_of == _DATABASE).astype(np.int32)
    left, right = databases[: len(databases) // 2 * 2].reshape(-1, 2).T
    added = np.arange(2 * len(left), dtype=np.int64) + columns.relationship[-1] + 1
    joined = DependencyColumns(
        np.concatenate([columns.relationship, added]),
        np.concatenate([columns.dependent, left, right]),
        np.concatenate([columns.provider, right, left]),
        np.concatenate([columns.type_code, np.full(len(added), _REPLICATED, dtype=np.int16)]),
    )
    hosted = np.isin(columns.dependent, databases) & (columns.type_code == _HOSTED)
    named = np.concatenate([columns.relationship[hosted], added])
    none, one = np.zeros(len(named), dtype=np.int32), np.ones(len(named), dtype=np.int64)
    return build_structure(
        joined,
        np.ones(estate.size, dtype=np.bool_),
        [TypeRule(str(code)) for code in range(types)],
        traits=EdgeTraits(named, none, one, ("replicas",)),
        declarations=[
            PoolDeclaration(owner, "replicas", parse_need("any", "replicas")) for owner in databases.tolist()
        ],
        make=make_choice("numba"),
    )


def _sources(estate: Estate) -> tuple[tuple[str, list[int]], ...]:
    return (
        ("half of the estate", [estate.wide_source]),
        ("a rack", [estate.narrow_source]),
        ("a thousand CIs", list(range(0, estate.size, max(1, estate.size // 1000)))),
    )


def _limits(fallen: int, reached: int) -> tuple[float, float]:
    """The goals for states alone and with at-risk and distance: where redundancy stops the wave, small, whole."""
    if fallen < reached / 10:
        return 0.5, 1
    return (2.5, 6) if fallen <= 100_000 else (5, 8)


def _goal(estate: Estate, limit: float) -> Goal | None:
    return at_most(limit) if estate.size >= _GOALS_HOLD_FROM else None


def _upkeep(estate: Estate, types: int, pooled: int, name: str) -> Iterator[Result]:
    build = median_ms(lambda: _structure(estate, types, pooled), 3)
    yield Result(
        f"structure, {name}", build, "ms", goal=_goal(estate, 4_000), note="with components, firm and presumed"
    )


def _many_sources(estate: Estate, propagation: Propagation) -> Iterator[Result]:
    random = Random(8)
    found: list[int] = []
    taken: list[float] = []
    for _ in range(100):
        chosen: Sequence[int] = random.sample(range(estate.size), 2 * _MANY)
        question = WhatIf(dict.fromkeys(chosen[:_MANY], State.DOWN), dict.fromkeys(chosen[_MANY:], State.DEGRADED))
        hits, elapsed = _asked(propagation, question)
        found.append(hits)
        taken.append(elapsed)
    note = f"{statistics.median(found):,.0f} hits"
    yield Result(
        f"{_MANY} CIs fail at once, {_MANY} others degraded before, median", statistics.median(taken), "ms", note=note
    )


def _many_hits(estate: Estate, propagation: Propagation) -> Iterator[Result]:
    """Random CIs whose loss hits about so many, while two others are down and two degraded."""
    random = Random(10)
    taken: list[float] = []
    for _ in range(_TRIED):
        one, *before = random.sample(range(estate.size), 5)
        context = dict(zip(before, (State.DOWN, State.DOWN, State.DEGRADED, State.DEGRADED), strict=True))
        hits, elapsed = _asked(propagation, WhatIf({one: State.DOWN}, context))
        if _MANY / 2 <= hits <= 2 * _MANY:
            taken.append(elapsed)
        if len(taken) == _TAKEN:
            break
    if taken:
        goal = _goal(estate, 10)
        note = f"{len(taken)} questions, four CIs failed before"
        yield Result(f"about {_MANY} hits, median", statistics.median(taken), "ms", goal=goal, note=note)
        yield Result(f"about {_MANY} hits, the worst", max(taken), "ms", note=note)


def _asked(propagation: Propagation, question: WhatIf) -> tuple[int, float]:
    """Hits, and milliseconds until they are known and the first page is told."""
    begun = time.perf_counter()
    found = propagation.impact(question)
    list(found.hits(0, 50))
    return len(found), (time.perf_counter() - begun) * 1e3


def _planned(estate: Estate, propagation: Propagation, repeats: int) -> Iterator[Result]:
    """A thousand operations laid over the structure and a rack asked of it; another thousand each time."""
    question = WhatIf({estate.narrow_source: State.DOWN})
    goal = at_most(20) if estate.size >= _GOALS_HOLD_FROM else None
    for what, new in (("", 0), (f", with {_NEW} new CIs", _NEW)):
        random = Random(9)
        changes = iter([_thousand(estate, random, new) for _ in range(repeats + 1)])
        asked, planned = medians_ms(
            [
                lambda: propagation.impact(question),
                lambda changes=changes: Propagation(changed(propagation.structure, next(changes))).impact(question),
            ],
            repeats,
        )
        yield Result(f"1,000 operations planned and asked{what}, on top", planned - asked, "ms", goal=goal)


def _thousand(estate: Estate, random: Random, new: int) -> StructureChange:
    """Each new CI is the dependent of four of the 500 links."""
    columns = estate.dependencies
    ended, like = random.sample(range(len(columns)), 500), random.sample(range(len(columns)), 500)
    first = int(columns.relationship[-1]) + 1
    dependents = [estate.size + number // 4 for number in range(4 * new)]
    dependents += columns.dependent[like[4 * new :]].tolist()
    return StructureChange(
        1,
        added=range(estate.size, estate.size + new),
        linked=[
            Dependency(first + number, dependent, int(columns.provider[at]), int(columns.type_code[at]))
            for number, (dependent, at) in enumerate(zip(dependents, like, strict=True))
        ],
        unlinked=[Ended(int(columns.relationship[at]), int(columns.dependent[at])) for at in ended],
    )


def _against_peers(estate: Estate, propagation: Propagation) -> Iterator[Result]:
    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(estate.size))
    columns = estate.dependencies
    graph.add_edges_from_no_data(list(zip(columns.provider.tolist(), columns.dependent.tolist(), strict=True)))
    question = WhatIf({estate.wide_source: State.DOWN})
    ours, theirs = medians_ms(
        [lambda: propagation.impact(question), lambda: rustworkx.descendants(graph, estate.wide_source)], 3
    )
    yield faster(
        "impact, half of the estate", ours, "rustworkx descendants", theirs, "ms", note="without pools for them"
    )
