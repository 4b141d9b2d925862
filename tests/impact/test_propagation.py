# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact.kernels import MakeChoice
from cmdb.impact.needs import HEAVIEST
from cmdb.impact.states import State, WhatIf
from tests.impact.cases import NUMBA, NUMPY, Asked, comparable
from tests.impact.graphs import joined, present, random_case
from tests.reference.impact import DOWN, Case, Expected, Reference, Row

MAKES = {"numba": NUMBA, "numpy": NUMPY}
BATCHES, PER_BATCH = 84, 120

makes = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return random_case(Random(draw(st.integers(0, 2**32))), "x")


def together(answers: list[Expected]) -> Expected:
    """The answers to separate graphs as the answer to all of them in one."""
    rows: list[Row] = [row for answer in answers for row in answer["margins"]]
    whole: Expected = {
        "before": {},
        "state": {},
        "down": sorted(ci for answer in answers for ci in answer["down"]),
        "degraded": sorted(ci for answer in answers for ci in answer["degraded"]),
        "at_risk": sorted(ci for answer in answers for ci in answer["at_risk"]),
        "saved": sorted(ci for answer in answers for ci in answer["saved"]),
        "unchanged": sorted(ci for answer in answers for ci in answer["unchanged"]),
        "no_effect": sorted(ci for answer in answers for ci in answer["no_effect"]),
        "distance": {},
        "margins": rows,
        "reasons": {},
        "warnings": [warning for answer in answers for warning in answer.get("warnings", [])],
    }
    for answer in answers:
        whole["before"] |= answer["before"]
        whole["state"] |= answer["state"]
        whole["distance"] |= answer["distance"]
        whole["reasons"] = whole.get("reasons", {}) | answer.get("reasons", {})
    return whole


def batches() -> Iterator[list[Case]]:
    random = Random(4)
    for batch in range(BATCHES):
        heaviest = HEAVIEST if batch % 8 == 7 else 5
        yield [random_case(random, f"g{batch}.{number}", heaviest) for number in range(PER_BATCH)]


@pytest.mark.slow
def test_ten_thousand_random_graphs_are_answered_as_the_definition_answers() -> None:
    graphs = ring_rule = 0
    for batch in batches():
        told = [Reference(case) for case in batch]
        wanted = comparable(together([reference.expected() for reference in told]))
        for make in (NUMBA, NUMPY):
            assert comparable(Asked(joined(batch), make).expected()) == wanted
        graphs += len(batch)
        ring_rule += sum(reference.states(reference.both, ring_rule=False) != reference.after for reference in told)
    assert graphs >= 10_000
    assert ring_rule >= graphs // 100


@given(cases())
def test_a_drawn_graph_is_answered_as_the_definition_answers(case: Case) -> None:
    wanted = comparable(Reference(case).expected())
    for make in (NUMBA, NUMPY):
        assert comparable(Asked(case, make).expected()) == wanted


@given(cases())
def test_firm_and_presumed_are_those_of_the_definition(case: Case) -> None:
    wanted = Reference(case).presumed
    for make in (NUMBA, NUMPY):
        asked = Asked(case, make)
        footing = asked.structure.graph.footing
        assert {asked.ids[ordinal] for ordinal in np.flatnonzero(footing.presumed).tolist()} == wanted


@given(cases(), st.data())
def test_closing_is_monotone_and_closing_in_steps_is_closing_at_once(case: Case, data: st.DataObject) -> None:
    some = st.sets(st.sampled_from(present(case)))
    first, second, assumed = data.draw(some), data.draw(some), data.draw(some)
    first, second = first - assumed, second - assumed
    case = {**case, "assume_up": sorted(assumed)}
    told = Reference(case)
    for make in (NUMBA, NUMPY):
        asked = Asked({**case, "scenario": {}, "context": {}}, make)

        def close(cis: set[str], asked: Asked = asked) -> set[str]:
            ordinals = np.array([asked.ordinal[ci] for ci in cis], dtype=np.int32)
            question = WhatIf(dict.fromkeys(ordinals.tolist(), State.DOWN), assume_up=asked.question.assume_up)
            found = asked.propagation.states(question).down
            if not asked.question.assume_up:
                assert asked.propagation.close(ordinals).tolist() == found.tolist()
            return {asked.ids[ci] for ci in found.tolist()}

        both = close(first | second)
        assert both == told.close(first | second)
        assert close(first) <= both
        assert close(close(first) | second) == both


