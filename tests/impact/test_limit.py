"""A limit of time: what is said by then is true, and what was left out is named."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.impact.kernels import MakeChoice, Stage
from cmdb.impact.propagation import Impact, Propagation
from cmdb.impact.states import State, WhatIf
from cmdb.impact.structure import TypeRule, build_structure
from cmdb.projection import DependencyColumns
from tests.impact.cases import NUMBA, NUMPY, Asked, comparable
from tests.impact.graphs import joined, random_case
from tests.reference.impact import Case

makes = pytest.mark.parametrize("make", [NUMBA, NUMPY], ids=["numba", "numpy"])


def looks(number: int) -> Callable[[], bool]:
    """Time is there so many times."""
    left = iter(range(number))
    return lambda: next(left, None) is not None


def growing(asked: Asked) -> list[Impact]:
    """The answers with ever more time, up to the first that is complete."""
    answers: list[Impact] = []
    for number in count():
        answers.append(asked.propagation.impact(asked.question, looks(number)))
        if answers[-1].complete:
            break
    return answers


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return random_case(Random(draw(st.integers(0, 2**32))), "x")


@given(cases())
def test_whoever_is_listed_is_as_bad_as_it_says(case: Case) -> None:
    for make in (NUMBA, NUMPY):
        asked = Asked(case, make)
        full = asked.impact()
        everybody = np.arange(len(asked.ids), dtype=np.int32)
        before = full.state(everybody) * 0
        for found in growing(asked):
            state = found.state(everybody)
            assert (state <= full.state(everybody)).all()
            assert (found.before(everybody) <= full.before(everybody)).all()
            assert (before <= state).all()
            assert set(found.down.tolist()) <= set(full.down.tolist())
            assert set(found.degraded.tolist()) <= {*full.down.tolist(), *full.degraded.tolist()}
            for hit in found.hits():
                distance = full.distance_to(hit.ordinal)
                assert distance is not None
                assert hit.distance <= distance
                if found.distance_to(hit.ordinal) is not None and Stage.DEGRADED not in found.left_out:
                    assert hit.distance == distance
                    assert found.path_to(hit.ordinal) == full.path_to(hit.ordinal)
            before = state


@given(cases())
def test_with_time_enough_nothing_is_left_out(case: Case) -> None:
    for make in (NUMBA, NUMPY):
        asked = Asked(case, make)
        last = growing(asked)[-1]
        full = asked.impact()
        assert (last.left_out, full.left_out) == ((), ())
        assert list(last.hits()) == list(full.hits())
        for of in ("saved", "unchanged", "at_risk", "sources", "no_effect"):
            assert getattr(last, of).tolist() == getattr(full, of).tolist()


@given(cases())
def test_what_is_left_out_is_named_from_where_time_ran_out(case: Case) -> None:
    for make in (NUMBA, NUMPY):
        asked = Asked(case, make)
        full = asked.impact()
        for found in growing(asked)[:-1]:
            assert found.left_out == tuple(Stage)[found.left_out[0] :]
            for stage, of in ((Stage.AT_RISK, "at_risk"), (Stage.SPARED, "saved"), (Stage.SPARED, "unchanged")):
                assert getattr(found, of).tolist() == ([] if stage in found.left_out else getattr(full, of).tolist())
            if Stage.DEGRADED not in found.left_out:
                assert found.down.tolist() == full.down.tolist()
                assert found.degraded.tolist() == full.degraded.tolist()
            if Stage.CONTEXT in found.left_out:
                assert len(found) == 0
            listed = [*found.down.tolist(), *found.degraded.tolist(), *found.at_risk.tolist()]
            assert sorted(listed) == sorted(found.ordinals.tolist())


@makes
def test_a_question_that_was_cut_short_leaves_no_trace(make: MakeChoice) -> None:
    random = Random(7)
    asked = Asked(joined([random_case(random, f"g{number}") for number in range(60)]), make)
    wanted = comparable(asked.expected())
    assert len(growing(asked)) > 3
    assert comparable(asked.expected()) == wanted


def test_states_alone_leave_out_states_alone() -> None:
    asked = Asked(joined([random_case(Random(3), "x")]), NUMPY)
    found = asked.propagation.states(asked.question, looks(0))
    assert set(found.left_out) <= {Stage.CONTEXT, Stage.DOWN, Stage.DEGRADED}
    assert not found.complete


def test_a_long_chain_is_followed_as_far_as_time_goes() -> None:
    nodes = 100_000
    columns = DependencyColumns.of((i, i + 1, i, 0) for i in range(nodes - 1))
    structure = build_structure(columns, np.ones(nodes, dtype=bool), [TypeRule("needs")], make=NUMBA)
    propagation, question = Propagation(structure), WhatIf({0: State.DOWN})
    reached = [len(propagation.states(question, looks(number)).down) for number in range(16)]
    assert reached[0] == 1
    assert sorted(set(reached)) == reached[: len(set(reached))]
    assert len(set(reached)) > 4
    assert reached[-1] == nodes

    answers = [propagation.impact(question, looks(number)) for number in range(40)]
    levels = [sum(found.distance_to(at) is not None for at in (0, 20_000, 60_000, 99_999)) for found in answers]
    assert levels == sorted(levels)
    assert set(levels) == {1, 2, 3, 4}
    assert [found.complete for found in (answers[0], answers[-1])] == [False, True]
