"""Releases: what they carry out, deliver and close, in which order they are deployed, and what is told of them."""

from __future__ import annotations

from typing import Annotated, Final

import strawberry

from api.graphql.changes import ListedChange, listed_changes
from api.graphql.listing import page_in
from api.graphql.loading import Once
from api.graphql.nodes import Node, NodeConnection, nodes_at_hand
from api.graphql.paging import DEFAULT_PAGE, Connection, Edge, PageInfo, page_of
from api.graphql.reading import Reading, Shown, View
from cmdb.application.releasing import deployment_order, release_figures, release_paper
from cmdb.releases import (
    Delivery,
    Kind,
    Language,
    MonthOfReleases,
    NamedStep,
    Order,
    Paper,
    Release,
    SitePlan,
    Stage,
    load_release,
    releases_of,
)
from cmdb.releases.record import RELEASE

Info = strawberry.Info[Reading, None]

ENDED: Final = frozenset({Stage.CLOSED, Stage.CANCELLED, Stage.ARCHIVED})
"""Stages of releases that a list leaves out unless they are asked for."""

strawberry.enum(Kind, name="ReleaseKind", description="A major release is proved before it is accepted.")
strawberry.enum(Stage, name="ReleaseStage", description="Where a release stands.")
strawberry.enum(Language, name="PaperLanguage", description="The languages that papers are written in.")


@strawberry.type(description="An item that a release delivers; checksums are empty where there is none.")
class ReleaseDelivery:
    """See `cmdb.releases.Delivery`."""

    item: Shown = strawberry.field(graphql_type=Node)
    planned: str = strawberry.field(description="The checksum that it had when the release was planned.")
    checksum: str = strawberry.field(description="The checksum that it has now.")


@strawberry.type(description="How a release is brought to a site; that is null where it was dismantled since.")
class ReleaseSite:
    """See `cmdb.releases.SitePlan`."""

    plan: Shown = strawberry.field(graphql_type=Node, description="The record of the plan, with its steps.")
    site: Shown | None = strawberry.field(graphql_type=Node | None)


@strawberry.type(description="What is deployed at once.")
class DeploymentStep:
    """See `cmdb.releases.NamedStep`."""

    view: strawberry.Private[View]
    step: strawberry.Private[NamedStep]
    ring: bool = strawberry.field(description="Whether its items need each other, and therefore go together.")
    changes: list[str] = strawberry.field(description="The keys of the changes that touch them.")

    @strawberry.field(description="One item, or all of a ring, by key.")
    def deploys(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.step.items, first, after)


@strawberry.type(
    description="In which order a release is deployed, by the dependencies as they stand: what others need comes first."
)
class DeploymentOrder:
    """A page of its steps; see `cmdb.releases.Order`."""

    total_count: int
    edges: list[Edge[DeploymentStep]]
    page_info: PageInfo
    changes: list[str] = strawberry.field(description="The keys of all its changes, as they are carried out.")


