"""The change manager's question: what fails if these fail, why, and who feels it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cmdb.application.opening import Application
from cmdb.application.questions import DescribedHop, live
from cmdb.errors import Usage
from cmdb.filters import Direction
from cmdb.impact import Impact, ImpactHit, InTime, Margin, Propagation, Stage, Standing, State, WhatIf
from cmdb.nodes import Node
from cmdb.projection import Hop
from cmdb.projection.columns import Int32s
from cmdb.reading import Moment, moment_revision
from cmdb.store.port import ClaimKind, Store
from graph_schema.metamodel import DependentEnd, Model

SERVICE: Final = "Service"
"""The class of which the services that people use are, with those below it."""

_COVERED_BY, _FOR_CUSTOMER = "COVERED_BY", "FOR_CUSTOMER"
_OWNED_BY, _SUPPORTED_BY = "OWNED_BY", "SUPPORTED_BY"
_AT_ONCE: Final = 10_000
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


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """One provider of a pool, and how it is before and after."""

    node: Node
    weight: int
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class DescribedReason:
    """The arithmetic of one pool of a hit: what is needed of the members' weight, and what there is.

    `pool` is None for a dependency that is a pool of its own.
    """

    margin: Margin
    pool: str | None
    members: tuple[DescribedMember, ...]

    @property
    def culprits(self) -> tuple[DescribedMember, ...]:
        """Who got worse."""
        return tuple(m for m in self.members if m.after > m.before)


@dataclass(frozen=True, slots=True)
class DescribedFailure:
    """A hit with its state, its reasons, and a path from it to a source."""

    node: Node
    hit: ImpactHit
    reasons: tuple[DescribedReason, ...]
    path: tuple[DescribedHop, ...]

    @property
    def verdict(self) -> str:
        """`down`, `degraded` or `at_risk`."""
        return "at_risk" if self.hit.at_risk else self.hit.state.name.lower()


@dataclass(frozen=True, slots=True)
class Explained:
    """A CI before and after, with all its pools; `distance` is None where it is no hit."""

    node: Node
    before: State
    after: State
    distance: int | None
    pools: tuple[DescribedReason, ...]


@dataclass(frozen=True, slots=True)
class Concerned:
    """Who feels it: services by verdict, the customers and agreements behind them, and the owners to tell."""

    services: Mapping[str, tuple[Node, ...]]
    customers: tuple[Node, ...]
    agreements: tuple[Node, ...]
    owners: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Since when a relationship is as it is, and which sources say so."""

    since: int
    sources: tuple[str, ...] = field(default_factory=tuple)


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


async def describe_hits(
    application: Application, found: Assessed, start: int = 0, count: int | None = None
) -> list[DescribedFailure]:
    """`count` hits from position `start` on, or all, the nearest first, with reasons and paths. O(count · distance)."""
    return await describe_some(application, found, list(found.impact.hits(start, count)))


async def describe_some(application: Application, found: Assessed, hits: Sequence[ImpactHit]) -> list[DescribedFailure]:
    """These hits with names, reasons and paths, in a number of statements that does not depend on how many they are."""
    impact = found.impact
    reasons = {hit.ordinal: impact.reasons(hit.ordinal) for hit in hits}
    paths = {hit.ordinal: impact.path_to(hit.ordinal) or () for hit in hits}
    wanted = {hit.ordinal for hit in hits}
    wanted |= {member.provider for margins in reasons.values() for margin in margins for member in margin.members}
    wanted |= {end for path in paths.values() for hop in path for end in (hop.dependent, hop.provider)}
    nodes = await nodes_by_ordinal(application.store, wanted, found.revision)
    hops = described_hops(found.standing, {hop for path in paths.values() for hop in path}, nodes)
    return [
        DescribedFailure(
            node=nodes[hit.ordinal],
            hit=hit,
            reasons=tuple(described_reason(margin, nodes) for margin in reasons[hit.ordinal]),
            path=tuple(hops[hop] for hop in paths[hit.ordinal]),
        )
        for hit in hits
    ]


async def explain(application: Application, found: Assessed, node: Node) -> Explained:
    """Every pool of a CI with its arithmetic, whatever became of it. O(its dependencies and their pools' members)."""
    impact = found.impact
    margins = impact.margins_of(node.ordinal)
    wanted = {member.provider for margin in margins for member in margin.members}
    nodes = await nodes_by_ordinal(application.store, wanted, found.revision)
    before, after = impact.before_and_after(np.array([node.ordinal], dtype=np.int32))[:, 0].tolist()
    return Explained(
        node=node,
        before=State(before),
        after=State(after),
        distance=impact.distance_to(node.ordinal),
        pools=tuple(described_reason(margin, nodes) for margin in margins),
    )


