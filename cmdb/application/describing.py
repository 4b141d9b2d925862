"""Hits and pools with names: why a CI is as it is, by which path, and what stands behind that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cmdb.application.assessing import Assessed
from cmdb.application.opening import Application
from cmdb.application.questions import DescribedHop
from cmdb.filters import Direction
from cmdb.impact import ImpactHit, Margin, Standing, State
from cmdb.nodes import Node
from cmdb.projection import Hop
from cmdb.reading import nodes_by_ordinal
from cmdb.store.port import ClaimKind
from graph_schema.metamodel import DependentEnd, Model


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
class Evidence:
    """Since when a relationship is as it is, and which sources say so."""

    since: int
    sources: tuple[str, ...] = field(default_factory=tuple)


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