@strawberry.interface(description="A release as its record and the records around it say.")
class ReleaseFacts:
    """What costs nothing but reading it; the reads of all releases of a list are one."""

    view: strawberry.Private[View]
    release: strawberry.Private[Release]

    @strawberry.field(description="Its record, with all that is written there.", graphql_type=Node)
    def node(self) -> Shown:
        """The record."""
        return self.view.show(self.release.node)

    @strawberry.field
    def stage(self) -> Stage:
        """Where it stands."""
        return self.release.stage

    @strawberry.field
    def kind(self) -> Kind:
        """Whether it must be proved."""
        return self.release.kind

    @strawberry.field(description="The changes that it carries out, by key.")
    def changes(self, first: int = DEFAULT_PAGE, after: str | None = None) -> Connection[ListedChange]:
        """A page."""
        return listed_changes(self.view, page_of(self.release.changes, self.view.revision, first, after))

    @strawberry.field(description="What it delivers, by key.")
    def deliveries(self, first: int = DEFAULT_PAGE, after: str | None = None) -> Connection[ReleaseDelivery]:
        """A page."""

        def shown(delivery: Delivery) -> ReleaseDelivery:
            return ReleaseDelivery(
                item=self.view.show(delivery.item), planned=delivery.planned, checksum=delivery.checksum
            )

        return page_of(self.release.deliveries, self.view.revision, first, after).connection(shown)

    @strawberry.field(description="How it comes to each site.")
    def sites(self, first: int = DEFAULT_PAGE, after: str | None = None) -> Connection[ReleaseSite]:
        """A page."""

        def shown(plan: SitePlan) -> ReleaseSite:
            return ReleaseSite(
                plan=self.view.show(plan.node), site=None if plan.site is None else self.view.show(plan.site)
            )

        return page_of(self.release.sites, self.view.revision, first, after).connection(shown)

    @strawberry.field(description="Problems, known errors and other records that it closes, by key.")
    def closes(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.release.closes, first, after)

    @strawberry.field(description="Known errors that its tests found, by key.")
    def found(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.release.found, first, after)

    @strawberry.field(description="What is kept of its failures.")
    def reports(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.release.reports, first, after)

    @strawberry.field(description="The problems that it caused, by key; it is closed once each has a cause.")
    def problems(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        return nodes_at_hand(self.view, self.release.problems, first, after)

    @strawberry.field(description="Where it was tested.", graphql_type=Node | None)
    def tested_in(self) -> Shown | None:
        """Null until then."""
        return None if self.release.tested_in is None else self.view.show(self.release.tested_in)

    @strawberry.field(description="The baseline that seals what it brought about.", graphql_type=Node | None)
    def baseline(self) -> Shown | None:
        """Null until it is deployed."""
        return None if self.release.baseline is None else self.view.show(self.release.baseline)


@strawberry.type(
    description="A release in a list. What has to be worked out is asked of one at a time, with `release`."
)
class ListedRelease(ReleaseFacts):
    """What its record says."""


@strawberry.type(description="A release, with what can be worked out of it.")
class ReleaseRecord(ReleaseFacts):
    """Nothing is worked out until it is asked for."""

    ordered: strawberry.Private[Once[Order]]

    @strawberry.field(description="The order of deployment, step by step.")
    async def order(self, first: int = DEFAULT_PAGE, after: str | None = None) -> DeploymentOrder:
        """O(dependencies)."""
        found = await self.ordered.get()
        page = page_of(found.steps, self.view.revision, first, after)
        return DeploymentOrder(
            total_count=len(found.steps),
            edges=page.edges(self._step),
            page_info=page.info,
            changes=list(found.changes),
        )

    @strawberry.field(description="Its release notice, as Markdown.")
    async def notice(self, language: Language = Language.EN) -> str:
        """As it stands."""
        return await self._paper(Paper.NOTICE, language)

    @strawberry.field(description="Its install guide, as Markdown.")
    async def guide(self, language: Language = Language.EN) -> str:
        """As it stands."""
        return await self._paper(Paper.GUIDE, language)

    def _step(self, step: NamedStep) -> DeploymentStep:
        return DeploymentStep(view=self.view, step=step, ring=step.is_ring, changes=list(step.changes))

    async def _paper(self, kind: Paper, language: Language) -> str:
        return await release_paper(self.view.reading.application, self.release.key, kind, language)


@strawberry.type(description="How many deployments ended in a month such as `2026-03`, and how.")
class ReleasesOfMonth:
    """See `cmdb.releases.MonthOfReleases`."""

    month: str
    ended: int
    successful: int
    failed: int = strawberry.field(description="Those that are not backed out yet.")
    backed_out: int
    emergencies: int = strawberry.field(description="So many of all these were emergency releases.")
    success_rate: float | None = strawberry.field(description="Percent; null where none ended.")


@strawberry.type
class ReleaseQueries:
    """What can be asked of releases. It is about the present."""

    @strawberry.field(description="A release by name or reference.")
    @staticmethod
    async def release(info: Info, ref: str) -> ReleaseRecord:
        """As it stands."""
        view = await info.context.present()
        return release_record(view, await load_release(view.store, ref))

    @strawberry.field(description="Releases in these stages, in all that are open where none is named.")
    @staticmethod
    async def releases(
        info: Info, stages: list[Stage] | None = None, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[ListedRelease]:
        """A page."""
        view = await info.context.present()
        chosen = [stage for stage in Stage if stage not in ENDED] if stages is None else stages
        page = await page_in(view, RELEASE, chosen, first, after, releases_of)
        return page.connection(lambda release: ListedRelease(view=view, release=release))

    @strawberry.field(
        description="How releases succeed and fail in each month from `from` to `to` (`2026-03`), by the calendar of a time "
        "zone; in this month where none is named."
    )
    @staticmethod
    async def release_kpis(
        info: Info,
        from_: Annotated[str | None, strawberry.argument(name="from")] = None,
        to: str | None = None,
        zone: str = "UTC",
    ) -> list[ReleasesOfMonth]:
        """O(releases)."""
        view = await info.context.present()
        return [_month(month) for month in await release_figures(view.reading.application, from_, to, zone=zone)]


def release_record(view: View, release: Release) -> ReleaseRecord:
    """A release as a GraphQL source."""
    application = view.reading.application
    return ReleaseRecord(view=view, release=release, ordered=Once(lambda: deployment_order(application, release)))


def _month(month: MonthOfReleases) -> ReleasesOfMonth:
    rate = month.success_rate
    return ReleasesOfMonth(
        month=month.month,
        ended=month.ended,
        successful=month.successful,
        failed=month.failed,
        backed_out=month.backed_out,
        emergencies=month.emergencies,
        success_rate=None if rate is None else float(rate),
    )
