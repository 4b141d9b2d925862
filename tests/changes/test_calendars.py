"""Calendars mean the days that RFC 5545 means, at the hours that clocks show there; hostile rules end at once."""

# ruff: noqa: DTZ001 - what the clocks of a place show has no zone of its own

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import numpy as np
import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from cmdb.changes.calendars import (
    Calendar,
    Everywhere,
    Purpose,
    Scope,
    closed_times,
    frozen,
    occurrences,
    outside_maintenance,
    read_calendar,
)
from cmdb.changes.recurrence import MOST_TIMES, days_of, parse_rule
from cmdb.changes.spans import Span, micros, moment_of
from cmdb.errors import Invalid
from cmdb.projection.columns import Int32s

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
HOUR = 3_600_000_000


def column(*ordinals: int) -> Int32s:
    return np.array(sorted(ordinals), dtype=np.int32)


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def calendar(
    start: str,
    end: str,
    rule: str = "",
    *,
    zone: str = "UTC",
    purpose: Purpose = Purpose.FREEZE,
    scope: Scope = Everywhere.ALL,
    name: str = "some",
) -> Calendar:
    return read_calendar(name, purpose, start, end, zone, rule=rule, scope=scope)


def shown(some: Calendar, begin: str, end: str) -> list[tuple[str, str]]:
    return [
        (moment_of(span.begin).isoformat()[:16], moment_of(span.end).isoformat()[:16])
        for span in occurrences(some, at(begin), at(end))
    ]


# --- rules -----------------------------------------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    months = draw(st.booleans())
    if months:
        parts.append("BYMONTH=" + ",".join(map(str, draw(st.lists(st.integers(1, 12), min_size=1, max_size=4)))))
    days = frequency != "WEEKLY" and draw(st.booleans())
    if days:
        numbers = st.integers(-31, 31).filter(bool)
        parts.append("BYMONTHDAY=" + ",".join(map(str, draw(st.lists(numbers, min_size=1, max_size=5)))))
    weekdays = draw(st.booleans())
    if weekdays:
        most = {"DAILY": 0, "WEEKLY": 0, "MONTHLY": 5, "YEARLY": 5 if months else 53}[frequency]
        # Theirs takes plain and numbered days together as what must both hold, the standard as either.
        numbers = st.integers(-most, most).filter(bool) if most and draw(st.booleans()) else st.just(0)
        pairs = st.tuples(st.sampled_from(WEEKDAYS), numbers)
        numbered = pairs.map(lambda pair: f"{pair[1]:+}{pair[0]}" if pair[1] else pair[0])
        parts.append("BYDAY=" + ",".join(draw(st.lists(numbered, min_size=1, max_size=4))))
    if frequency in ("MONTHLY", "YEARLY") and (days or weekdays) and draw(st.booleans()):
        places = st.sampled_from([1, 2, 3, -1, -2])
        parts.append("BYSETPOS=" + ",".join(map(str, draw(st.lists(places, min_size=1, max_size=2, unique=True)))))
    parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    ending = draw(st.sampled_from(["", "COUNT=7", "UNTIL=20290615"]))
    return ";".join([*parts, ending] if ending else parts)


