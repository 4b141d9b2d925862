"""What is one failure away from taking a service down: single points of failure, in pages, each with its path."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from api.graphql.loading import Once
from api.graphql.nodes import Node
from api.graphql.paging import DEFAULT_PAGE, PageInfo, checked_first, cursors, page_info, place_after
from api.graphql.reach import PathHop, path_hops
from api.graphql.reading import Shown, View
from cmdb.application import (
    DescribedPoint,
    DescribedProtection,
    FoundPairs,
    FoundPoints,
    describe_pairs,
    describe_points,
    describe_protection,
    find_pairs,
    find_single_points,
)


@strawberry.type(description="A CI whose loss alone takes services down.")
class SinglePoint:
    """`described` has the services and paths of the whole page, so that they are read together."""

    node: Shown = strawberry.field(graphql_type=Node)
    takes_down: int = strawberry.field(description="How many of the services that were asked about.")
    place: strawberry.Private[int]
    described: strawberry.Private[Once[list[DescribedPoint]]]

    @strawberry.field(description="The services that it takes down, the nearest first.", graphql_type=list[Node])
    async def services(self, first: int = DEFAULT_PAGE) -> list[Shown]:
        """The first of them."""
        checked_first(first)
        point = (await self.described.get())[self.place]
        return [self.node.view.show(service) for service in point.services[:first]]

    @strawberry.field(description="A shortest chain of failed dependencies, from the nearest of them to it.")
    async def path(self) -> list[PathHop]:
        """Every relationship of it can be checked."""
        return path_hops(self.node.view, (await self.described.get())[self.place].path)


@strawberry.type(description="A single point of failure and the cursor to go on after it.")
class SinglePointEdge:
    """See Relay."""

    cursor: str
    node: SinglePoint


@strawberry.type(
    description="A pool of a CI: how much of it is needed, and how many of the heaviest may go before it fails."
)
class PoolProtection:
    """`pool` is null for a dependency that is a pool of its own."""

    pool: str | None
    type: str
    strength: str
    need: int
    total: int
    survives: int
    members: list[Shown] = strawberry.field(graphql_type=list[Node])


@strawberry.type(description="One of the services that were asked about, and what protects it.")
class Protected:
    """A named service."""

    node: Shown = strawberry.field(graphql_type=Node)
    found: strawberry.Private[FoundPoints]

    @strawberry.field(description="What each of its pools survives.")
    async def pools(self) -> list[PoolProtection]:
        """Pools of more than one dependency first."""
        view = self.node.view
        known = await describe_protection(view.reading.application, self.found, self.node.node)
        return [_pool(view, pool) for pool in known]


@strawberry.type(description="Two CIs whose loss together takes the service down, and not that of either.")
class CutPair:
    """The nearer comes first."""

    one: Shown = strawberry.field(graphql_type=Node)
    other: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="Pairs of one service. Of the candidates, every pair of the nearest `examined` was tried.")
class CutPairConnection:
    """`bound` says what kept the others out."""

    view: strawberry.Private[View]
    found: strawberry.Private[FoundPairs]
    total_count: int
    complete: bool
    bound: str = strawberry.field(description="none, candidates or time.")
    candidates: int
    examined: int

    @strawberry.field(description="The first of them.")
    async def pairs(self, first: int = DEFAULT_PAGE) -> list[CutPair]:
        """In the order of the farther one's distance."""
        rows = await describe_pairs(self.view.reading.application, self.found, 0, checked_first(first))
        return [CutPair(one=self.view.show(one), other=self.view.show(other)) for one, other in rows]


@strawberry.type(
    description="Single points of failure of some nodes or of all services: those that take down the most come first, "
    "then those that take down the most important. Nothing is left out."
)
class SinglePointConnection:
    """The page's nodes are read, and nothing else."""

    view: strawberry.Private[View]
    found: strawberry.Private[FoundPoints]
    revision: int
    complete: bool
    total_count: int
    service_count: int = strawberry.field(description="How many services were asked about.")
    without: int = strawberry.field(description="How many of them nothing else takes down alone.")
    edges: list[SinglePointEdge]
    page_info: PageInfo

    @strawberry.field(description="What was named, with what protects it; empty when all services were asked about.")
    def of(self) -> list[Protected]:
        """In the order of the references."""
        return [Protected(node=self.view.show(service), found=self.found) for service in self.found.services]

    @strawberry.field(description="Who takes the one node that was named down together: minimal cut sets of two.")
    async def pairs(self) -> CutPairConnection:
        """Bounded; it says what it left out."""
        found = await find_pairs(self.found)
        pairs = found.pairs
        return CutPairConnection(
            view=self.view,
            found=found,
            total_count=len(pairs),
            complete=pairs.complete,
            bound=pairs.bound.value,
            candidates=pairs.candidates,
            examined=pairs.examined,
        )


async def single_points_page(view: View, of: Sequence[str], first: int, after: str | None) -> SinglePointConnection:
    """A page. Raises NotFound and Usage for references, Conflict for a cursor of another revision."""
    checked_first(first)
    application = view.reading.application
    found = await find_single_points(application, of, view.moment)
    start = place_after(found.revision, first, after)
    points = found.points
    part = slice(start, start + first)
    nodes = await view.nodes(points.ordinal[part].tolist())
    described = Once(lambda: describe_points(application, found, start, first))
    counts: list[int] = points.services_down[part].tolist()
    marks = cursors(found.revision, start, len(nodes))
    edges = [
        SinglePointEdge(cursor=cursor, node=SinglePoint(node=node, takes_down=count, place=place, described=described))
        for place, (cursor, node, count) in enumerate(zip(marks, nodes, counts, strict=True))
    ]
    return SinglePointConnection(
        view=view,
        found=found,
        revision=found.revision,
        complete=points.complete,
        total_count=len(points),
        service_count=len(points.services),
        without=found.safe,
        edges=edges,
        page_info=page_info(marks, after, more=start + len(nodes) < len(points)),
    )


def _pool(view: View, known: DescribedProtection) -> PoolProtection:
    margin = known.protection.margin
    return PoolProtection(
        pool=known.pool,
        type=margin.type_name,
        strength=margin.strength.value,
        need=margin.need,
        total=margin.total,
        survives=known.protection.survives,
        members=[view.show(node) for node in known.members],
    )