async def concerned(application: Application, found: Assessed) -> Concerned:
    """Services that are hit, by verdict, and whom that concerns. O(services hit + relationships at them and the sources)."""
    store, revision = application.store, found.revision
    services = found.of_class(SERVICE)
    every = sorted({int(ordinal) for ordinals in services.values() for ordinal in ordinals})
    agreements = await _ends(store, every, _COVERED_BY, revision)
    customers = await _ends(store, sorted({*every, *agreements}), _FOR_CUSTOMER, revision)
    felt = sorted({*every, *(node.ordinal for node in found.sources)})
    owners = await _ends(store, felt, _OWNED_BY, revision) | await _ends(store, felt, _SUPPORTED_BY, revision)
    nodes = await nodes_by_ordinal(store, {*every, *agreements, *customers, *owners}, revision)

    def named(ordinals: Iterable[int]) -> tuple[Node, ...]:
        return tuple(sorted((nodes[o] for o in ordinals if o in nodes), key=lambda n: (n.name, n.key)))

    return Concerned(
        services={verdict: named(ordinals.tolist()) for verdict, ordinals in services.items()},
        customers=named(customers),
        agreements=named(agreements),
        owners=named(owners),
    )


async def by_environment(application: Application, found: Assessed) -> dict[str, dict[str, int]]:
    """Of those who are down, degraded and at risk, how many of each environment, `""` for those of none. O(V + hits)."""
    _, environments = await application.store.node_values("environment", found.revision)
    names = [*map(str, environments.values), ""]
    counts: dict[str, dict[str, int]] = {}
    for verdict, ordinals in found.verdicts.items():
        codes = environments.codes_of(ordinals)
        numbers = np.bincount(np.where(codes < 0, len(names) - 1, codes), minlength=len(names)).tolist()
        counts[verdict] = {name: number for name, number in zip(names, numbers, strict=True) if number}
    return counts


async def evidence(application: Application, found: Assessed, hops: Iterable[DescribedHop]) -> dict[int, Evidence]:
    """What stands behind the relationships of paths, by relationship. O(hops · log n)."""
    store = application.store
    wanted = {(hop.type, *_ends_of(hop)): hop.relationship for hop in hops}
    claims = await store.claims_on(ClaimKind.RELATIONSHIP, sorted(wanted.values()))
    near = sorted({source for _, source, _ in wanted})
    types = sorted({type_name for type_name, _, _ in wanted})
    there = await store.relationships(near, Direction.OUT, types, found.revision) if near else []
    return {
        r.id: Evidence(r.since, tuple(source for source, _ in claims.get(r.id, ())))
        for r in there
        if wanted.get((r.type, r.source, r.target)) == r.id
    }


async def nodes_by_ordinal(store: Store, ordinals: Iterable[int], as_of: int | None) -> dict[int, Node]:
    """Nodes as of a revision, by ordinal."""
    wanted = sorted(ordinals)
    found: dict[int, Node] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        found |= {n.ordinal: n for n in await store.nodes(wanted[first : first + _AT_ONCE], as_of)}
    return found


def described_hops(standing: Standing, hops: Iterable[Hop], nodes: Mapping[int, Node]) -> dict[Hop, DescribedHop]:
    """Hops with their types and ends. O(hops · log E)."""
    forwards = {kind.name: _leads_to_provider(standing.model, kind.name) for kind in standing.model.dependency_types}
    described: dict[Hop, DescribedHop] = {}
    for hop in hops:
        name = standing.structure.type_of(hop.relationship)
        described[hop] = DescribedHop(hop.relationship, name, forwards[name], nodes[hop.dependent], nodes[hop.provider])
    return described


def described_reason(margin: Margin, nodes: Mapping[int, Node]) -> DescribedReason:
    """The arithmetic of a pool, with its members' nodes."""
    members = tuple(DescribedMember(nodes[m.provider], m.weight, m.before, m.after) for m in margin.members)
    return DescribedReason(margin, margin.name, members)


def _leads_to_provider(model: Model, type_name: str) -> bool:
    dependency = model.type_by_name[type_name].dependency
    return dependency is not None and dependency.dependent is DependentEnd.FROM


def _ends_of(hop: DescribedHop) -> tuple[int, int]:
    dependent, provider = hop.dependent.ordinal, hop.provider.ordinal
    return (dependent, provider) if hop.forwards else (provider, dependent)


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


async def _ends(store: Store, ordinals: Sequence[int], type_name: str, as_of: int) -> set[int]:
    found: set[int] = set()
    for first in range(0, len(ordinals), _AT_ONCE):
        some = ordinals[first : first + _AT_ONCE]
        found |= {r.target for r in await store.relationships(some, Direction.OUT, [type_name], as_of)}
    return found
