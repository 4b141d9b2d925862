"""What fails if these fail: counts, services, and every hit with its reason and its path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import strawberry

from api.graphql.loading import Once
from api.graphql.nodes import Node, NodeConnection, NodePage, NodeRow, label_of
from api.graphql.paging import DEFAULT_PAGE, PageInfo, cursors, page_info, place_after
from api.graphql.reach import ClassCount, PathHop, path_hops
from api.graphql.reading import Shown, View
from cmdb.application import (
    Assessed,
    Concerned,
    DescribedFailure,
    DescribedReason,
    Scenario,
    assess,
    by_environment,
    concerned,
    describe_some,
    explain,
)
from cmdb.impact import ImpactHit, State
from cmdb.projection.columns import Int32s
from cmdb.reading import resolve_all


@strawberry.enum(description="How something fails.")
class Fault(Enum):
    """Of a scenario and its context."""

    DOWN = "down"
    DEGRADED = "degraded"


@strawberry.enum(description="What became of a hit. Who is at risk goes on, but lost the spare that it had.")
class Verdict(Enum):
    """One for each hit."""

    DOWN = "down"
    DEGRADED = "degraded"
    AT_RISK = "at_risk"


@strawberry.enum(description="How a CI is.")
class CiState(Enum):
    """See `cmdb.impact.State`."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


@strawberry.input(description="Something that has failed already.")
class FailedInput:
    """A reference and its state."""

    ref: str
    state: Fault = Fault.DOWN


@strawberry.type(description="How many CIs of each verdict; the sources count where they belong.")
class ImpactCounts:
    """See `cmdb.application.Assessed.counts`."""

    down: int
    degraded: int
    at_risk: int
    saved: int = strawberry.field(description="Above a source, and redundancy holds them up.")
    unchanged: int = strawberry.field(description="Above a source, and no worse than before.")
    no_effect: int = strawberry.field(description="Named in the scenario, and no worse than before.")


@strawberry.type(description="How many hits of a verdict are of a class.")
class VerdictCount:
    """By verdict and class."""

    verdict: Verdict
    of: ClassCount


@strawberry.type(description="How many hits of a verdict are in an environment; null for those of none.")
class EnvironmentCount:
    """By verdict and environment."""

    verdict: Verdict
    environment: str | None
    count: int


@strawberry.type(description="One provider of a pool, before and after.")
class PoolMember:
    """A counted alternative."""

    node: Shown = strawberry.field(graphql_type=Node)
    weight: int
    before: CiState
    after: CiState


@strawberry.type(description="The arithmetic of one pool of a hit, in weights.")
class PoolReason:
    """`pool` is null for a dependency that is a pool of its own."""

    pool: str | None
    type: str
    strength: str
    need: int
    total: int
    before: int
    after: int
    healthy_before: int
    healthy_after: int
    members: list[PoolMember]


@strawberry.type(description="A CI that got worse or lost its spare.")
class ImpactHitNode:
    """`described` has the reasons and paths of the hit's whole page, so that they are read together."""

    node: Shown = strawberry.field(graphql_type=Node)
    verdict: Verdict
    before: CiState
    after: CiState
    distance: int = strawberry.field(description="Failed dependencies from the nearest source.")
    place: strawberry.Private[int]
    described: strawberry.Private[Once[list[DescribedFailure]]]

    @strawberry.field(description="The pools that explain it.")
    async def reasons(self) -> list[PoolReason]:
        """Empty for a source that nothing else would explain."""
        hit = (await self.described.get())[self.place]
        return [_reason(self.node.view, reason) for reason in hit.reasons]

    @strawberry.field(description="A shortest chain of failed dependencies, from the hit to a source.")
    async def path(self) -> list[PathHop]:
        """Every relationship of it can be checked."""
        return path_hops(self.node.view, (await self.described.get())[self.place].path)


@strawberry.type(description="Why a CI is as it is: all its pools, whatever became of it.")
class Explanation:
    """`distance` is null where it is no hit."""

    node: Shown = strawberry.field(graphql_type=Node)
    before: CiState
    after: CiState
    distance: int | None
    pools: list[PoolReason]


@strawberry.type(description="A hit and the cursor to go on after it.")
class ImpactEdge:
    """See Relay."""

    cursor: str
    node: ImpactHitNode


@strawberry.type(description="A page of hits, the nearest first.")
class ImpactConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[ImpactEdge]
    page_info: PageInfo