@given(cases())
def test_every_edge_of_a_path_is_there_and_failed(case: Case) -> None:
    told = Reference(case)
    for make in (NUMBA, NUMPY):
        asked = Asked(case, make)
        impact = asked.impact()
        for hit in impact.hits():
            path = impact.path_to(hit.ordinal)
            assert path is not None
            assert len(path) == hit.distance
            at = asked.ids[hit.ordinal]
            for hop in path:
                edge = case["edges"][hop.relationship]
                assert (edge["from"], edge["to"]) == (asked.ids[hop.dependent], asked.ids[hop.provider])
                assert edge["from"] == at
                assert any(edge["to"] in through for _, through in told.failed(at))
                at = edge["to"]
            assert told.distance[at] == 0


@given(cases())
def test_pages_put_together_are_the_whole(case: Case) -> None:
    impact = Asked(case, NUMPY).impact()
    hits = list(impact.hits())
    assert [hit for start in range(0, len(hits), 2) for hit in impact.hits(start, 2)] == hits
    assert list(impact.hits(len(hits), 5)) == []
    assert [hit.ordinal for hit in hits] == impact.ordinals.tolist()
    assert [hit.distance for hit in hits] == impact.distances.tolist()
    assert hits == sorted(hits, key=lambda hit: (hit.distance, hit.ordinal))
    margins = list(impact.margins())
    assert [margin for start in range(0, len(margins), 2) for margin in impact.margins(start, 2)] == margins


@makes
def test_questions_after_each_other_do_not_meet(make: MakeChoice) -> None:
    """An engine that was asked much answers like a new one."""
    batch = next(batches())
    whole = joined(batch)
    used = Asked(whole, make)
    for case in batch:
        scenario = {used.ordinal[ci]: State.DOWN for ci in case["scenario"]}
        question = WhatIf(scenario, assume_up=used.question.assume_up)
        found = used.propagation.impact(question)
        fresh = Asked(whole, make).propagation.impact(question) if case is batch[-1] else None
        told = Reference({**case, "scenario": dict.fromkeys(case["scenario"], "down"), "context": {}})
        assert {used.ids[ci] for ci in found.down.tolist()} == {ci for ci, state in told.after.items() if state == DOWN}
        if fresh is not None:
            assert list(fresh.hits()) == list(found.hits())
    assert comparable(used.expected()) == comparable(Asked(whole, make).expected())


@makes
def test_states_alone_are_those_of_the_impact(make: MakeChoice) -> None:
    asked = Asked(joined(next(batches())), make)
    states, impact = asked.propagation.states(asked.question), asked.impact()
    for of in ("down", "degraded", "down_before", "degraded_before", "sources", "no_effect"):
        assert getattr(states, of).tolist() == getattr(impact, of).tolist()
    assert states.worsened == len(impact.down) + len(impact.degraded)
    assert (states.revision, states.complete) == (7, True)


@pytest.mark.parametrize(
    ("scenario", "context", "assumed", "message"),
    [
        ({5: State.DOWN}, {}, frozenset[int](), "CI 5: is not present"),
        ({-1: State.DOWN}, {}, frozenset[int](), "CI -1: is not present"),
        ({0: State.DOWN}, {7: State.DEGRADED}, frozenset[int](), "context: CI 7"),
        ({0: State.DOWN}, {}, frozenset({9}), "assume_up: CI 9"),
        ({0: State.DOWN}, {}, frozenset({0}), "both fails and is assumed up"),
        ({0: State.DOWN}, {1: State.DOWN}, frozenset({1}), "context: CI 1: both fails"),
        ({0: State.UP}, {}, frozenset[int](), "is said to be up"),
    ],
)
def test_a_question_without_sense_is_refused(
    scenario: dict[int, State], context: dict[int, State], assumed: frozenset[int], message: str
) -> None:
    chain: Case = {"name": "chain", "nodes": ["a", "b"], "edges": [{"from": "a", "to": "b"}], "scenario": {}}
    with pytest.raises(Invalid, match=message):
        Asked(chain, NUMPY).propagation.impact(WhatIf(scenario, context, assumed))


@pytest.mark.parametrize("ordinals", [[-1], [0, 99], [1, 1, -5]])
def test_only_who_is_there_is_closed(ordinals: list[int]) -> None:
    asked = Asked({"name": "two", "nodes": ["a", "b"], "edges": [], "pools": [], "scenario": {}}, NUMPY)
    with pytest.raises(Invalid, match="not there"):
        asked.propagation.close(np.array(ordinals, dtype=np.int32))
    assert asked.propagation.close(np.array([1, 0, 1], dtype=np.int32)).tolist() == [0, 1]
