"""Single points of failure and pairs are what the closure of each candidate, or pair, says they are."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, count
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact.changing import changed
from cmdb.impact.cutsets import Bound, cut_pairs
from cmdb.impact.kernels import MakeChoice
from cmdb.impact.needs import HEAVIEST
from cmdb.impact.propagation import Propagation
from cmdb.impact.protection import protection
from cmdb.impact.spof import SinglePoints, single_points, single_points_of
from cmdb.impact.states import State, WhatIf
from tests.impact.cases import NUMBA, NUMPY, Asked
from tests.impact.graphs import joined, present, random_case
from tests.impact.test_changing import grown
from tests.reference.impact import Case, EdgeOf, Reference

MAKES = {"numba": NUMBA, "numpy": NUMPY}
makes = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def healthy(case: Case) -> Case:
    return {**case, "scenario": {}, "context": {}, "assume_up": []}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    heaviest = draw(st.sampled_from([5, 5, HEAVIEST]))
    return healthy(random_case(Random(draw(st.integers(0, 2**32))), "x", heaviest))


def one_by_one(asked: Asked) -> dict[str, set[str]]:
    """Who takes down each CI alone, besides itself: one closure for each candidate."""
    found: dict[str, set[str]] = {asked.ids[ci]: set() for ci in np.flatnonzero(asked.structure.present).tolist()}
    for ci in found:
        for fallen in asked.propagation.close(np.array([asked.ordinal[ci]], dtype=np.int32)).tolist():
            found[asked.ids[fallen]].add(ci)
    return {service: points - {service} for service, points in found.items()}


def named(asked: Asked, ordinals: Iterator[int] | list[int]) -> set[str]:
    return {asked.ids[ordinal] for ordinal in ordinals}


def agrees(found: SinglePoints, asked: Asked, wanted: dict[str, set[str]]) -> None:
    """Counts of both sides, and the order."""
    assert {asked.ids[s]: n for s, n in zip(found.services.tolist(), found.points.tolist(), strict=True)} == {
        service: len(points) for service, points in wanted.items()
    }
    services_down: dict[str, int] = {
        asked.ids[o]: n for o, n in zip(found.ordinal.tolist(), found.services_down.tolist(), strict=True)
    }
    assert services_down == {ci: n for ci in asked.ids if (n := sum(ci in points for points in wanted.values()))}
    assert sorted(found.services_down.tolist(), reverse=True) == found.services_down.tolist()
    assert (found.complete, found.revision, len(found)) == (True, 7, len(services_down))


@given(cases())
def test_they_are_those_whose_closure_holds_the_service(case: Case) -> None:
    reference = Reference(case)
    wanted = {
        service: {ci for ci in present(case) if ci != service and service in reference.close({ci})}
        for service in present(case)
    }
    for make in MAKES.values():
        asked = Asked(case, make)
        for service in present(case):
            points = single_points(asked.structure, asked.ordinal[service]).tolist()
            assert named(asked, points) == wanted[service]
            assert len(points) == len(wanted[service])
        everybody = np.flatnonzero(asked.structure.present).astype(np.int32)
        agrees(single_points_of(asked.structure, everybody), asked, wanted)


@given(st.integers(0, 2**32), st.sampled_from([NUMBA, NUMPY]))
def test_a_changed_structure_has_the_points_of_its_own_closures(seed: int, make: MakeChoice) -> None:
    random = Random(seed)
    nodes = random.randint(2, 12)
    world = grown(random, nodes, random.randint(1, 3 * nodes))
    structure = world.built(make, 1)
    for revision in range(2, 6):
        structure = changed(structure, world.step(revision, 4))
        everybody = np.flatnonzero(structure.present).astype(np.int32)
        close = Propagation(structure).close
        closures = {ci: set(close(np.array([ci], dtype=np.int32)).tolist()) for ci in everybody.tolist()}
        for service in everybody.tolist():
            wanted = {ci for ci, closure in closures.items() if service in closure} - {service}
            assert set(single_points(structure, service).tolist()) == wanted


@pytest.mark.slow
@makes
def test_many_graphs_in_one_have_the_points_of_each(make: MakeChoice) -> None:
    """More candidates than go into one pass, in several threads; in some graphs the ring rule decides."""
    random, ring_rule = Random(5), 0
    for batch in range(3):
        parts = [healthy(random_case(random, f"g{batch}.{number}", HEAVIEST if batch else 5)) for number in range(900)]
        for part in parts[:200]:
            reference = Reference(part)
            ring_rule += any(reference.close({ci}) != reference.close({ci}, ring_rule=False) for ci in present(part))
        asked = Asked(joined(parts), make)
        everybody = np.flatnonzero(asked.structure.present).astype(np.int32)
        assert len(everybody) > 4096
        agrees(single_points_of(asked.structure, everybody, threads=2), asked, one_by_one(asked))
    assert ring_rule > 0


@given(cases())
def test_pairs_are_those_that_fall_only_together(case: Case) -> None:
    reference, here = Reference(case), present(case)
    closure = {ci: reference.close({ci}) for ci in here}
    wanted = {
        service: {
            frozenset(pair)
            for pair in combinations([ci for ci in here if service not in closure[ci]], 2)
            if service in reference.close(pair)
        }
        for service in here
    }
    for make in MAKES.values():
        asked = Asked(case, make)
        for service in here:
            pairs = cut_pairs(asked.structure, asked.ordinal[service])
            rows = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
            assert {frozenset(named(asked, list(row))) for row in rows} == wanted[service]
            assert len(rows) == len(wanted[service]) == len(pairs)
            assert (pairs.complete, pairs.examined) == (True, pairs.candidates)


def pool_of(size: int, need: int | str) -> Case:
    """A service on a pool of so many hosts, each on a rack of its own."""
    edges: list[EdgeOf] = [{"from": "service", "to": f"host{i}", "pool": "hosts"} for i in range(size)]
    edges += [EdgeOf({"from": f"host{i}", "to": f"rack{i}"}) for i in range(size)]
    return {
        "name": "pool",
        "nodes": ["service", *(f"{kind}{i}" for kind in ("host", "rack") for i in range(size))],
        "edges": edges,
        "pools": [{"of": "service", "name": "hosts", "need": need}],
        "scenario": {},
    }


@makes
def test_what_pairs_leave_out_is_said(make: MakeChoice) -> None:
    asked = Asked(pool_of(120, 119), make)
    whole = cut_pairs(asked.structure, 0)
    assert (len(whole), whole.candidates, whole.bound) == (4 * 120 * 119 // 2, 240, Bound.NONE)
    near = cut_pairs(asked.structure, 0, nearest=120)
    assert (len(near), near.examined, near.candidates, near.bound) == (120 * 119 // 2, 120, 240, Bound.CANDIDATES)
    assert {asked.ids[ci][:4] for ci in near.second.tolist()} == {"host"}
    ticks = count()
    soon = cut_pairs(asked.structure, 0, seconds=1.5, clock=lambda: float(next(ticks)))
    assert (soon.bound, soon.complete) == (Bound.TIME, False)
    assert 0 < soon.examined < 240
    tried = {frozenset(pair) for pair in zip(soon.first.tolist(), soon.second.tolist(), strict=True)}
    assert {frozenset(pair) for pair in combinations(range(1, min(soon.examined, 120) + 1), 2)} <= tried
    racks = np.array([asked.ordinal[f"rack{i}"] for i in range(120)], dtype=np.int32)
    only = cut_pairs(asked.structure, 0, among=racks)
    assert (len(only), only.candidates, only.complete) == (120 * 119 // 2, 120, True)


@makes
def test_the_more_important_come_first_among_those_that_take_down_as_many(make: MakeChoice) -> None:
    edges: list[EdgeOf] = [
        {"from": "shop", "to": "web"},
        {"from": "mail", "to": "relay"},
        {"from": "wiki", "to": "relay"},
        {"from": "wiki", "to": "web"},
    ]
    case: Case = {"name": "rank", "nodes": ["shop", "mail", "wiki", "web", "relay"], "edges": edges, "scenario": {}}
    asked = Asked(case, make)
    services = np.array([2, 0, 1], dtype=np.int32)
    found = single_points_of(asked.structure, services, np.array([1, 7, 5]))
    rows = zip(found.ordinal.tolist(), found.services_down.tolist(), found.importance.tolist(), strict=True)
    assert [(asked.ids[o], n, i) for o, n, i in rows] == [("web", 2, 8), ("relay", 2, 6)]
    assert (found.services.tolist(), found.points.tolist()) == ([0, 1, 2], [1, 1, 2])
    assert len(single_points_of(asked.structure, np.array([3, 4], dtype=np.int32))) == 0


@pytest.mark.parametrize(
    ("need", "survives"), [("all", [0]), ("any", [3]), (2, [2]), (0, [4]), ("50%", [2]), ("quorum:51%", [2])]
)
def test_a_pool_survives_the_loss_of_so_many(need: int | str, survives: list[int]) -> None:
    asked = Asked(pool_of(4, need), NUMPY)
    margins = asked.propagation.impact(WhatIf({})).margins_of(0)
    assert [protection(margin).survives for margin in margins] == survives


@given(cases())
def test_what_a_pool_survives_leaves_it_met_and_one_more_does_not(case: Case) -> None:
    asked = Asked(case, NUMPY)
    for ci in present(case):
        for margin in asked.propagation.impact(WhatIf({})).margins_of(asked.ordinal[ci]):
            weights = sorted((member.weight for member in margin.members), reverse=True)
            found = protection(margin)
            assert found.met
            assert sum(weights[found.survives :]) >= margin.need
            assert found.survives == len(weights) or sum(weights[found.survives + 1 :]) < margin.need


def test_in_a_context_the_pool_is_what_is_left_of_it() -> None:
    asked = Asked(pool_of(4, 2), NUMPY)
    down = {asked.ordinal[f"host{i}"]: State.DOWN for i in range(3)}
    for gone, expected in ((1, (1, True)), (2, (0, True)), (3, (0, False))):
        impact = asked.propagation.impact(WhatIf({}, dict(list(down.items())[:gone])))
        found = protection(impact.margins_of(0)[0])
        assert (found.survives, found.met) == expected


@pytest.mark.parametrize("ordinal", [-1, 9, 1])
def test_a_service_that_is_not_there_is_refused(ordinal: int) -> None:
    gone: Case = {"name": "gone", "nodes": ["a", {"id": "b", "retired": True}], "edges": [], "scenario": {}}
    structure = Asked(gone, NUMPY).structure
    with pytest.raises(Invalid, match=f"CI {ordinal}: is not present"):
        single_points(structure, ordinal)
    with pytest.raises(Invalid, match="is not present"):
        cut_pairs(structure, ordinal)
