"""What really fails, who is one failure away, how far from the source, by which way, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Final

import msgspec
import numpy as np

from cmdb.impact.kernels import Bits, Engine, Faults, InTime, Stage
from cmdb.impact.kernels.sets import counted, listed, members, without
from cmdb.impact.margins import Margin, Member, PoolsAround, margins_of, pools_around
from cmdb.impact.states import State, States, WhatIf, column, faults_of
from cmdb.impact.structure import Structure
from cmdb.projection import Hop
from cmdb.projection.columns import Int32s

_STATES: Final[Mapping[int, State]] = {state.value: state for state in State}
_NOBODY: Final = np.empty(0, dtype=np.int32)
_FEW_LEVELS = 64
"""Levels up to which looking through each beats sorting all hits once."""


class ImpactHit(msgspec.Struct, frozen=True):
    """A CI that got worse, or (`at_risk`) lost its spare; `distance` counts failed edges from a source.

    Where time ran out before it was known, the distance is no less than that.
    """

    ordinal: int
    before: State
    state: State
    at_risk: bool
    distance: int


@dataclass(frozen=True, eq=False)
class Impact(States):
    """`States` with what is at risk, distances, paths and reasons.

    Hits are who got worse and who is at risk, ordered by distance, then by ordinal, so pages are stable. What is
    not needed for the states is worked out when it is asked for; `above` the sources, where time is limited, at once.
    """

    engine: Engine = field(kw_only=True)
    above: Bits | None = field(default=None, kw_only=True)
    stages: ClassVar[Sequence[Stage]] = tuple(Stage)

    def __len__(self) -> int:
        """Hits."""
        return len(self.outcome.order)

    @cached_property
    def at_risk(self) -> Int32s:
        """Who is no worse and not down, but lost the spare of a pool."""
        return np.sort(self.outcome.at_risk)

    @cached_property
    def saved(self) -> Int32s:
        """Who is above a source and neither hit nor ill: redundancy stopped it; O(nodes / 8 + what is above)."""
        spared = self._reached & ~self.outcome.is_ill
        return listed(without(spared, self.outcome.at_risk))

    @cached_property
    def saved_count(self) -> int:
        """How many these are; O(nodes / 64 + what is above the sources)."""
        return counted(self._reached) - len(self) - len(self.unchanged) if self.complete else 0

    @cached_property
    def unchanged(self) -> Int32s:
        """Who is above a source and ill, but no worse than before; O(who was ill before + what is above the sources)."""
        ill = np.concatenate([self.outcome.before_down, self.outcome.before_degraded])
        if not len(ill):
            return ill
        before, after = self.before_and_after(ill)
        same = ill[(after <= before) & members(self._reached, ill)]
        return np.setdiff1d(same, self.outcome.at_risk)

    @property
    def ordinals(self) -> Int32s:
        """Of the hits, in order."""
        return self.outcome.order

    @cached_property
    def distances(self) -> Int32s:
        """Of the hits, in order, as in `ImpactHit`; O(hits) at first."""
        sizes = np.diff(self.outcome.ends, prepend=np.int32(0), append=np.int32(len(self)))
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    def hits(self, start: int = 0, count: int | None = None) -> Iterator[ImpactHit]:
        """`count` hits from position `start` on, or all the rest; O(count · log distance)."""
        places = np.arange(len(self), dtype=np.int32)[start : None if count is None else start + count]
        return self.hits_at(places)

    def hits_at(self, places: Int32s) -> Iterator[ImpactHit]:
        """The hits at these positions of `ordinals`; O(places · log distance)."""
        ordinals, distances = self.ordinals[places], np.searchsorted(self.outcome.ends, places, side="right")
        rows = zip(ordinals.tolist(), distances.tolist(), *self.before_and_after(ordinals).tolist(), strict=True)
        for ordinal, distance, was, now in rows:
            yield ImpactHit(ordinal, _STATES[was], _STATES[now], was == now, distance)

    def distance_to(self, ordinal: int) -> int | None:
        """Failed edges from the nearest source; None for who is no hit, or where time did not suffice.

        O(log hits) for each level, or where these are many O(log hits) after a first O(hits log hits).
        """
        levels = len(self.outcome.ends)
        if levels <= _FEW_LEVELS:
            return next((distance for distance in range(levels) if self._is_at(distance, ordinal)), None)
        ordinals, distances = self._by_ordinal
        at = int(np.searchsorted(ordinals, ordinal))
        known = at < len(ordinals) and ordinals[at] == ordinal and distances[at] < levels
        return int(distances[at]) if known else None

    def reasons(self, ordinal: int) -> tuple[Margin, ...]:
        """The pools that explain the state of a hit; empty for who is none. O(its pools' members)."""
        return tuple(margin for margin, _ in self._explained(ordinal)) if self._is_hit(ordinal) else ()

    def path_to(self, ordinal: int) -> tuple[Hop, ...] | None:
        """A shortest chain of failed edges between a source and a hit, which comes first.

        None for who is no hit, or where time did not suffice.
        Of several, each step takes the smallest provider, by its smallest relationship. O(the pools on the way).
        """
        distance = self.distance_to(ordinal)
        if distance is None:
            return None
        hops: list[Hop] = []
        for nearer in range(distance - 1, -1, -1):
            provider, relationship = min(
                (member.provider, member.relationship)
                for _, culprits in self._explained(ordinal)
                for member in culprits
                if self._is_at(nearer, member.provider)
            )
            hops.append(Hop(relationship, ordinal, provider))
            ordinal = provider
        return tuple(hops)

    def margins(self, start: int = 0, count: int | None = None) -> Iterator[Margin]:
        """Every pool with a member that got worse, by owner; O(members) after a first O(edges of those · log)."""
        return self.pools_touched.margins(self, start, count)

    @cached_property
    def pools_touched(self) -> PoolsAround:
        """The pools of `margins`; O(edges of those that got worse · log)."""
        return pools_around(self.structure, np.concatenate([self.outcome.down, self.outcome.degraded]))

    def margins_of(self, ordinal: int) -> tuple[Margin, ...]:
        """Every pool of a CI, whatever became of it."""
        return tuple(margins_of(self, ordinal))

    def _is_hit(self, ordinal: int) -> bool:
        return self._worsened_to(ordinal) is not State.UP or bool(np.any(self.outcome.at_risk == ordinal))

    def _worsened_to(self, ordinal: int) -> State:
        """What a CI got worse to, UP if it did not."""
        before, after = self.before_and_after(np.array([ordinal], dtype=np.int32))[:, 0].tolist()
        return State(after) if after > before else State.UP

    def _explained(self, ordinal: int) -> Iterator[tuple[Margin, tuple[Member, ...]]]:
        """The pools that explain the state of a hit, each with the members through which it does."""
        state = self._worsened_to(ordinal)
        for margin in margins_of(self, ordinal):
            culprits = margin.culprits(state)
            if culprits:
                yield margin, culprits

    def _is_at(self, distance: int, ordinal: int) -> bool:
        order, ends = self.outcome.order, self.outcome.ends
        level = order[int(ends[distance - 1]) if distance else 0 : int(ends[distance])]
        at = int(np.searchsorted(level, ordinal))
        return at < len(level) and bool(level[at] == ordinal)

    @cached_property
    def _by_ordinal(self) -> tuple[Int32s, Int32s]:
        order = np.argsort(self.ordinals)
        return self.ordinals[order], self.distances[order]

    @cached_property
    def _reached(self) -> Bits:
        """The sources and everything above them; nobody where time ran out."""
        above = self.above if self.above is not None else self.engine.reach(self.sources)
        return above if above is not None and self.complete else np.zeros_like(self.outcome.is_down)


class Propagation:
    """A structure made ready for questions; many threads may ask at the same time."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._engine = structure.make.engine(structure.graph)

    def states(self, question: WhatIf, in_time: InTime | None = None) -> States:
        """Who fails; O(nodes / 64 + edges of who fails). Raises `Invalid` for a CI that is not present.

        When `in_time` says no, the answer is what is known by then; see `States.left_out`.
        """
        outcome = self._engine.outcome(*self._checked(question), distances=False, in_time=in_time)
        return States(self.structure, question, outcome)

    def impact(self, question: WhatIf, in_time: InTime | None = None) -> Impact:
        """Who fails or is at risk, and how far away; O, limit of time and `Invalid` as for `states`."""
        outcome = self._engine.outcome(*self._checked(question), distances=True, in_time=in_time)
        found = Impact(self.structure, question, outcome, engine=self._engine)
        if in_time is None or outcome.cut is not None:
            return found
        above = self._engine.reach(found.sources, in_time)
        cut = Stage.SPARED if above is None else None
        return replace(found, outcome=outcome._replace(cut=cut), above=above)

    def close(self, fallen: Int32s) -> Int32s:
        """Everybody that is down when these are; sorted. O and `Invalid` as for `states`."""
        down, present = np.unique(fallen), self.structure.present
        if len(down) and not (down[0] >= 0 and down[-1] < len(present) and present[down].all()):
            WhatIf(dict.fromkeys(down.tolist(), State.DOWN)).check(self.structure)
        scenario = Faults(down.astype(np.int32, copy=False), _NOBODY)
        outcome = self._engine.outcome(Faults(_NOBODY, _NOBODY), scenario, _NOBODY, distances=False, in_time=None)
        return np.sort(outcome.down)

    def _checked(self, question: WhatIf) -> tuple[Faults, Faults, Int32s]:
        question.check(self.structure)
        return faults_of(question.context), faults_of(question.scenario), column(question.assume_up)
