"""Single points of failure: of one service beside one closure for each candidate, and of all services at once.

The estate is asked plain (every dependency is needed) and with networks, power and hosts as pools of which one member is
enough. The closures for one service are those of candidates chosen evenly over all that it stands on; their mean, times
all candidates, is what asking one by one takes. Both sides are asked of the same structure, in one thread.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.estate import SIZES, TYPES, Estate, generate
from benchmarks.result import Result, at_least, at_most, faster, median_ms
from cmdb.impact import Propagation, Structure, cut_pairs, single_points, single_points_of
from cmdb.impact.kernels import make_choice
from cmdb.impact.structure import TypeRule, build_structure
from cmdb.impact.underlying import underlying
from cmdb.projection.columns import Int32s
from graph_schema.metamodel import Need

_POOLED = frozenset({"CONNECTS_THROUGH", "POWERED_BY", "RUNS_ON"})
_CANDIDATES_ASKED = 500
_MOST_MEMORY_GB = 4


def run(size: str) -> list[Result]:
    """Seconds and milliseconds; the largest figures first asked with pools, where rows are most."""
    estate = generate(SIZES[size])
    services = np.flatnonzero(estate.kind_of == 0).astype(np.int32)
    results: list[Result] = []
    for name, pooled in (("with pools", _POOLED), ("no pools", frozenset[str]())):
        structure = _structure(estate, pooled)
        results += _one_service(structure, services, name)
        results += _all_services(structure, services, name)
    return results


def _structure(estate: Estate, pooled: frozenset[str]) -> Structure:
    rules = [TypeRule(name, need=Need.ANY if name in pooled else Need.EACH) for name in TYPES]
    return build_structure(estate.dependencies, np.ones(estate.size, dtype=np.bool_), rules, make=make_choice("numba"))


def _one_service(structure: Structure, services: Int32s, name: str) -> Iterator[Result]:
    service = int(services[len(services) // 2])
    propagation = Propagation(structure)
    candidates = underlying(structure, np.array([service], dtype=np.int32)).ordinal
    chosen = candidates[:: max(1, len(candidates) // _CANDIDATES_ASKED)]
    wanted = {
        candidate
        for candidate in chosen.tolist()
        if candidate != service and service in propagation.close(np.array([candidate], dtype=np.int32))
    }
    found = single_points(structure, service)
    if wanted != set(np.intersect1d(found, chosen).tolist()):
        raise AssertionError("closures and bits do not agree")
    ours = median_ms(lambda: single_points(structure, service), 9)
    each = median_ms(lambda: [propagation.close(chosen[at : at + 1]) for at in range(len(chosen))], 1) / len(chosen)
    yield faster(
        f"one service, {name}",
        ours,
        "a closure for each candidate",
        each * len(candidates),
        "ms",
        at_least(15),
        f"{len(found):,} of {len(candidates):,} candidates; {len(chosen):,} closures measured, {each:.3g} ms each",
    )
    begun = time.perf_counter()
    pairs = cut_pairs(structure, service)
    yield Result(
        f"pairs of one service, {name}",
        time.perf_counter() - begun,
        "s",
        note=f"{len(pairs):,} pairs; all of the nearest {pairs.examined:,} of {pairs.candidates:,} candidates",
    )


def _all_services(structure: Structure, services: Int32s, name: str) -> Iterator[Result]:
    begun = time.perf_counter()
    found = single_points_of(structure, services)
    taken = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    note = f"{len(found):,} points of {len(services):,} services, {int(found.points.sum()):,} in all"
    yield Result(f"all services, {name}", taken, "s", goal=at_most(120), note=note)
    yield Result("memory of the process at most", memory, "GB", goal=at_most(_MOST_MEMORY_GB))