@strawberry.type(description="Everything that follows from a scenario: complete, without a cap.")
class Impact:
    """An answer of the structure at one revision."""

    view: strawberry.Private[View]
    found: strawberry.Private[Assessed]
    who: strawberry.Private[Once[Concerned]]
    revision: int
    model_version: str
    complete: bool
    counts: ImpactCounts
    sources: list[Shown] = strawberry.field(graphql_type=list[Node])

    @strawberry.field(description="Hits by verdict and class, the most frequent first.")
    def counts_by_class(self) -> list[VerdictCount]:
        """Without the nodes being read."""
        classes = self.view.reading.model.class_by_name
        return [
            VerdictCount(
                verdict=Verdict(verdict),
                of=ClassCount(class_name=name, class_label=label_of(classes[name].label), count=count),
            )
            for verdict, counts in self.found.by_class().items()
            for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]

    @strawberry.field(description="Hits by verdict and environment.")
    async def counts_by_environment(self) -> list[EnvironmentCount]:
        """O(nodes)."""
        counts = await by_environment(self.view.reading.application, self.found)
        return [
            EnvironmentCount(verdict=Verdict(verdict), environment=name or None, count=count)
            for verdict, numbers in counts.items()
            for name, count in sorted(numbers.items())
        ]

    @strawberry.field(description="The hits, the nearest first. A cursor serves the revision that it was made at.")
    async def hits(self, first: int = DEFAULT_PAGE, after: str | None = None) -> ImpactConnection:
        """A page: O(page), whatever the total."""
        start = place_after(self.revision, first, after)
        found = list(self.found.impact.hits(start, first))
        return await self._page(found, len(self.found.impact), start, after)

    @strawberry.field(description="Why one CI, named by a reference, is as it is.")
    async def explain(self, hit: str) -> Explanation:
        """Also for who is no hit: what holds it up."""
        [node] = await resolve_all(self.view.store, [hit], self.view.as_of)
        told = await explain(self.view.reading.application, self.found, node)
        return Explanation(
            node=self.view.show(node),
            before=CiState[told.before.name],
            after=CiState[told.after.name],
            distance=told.distance,
            pools=[_reason(self.view, reason) for reason in told.pools],
        )

    @strawberry.field(description="The services among the hits: those that are down first, each the nearest first.")
    async def services(self, first: int = DEFAULT_PAGE, after: str | None = None) -> ImpactConnection:
        """O(hits)."""
        start = place_after(self.revision, first, after)
        places = self.found.services()
        found = list(self.found.impact.hits_at(places[start : start + first]))
        return await self._page(found, len(places), start, after)

    @strawberry.field(description="Who is above a source, and held up by redundancy.")
    async def saved(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """In ascending order of ordinal."""
        return self._nodes(self.found.impact.saved, first, place_after(self.revision, first, after), after)

    @strawberry.field(description="Customers of the services that are hit.", graphql_type=list[Node])
    async def customers(self) -> list[Shown]:
        """Directly, or through an agreement."""
        return [self.view.show(node) for node in (await self.who.get()).customers]

    @strawberry.field(description="Agreements about the services that are hit.", graphql_type=list[Node])
    async def agreements(self) -> list[Shown]:
        """By name."""
        return [self.view.show(node) for node in (await self.who.get()).agreements]

    @strawberry.field(
        description="Who answers for the services that are hit and for the sources.", graphql_type=list[Node]
    )
    async def owners(self) -> list[Shown]:
        """Owners and supporters."""
        return [self.view.show(node) for node in (await self.who.get()).owners]

    async def _page(self, hits: Sequence[ImpactHit], total: int, start: int, after: str | None) -> ImpactConnection:
        nodes = await self.view.nodes([hit.ordinal for hit in hits])
        described = Once(lambda: describe_some(self.view.reading.application, self.found, hits))
        marks = cursors(self.revision, start, len(hits))
        edges = [
            ImpactEdge(cursor=cursor, node=_hit(node, hit, place, described))
            for place, (cursor, hit, node) in enumerate(zip(marks, hits, nodes, strict=True))
        ]
        return ImpactConnection(
            total_count=total, edges=edges, page_info=page_info(marks, after, more=start + len(hits) < total)
        )

    def _nodes(self, ordinals: Int32s, first: int, start: int, after: str | None) -> NodeConnection:
        async def page() -> NodePage:
            nodes = await self.view.nodes(ordinals[start : start + first].tolist())
            marks = cursors(self.revision, start, len(nodes))
            rows = [NodeRow(cursor, node) for cursor, node in zip(marks, nodes, strict=True)]
            return NodePage(rows, page_info(marks, after, more=start + len(nodes) < len(ordinals)))

        return NodeConnection(page=Once(page), count=Once(_known(len(ordinals))))


async def impact_of(
    view: View, of: list[str], state: Fault, context: list[FailedInput], assume_up: list[str]
) -> Impact:
    """What a scenario leads to. Raises NotFound and Usage for references, Invalid for what contradicts itself."""
    application = view.reading.application
    scenario = Scenario(
        of,
        State[state.name],
        [f"{failed.ref}={failed.state.value}" for failed in context],
        assume_up,
    )
    found = await assess(application, scenario, view.moment)
    return Impact(
        view=view,
        found=found,
        who=Once(lambda: concerned(application, found)),
        revision=found.revision,
        model_version=found.standing.model.version,
        complete=found.impact.complete,
        counts=ImpactCounts(**found.counts),
        sources=[view.show(node) for node in found.sources],
    )


def _known(count: int) -> Callable[[], Awaitable[int]]:
    async def get() -> int:
        return count

    return get


def _hit(node: Shown, hit: ImpactHit, place: int, described: Once[list[DescribedFailure]]) -> ImpactHitNode:
    verdict = Verdict.AT_RISK if hit.at_risk else Verdict[hit.state.name]
    return ImpactHitNode(
        node=node,
        verdict=verdict,
        before=CiState[hit.before.name],
        after=CiState[hit.state.name],
        distance=hit.distance,
        place=place,
        described=described,
    )


def _reason(view: View, reason: DescribedReason) -> PoolReason:
    margin = reason.margin
    return PoolReason(
        pool=reason.pool,
        type=margin.type_name,
        strength=margin.strength.value,
        need=margin.need,
        total=margin.total,
        before=margin.before,
        after=margin.after,
        healthy_before=margin.healthy_before,
        healthy_after=margin.healthy_after,
        members=[
            PoolMember(
                node=view.show(member.node),
                weight=member.weight,
                before=CiState[member.before.name],
                after=CiState[member.after.name],
            )
            for member in reason.members
        ],
    )
