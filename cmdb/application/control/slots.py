"""When a change could be made instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cmdb.application.control.calendars import calendars
from cmdb.application.control.works import OPEN_STAGES, doings, span_of
from cmdb.application.opening import Application
from cmdb.changes import Change, changes_in
from cmdb.changes.collisions import board_of
from cmdb.changes.slots import Wish, free_slots
from cmdb.changes.spans import Span, micros, moment_of
from cmdb.errors import Invalid


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which a change is in nobody's way, in UTC."""

    start: datetime
    end: datetime


async def next_slots(
    application: Application, change: Change, *, count: int, duration: timedelta | None, days: int
) -> tuple[Slot, ...]:
    """The next times at which a change is in nobody's way. Raises Invalid for a change without window and duration."""
    window = span_of(change)
    if duration is None and window is None:
        raise Invalid(f"{change.key} has no window, so nobody knows how long it takes", remedy="say with --lasts")
    length = duration or timedelta(microseconds=window.end - window.begin if window else 0)
    [own] = [doing.work for doing in await doings(application.store, [change], otherwise=Span(0, 0))]
    others = [other for other in await changes_in(application.store, *OPEN_STAGES) if other.key != change.key]
    board = board_of(doing.work for doing in await doings(application.store, others))
    wish = Wish(own.key, length, own.touches, own.impacts, own.services, own.implementers)
    now = micros(application.clock())
    within = Span(now, now + timedelta(days=days) // timedelta(microseconds=1))
    found = free_slots(board, wish, await calendars(application), within, count=count)
    return tuple(Slot(moment_of(span.begin), moment_of(span.end)) for span in found)
