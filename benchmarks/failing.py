"""What fails, beside what is merely reached: pools, states, at-risk and distances on top of our own breadth-first search.

Every figure of the first table is a multiple of `Projection.reach` from the same sources in the same rounds, which the
module `propagation` measures against memory. The estate is asked plain (every dependency is needed), with a fifth of its
types as pools of which one is enough, and with all of them so, where redundancy stops nearly every wave. Peers know no
pools; networkx and rustworkx are asked for the structure's part of it, which all of them have to do.
"""
# The peers come without type information, so what passes through them is not known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from random import Random

import numpy as np
import rustworkx

from benchmarks.estate import SIZES, Estate, generate
from benchmarks.result import Goal, Result, at_most, cost, faster, median_ms, medians_ms
from cmdb.impact import Propagation, State, Structure, WhatIf
from cmdb.impact.kernels import make_choice
from cmdb.impact.structure import TypeRule, build_structure
from cmdb.projection import Direction, Projection, kernel_choice
from graph_schema.metamodel import Need

_REPEATS = {"10k": 51, "100k": 21, "1m": 9}
_MANY_SOURCES = 520
_GOALS_HOLD_FROM = 1_000_000


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
        if pooled == 0:
            results += _against_peers(estate, propagation)
    return results


def _structure(estate: Estate, types: int, every: int) -> Structure:
    """Every so many types form pools of which one member is enough; 0 is none."""
    rules = [TypeRule(str(code), need=Need.ANY if every and code % every == 0 else Need.EACH) for code in range(types)]
    present = np.ones(estate.size, dtype=np.bool_)
    return build_structure(estate.dependencies, present, rules, make=make_choice("numba"))


def _against_reach(
    estate: Estate, projection: Projection, propagation: Propagation, name: str, repeats: int
) -> Iterator[Result]:
    everything = list(range(0, estate.size, max(1, estate.size // 1000)))
    for what, sources in (
        ("half of the estate", [estate.wide_source]),
        ("a rack", [estate.narrow_source]),
        ("a thousand CIs", everything),
    ):
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
    taken: list[float] = []
    for _ in range(100):
        chosen: Sequence[int] = random.sample(range(estate.size), 2 * _MANY_SOURCES)
        question = WhatIf(
            dict.fromkeys(chosen[:_MANY_SOURCES], State.DOWN), dict.fromkeys(chosen[_MANY_SOURCES:], State.DEGRADED)
        )
        begun = time.perf_counter()
        list(propagation.impact(question).hits(0, 50))
        taken.append((time.perf_counter() - begun) * 1e3)
    yield Result("520 CIs fail at once, 520 others degraded before, median", statistics.median(taken), "ms")


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
