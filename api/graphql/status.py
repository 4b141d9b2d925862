"""The configuration status report of a node."""

from __future__ import annotations

import strawberry

from api.graphql import past
from api.graphql.nodes import Node, NodeConnection, nodes_at_hand
from api.graphql.paging import DEFAULT_PAGE
from api.graphql.past import HistoryConnection
from api.graphql.reach import PathHop, path_hops
from api.graphql.reading import Reading, Shown, View
from cmdb.application.status import Depending, Status, status_of

Info = strawberry.Info[Reading, None]


@strawberry.type(
    description="A node that is needed or needs, how far away it is, and a shortest chain of dependencies."
)
class NearNode:
    """See `cmdb.application.DescribedHit`."""

    node: Shown = strawberry.field(graphql_type=Node)
    distance: int
    path: list[PathHop]


@strawberry.type(
    description="How many a node needs, or is needed by, directly and indirectly, and the nearest of them."
)
class Dependencies:
    """See `cmdb.application.status.Depending`."""

    total: int
    nearest: list[NearNode]


@strawberry.type(description="What is on record of a node: location, originals, releases, dependencies, history.")
class StatusReport:
    """See `cmdb.application.status.Status`."""

    view: strawberry.Private[View]
    status: strawberry.Private[Status]
    revision: int

    @strawberry.field(graphql_type=Node)
    def node(self) -> Shown:
        """As of the revision."""
        return self.view.show(self.status.node)

    @strawberry.field(description="Where it is, the nearest place first, each in the next.", graphql_type=list[Node])
    def location(self) -> list[Shown]:
        """By relationships; see also its attribute `location`."""
        return [self.view.show(place) for place in self.status.location]

    @strawberry.field(description="The libraries that hold the original, of it or of a release that includes it.")
    def masters(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.status.masters, first, after)

    @strawberry.field(description="Releases, builds and libraries that hold it.")
    def included_in(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.status.included_in, first, after)

    @strawberry.field(description="Its own versions.")
    def releases(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.status.releases, first, after)

    @strawberry.field(description="The baselines that seal it as a service.")
    def baselines(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.status.baselines, first, after)

    @strawberry.field(description="What it needs.")
    def needs(self) -> Dependencies:
        """All are counted."""
        return _dependencies(self.view, self.status.needs)

    @strawberry.field(description="What needs it.")
    def needed_by(self) -> Dependencies:
        """All are counted."""
        return _dependencies(self.view, self.status.needed_by)

    @strawberry.field(description="The steps of its life until then.")
    async def history(self, first: int = DEFAULT_PAGE, after: str | None = None) -> HistoryConnection:
        """A page."""
        return await past.history_page(self.view, self.status.node.key, first, after)


@strawberry.type
class StatusQueries:
    """What is reported of one node."""

    @strawberry.field(
        description="The configuration status report of an item, baseline, build or release, now or as of a moment."
    )
    @staticmethod
    async def status_report(info: Info, ref: str, as_of: str | None = None) -> StatusReport:
        """O(its versions and relationships + what it reaches)."""
        view = await info.context.at(as_of)
        found = await status_of(view.reading.application, ref, f"r{view.revision}")
        return StatusReport(view=view, status=found, revision=found.revision)


def _dependencies(view: View, found: Depending) -> Dependencies:
    return Dependencies(
        total=found.total,
        nearest=[
            NearNode(node=view.show(hit.node), distance=hit.distance, path=path_hops(view, hit.path))
            for hit in found.nearest
        ],
    )
