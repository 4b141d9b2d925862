"""The change manager's question: what fails if these fail, completely, with counts and columns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.application.opening import Application
from cmdb.application.questions import live
from cmdb.errors import Usage
from cmdb.impact import Impact, InTime, Propagation, Stage, Standing, State, WhatIf
from cmdb.nodes import Node
from cmdb.projection.columns import Int32s
from cmdb.reading import Moment, moment_revision

SERVICE: Final = "Service"
"""The class of which the services that people use are, with those below it."""

_LITTLE: Final = 0.002
"""Seconds of the processor."""

_LEFT_OUT: Final[Mapping[Stage, str]] = {
    Stage.CONTEXT: "what the context leads to, and so all that the scenario adds to it",
    Stage.DOWN: "who else is down: those that are listed are certain, there may be more, and a degraded one may be down",
    Stage.DEGRADED: "who else is degraded: there may be more than are listed",
    Stage.AT_RISK: "who is at risk",
    Stage.DISTANCE: "distances and paths: hits without a path are at least as far away as it says",
    Stage.SPARED: "who is saved and who is unchanged",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked, in references: who fails and how, what has failed already, and who is taken to stay up.

    In `context` a reference may end in `=degraded` or `=down`; down is meant where nothing is said.
    """

    of: Sequence[str]
    state: State = State.DOWN
    context: Sequence[str] = ()
    assume_up: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a scenario leads to at a revision: the nodes it names, and the impact as columns."""

    standing: Standing
    impact: Impact
    sources: tuple[Node, ...]
    context: tuple[tuple[Node, State], ...]
    assumed_up: tuple[Node, ...]

    @property
    def revision(self) -> int:
        """The commit whose graph was asked."""
        return self.impact.revision

    @property
    def left_out(self) -> tuple[str, ...]:
        """What there was no time to work out, in words; empty for a complete answer."""
        return tuple(_LEFT_OUT[stage] for stage in self.impact.left_out)

    @property
    def counts(self) -> dict[str, int]:
        """How many are down, degraded, at risk, saved, unchanged and without effect; sources count where they belong."""
        impact = self.impact
        return {
            **{name: len(ordinals) for name, ordinals in self._unsorted.items()},
            "saved": impact.saved_count,
            "unchanged": len(impact.unchanged),
            "no_effect": len(impact.no_effect),
        }

    @property
    def columns(self) -> dict[str, Int32s]:
        """The ordinals behind `counts`, for bulk."""
        impact = self.impact
        return {
            **self.verdicts,
            "saved": impact.saved,
            "unchanged": impact.unchanged,
            "no_effect": impact.no_effect,
        }

    @property
    def verdicts(self) -> dict[str, Int32s]:
        """The ordinals of the hits, sorted, by what became of them."""
        return {"down": self.impact.down, "degraded": self.impact.degraded, "at_risk": self.impact.at_risk}

    @property
    def _unsorted(self) -> dict[str, Int32s]:
        """The same in no order, which is enough for counting."""
        outcome = self.impact.outcome
        return {"down": outcome.down, "degraded": outcome.degraded, "at_risk": outcome.at_risk}

    def by_class(self) -> dict[str, dict[str, int]]:
        """Of those who are down, degraded and at risk, how many of each class. O(hits)."""
        return {name: self.standing.roster.count(ordinals) for name, ordinals in self._unsorted.items()}

    def of_class(self, class_name: str) -> dict[str, Int32s]:
        """Of those who are down, degraded and at risk, the ones of a class and those below it. O(hits)."""
        classes = frozenset(self.standing.model.descendants[class_name])
        roster = self.standing.roster
        return {name: ordinals[roster.of_classes(ordinals, classes)] for name, ordinals in self.verdicts.items()}

    def services(self) -> Int32s:
        """Where the services are among the hits in order: those that are down first, then degraded, then at risk. O(hits)."""
        classes = frozenset(self.standing.model.descendants[SERVICE])
        ordinals = self.impact.ordinals
        places = np.flatnonzero(self.standing.roster.of_classes(ordinals, classes))
        before, after = self.impact.before_and_after(ordinals[places])
        badness = np.where(after > before, after, 0)
        return places[np.argsort(-badness, kind="stable")].astype(np.int32)


async def assess(
    application: Application,
    scenario: Scenario,
    moment: Moment | None = None,
    *,
    patience: float | None = None,
    timer: Callable[[], float] = time.monotonic,
) -> Assessed:
    """What fails if these fail, now or as of a moment: complete, without a cap.

    O(V / 64 + edges of who fails), once the structure is there. Then it takes `patience` seconds at most, if given: what
    is known by then is the answer, and `left_out` says what is not. `timer` gives seconds from any moment on.

    Raises NotFound and Usage for references, moments and patience, Invalid for a question that contradicts itself.
    """
    if not scenario.of:
        raise Usage("no node is named", remedy="name one by key (SRV-000001), id or Class:name")
    if patience is not None and not patience >= 0:
        raise Usage(f"{patience} seconds cannot be waited", remedy="give a number of seconds from 0 on")
    as_of = None if moment is None else await moment_revision(application.store, moment)
    sources = await live(application, scenario.of, as_of)
    said = [_with_state(text) for text in scenario.context]
    context = await live(application, [reference for reference, _ in said], as_of) if said else []
    assumed_up = await live(application, scenario.assume_up, as_of) if scenario.assume_up else []
    standing = await application.structures.as_of(as_of)
    beforehand: dict[int, State] = {}
    for node, (_, state) in zip(context, said, strict=True):
        beforehand[node.ordinal] = max(state, beforehand.get(node.ordinal, State.UP))
    question = WhatIf(
        {node.ordinal: scenario.state for node in sources}, beforehand, frozenset(n.ordinal for n in assumed_up)
    )
    named = {node.ordinal: node for node in (*sources, *context, *assumed_up)}
    return Assessed(
        standing=standing,
        impact=await _worked_out(standing.propagation, question, _in_time(patience, timer)),
        sources=tuple(named[ordinal] for ordinal in question.scenario),
        context=tuple((named[ordinal], state) for ordinal, state in beforehand.items()),
        assumed_up=tuple(named[ordinal] for ordinal in sorted(question.assume_up)),
    )


def _in_time(patience: float | None, timer: Callable[[], float]) -> InTime | None:
    if patience is None:
        return None
    end = timer() + patience
    return lambda: timer() < end


async def _worked_out(propagation: Propagation, question: WhatIf, in_time: InTime | None) -> Impact:
    """In the calling task what takes little; what takes more is begun again in a thread, and others are answered beside it.

    The thread always has a limit: without one, who rests on the sources is worked out later, by whoever asks, on the loop.
    """
    if in_time is None:
        end = time.thread_time() + _LITTLE
        found = propagation.impact(question, lambda: time.thread_time() < end)
        if found.complete:
            return found
    return await asyncio.to_thread(propagation.impact, question, in_time or _always)


def _always() -> bool:
    return True


def _with_state(text: str) -> tuple[str, State]:
    reference, equals, word = text.rpartition("=")
    for state in (State.DOWN, State.DEGRADED):
        if equals and word == state.name.lower():
            return reference, state
    return text, State.DOWN
