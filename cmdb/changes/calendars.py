"""When changes must not be made, and when they may: freeze calendars and maintenance windows.

A calendar says its times as the clocks of its zone show them: from 02:00 to 04:00 stays so in summer and winter. Where
the clocks skip a time, the moment of the jump stands for it; where they show one twice, an occurrence begins with the
first and ends with the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import Enum, StrEnum
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cmdb.changes.recurrence import Rule, days_of, parse_rule
from cmdb.changes.spans import Span, Spans, moment_of
from cmdb.changes.windows import LAST_YEAR, Zones, named_zone, on_the_clocks, parse_local
from cmdb.errors import Invalid, Problem
from cmdb.projection.columns import Int32s

LONGEST_OCCURRENCE: Final = timedelta(days=366)
"""How long one occurrence may be."""

FURTHEST: Final = timedelta(days=20 * 366)
"""How much time may be laid out at once."""

Bools = NDArray[np.bool_]
_V = TypeVar("_V")


class Purpose(StrEnum):
    """What a calendar is for."""

    FREEZE = "freeze"
    MAINTENANCE = "maintenance"


class Everywhere(Enum):
    """A calendar may be about every CI."""

    ALL = "all"


Scope = Int32s | Everywhere
"""The CIs that a calendar is about: sorted ordinals, or all."""


@dataclass(frozen=True, eq=False, slots=True)
class Calendar:
    """Named times, first from `start` to `end` on the clocks of the zone, and again where the `rule` says so.

    With a rule, `start` is when it begins to hold, and the first day from then on that fits is the first one.
    """

    name: str
    purpose: Purpose
    start: datetime
    end: datetime
    zone: str
    clocks: tzinfo
    scope: Scope = Everywhere.ALL
    rule: Rule | None = None

    def about(self, ordinals: Int32s) -> Bools:
        """Which of these CIs it is about; O(n log scope)."""
        if isinstance(self.scope, Everywhere):
            return np.ones(len(ordinals), dtype=np.bool_)
        if not len(self.scope):
            return np.zeros(len(ordinals), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.scope, ordinals), len(self.scope) - 1)
        return self.scope[at] == ordinals


def read_calendar(
    name: str,
    purpose: Purpose,
    start: str,
    end: str,
    zone: str,
    *,
    rule: str = "",
    scope: Scope = Everywhere.ALL,
    zones: Zones | None = None,
) -> Calendar:
    """A calendar from local times such as `2026-12-20T18:00` and a rule such as `FREQ=YEARLY` (see `parse_rule`).

    Raises `Invalid`, with a problem for each fault: times that are none or have an offset, an end that is not after the
    start, more than `LONGEST_OCCURRENCE`, an unknown zone, a rule that is none or never comes true.
    """
    problems: list[Problem] = []
    clocks = _or_problem(problems, "zone", zone, lambda: (zones or named_zone)(zone))
    first = _or_problem(problems, "start", start, lambda: _plain_local(start))
    last = _or_problem(problems, "end", end, lambda: _plain_local(end))
    again = _or_problem(problems, "rule", rule, lambda: parse_rule(rule)) if rule else None
    if first is not None and last is not None:
        if last <= first:
            problems.append(Problem("ends before or when it starts", end[:60], "end", "let it end later"))
        elif last - first > LONGEST_OCCURRENCE:
            remedy = f"let one occurrence last at most {LONGEST_OCCURRENCE.days} days"
            problems.append(Problem(f"lasts {(last - first).days} days", end[:60], "end", remedy))
        if again is not None and not days_of(again, first.date(), first.date(), date(LAST_YEAR + 1, 1, 1)):
            problems.append(Problem("never comes true", rule[:60], "rule", "name days that the calendar has"))
    if problems or first is None or last is None or clocks is None:
        raise Invalid(
            f"the calendar {name!r:.60} cannot be: {problems[0]}", remedy=problems[0].remedy, problems=tuple(problems)
        )
    return Calendar(name, purpose, first, last, zone, clocks, scope, again)


def occurrences(calendar: Calendar, begin: int, end: int) -> tuple[Span, ...]:
    """Its occurrences that overlap the time from `begin` to `end` (microseconds), in order.

    One that the clocks skip altogether is none. Raises `Invalid` for more than `FURTHEST`. O(days laid out).
    """
    whole = Span(begin, end)
    spans = (_span(calendar, day) for day in _days(calendar, whole))
    return tuple(span for span in spans if span.begin < span.end and span.overlaps(whole))


@dataclass(frozen=True, slots=True)
class Frozen:
    """An occurrence of a freeze that a window runs into, with those of its CIs that are frozen."""

    calendar: str
    span: Span
    ordinals: tuple[int, ...]


def frozen(window: Span, touches: Int32s, calendars: Sequence[Calendar]) -> tuple[Frozen, ...]:
    """The freezes that a window, in which these CIs are touched, runs into; O(calendars · (CIs + days)).

    A freeze of all CIs holds for a change that touches none yet, as one that brings a new one.
    """
    return tuple(
        Frozen(calendar.name, span, tuple(touches[about].tolist()))
        for calendar, about in _about(Purpose.FREEZE, touches, calendars)
        for span in occurrences(calendar, *window)
    )


@dataclass(frozen=True, slots=True)
class Outside:
    """CIs that may be touched only within some maintenance calendars, by name, which do not hold a window."""

    calendars: tuple[str, ...]
    ordinals: tuple[int, ...]


def outside_maintenance(window: Span, touches: Int32s, calendars: Sequence[Calendar]) -> tuple[Outside, ...]:
    """The CIs that a window touches outside of their maintenance; empty when it may be.

    A CI that no maintenance calendar is about may be touched at any time. One that has several may be touched in any of
    them, and across those that meet.
    """
    return tuple(
        Outside(tuple(calendar.name for calendar in some), tuple(ordinals.tolist()))
        for some, ordinals in _maintained(touches, calendars)
        if not _together(some, window).hold(window)
    )


def closed_times(whole: Span, touches: Int32s, calendars: Sequence[Calendar]) -> Spans:
    """When, of the whole, some of these CIs are frozen or outside of their maintenance."""
    closed = _together([calendar for calendar, _ in _about(Purpose.FREEZE, touches, calendars)], whole)
    for some, _ in _maintained(touches, calendars):
        closed = closed.together(_together(some, whole).left_of(whole))
    return closed


def _about(purpose: Purpose, touches: Int32s, calendars: Sequence[Calendar]) -> Iterator[tuple[Calendar, Bools]]:
    for calendar in calendars:
        about = calendar.about(touches)
        for_all = purpose is Purpose.FREEZE and isinstance(calendar.scope, Everywhere)
        if calendar.purpose is purpose and (for_all or about.any()):
            yield calendar, about


def _maintained(touches: Int32s, calendars: Sequence[Calendar]) -> Iterator[tuple[list[Calendar], Int32s]]:
    """CIs with the same maintenance calendars, and those."""
    found = list(_about(Purpose.MAINTENANCE, touches, calendars))
    if not found:
        return
    which, group = np.unique(np.stack([about for _, about in found]), axis=1, return_inverse=True)
    for at, rows in enumerate(which.T.tolist()):
        some = [calendar for (calendar, _), there in zip(found, rows, strict=True) if there]
        if some:
            yield some, touches[group.ravel() == at]


def _together(calendars: Sequence[Calendar], whole: Span) -> Spans:
    return Spans.of(span for calendar in calendars for span in occurrences(calendar, *whole))


def _days(calendar: Calendar, whole: Span) -> list[date]:
    """Days on which occurrences that may overlap the whole begin."""
    if timedelta(microseconds=whole.end - whole.begin) > FURTHEST:
        raise Invalid("so much time is not laid out", remedy=f"ask for at most {FURTHEST.days} days")
    first = calendar.start.date()
    if calendar.rule is None:
        return [first]
    around, length = timedelta(days=2), calendar.end - calendar.start
    begin, end = (moment_of(at).date() for at in whole)
    return days_of(calendar.rule, first, begin - length - around, end + around)


def _span(calendar: Calendar, day: date) -> Span:
    start = datetime.combine(day, calendar.start.time())
    end = start + (calendar.end - calendar.start)
    return Span(on_the_clocks(start, calendar.clocks).first, on_the_clocks(end, calendar.clocks).last)


def _or_problem(problems: list[Problem], where: str, text: str, read: Callable[[], _V]) -> _V | None:
    try:
        return read()
    except Invalid as error:
        problems.append(Problem(error.message, text[:60], where, error.remedy))
        return None


def _plain_local(text: str) -> datetime:
    local, offset = parse_local(text)
    if offset:
        raise Invalid(f"{text!r:.60} has an offset", remedy="leave it out: the zone says it for every day")
    return local
