"""Asking what fails: a scenario in a context, and the states that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid, Problem
from cmdb.impact.kernels import Faults, Outcome, Stage
from cmdb.impact.structure import Structure
from cmdb.projection.columns import Int32s


class State(IntEnum):
    """How a CI is; the larger, the worse."""

    UP = 0
    DEGRADED = 1
    DOWN = 2


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What fails (`scenario`), what has failed already (`context`), and who is taken to stay up; by ordinal.

    Scenario and context give `DEGRADED` or `DOWN`. Where both name a CI, the worse counts.
    """

    scenario: Mapping[int, State]
    context: Mapping[int, State] = field(default_factory=dict[int, State])
    assume_up: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        problems = [
            Problem("is said to be up", f"CI {ordinal}", place, "leave it out, or assume it up")
            for place, faults in (("scenario", self.scenario), ("context", self.context))
            for ordinal, state in faults.items()
            if state is State.UP
        ]
        problems += [
            Problem("both fails and is assumed up", f"CI {ordinal}", place, "say only one of them")
            for place, faults in (("scenario", self.scenario), ("context", self.context))
            for ordinal in sorted(faults.keys() & self.assume_up)
        ]
        if problems:
            raise Invalid(f"the question contradicts itself: {problems[0]}", problems=tuple(problems))

    def check(self, structure: Structure) -> None:
        """Raises `Invalid` naming every CI that is not present."""
        problems = [
            Problem("is not present", f"CI {ordinal}", place, "name CIs that exist and are not retired")
            for place, ordinals in (
                ("scenario", self.scenario),
                ("context", self.context),
                ("assume_up", sorted(self.assume_up)),
            )
            for ordinal in ordinals
            if not (0 <= ordinal < structure.nodes and structure.present[ordinal])
        ]
        if problems:
            raise Invalid(f"the question is about CIs that are not there: {problems[0]}", problems=tuple(problems))


def faults_of(states: Mapping[int, State]) -> Faults:
    """The faults as columns."""
    return Faults(
        column(ordinal for ordinal, state in states.items() if state is State.DOWN),
        column(ordinal for ordinal, state in states.items() if state is State.DEGRADED),
    )


def column(ordinals: Iterable[int]) -> Int32s:
    """The ordinals, sorted."""
    return np.array(sorted(ordinals), dtype=np.int32)


@dataclass(frozen=True, eq=False)
class States:
    """How the CIs are before and after a scenario, as of `revision`.

    Columns hold ordinals, sorted. Where time ran out, whoever is listed is as bad as it says at least.
    """

    structure: Structure
    question: WhatIf
    outcome: Outcome
    stages: ClassVar[Sequence[Stage]] = (Stage.CONTEXT, Stage.DOWN, Stage.DEGRADED)

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not self.left_out

    @property
    def left_out(self) -> tuple[Stage, ...]:
        """What there was no time to work out, or to work out to its end."""
        cut = self.outcome.cut
        return () if cut is None else tuple(stage for stage in self.stages if stage >= cut)

    @property
    def revision(self) -> int:
        """The commit whose graph was asked."""
        return self.structure.revision

    @cached_property
    def down(self) -> Int32s:
        """Who got worse and is down."""
        return np.sort(self.outcome.down)

    @cached_property
    def degraded(self) -> Int32s:
        """Who got worse and is degraded."""
        return np.sort(self.outcome.degraded)

    @cached_property
    def down_before(self) -> Int32s:
        """Who is down under the context alone."""
        return np.sort(self.outcome.before_down)

    @cached_property
    def degraded_before(self) -> Int32s:
        """Who is degraded under the context alone."""
        return np.sort(self.outcome.before_degraded)

    @property
    def worsened(self) -> int:
        """How many got worse."""
        return len(self.outcome.down) + len(self.outcome.degraded)

    @property
    def sources(self) -> Int32s:
        """CIs of the scenario that got worse."""
        return self._named[0]

    @property
    def no_effect(self) -> Int32s:
        """CIs of the scenario that did not."""
        return self._named[1]

    def before(self, ordinals: Int32s) -> NDArray[np.int8]:
        """The `State` of each under the context alone."""
        return self.before_and_after(ordinals)[0]

    def state(self, ordinals: Int32s) -> NDArray[np.int8]:
        """The `State` of each after the scenario."""
        return self.before_and_after(ordinals)[1]

    def before_and_after(self, ordinals: Int32s) -> NDArray[np.int8]:
        """The `State` of each under the context alone, and after the scenario: two rows."""
        outcome, word, bit = self.outcome, ordinals >> 6, (ordinals & 63).astype(np.uint64)
        sets = (outcome.was_down, outcome.is_down, outcome.was_ill, outcome.is_ill)
        held = (np.array([of.take(word) for of in sets]) >> bit & np.uint64(1)).astype(np.int8)
        return held[:2] + held[2:]

    @cached_property
    def _named(self) -> tuple[Int32s, Int32s]:
        named = column(self.question.scenario)
        before, after = self.before_and_after(named)
        return named[after > before], named[after <= before]
