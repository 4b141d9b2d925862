"""The ledger and the history of a node, told as pages."""

from __future__ import annotations

import strawberry

from api.graphql.nodes import Node
from api.graphql.paging import PageInfo, checked_first, numbers_in, page_info
from api.graphql.reading import Shown, View
from api.graphql.scalars import AnyValue, DateTime
from cmdb.errors import Failed
from cmdb.ledger import Header
from cmdb.reading import Event, node_events, resolve
from cmdb.reading.history import Step


@strawberry.type(description="A commit: who wrote, when, by which authority and why.")
class LedgerEntry:
    """A header of the ledger."""

    revision: int
    time: DateTime
    actor: str
    authority: str
    reason: str
    previous: str = strawberry.field(description="The hash of the commit before it.")


@strawberry.type(description="A commit and the cursor to go on after it.")
class LedgerEdge:
    """See Relay."""

    cursor: str
    node: LedgerEntry


@strawberry.type(description="A page of the ledger.")
class LedgerConnection:
    """See Relay."""

    total_count: int
    edges: list[LedgerEdge]
    page_info: PageInfo


@strawberry.type(description="A field or attribute before and after a step; null is absent.")
class FieldChange:
    """By the attribute's name in the model."""

    field: str
    before: AnyValue | None
    after: AnyValue | None


@strawberry.type(description="The relationship that a step was about, with both its ends as they are now.")
class HistoryRelationship:
    """See `cmdb.reading.history.Ends`."""

    id: strawberry.ID
    type: str
    key: str
    source: Shown = strawberry.field(graphql_type=Node, name="from")
    target: Shown = strawberry.field(graphql_type=Node, name="to")


@strawberry.type(description="One step in the life of a node or of one of its relationships.")
class HistoryEvent:
    """See `cmdb.reading.history.Event`."""

    step: Step
    commit: LedgerEntry
    changes: list[FieldChange]
    relationship: HistoryRelationship | None


@strawberry.type(description="A step and the cursor to go on after it.")
class HistoryEdge:
    """See Relay."""

    cursor: str
    node: HistoryEvent


@strawberry.type(description="A page of a node's history, the oldest step first.")
class HistoryConnection:
    """See Relay."""

    total_count: int
    edges: list[HistoryEdge]
    page_info: PageInfo


async def ledger_page(view: View, first: int, after: str | None) -> LedgerConnection:
    """The commits up to the view's revision, the newest first. O(page)."""
    checked_first(first)
    newest = view.revision if after is None else min(view.revision, numbers_in(after, 1)[0] - 1)
    revisions = list(range(newest, max(0, newest - first), -1))
    headers = await view.store.headers(revisions)
    edges = [LedgerEdge(cursor=str(r), node=entry(headers[r])) for r in revisions]
    info = page_info([edge.cursor for edge in edges], after, more=newest > first)
    return LedgerConnection(total_count=view.revision, edges=edges, page_info=info)


async def history_page(view: View, reference: str, first: int, after: str | None) -> HistoryConnection:
    """The steps of a node up to the view's revision. O(versions of the node and its relationships)."""
    checked_first(first)
    start = 0 if after is None else numbers_in(after, 1)[0]
    node = await resolve(view.store, reference, view.as_of)
    events = [e for e in await node_events(view.store, node.ordinal) if e.header.revision <= view.revision]
    page = events[start : start + first]
    edges = [
        HistoryEdge(cursor=str(start + place), node=_event(view, event)) for place, event in enumerate(page, start=1)
    ]
    info = page_info([edge.cursor for edge in edges], after, more=start + first < len(events))
    return HistoryConnection(total_count=len(events), edges=edges, page_info=info)


def entry(header: Header) -> LedgerEntry:
    """A header as GraphQL source."""
    return LedgerEntry(
        revision=header.revision,
        time=DateTime(header.time),
        actor=header.actor,
        authority=header.authority,
        reason=header.reason,
        previous=header.previous,
    )


async def entry_at(view: View, revision: int) -> LedgerEntry:
    """The commit of a revision."""
    header = (await view.store.headers([revision])).get(revision)
    if header is None:
        raise Failed(f"there is no commit {revision}", remedy="run `cmdb ledger verify`")
    return entry(header)


def _event(view: View, event: Event) -> HistoryEvent:
    about = event.relationship
    return HistoryEvent(
        step=event.step,
        commit=entry(event.header),
        changes=[FieldChange(field=c.field, before=_value(c.before), after=_value(c.after)) for c in event.changes],
        relationship=None
        if about is None
        else HistoryRelationship(
            id=strawberry.ID(str(about.id)),
            type=about.type,
            key=about.key,
            source=view.show(about.source),
            target=view.show(about.target),
        ),
    )


def _value(value: object) -> AnyValue | None:
    return None if value is None else AnyValue(value)
