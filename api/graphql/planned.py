"""What operations that are only planned would make of what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import strawberry

from api.graphql.hits import Verdict
from api.graphql.impact import Impact, impact_of, shown_impact
from api.graphql.loading import Once
from api.graphql.nodes import Node
from api.graphql.operations import OperationInput, taken_operations
from api.graphql.paging import DEFAULT_PAGE, PageInfo, checked_first, cursors, page_info, page_of, place_after
from api.graphql.reading import Reading, Shown, View
from cmdb.application import Scenario
from cmdb.application.control import with_changes
from cmdb.application.grouping import verdict_of
from cmdb.application.planned_graph import Compared, PlannedGraph, assess_planned, planned_graph
from cmdb.application.planning import PoolOf, SinglePoint, new_single_points, redundancy_gained, redundancy_lost
from cmdb.changes import load_change
from cmdb.errors import Usage
from cmdb.impact import Impact as Failing
from cmdb.projection.columns import Int32s
from cmdb.reading.operation_text import WrittenOperation


@strawberry.type(description="A CI whose verdict the plan alters; null where it is no hit.")
class AlteredHit:
    """Before is as the graph stands."""

    node: Shown = strawberry.field(graphql_type=Node)
    before: Verdict | None
    after: Verdict | None


@strawberry.type(description="Such a CI and the cursor to go on after it.")
class AlteredHitEdge:
    """See Relay."""

    cursor: str
    node: AlteredHit


@strawberry.type(description="A page of them, by age.")
class AlteredHitConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[AlteredHitEdge]
    page_info: PageInfo


@strawberry.type(description="How the answer differs from that of the graph as it stands.")
class ImpactDifference:
    """See `cmdb.application.planning.Difference`."""

    view: strawberry.Private[View]
    compared: strawberry.Private[Compared]

    @strawberry.field(description="Hits that the plan spares, or takes out of the graph.")
    async def only_before(self, first: int = DEFAULT_PAGE, after: str | None = None) -> AlteredHitConnection:
        """A page."""
        return await self._page(self.compared.difference.only_before, first, after)

    @strawberry.field(description="Hits that only the plan makes.")
    async def only_after(self, first: int = DEFAULT_PAGE, after: str | None = None) -> AlteredHitConnection:
        """A page."""
        return await self._page(self.compared.difference.only_after, first, after)

    @strawberry.field(description="Hits before and after, which the plan makes worse.")
    async def worse(self, first: int = DEFAULT_PAGE, after: str | None = None) -> AlteredHitConnection:
        """A page."""
        return await self._page(self.compared.difference.worse, first, after)

    @strawberry.field(description="Hits before and after, which the plan makes better.")
    async def better(self, first: int = DEFAULT_PAGE, after: str | None = None) -> AlteredHitConnection:
        """A page."""
        return await self._page(self.compared.difference.better, first, after)

    async def _page(self, ordinals: Int32s, first: int, after: str | None) -> AlteredHitConnection:
        revision = self.compared.after.revision
        start = place_after(revision, first, after)
        some: list[int] = ordinals[start : start + first].tolist()
        before, then = self.compared.before.impact, self.compared.after.impact
        marks = cursors(revision, start, len(some))
        rows = zip(marks, some, await self.view.nodes(some), strict=True)
        edges = [
            AlteredHitEdge(
                cursor=mark,
                node=AlteredHit(node=node, before=_verdict(before, ordinal), after=_verdict(then, ordinal)),
            )
            for mark, ordinal, node in rows
        ]
        info = page_info(marks, after, more=start + len(some) < len(ordinals))
        return AlteredHitConnection(total_count=len(ordinals), edges=edges, page_info=info)


@strawberry.type(description="A pool by its owner and its name; `any:TYPE` where all dependencies of a type form it.")
class NamedPool:
    """See `cmdb.application.planning.PoolOf`."""

    owner: Shown = strawberry.field(graphql_type=Node)
    pool: str


@strawberry.type(description="A pool and the cursor to go on after it.")
class NamedPoolEdge:
    """See Relay."""

    cursor: str
    node: NamedPool


@strawberry.type(description="A page of pools, by owner.")
class NamedPoolConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[NamedPoolEdge]
    page_info: PageInfo


@strawberry.type(description="A CI that would take others down alone, and does not now.")
class NewSinglePoint:
    """See `cmdb.application.planning.SinglePoint`."""

    node: Shown = strawberry.field(graphql_type=Node)
    takes_down: int = strawberry.field(description="How many that it does not take down now.")
    newly: strawberry.Private[Int32s]

    @strawberry.field(description="The first of these.", graphql_type=list[Node])
    async def takes(self, first: int = DEFAULT_PAGE) -> list[Shown]:
        """The oldest first."""
        return await self.node.view.nodes(self.newly[: checked_first(first)].tolist())


@strawberry.type(description="Such a CI and the cursor to go on after it.")
class NewSinglePointEdge:
    """See Relay."""

    cursor: str
    node: NewSinglePoint


@strawberry.type(description="A page of them, those that take down the most first.")
class NewSinglePointConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[NewSinglePointEdge]
    page_info: PageInfo


@strawberry.type(
    description="What the planned operations make of the answer. Nodes that they would create have their `@handle` as key."
)
class Plan:
    """Both sides, and what differs whatever fails."""

    view: strawberry.Private[View]
    graph: strawberry.Private[PlannedGraph]
    points: strawberry.Private[Once[list[SinglePoint]]]
    before: Impact = strawberry.field(description="The same question to the graph as it stands.")
    difference: ImpactDifference

    @property
    def handles(self) -> Mapping[str, str]:
        """Ids of what would be created."""
        return self.graph.handles

    @strawberry.field(description="Pools that stand the loss of any one member now, and would not.")
    async def redundancy_lost(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NamedPoolConnection:
        """A page."""
        return await self._pools(redundancy_lost(self.graph.planned), first, after)

    @strawberry.field(description="Pools that would stand the loss of any one member, and do not now.")
    async def redundancy_gained(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NamedPoolConnection:
        """A page."""
        return await self._pools(redundancy_gained(self.graph.planned), first, after)

    @strawberry.field(description="CIs at what is planned that would take down, alone, others that they do not now.")
    async def new_single_points(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NewSinglePointConnection:
        """One failure is played for each CI that the plan touches."""
        page = page_of(await self.points.get(), self.graph.revision, first, after)
        nodes = await self.view.nodes([point.ordinal for point in page.rows])
        edges = [
            NewSinglePointEdge(
                cursor=mark, node=NewSinglePoint(node=node, takes_down=len(point.newly), newly=point.newly)
            )
            for mark, node, point in zip(page.cursors, nodes, page.rows, strict=True)
        ]
        return NewSinglePointConnection(total_count=await page.count.get(), edges=edges, page_info=page.info)

    async def _pools(self, pools: Sequence[PoolOf], first: int, after: str | None) -> NamedPoolConnection:
        page = page_of(pools, self.graph.revision, first, after)
        owners = await self.view.nodes([pool.owner for pool in page.rows])
        edges = [
            NamedPoolEdge(cursor=mark, node=NamedPool(owner=owner, pool=pool.name))
            for mark, owner, pool in zip(page.cursors, owners, page.rows, strict=True)
        ]
        return NamedPoolConnection(total_count=len(pools), edges=edges, page_info=page.info)


def _verdict(impact: Failing, ordinal: int) -> Verdict | None:
    found = verdict_of(impact, ordinal)
    return None if found is None else Verdict(found)


@dataclass(frozen=True, slots=True)
class Asked:
    """A scenario, and the graph that it is asked of.

    That is one of the past, or the present: as operations or those of a change would make it, and with what changes being
    implemented touch (`ongoing`) failed already. What a `viewer` may not see has no name in the answer.
    """

    scenario: Scenario
    as_of: str | None = None
    planned: Sequence[OperationInput] | None = None
    change: str | None = None
    ongoing: bool = False
    viewer: str | None = None


async def impact_asked(reading: Reading, asked: Asked, patience: float | None) -> Impact:
    """What a scenario leads to. Raises Usage for what does not go together, and what `impact_of` and `planned_graph` raise."""
    reading = await reading.seen_by(asked.viewer)
    if asked.planned is None and asked.change is None and not asked.ongoing:
        return await impact_of(await reading.at(asked.as_of), asked.scenario, patience)
    if asked.as_of is not None:
        raise Usage("plans, changes and what is ongoing are about the present", remedy="leave them or `asOf` out")
    if asked.planned is not None and asked.change is not None:
        raise Usage("there are two plans", remedy="leave `planned` or `change` out")
    present = await reading.present()
    change = None if asked.change is None else await load_change(present.store, asked.change)
    scenario = await with_changes(reading.application, asked.scenario, change, ongoing=asked.ongoing)
    if asked.planned is not None:
        return await _planned_impact(present, scenario, patience, taken_operations(asked.planned))
    if change is not None:
        return await _planned_impact(present, scenario, patience, change.planned)
    return await impact_of(present, scenario, patience)


async def _planned_impact(
    present: View, scenario: Scenario, patience: float | None, operations: Sequence[WrittenOperation]
) -> Impact:
    """What a scenario leads to in the graph as operations would make it."""
    reading = present.reading
    graph = await planned_graph(reading.application, operations)
    compared = await assess_planned(graph, scenario, patience)
    view = reading.planned(graph.application)

    async def points() -> list[SinglePoint]:
        found = await asyncio.to_thread(new_single_points, graph.planned)
        return sorted(found, key=lambda point: -len(point.newly))

    plan = Plan(
        view=view,
        graph=graph,
        points=Once(points),
        before=shown_impact(present, compared.before),
        difference=ImpactDifference(view=view, compared=compared),
    )
    return shown_impact(view, compared.after, plan)
