"""Changes: their records, certificates, collisions, risk and slots, one by one or as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import strawberry

from api.graphql.certificates import ChangeCertificate, shown_certificate
from api.graphql.change_figures import (
    ChangeRisk,
    ChangeSlot,
    MonthOfChanges,
    months_of_changes,
    shown_risk,
    slots_of,
)
from api.graphql.listing import page_in
from api.graphql.loading import Once
from api.graphql.nodes import Node, NodeConnection, node_list
from api.graphql.paging import DEFAULT_PAGE, Connection, Page, page_of, place_after
from api.graphql.reading import Reading, Shown, View
from api.graphql.scalars import DateTime, Decimal
from cmdb.application.control import OPEN_STAGES, certificate, collisions_with, risk_of_change
from cmdb.changes import Change, Choice, Kind, Stage, changes_in, changes_of, load_change, overdue
from cmdb.changes.certificate import Answer
from cmdb.changes.hurdles import AFTERWARDS
from cmdb.changes.record import CHANGE, Certified
from cmdb.nodes import many, said

Info = strawberry.Info[Reading, None]

ENDED: Final = frozenset({Stage.CLOSED, Stage.CANCELLED, Stage.REJECTED, Stage.ARCHIVED})
"""Stages of changes that a list leaves out unless they are asked for."""

strawberry.enum(Kind, name="ChangeKind", description="Which way a change goes to its approval.")
strawberry.enum(Stage, name="ChangeStage", description="Where a change stands.")
strawberry.enum(Choice, name="VoteChoice", description="What a member of a board votes.")


@strawberry.type(description="When a change is to be made, and the time zone in which that was said.")
class ChangeWindow:
    """Instants in UTC."""

    start: DateTime = strawberry.field(name="from")
    end: DateTime = strawberry.field(name="until")
    zone: str


@strawberry.type(description="A vote that counts.")
class ChangeVote:
    """See `cmdb.changes.record.CastVote`."""

    voter: str
    choice: Choice
    node: Shown = strawberry.field(graphql_type=Node, description="Its record, which has the reason.")


@strawberry.type(description="The advisory board that a change is referred to. Quorum and majority in percent.")
class ChangeBoard:
    """See `cmdb.changes.record.Board`."""

    node: Shown = strawberry.field(graphql_type=Node)
    members: list[str]
    chair: str
    quorum: int
    majority: int


@strawberry.interface(description="A change as its record and the records around it say.")
class ChangeFacts:
    """What costs nothing but reading it; the reads of all changes of a list are one."""

    view: strawberry.Private[View]
    change: strawberry.Private[Change]

    @strawberry.field(description="Its record, with all that is written there.", graphql_type=Node)
    def node(self) -> Shown:
        """The record."""
        return self.view.show(self.change.node)

    @strawberry.field
    def stage(self) -> Stage:
        """Where it stands."""
        return self.change.stage

    @strawberry.field
    def kind(self) -> Kind:
        """Which way it goes."""
        return self.change.kind

    @strawberry.field
    def requester(self) -> str:
        """Who asks for it."""
        return self.change.requester

    @strawberry.field
    def implementers(self) -> list[str]:
        """Who makes it."""
        return sorted(self.change.implementers)

    @strawberry.field(description="The CIs that it works on, by age.")
    def touches(self, first: int = DEFAULT_PAGE, after: str | None = None) -> NodeConnection:
        """A page."""
        revision, every = self.view.revision, sorted(self.change.touches)
        start = place_after(revision, first, after)
        return node_list(self.view, revision, every[start : start + first], start, len(every), after)

    @strawberry.field(description="The votes on what was assessed.")
    async def votes(self) -> list[ChangeVote]:
        """Each with its record."""
        votes = self.change.votes
        nodes = await self.view.nodes([vote.ordinal for vote in votes])
        return [
            ChangeVote(voter=vote.voter, choice=vote.choice, node=node) for vote, node in zip(votes, nodes, strict=True)
        ]

    @strawberry.field
    def board(self) -> ChangeBoard | None:
        """Whom it is referred to."""
        board = self.change.board
        return board and ChangeBoard(
            node=self.view.show(board.node),
            members=sorted(board.members),
            chair=board.chair,
            quorum=board.quorum,
            majority=board.majority,
        )

    @strawberry.field(description="What it is to do: an operation a line, as JSON.")
    def planned_operations(self) -> list[str]:
        """As the record keeps them."""
        return list(many(self.change.node, "planned_operations"))

    @strawberry.field
    def window(self) -> ChangeWindow | None:
        """Null until it is given."""
        window, zone = self.change.window, said(self.change.node, "time_zone")
        return window and ChangeWindow(start=DateTime(window[0]), end=DateTime(window[1]), zone=zone)

    @strawberry.field(description="The total of its cost lines.")
    def cost(self) -> Decimal:
        """In its currency."""
        return Decimal(f"{self.change.cost:f}")

    @strawberry.field(description="What of it is late, a line each.")
    def overdue(self) -> list[str]:
        """By the day in UTC."""
        return list(overdue(self.change, self.view.reading.application.clock().date()))


@strawberry.type(description="A change in a list. What has to be worked out is asked of one at a time, with `change`.")
class ListedChange(ChangeFacts):
    """What its record says."""


@strawberry.type(description="A change, with what can be worked out of it.")
class ChangeRecord(ChangeFacts):
    """Nothing is worked out until it is asked for, and then once."""

    sealed: strawberry.Private[Once[tuple[Certified, Answer, bool] | None]]
    met: strawberry.Private[Once[tuple[str, ...]]]

    @strawberry.field(description="What it was found to break, as it was sealed last; null where it was not assessed.")
    async def certificate(self) -> ChangeCertificate | None:
        """Worked out again: O as for `impact`, and O(hits) to name them."""
        found = await self.sealed.get()
        return found and shown_certificate(self.view, found[0], found[1], proven=found[2])

    @strawberry.field(
        description="What it meets, a line each: other open changes, freezes, maintenance windows, people in two places."
    )
    async def collisions(self) -> list[str]:
        """O(open changes and what they name + a closure for each that overlaps)."""
        return list(await self.met.get())

    @strawberry.field(description="How risky it is, part by part; null where it was not assessed.")
    async def risk(self) -> ChangeRisk | None:
        """By its certificate, and by what went wrong before on what it touches."""
        found = await self.sealed.get()
        if found is None:
            return None
        return shown_risk(
            await risk_of_change(self.view.reading.application, self.change, found[1], await self.met.get())
        )

    @strawberry.field(
        description="The next times at which it is in nobody's way; as long as its window unless `minutes` says otherwise."
    )
    async def slots(self, count: int = 5, minutes: int | None = None, days: int = 60) -> list[ChangeSlot]:
        """Fewer where there are not as many within these days."""
        return await slots_of(self.view, self.change, count, minutes, days)


@strawberry.type
class ChangeQueries:
    """What can be asked of change control. It is about the present."""

    @strawberry.field(description="A change by reference: its record, its certificate, and what it is weighed by.")
    @staticmethod
    async def change(info: Info, ref: str) -> ChangeRecord:
        """As it stands."""
        view = await info.context.present()
        return record_of(view, await load_change(view.store, ref))

    @strawberry.field(
        description="Changes in these stages, in all that are open where none is named; if `overdue`, only those that are late."
    )
    @staticmethod
    async def changes(
        info: Info,
        stages: list[Stage] | None = None,
        overdue: bool = False,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[ListedChange]:
        """A page."""
        view = await info.context.present()
        chosen = [stage for stage in Stage if stage not in ENDED] if stages is None else stages
        found = (
            _late(view, chosen, first, after) if overdue else page_in(view, CHANGE, chosen, first, after, changes_of)
        )
        return listed_changes(view, await found)

    @strawberry.field(
        description="How well change control does in each month from `from` to `to` (`2026-03`), by the calendar of a time "
        "zone; in this month where none is named."
    )
    @staticmethod
    async def change_kpis(
        info: Info,
        from_: Annotated[str | None, strawberry.argument(name="from")] = None,
        to: str | None = None,
        zone: str = "UTC",
    ) -> list[MonthOfChanges]:
        """Beside its targets."""
        return await months_of_changes(await info.context.present(), from_, to, zone)


def record_of(view: View, change: Change) -> ChangeRecord:
    """A change as a GraphQL source."""
    application = view.reading.application

    async def sealed() -> tuple[Certified, Answer, bool] | None:
        return change.certified and (change.certified, *await certificate(application, change))

    return ChangeRecord(
        view=view,
        change=change,
        sealed=Once(sealed),
        met=Once(lambda: collisions_with(application, change, OPEN_STAGES)),
    )


def listed_changes(view: View, page: Page[Change]) -> Connection[ListedChange]:
    """Changes that were gathered, as a page of a list."""
    return page.connection(lambda change: ListedChange(view=view, change=change))


async def _late(view: View, stages: Sequence[Stage], first: int, after: str | None) -> Page[Change]:
    """O(changes that were implemented and are not closed)."""
    today, done = view.reading.application.clock().date(), [stage for stage in stages if stage in AFTERWARDS]
    late = [change for change in await changes_in(view.store, *done) if overdue(change, today)] if done else []
    return page_of(late, view.revision, first, after)
