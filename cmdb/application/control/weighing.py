"""What is in a change's way, when it could be made instead, and how risky it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from cmdb.application.assessing import SERVICE
from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_in, changes_of
from cmdb.changes.calendars import Calendar, Everywhere, Purpose, frozen, outside_maintenance, read_calendar
from cmdb.changes.certificate import Answer
from cmdb.changes.collisions import Work, board_of, collisions_of
from cmdb.changes.joint import Outage, joint_collisions_of
from cmdb.changes.record import CALENDAR, CHANGE, IMPACTS, TOUCHES
from cmdb.changes.risk import Importance, Risk, RiskFacts, ServiceHit, risk_of, shipped_weights
from cmdb.changes.slots import Wish, free_slots
from cmdb.changes.spans import Span, micros, moment_of
from cmdb.errors import Invalid
from cmdb.filters import LIVE, And, Direction, IsA
from cmdb.impact import Standing
from cmdb.nodes import said
from cmdb.projection.columns import Int32s
from cmdb.reading import every, parse_filter
from cmdb.records import incidents_on
from cmdb.store.port import Store
from graph_schema.values import instant

OPEN_STAGES = (Stage.SUBMITTED, Stage.ASSESSED, Stage.APPROVED, Stage.SCHEDULED, Stage.IMPLEMENTING)
"""Changes that are shown as being in each other's way."""

FIRM_STAGES = (Stage.SCHEDULED, Stage.IMPLEMENTING)
"""Changes that others must not be scheduled against."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which a change is in nobody's way, in UTC."""

    start: datetime
    end: datetime


async def collisions_with(application: Application, change: Change, stages: Sequence[Stage]) -> tuple[str, ...]:
    """What a change collides with, a line each: changes in these stages, freezes, maintenance windows.

    O(changes in these stages and what they name + a closure for each that overlaps).
    """
    window = _span(change)
    if window is None:
        return ()
    others = [other for other in await changes_in(application.store, *stages) if other.key != change.key]
    works = await _works(application.store, [change, *others])
    names = {other.key: other.node.name for other in others}
    own = works[0]
    keys = _Keys(application.store)
    lines = [line async for line in _met(own, works[1:], names, keys)]
    lines += [line async for line in _jointly(await application.structures.current(), own, works[1:], names, keys)]
    return (*lines, *[line async for line in _by_calendar(await calendars(application), window, own.touches, keys)])


