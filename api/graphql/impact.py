"""What fails if these fail: counts, services, groups, pools, and every hit with its reason and its path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import numpy as np
import strawberry

from api.graphql.hits import (
    CiState,
    Explanation,
    Hits,
    ImpactConnection,
    PoolReason,
    Verdict,
    pool_reason,
)
from api.graphql.loading import Once
from api.graphql.nodes import Node, NodeConnection, label_of, node_list
from api.graphql.paging import DEFAULT_PAGE, PageInfo, cursors, page_info, place_after
from api.graphql.reach import ClassCount
from api.graphql.reading import Shown, View
from cmdb.application import Assessed, Concerned, Scenario, assess, by_environment, concerned, explain
from cmdb.application.grouping import VERDICTS, GroupBy, HitGroup, describe_pools, groups, verdict_codes
from cmdb.application.seeing import hidden_counts
from cmdb.impact import State
from cmdb.projection.columns import Int32s
from cmdb.reading import resolve_all

if TYPE_CHECKING:
    from api.graphql.planned import Plan


@strawberry.enum(description="How something fails.")
class Fault(Enum):
    """Of a scenario and its context."""

    DOWN = "down"
    DEGRADED = "degraded"


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


@strawberry.type(description="How many hits of each verdict somebody may not see.")
class HiddenCounts:
    """See `cmdb.application.seeing.hidden_counts`."""

    down: int
    degraded: int
    at_risk: int


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


@strawberry.type(description="A pool with a member that got worse, whatever became of its owner.")
class TouchedPool:
    """One row of the margins."""

    owner: Shown = strawberry.field(graphql_type=Node)
    reason: PoolReason = strawberry.field(description="Its arithmetic, with all members.")


@strawberry.type(description="A pool and the cursor to go on after it.")
class TouchedPoolEdge:
    """See Relay."""

    cursor: str
    node: TouchedPool


@strawberry.type(description="A page of pools, by owner.")
class TouchedPoolConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[TouchedPoolEdge]
    page_info: PageInfo


strawberry.enum(GroupBy, name="GroupBy", description="What hits are put together by.")


@strawberry.type(description="Hits that share a value.")
class ImpactGroup:
    """`value` is null for the hits that have none."""

    hits_of: strawberry.Private[Hits]
    group: strawberry.Private[HitGroup]
    value: str | None = strawberry.field(description="The verdict, class or environment, or the owner's key.")
    owner: Shown | None = strawberry.field(graphql_type=Node | None, description="Where hits are grouped by owner.")
    total_count: int
    down: int
    degraded: int
    at_risk: int

    @strawberry.field(description="Its hits, the nearest first.")
    async def hits(self, first: int = DEFAULT_PAGE, after: str | None = None) -> ImpactConnection:
        """A page; the nodes of all groups are read together."""
        start = place_after(self.hits_of.found.revision, first, after)
        places = self.group.places
        return await self.hits_of.page(places[start : start + first], len(places), start, after)


@strawberry.type(description="A group and the cursor to go on after it.")
class ImpactGroupEdge:
    """See Relay."""

    cursor: str
    node: ImpactGroup


@strawberry.type(description="A page of groups, the largest first.")
class ImpactGroupConnection:
    """`totalCount` counts groups."""

    total_count: int
    edges: list[ImpactGroupEdge]
    page_info: PageInfo


@strawberry.type(description="Everything that follows from a scenario: complete, without a cap.")
class Impact:
    """An answer of the structure at one revision."""

    view: strawberry.Private[View]
    found: strawberry.Private[Assessed]
    shown: strawberry.Private[Hits]
    who: strawberry.Private[Once[Concerned]]
    revision: int
    model_version: str
    complete: bool
    left_out: list[str] = strawberry.field(description="What there was no time for; empty for a complete answer.")
    counts: ImpactCounts
    sources: list[Shown] = strawberry.field(graphql_type=list[Node])
    plan: Annotated[Plan, strawberry.lazy("api.graphql.planned")] | None = strawberry.field(
        description="What `planned` makes of the answer; null where nothing is planned."
    )

    @strawberry.field(description="How many of the hits are kept from the `viewer`.")
    async def hidden(self) -> HiddenCounts:
        """O(nodes) where anything is."""
        return HiddenCounts(**await hidden_counts(self.view.reading.application, self.found))

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
        start, total = place_after(self.revision, first, after), len(self.found.impact)
        places = np.arange(start, max(start, min(start + first, total)), dtype=np.int32)
        return await self.shown.page(places, total, start, after)

    @strawberry.field(description="The ids of the hits of a verdict, or of all, the nearest first: no pages, for bulk.")
    async def hit_ids(self, verdict: Verdict | None = None) -> list[strawberry.ID]:
        """Nothing is read. O(hits)."""
        ids = await self.view.reading.application.ids()
        return await asyncio.to_thread(
            lambda: [strawberry.ID(ids.id_of(ordinal)) for ordinal in _of_verdict(self.found, verdict).tolist()]
        )

    @strawberry.field(description="The hits in groups, the largest first; a CI with several owners is in several.")
    async def groups(self, by: GroupBy, first: int = DEFAULT_PAGE, after: str | None = None) -> ImpactGroupConnection:
        """A page of groups, counted without their nodes being read."""
        start = place_after(self.revision, first, after)
        every = await groups(self.view.reading.application, self.found, by)
        some = every[start : start + first]
        owners = await self.view.nodes([group.value for group in some if isinstance(group.value, int)])
        owner_of = {owner.node.ordinal: owner for owner in owners}
        marks = cursors(self.revision, start, len(some))
        return ImpactGroupConnection(
            total_count=len(every),
            edges=[
                ImpactGroupEdge(cursor=mark, node=_group(self.shown, group, owner_of))
                for mark, group in zip(marks, some, strict=True)
            ],
            page_info=page_info(marks, after, more=start + len(some) < len(every)),
        )

    @strawberry.field(description="Every pool with a member that got worse, by owner: what is left of what is needed.")
    async def pools(self, first: int = DEFAULT_PAGE, after: str | None = None) -> TouchedPoolConnection:
        """A page: O(its members)."""
        start, total = place_after(self.revision, first, after), len(self.found.impact.pools_touched)
        known = await describe_pools(self.view.reading.application, self.found, start, first)
        marks = cursors(self.revision, start, len(known))
        return TouchedPoolConnection(
            total_count=total,
            edges=[
                TouchedPoolEdge(
                    cursor=mark,
                    node=TouchedPool(owner=self.view.show(one.owner), reason=pool_reason(self.view, one.reason)),
                )
                for mark, one in zip(marks, known, strict=True)
            ],
            page_info=page_info(marks, after, more=start + len(known) < total),
        )

    @strawberry.field(description="Why one CI, named by a reference, is as it is.")
    async def explain(self, hit: str) -> Explanation:
        """Also for who is no hit: what holds it up."""
        reference = hit if self.plan is None else self.plan.handles.get(hit, hit)
        [node] = await resolve_all(self.view.store, [reference], self.view.as_of)
        told = await explain(self.view.reading.application, self.found, node)
        return Explanation(
            node=self.view.show(node),
            before=CiState[told.before.name],
            after=CiState[told.after.name],
            distance=told.distance,
            pools=[pool_reason(self.view, reason) for reason in told.pools],
        )

    @strawberry.field(description="The services among the hits: those that are down first, each the nearest first.")
    async def services(self, first: int = DEFAULT_PAGE, after: str | None = None) -> ImpactConnection:
        """O(hits)."""
        start, places = place_after(self.revision, first, after), self.found.services()
        return await self.shown.page(places[start : start + first], len(places), start, after)

    @strawberry.field(description="Who is above a source, and held up by redundancy.")
    async def saved(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """In ascending order of ordinal."""
        start, saved = place_after(self.revision, first, after), self.found.impact.saved
        return node_list(self.view, self.revision, saved[start : start + first].tolist(), start, len(saved), after)

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


async def impact_of(view: View, scenario: Scenario, patience: float | None) -> Impact:
    """What a scenario leads to. Raises NotFound and Usage for references, Invalid for what contradicts itself."""
    found = await assess(view.reading.application, scenario, view.moment, patience=patience)
    return shown_impact(view, found)


def scenario_of(of: Sequence[str], state: Fault, context: Sequence[FailedInput], assume_up: Sequence[str]) -> Scenario:
    """What is asked."""
    return Scenario(of, State[state.name], [f"{failed.ref}={failed.state.value}" for failed in context], assume_up)


def shown_impact(view: View, found: Assessed, plan: Plan | None = None) -> Impact:
    """An answer as a GraphQL source."""
    application = view.reading.application
    return Impact(
        view=view,
        found=found,
        shown=Hits.of(view, found),
        who=Once(lambda: concerned(application, found)),
        revision=found.revision,
        model_version=found.standing.model.version,
        complete=found.impact.complete,
        left_out=list(found.left_out),
        counts=ImpactCounts(**found.counts),
        sources=[view.show(node) for node in found.sources],
        plan=plan,
    )


def _group(shown: Hits, group: HitGroup, owner_of: Mapping[int, Shown]) -> ImpactGroup:
    owner = owner_of[group.value] if isinstance(group.value, int) else None
    value = owner.node.key if owner is not None else group.value
    return ImpactGroup(
        hits_of=shown,
        group=group,
        value=None if value is None else str(value),
        owner=owner,
        total_count=len(group.places),
        **group.counts,
    )


def _of_verdict(found: Assessed, verdict: Verdict | None) -> Int32s:
    ordinals = found.impact.ordinals
    return ordinals if verdict is None else ordinals[verdict_codes(found.impact) == VERDICTS.index(verdict.value)]
