"""Joint collisions are those of every two closures compared with that of both, on graphs with pools and rings."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changes.joint import JointCollision, Outage, joint_collisions, joint_collisions_of
from cmdb.changes.spans import Span
from cmdb.impact import Propagation
from cmdb.impact.changing import changed
from cmdb.impact.kernels import MakeChoice
from tests.impact.cases import NUMBA, NUMPY, Asked
from tests.impact.graphs import joined, random_case
from tests.impact.test_changing import grown
from tests.reference.impact import Case, EdgeOf, PoolOf

MAKES = {"numba": NUMBA, "numpy": NUMPY}


def redundant_case(random: Random, name: str) -> Case:
    """Up to twelve CIs, most of which stand on pools that can lose a member, some of these in rings."""
    cis = [f"{name}.c{number}" for number in range(random.randint(4, 12))]
    backwards = random.choice([0.0, 0.2, 0.4])
    edges: list[EdgeOf] = []
    pools: list[PoolOf] = []
    for at, ci in enumerate(cis[:-1]):
        for pool in ("p0", "p1")[: random.randint(0, 2)]:
            others = cis if random.random() < backwards else cis[at + 1 :]
            members = random.sample(others, min(len(others), random.randint(1, 4)))
            edges += [EdgeOf({"from": ci, "to": member, "pool": pool}) for member in members]
            edges[-1]["weight"] = random.choice([1, 1, 1, 2])
            need = random.choice(["any", "any", 1, 2, "50%", "quorum:51%"])
            pools.append({"of": ci, "name": pool, "need": need, "strength": random.choice(["hard", "hard", "soft"])})
    return {"name": name, "nodes": [*cis], "edges": edges, "pools": pools, "scenario": {}}


@st.composite
def questions(draw: st.DrawFn, graphs: int = 1) -> tuple[Asked, list[Outage], list[int]]:
    """A graph, outages of a few of its CIs (some of which are not there), and a context."""
    random = Random(draw(st.integers(0, 2**32)))
    generate = draw(st.sampled_from([random_case, redundant_case]))
    case = joined(generate(random, f"g{number}") for number in range(graphs))
    asked = Asked({**case, "scenario": {}, "context": {}, "assume_up": []}, draw(st.sampled_from([NUMBA, NUMPY])))
    anybody = range(asked.structure.nodes)
    sets = [[ci] for ci in anybody] if graphs == 1 else []
    sets += [random.choices(anybody, k=random.choice([0, 1, 1, 2, 3])) for _ in range(random.randint(0, 7))]
    outages = [
        Outage(f"CHG-{number}", _window(random.randint(0, 6), random.choice([2, 9])), np.array(down, dtype=np.int32))
        for number, down in enumerate(sets)
    ]
    return asked, outages, random.sample(anybody, random.choice([0, 0, 1, 2]))


def _window(begin: int, length: int) -> Span:
    return Span(begin, begin + length)


def by_closures(propagation: Propagation, outages: list[Outage], context: list[int]) -> set[JointCollision]:
    def closed(*parts: Outage) -> set[int]:
        fallen = {*context}.union(*(part.down.tolist() for part in parts))
        there = sorted(ci for ci in fallen if propagation.structure.present[ci])
        return {*propagation.close(np.array(there, dtype=np.int32)).tolist()}

    found: set[JointCollision] = set()
    for pair in combinations(sorted(outages, key=lambda outage: (outage.window, outage.key)), 2):
        one, other = pair
        cis = closed(one, other) - closed(one) - closed(other)
        if one.window.overlaps(other.window) and cis:
            found.add(JointCollision(one.key, other.key, tuple(sorted(cis))))
    return found


@given(questions())
def test_joint_collisions_are_those_of_every_pair(question: tuple[Asked, list[Outage], list[int]]) -> None:
    asked, outages, context = question
    found = list(joint_collisions(asked.propagation, outages, np.array(context, dtype=np.int32)))
    assert len(set(found)) == len(found)
    assert set(found) == by_closures(asked.propagation, outages, context)


@given(questions())
def test_closures_that_are_known_need_not_be_worked_out(question: tuple[Asked, list[Outage], list[int]]) -> None:
    asked, outages, context = question
    there = asked.structure.present
    down = [[ci for ci in {*outage.down.tolist(), *context} if there[ci]] for outage in outages]
    fallen = [asked.propagation.close(np.array(sorted(some), dtype=np.int32)) for some in down]
    known = [Outage(o.key, o.window, o.down, its) for o, its in zip(outages, fallen, strict=True)]
    missing = np.array(context, dtype=np.int32)
    assert list(joint_collisions(asked.propagation, known, missing)) == list(
        joint_collisions(asked.propagation, outages, missing)
    )


@given(questions(graphs=4))
def test_so_they_are_in_larger_graphs(question: tuple[Asked, list[Outage], list[int]]) -> None:
    asked, outages, context = question
    found = set(joint_collisions(asked.propagation, outages, np.array(context, dtype=np.int32)))
    assert found == by_closures(asked.propagation, outages, context)


@given(questions())
def test_those_of_one_are_all_that_it_is_in(question: tuple[Asked, list[Outage], list[int]]) -> None:
    asked, outages, context = question
    everything = by_closures(asked.propagation, outages, context)
    for one in outages[len(outages) // 2 :][:1]:
        found = set(joint_collisions_of(asked.propagation, outages, one, np.array(context, dtype=np.int32)))
        assert found == {pair for pair in everything if one.key in (pair.first, pair.second)}


@given(st.integers(0, 2**32), st.sampled_from([NUMBA, NUMPY]))
def test_a_changed_structure_has_those_of_its_own_closures(seed: int, make: MakeChoice) -> None:
    random = Random(seed)
    nodes = random.randint(2, 12)
    world = grown(random, nodes, random.randint(nodes, 3 * nodes))
    structure = world.built(make, 1)
    for revision in range(2, 4):
        structure = changed(structure, world.step(revision, 4))
        propagation = Propagation(structure)
        outages = [Outage(str(ci), Span(0, 1), np.array([ci], dtype=np.int32)) for ci in range(structure.nodes)]
        assert set(joint_collisions(propagation, outages)) == by_closures(propagation, outages, [])


def test_generated_graphs_have_joint_collisions_by_pools_and_by_rings() -> None:
    """What the tests above compare is not nothing."""
    random, pools, rings = Random(7), 0, 0
    for number in range(60):
        case = redundant_case(random, f"n{number}")
        asked = Asked({**case, "scenario": {}, "context": {}, "assume_up": []}, NUMPY)
        there = np.flatnonzero(asked.structure.present).astype(np.int32)
        outages = [Outage(str(ci), Span(0, 1), np.array([ci], dtype=np.int32)) for ci in there.tolist()]
        for found in joint_collisions(asked.propagation, outages):
            ring = asked.structure.graph.footing.ring[list(found.cis)]
            rings, pools = rings + bool((ring >= 0).any()), pools + bool((ring < 0).all())
    assert pools > 20
    assert rings > 20


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_two_of_three_hosts(make: MakeChoice) -> None:
    edges: list[EdgeOf] = [{"from": "cluster", "to": host, "pool": "hosts"} for host in ("h1", "h2", "h3")]
    case: Case = {
        "name": "hosts",
        "nodes": ["cluster", "h1", "h2", "h3", "service"],
        "edges": [*edges, {"from": "service", "to": "cluster"}],
        "pools": [{"of": "cluster", "name": "hosts", "need": 2, "strength": "hard"}],
        "scenario": {},
    }
    asked = Asked(case, make)
    night, later = Span(0, 10), Span(10, 20)
    a, b, c, same = (
        Outage(key, window, np.array([asked.ordinal[host]], dtype=np.int32))
        for key, window, host in (("a", night, "h1"), ("b", night, "h2"), ("c", later, "h3"), ("d", night, "h1"))
    )
    both = tuple(sorted(asked.ordinal[ci] for ci in ("cluster", "service")))
    assert set(joint_collisions(asked.propagation, [a, b, c, same])) == {
        JointCollision("a", "b", both),
        JointCollision("b", "d", both),
    }
    gone = np.array([asked.ordinal["h3"]], dtype=np.int32)
    assert list(joint_collisions(asked.propagation, [a, b], gone)) == []


def test_a_third_that_takes_all_down_alone_hides_no_pair() -> None:
    """The union of all closures is closed here; a pair collides all the same."""
    case: Case = {
        "name": "hidden",
        "nodes": ["s", "x", "y"],
        "edges": [{"from": "s", "to": provider, "pool": "p"} for provider in ("x", "y")],
        "pools": [{"of": "s", "name": "p", "need": "any", "strength": "hard"}],
        "scenario": {},
    }
    asked = Asked(case, NUMPY)
    outages = [Outage(ci, Span(0, 1), np.array([asked.ordinal[ci]], dtype=np.int32)) for ci in ("s", "x", "y")]
    found = list(joint_collisions(Propagation(asked.structure), outages))
    assert found == [JointCollision("x", "y", (asked.ordinal["s"],))]