@given(
    rules(),
    st.dates(date(2024, 1, 1), date(2027, 1, 1)),
    st.dates(date(2023, 1, 1), date(2031, 1, 1)),
    st.integers(0, 900),
)
def test_days_are_those_of_the_standard(text: str, first: date, begin: date, length: int) -> None:
    end = begin + timedelta(days=length)
    for_ever = replace(parse_rule(text), count=None, until=None)
    assume(days_of(for_ever, first, date(2035, 1, 1), date(2099, 1, 1)))  # theirs runs on for what never comes again
    bounded = text if "UNTIL" in text or "COUNT" in text else f"{text};UNTIL=20350101"
    theirs = rrulestr(bounded, dtstart=datetime.combine(first, datetime.min.time()))
    wanted = [found.date() for found in takewhile(lambda found: found.date() < end, theirs) if begin <= found.date()]
    assert days_of(parse_rule(text), first, begin, end) == wanted


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("FREQ=SECONDLY", "repeats within a day"),
        ("FREQ=MINUTELY;INTERVAL=15", "repeats within a day"),
        ("FREQ=SOMETIMES", "no frequency"),
        ("INTERVAL=2", "no frequency"),
        ("FREQ=DAILY;INTERVAL=0", "out of range"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "out of range"),
        (f"FREQ=DAILY;COUNT={MOST_TIMES + 1}", "out of range"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20261231", "COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=20260230", "no day"),
        ("FREQ=DAILY;UNTIL=20261231T000000Z", "no day"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;;", "without a value"),
        ("FREQ=DAILY;BYEASTER=1", "rules know no 'BYEASTER'"),
        ("FREQ=DAILY;BYHOUR=1,2", "rules know no 'BYHOUR'"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "weeks have no"),
        ("FREQ=WEEKLY;BYDAY=2TU", "needs a month or a year"),
        ("FREQ=MONTHLY;BYDAY=6TU", "counts further"),
        ("FREQ=YEARLY;BYDAY=54TU", "no weekday"),
        ("FREQ=MONTHLY;BYDAY=XX", "no weekday"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "leave 0 out"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "out of range"),
        ("FREQ=MONTHLY;BYMONTH=13", "out of range"),
        ("FREQ=MONTHLY;BYSETPOS=1", "nothing to choose from"),
        ("FREQ=DAILY;WKST=DI", "no weekday"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes true"),
        ("FREQ=DAILY;UNTIL=20200101", "never comes true"),
        ("FREQ=DAILY;" + "BYDAY=MO;" * 10_000, "characters"),
        ("every second for ever", "without a value"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: str, wanted: str) -> None:
    with pytest.raises(Invalid) as caught:
        calendar("2026-01-01T00:00", "2026-01-01T01:00", rule)
    (problem,) = caught.value.problems
    assert wanted in f"{problem.message} {problem.remedy}"
    assert problem.remedy
    assert problem.where == "rule"
    assert len(str(problem)) < 400


@pytest.mark.parametrize(
    ("start", "end", "zone", "where"),
    [
        ("9999-12-31T00:00", "9999-12-31T01:00", "UTC", ["start", "end"]),
        ("2026-01-02T00:00", "2026-01-01T00:00", "UTC", ["end"]),
        ("2026-01-01T00:00", "2028-01-01T00:00", "UTC", ["end"]),
        ("2026-01-01T00:00+01:00", "2026-01-01T01:00Z", "Europe/Berlin", ["start", "end"]),
        ("nonsense", "2026-01-01T01:00", "Europe/Nowhere", ["zone", "start"]),
    ],
)
def test_times_that_cannot_be_are_refused(start: str, end: str, zone: str, where: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        calendar(start, end, zone=zone)
    assert [problem.where for problem in caught.value.problems] == where


def test_time_is_laid_out_within_bounds() -> None:
    daily = calendar("1970-01-01T00:00", "1970-01-02T00:00", "FREQ=DAILY")
    with pytest.raises(Invalid):
        occurrences(daily, at("2000-01-01T00:00"), at("2199-01-01T00:00"))


# --- occurrences -----------------------------------------------------------------------------------------------------


def test_two_in_the_night_stays_two_in_the_night() -> None:
    nightly = calendar("2026-03-27T02:00", "2026-03-27T04:00", "FREQ=DAILY", zone="Europe/Berlin")
    assert shown(nightly, "2026-03-27T12:00", "2026-03-31T00:00") == [
        ("2026-03-28T01:00", "2026-03-28T03:00"),
        ("2026-03-29T01:00", "2026-03-29T02:00"),  # 02:00 is skipped: from 03:00 to 04:00
        ("2026-03-30T00:00", "2026-03-30T02:00"),
    ]
    assert shown(nightly, "2026-10-24T12:00", "2026-10-26T12:00") == [
        ("2026-10-25T00:00", "2026-10-25T03:00"),  # 02:00 comes twice: from the first on
        ("2026-10-26T01:00", "2026-10-26T03:00"),
    ]


def test_what_lies_in_a_skipped_hour_does_not_come() -> None:
    short = calendar("2026-03-28T02:10", "2026-03-28T02:50", "FREQ=DAILY", zone="Europe/Berlin")
    assert shown(short, "2026-03-28T00:00", "2026-03-31T00:00") == [
        ("2026-03-28T01:10", "2026-03-28T01:50"),
        ("2026-03-30T00:10", "2026-03-30T00:50"),
    ]


def test_the_month_end_freeze_and_the_third_saturday() -> None:
    freeze = calendar("2026-01-01T20:00", "2026-01-02T08:00", "FREQ=MONTHLY;BYMONTHDAY=-1", zone="Asia/Shanghai")
    assert shown(freeze, "2026-02-01T00:00", "2026-04-01T00:00") == [
        ("2026-02-28T12:00", "2026-03-01T00:00"),
        ("2026-03-31T12:00", "2026-04-01T00:00"),
    ]
    saturday = calendar("2026-01-01T22:00", "2026-01-02T02:00", "FREQ=MONTHLY;BYDAY=3SA;COUNT=2")
    assert shown(saturday, "2020-01-01T00:00", "2030-01-01T00:00") == [
        ("2026-01-17T22:00", "2026-01-18T02:00"),
        ("2026-02-21T22:00", "2026-02-22T02:00"),
    ]


@given(
    st.sampled_from(["FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,SA", "FREQ=MONTHLY", "FREQ=DAILY;COUNT=9", ""]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.integers(1, 24 * 9),
    st.integers(-400, 24 * 400),
    st.integers(1, 500),
)
def test_what_is_asked_for_is_what_overlaps_of_all(rule: str, zone: str, hours: int, begin: int, length: int) -> None:
    start = datetime(2026, 1, 5, 2)
    some = calendar(start.isoformat(), (start + timedelta(hours=hours)).isoformat(), rule, zone=zone)
    origin = at("2026-01-01T00:00")
    part = Span(origin + begin * HOUR, origin + (begin + length) * HOUR)
    every = occurrences(some, at("2025-01-01T00:00"), at("2030-01-01T00:00"))
    assert occurrences(some, *part) == tuple(span for span in every if span.overlaps(part))


# --- freezes and maintenance -----------------------------------------------------------------------------------------

DAY = at("2026-06-01T00:00")


@st.composite
def calendars(draw: st.DrawFn) -> list[Calendar]:
    """Of one day in June, or some hours of each day, over four CIs."""
    found: list[Calendar] = []
    for number in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 22))
        end = draw(st.integers(start + 1, 24))
        found.append(
            read_calendar(
                f"c{number}",
                draw(st.sampled_from(Purpose)),
                f"2026-06-01T{start:02}:00",
                f"2026-06-{1 + end // 24:02}T{end % 24:02}:00",
                "UTC",
                rule=draw(st.sampled_from(["", "FREQ=DAILY"])),
                scope=draw(st.one_of(st.just(Everywhere.ALL), st.sets(st.integers(0, 3)).map(lambda s: column(*s)))),
            )
        )
    return found


def hours_of(some: Calendar) -> set[int]:
    """Of the first two days of June, by brute force."""
    one = range(some.start.hour, some.start.hour + int((some.end - some.start) / timedelta(hours=1)))
    return {hour + day * 24 for hour in one for day in (0, 1) if day == 0 or some.rule}


def is_about(some: Calendar, ordinal: int) -> bool:
    return isinstance(some.scope, Everywhere) or ordinal in some.scope.tolist()


def is_about_any(some: Calendar, ordinals: set[int]) -> bool:
    return isinstance(some.scope, Everywhere) or any(is_about(some, ordinal) for ordinal in ordinals)


@given(calendars(), st.sets(st.integers(0, 4)), st.integers(0, 47), st.integers(1, 24))
def test_freezes_and_maintenance_hour_by_hour(some: list[Calendar], cis: set[int], begin: int, length: int) -> None:
    end = min(48, begin + length)
    window, touches = Span(DAY + begin * HOUR, DAY + end * HOUR), column(*cis)
    hours = set(range(begin, end))

    freezes = [c for c in some if c.purpose is Purpose.FREEZE and is_about_any(c, cis)]
    assert {found.calendar for found in frozen(window, touches, some)} == {
        c.name for c in freezes if hours_of(c) & hours
    }
    hit = {(found.calendar, ci) for found in frozen(window, touches, some) for ci in found.ordinals}
    assert hit == {
        (c.name, ci)
        for c in some
        for ci in cis
        if c.purpose is Purpose.FREEZE and is_about(c, ci) and hours_of(c) & hours
    }

    maintained = {ci: [c for c in some if c.purpose is Purpose.MAINTENANCE and is_about(c, ci)] for ci in cis}
    open_hours = {ci: set[int]().union(*map(hours_of, own)) for ci, own in maintained.items() if own}
    found = outside_maintenance(window, touches, some)
    assert {ci for row in found for ci in row.ordinals} == {ci for ci, its in open_hours.items() if not hours <= its}
    assert all(row.calendars == tuple(c.name for c in maintained[ci]) for row in found for ci in row.ordinals)

    closed = closed_times(Span(DAY, DAY + 48 * HOUR), touches, some)
    frozen_hours = set[int]().union(*map(hours_of, freezes))
    wanted = frozen_hours.union(*(set(range(48)) - its for its in open_hours.values()))
    assert {hour for hour in range(48) if any(span.overlaps(_hour(hour)) for span in closed)} == wanted


def _hour(hour: int) -> Span:
    return Span(DAY + hour * HOUR, DAY + (hour + 1) * HOUR)