async def next_slots(
    application: Application, change: Change, *, count: int, duration: timedelta | None, days: int
) -> tuple[Slot, ...]:
    """The next times at which a change is in nobody's way. Raises Invalid for a change without window and duration."""
    window = _span(change)
    if duration is None and window is None:
        raise Invalid(f"{change.key} has no window, so nobody knows how long it takes", remedy="say with --lasts")
    length = duration or timedelta(microseconds=window.end - window.begin if window else 0)
    others = [other for other in await changes_in(application.store, *OPEN_STAGES) if other.key != change.key]
    works = await _works(application.store, [change, *others], even_without_window=True)
    own = works[0]
    wish = Wish(own.key, length, own.touches, own.impacts, own.services, own.implementers)
    now = micros(application.clock())
    within = Span(now, now + timedelta(days=days) // timedelta(microseconds=1))
    found = free_slots(board_of(works[1:]), wish, await calendars(application), within, count=count)
    return tuple(Slot(moment_of(span.begin), moment_of(span.end)) for span in found)


async def calendars(application: Application) -> list[Calendar]:
    """All calendars in force, with the CIs that they are about. O(calendars), and O(n) for each that has a filter."""
    store, model = application.store, await application.model()
    found: list[Calendar] = []
    for node in await every(store, And((IsA(CALENDAR), LIVE))):
        where = said(node, "applies_where")
        scope = (await store.accepted(parse_filter(where, model))).astype(np.int32) if where else Everywhere.ALL
        found.append(
            read_calendar(
                node.name,
                Purpose(said(node, "calendar_kind")),
                said(node, "starts_local"),
                said(node, "ends_local"),
                said(node, "time_zone"),
                rule=said(node, "recurrence"),
                scope=scope,
            )
        )
    return found


async def risk_of_change(application: Application, change: Change, answer: Answer, collisions: Sequence[str]) -> Risk:
    """How risky a change is, by what its certificate says and what went wrong before on the CIs that it touches."""
    weights = shipped_weights()
    since = application.clock() - timedelta(days=weights.parts.history.days)
    return risk_of(
        RiskFacts(
            kind=change.kind,
            touches=len(change.touches),
            services=tuple(await _service_hits(application, answer)),
            redundancy_lost=tuple(owner for owner, _ in answer.lost),
            single_points=tuple(point for point, _ in answer.single_points),
            failed_changes=tuple(await _failed_since(application.store, change, since)),
            incidents=tuple(node.key for node in await incidents_on(application.store, change.touches, since)),
            collisions=tuple(collisions),
            has_test_plan=bool(said(change.node, "test_plan")),
            has_back_out_plan=bool(said(change.node, "back_out_plan")),
        ),
        weights,
    )


# --- what others have in common with it ------------------------------------------------------------------------------


async def _met(own: Work, others: Sequence[Work], names: Mapping[str, str], keys: _Keys) -> AsyncIterator[str]:
    for found in collisions_of(board_of([own, *others]), own):
        other = found.second if found.first == own.key else found.first
        what = [*await keys.of("CI", found.cis), *await keys.of("service", found.services)]
        what += [f"implementer {name}" for name in found.implementers]
        yield f"meets {other} ({names[other]}) in {', '.join(what)}"


async def _jointly(
    standing: Standing, own: Work, others: Sequence[Work], names: Mapping[str, str], keys: _Keys
) -> AsyncIterator[str]:
    one = Outage(own.key, own.window, own.touches)
    outages = [Outage(work.key, work.window, work.touches) for work in others]
    for found in joint_collisions_of(standing.propagation, outages, one):
        other = found.second if found.first == own.key else found.first
        yield f"takes down {', '.join(await keys.of('CI', found.cis))} together with {other} ({names[other]})"


async def _by_calendar(found: Sequence[Calendar], window: Span, touches: Int32s, keys: _Keys) -> AsyncIterator[str]:
    for freeze in frozen(window, touches, found):
        about = ", ".join(await keys.of("CI", freeze.ordinals)) or "everything"
        yield f"falls into the freeze {freeze.calendar} of {about}"
    for outside in outside_maintenance(window, touches, found):
        about = ", ".join(await keys.of("CI", outside.ordinals))
        yield f"is outside the maintenance windows {', '.join(outside.calendars)} of {about}"


_SHOWN = 10
"""CIs and services that a line names; of more it says how many."""


class _Keys:
    """Keys for lines."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, what: str, ordinals: Sequence[int]) -> list[str]:
        nodes = await self._store.nodes(sorted(ordinals)[:_SHOWN]) if ordinals else []
        more = [f"{len(ordinals) - _SHOWN} more {what}s"] if len(ordinals) > _SHOWN else []
        return [f"{what} {node.name} ({node.key})" for node in nodes] + more


async def _works(store: Store, changes: Sequence[Change], *, even_without_window: bool = False) -> list[Work]:
    """Changes as far as others may be in their way, those without a window left out (the first is kept, if so asked)."""
    model = await store.model()
    classes = frozenset(model.descendants.get(SERVICE, ())) if model is not None else frozenset[str]()
    by_change: dict[int, list[int]] = {change.node.ordinal: [] for change in changes}
    for link in await store.relationships(sorted(by_change), Direction.OUT, [IMPACTS]):
        by_change[link.source].append(link.target)
    named = sorted({o for some in by_change.values() for o in some} | {o for c in changes for o in c.touches})
    services = {node.ordinal for node in await store.nodes(named) if node.class_name in classes}
    works: list[Work] = []
    for change in changes:
        window = _span(change) or (Span(0, 0) if even_without_window and change is changes[0] else None)
        if window is not None:
            impacts = by_change[change.node.ordinal]
            hit = sorted(services & {*impacts, *change.touches})
            works.append(
                Work(
                    change.key,
                    window,
                    _column(change.touches),
                    _column(impacts),
                    _column(hit),
                    tuple(change.implementers),
                )
            )
    return works


def _span(change: Change) -> Span | None:
    if change.window is None:
        return None
    start, end = (micros(datetime.fromisoformat(text)) for text in change.window)
    return Span(start, end)


def _column(ordinals: Iterable[int]) -> Int32s:
    return np.array(sorted(ordinals), dtype=np.int32)


# --- risk ------------------------------------------------------------------------------------------------------------


async def _service_hits(application: Application, answer: Answer) -> list[ServiceHit]:
    """The services among the hits that go down or are degraded, with their importance."""
    descendants = (await application.model()).descendants.get(SERVICE, ())
    hits = {hit.key: hit.verdict for hit in answer.hits if hit.class_name in descendants and hit.verdict != "at_risk"}
    ordinals = await application.store.ordinals_of_keys(list(hits))
    nodes = await application.store.nodes(sorted(ordinals.values()), answer.revision)
    return [
        ServiceHit(node.key, Importance(said(node, "importance") or Importance.UNKNOWN), hits[node.key] == "down")
        for node in nodes
    ]


async def _failed_since(store: Store, change: Change, since: datetime) -> list[str]:
    """Other changes on the same CIs that failed or were backed out since then. O(changes that touched these CIs)."""
    links = await store.relationships(sorted(change.touches), Direction.IN, [TOUCHES])
    nodes = await store.nodes(sorted({link.source for link in links} - {change.node.ordinal}))
    return [
        other.key
        for other in await changes_of(store, [node for node in nodes if node.class_name == CHANGE])
        if said(other.node, "outcome") in {"failed", "backed_out"} and said(other.node, "ended_at") >= instant(since)
    ]
