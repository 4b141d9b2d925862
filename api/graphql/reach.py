"""What depends on what, by structure alone: everything that is reached, and the path to each."""

from __future__ import annotations

import strawberry

from api.graphql.loading import Once
from api.graphql.nodes import Label, Node, label_of
from api.graphql.paging import DEFAULT_PAGE, PageInfo, cursors, page_info, place_after
from api.graphql.reading import Shown, View
from cmdb.application import DescribedHit, DescribedHop, Reached, describe, reach, route
from cmdb.projection import Direction


@strawberry.type(description="How many of the hits are of a class.")
class ClassCount:
    """By the class's name."""

    class_name: str
    class_label: Label
    count: int


@strawberry.type(description="One dependency of a path: the dependent needs the provider.")
class PathHop:
    """A relationship read as a dependency."""

    relationship: strawberry.ID
    type: str
    dependent: Shown = strawberry.field(graphql_type=Node)
    provider: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="A node that is reached.")
class ReachHit:
    """`paths` has those of the hit's whole page, so that they are read together."""

    node: Shown = strawberry.field(graphql_type=Node)
    distance: int = strawberry.field(description="Dependencies on a shortest way.")
    place: strawberry.Private[int]
    described: strawberry.Private[Once[list[DescribedHit]]]

    @strawberry.field(description="A shortest path, read from the dependent end to the provider end.")
    async def path(self) -> list[PathHop]:
        """One description for all hits of a page."""
        return path_hops(self.node.view, (await self.described.get())[self.place].path)


@strawberry.type(description="A hit and the cursor to go on after it.")
class ReachEdge:
    """See Relay."""

    cursor: str
    node: ReachHit


@strawberry.type(description="A page of hits, the nearest first.")
class ReachConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[ReachEdge]
    page_info: PageInfo


@strawberry.type(description="Everything that some nodes reach along dependencies; complete, without a cap.")
class Reach:
    """An answer of the projection."""

    view: strawberry.Private[View]
    found: strawberry.Private[Reached]
    revision: int
    complete: bool
    total: int = strawberry.field(description="Hits, the sources not counted.")
    sources: list[Shown] = strawberry.field(graphql_type=list[Node])
    counts_by_class: list[ClassCount]

    @strawberry.field(description="The hits, the nearest first. A cursor serves the revision that it was made at.")
    async def hits(self, first: int = DEFAULT_PAGE, after: str | None = None) -> ReachConnection:
        """A page: O(page), whatever the total."""
        return await self._page(place_after(self.revision, first, after), first, after)

    async def _page(self, start: int, first: int, after: str | None) -> ReachConnection:
        found, skipped = self.found, len(self.found.sources) + start
        hits = list(found.answer.hits(skipped, first))
        nodes = await self.view.nodes([hit.ordinal for hit in hits])
        described = Once(lambda: describe(self.view.reading.application, found, start, first))
        marks = cursors(self.revision, start, len(hits))
        edges = [
            ReachEdge(cursor=cursor, node=ReachHit(node=node, distance=hit.distance, place=place, described=described))
            for place, (cursor, hit, node) in enumerate(zip(marks, hits, nodes, strict=True))
        ]
        more = start + len(hits) < self.total
        return ReachConnection(total_count=self.total, edges=edges, page_info=page_info(marks, after, more=more))


@strawberry.type(description="Whether one node needs another, and by which shortest chain of dependencies.")
class Route:
    """`path` is null where the first does not need the second."""

    dependent: Shown = strawberry.field(graphql_type=Node, name="from")
    provider: Shown = strawberry.field(graphql_type=Node, name="to")
    path: list[PathHop] | None


async def reach_of(view: View, references: list[str], direction: Direction) -> Reach:
    """What these nodes reach in a direction. Raises NotFound and Usage for references."""
    found = await reach(view.reading.application, references, direction, view.moment)
    classes = view.reading.model.class_by_name
    counts = [
        ClassCount(class_name=name, class_label=label_of(classes[name].label), count=count)
        for name, count in found.counts.items()
    ]
    return Reach(
        view=view,
        found=found,
        revision=found.answer.revision,
        complete=found.answer.complete,
        total=found.total,
        sources=[view.show(node) for node in found.sources],
        counts_by_class=sorted(counts, key=lambda each: (-each.count, each.class_name)),
    )


async def path_between(view: View, dependent: str, provider: str) -> Route:
    """How the first needs the second."""
    source, target, hops = await route(view.reading.application, dependent, provider, view.moment)
    return Route(
        dependent=view.show(source),
        provider=view.show(target),
        path=None if hops is None else path_hops(view, hops),
    )


def path_hops(view: View, hops: tuple[DescribedHop, ...]) -> list[PathHop]:
    """Hops as GraphQL sources."""
    return [
        PathHop(
            relationship=strawberry.ID(str(hop.relationship)),
            type=hop.type,
            dependent=view.show(hop.dependent),
            provider=view.show(hop.provider),
        )
        for hop in hops
    ]
