"""Days that come again: recurrence rules of whole days, laid out without ever running on.

The words are those of RFC 5545, section 3.3.10; what repeats within a day is left out, for nobody plans so. A rule is
worked out on columns of days, so that what never happens costs no more than what always does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid
from cmdb.projection.columns import Int64s
from graph_schema.errors import did_you_mean

LONGEST_RULE: Final = 500
"""Characters a rule may have."""

MOST_TIMES: Final = 10_000
"""Times a rule may count."""

LONGEST_INTERVAL: Final = 1_000
"""Periods a rule may pass over."""

Bools = NDArray[np.bool_]


class Frequency(StrEnum):
    """The period of a rule."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Weekday:
    """Monday is 0. `nth` counts within month or year, from the end if negative; 0 is every one."""

    day: int
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """Every `interval`-th period, on the days that fit; at most `count` times and not after `until`. Empty: any."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def parse_rule(text: str) -> Rule:
    """A rule such as `FREQ=MONTHLY;BYDAY=3SA`: FREQ, and any of INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY, ….

    Raises `Invalid` that says what to write for anything else, for numbers out of range, and for parts that do not go
    together.
    """
    if len(text) > LONGEST_RULE:
        raise _refused(f"the rule has {len(text)} characters", f"at most {LONGEST_RULE} are read")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or name in parts:
            fault = "twice" if equals else "without a value"
            raise _refused(f"the rule says {name!r:.30} {fault}", "write NAME=VALUE parts with ; between them")
        parts[name] = value
    for name in parts.keys() - {"FREQ", *_READERS}:
        raise _refused(f"rules know no {name!r:.30}", did_you_mean(name, ["FREQ", *_READERS]))
    rule = Rule(_frequency(parts.pop("FREQ", "")))
    for name, value in parts.items():
        rule = _READERS[name](rule, value)
    _check_together(rule)
    return rule


def days_of(rule: Rule, first: date, begin: date, end: date) -> list[date]:
    """The days of a rule that begins with `first`, from `begin` up to, and without, `end`.

    A `first` that does not fit the rule is no day of it. O(days from `begin` to `end`, or from `first` if it counts).
    """
    if rule.until is not None and rule.until < end:
        end = rule.until + timedelta(days=1)
    if end <= max(first, begin):
        return []
    since = first if rule.count is not None else max(first, begin)
    grid = _Grid.over(since.year, end.year)
    fits = _in_period(rule, first, grid) & _fits(rule, first, grid)
    found = grid.day[fits]
    if rule.positions:
        found = found[_in_position(rule, _period(rule, grid)[fits])]
    found = found[found >= _number(first)][: rule.count]
    found = found[(found >= _number(begin)) & (found < _number(end))]
    return [_EPOCH + timedelta(days=day) for day in found.tolist()]


# --- laying out ------------------------------------------------------------------------------------------------------

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = _EPOCH.weekday()


@dataclass(frozen=True, slots=True)
class _Grid:
    """All days of some years: number since 1970, month since 1970, year; places within month and year, and their ends."""

    day: Int64s
    month: Int64s
    year: Int64s
    in_month: Int64s
    month_length: Int64s
    in_year: Int64s
    year_length: Int64s

    @classmethod
    def over(cls, first_year: int, last_year: int) -> _Grid:
        day = np.arange(_number(date(first_year, 1, 1)), _number(date(last_year + 1, 1, 1)), dtype=np.int64)
        days = day.astype("datetime64[D]")
        months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
        month_start, year_start = (_numbers(some.astype("datetime64[D]")) for some in (months, years))
        month_end, year_end = (_numbers((some + 1).astype("datetime64[D]")) for some in (months, years))
        return cls(
            day,
            _numbers(months),
            _numbers(years),
            day - month_start,
            month_end - month_start,
            day - year_start,
            year_end - year_start,
        )


def _numbers(days: NDArray[np.datetime64]) -> Int64s:
    return days.astype(np.int64)


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _period(rule: Rule, grid: _Grid) -> Int64s:
    match rule.frequency:
        case Frequency.DAILY:
            return grid.day
        case Frequency.WEEKLY:
            return (grid.day + _EPOCH_WEEKDAY - rule.week_start) // 7
        case Frequency.MONTHLY:
            return grid.month
        case Frequency.YEARLY:
            return grid.year


def _first_period(rule: Rule, first: date) -> int:
    match rule.frequency:
        case Frequency.DAILY:
            return _number(first)
        case Frequency.WEEKLY:
            return (_number(first) + _EPOCH_WEEKDAY - rule.week_start) // 7
        case Frequency.MONTHLY:
            return (first.year - _EPOCH.year) * 12 + first.month - 1
        case Frequency.YEARLY:
            return first.year - _EPOCH.year


def _in_period(rule: Rule, first: date, grid: _Grid) -> Bools:
    return (_period(rule, grid) - _first_period(rule, first)) % rule.interval == 0


def _fits(rule: Rule, first: date, grid: _Grid) -> Bools:
    """Which days the parts of a rule leave; what they do not say goes by the first day."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if not month_days and not weekdays:
        match rule.frequency:
            case Frequency.WEEKLY:
                weekdays = (Weekday(first.weekday()),)
            case Frequency.MONTHLY:
                month_days = (first.day,)
            case Frequency.YEARLY:
                months, month_days = months or (first.month,), (first.day,)
            case Frequency.DAILY:
                pass
    fits = np.ones(len(grid.day), dtype=np.bool_)
    if months:
        fits &= np.isin(grid.month % 12 + 1, months)
    if month_days:
        fits &= np.isin(grid.in_month + 1, month_days) | np.isin(grid.in_month - grid.month_length, month_days)
    if weekdays:
        by_year = rule.frequency is Frequency.YEARLY and not rule.months
        place, length = (grid.in_year, grid.year_length) if by_year else (grid.in_month, grid.month_length)
        weekday, nth, from_end = (grid.day + _EPOCH_WEEKDAY) % 7, place // 7 + 1, (place - length) // 7
        fits &= np.logical_or.reduce(
            [(weekday == w.day) & ((nth == w.nth) | (from_end == w.nth) | (w.nth == 0)) for w in weekdays]
        )
    return fits


def _in_position(rule: Rule, period: Int64s) -> Bools:
    """Of days that fit, in order, those at the positions within their period."""
    place = np.arange(len(period))
    from_start = place - np.searchsorted(period, period, "left") + 1
    from_end = place - np.searchsorted(period, period, "right")
    return np.isin(from_start, rule.positions) | np.isin(from_end, rule.positions)


# --- reading ---------------------------------------------------------------------------------------------------------

_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}", re.ASCII)
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
_WITHIN_A_DAY: Final = frozenset({"HOURLY", "MINUTELY", "SECONDLY"})


def _frequency(value: str) -> Frequency:
    known = ", ".join(Frequency)
    if value in _WITHIN_A_DAY:
        remedy = f"write one of {known}; let each occurrence last as long as it is meant to"
        raise _refused(f"FREQ={value} repeats within a day", remedy)
    if value not in list(Frequency):
        raise _refused(f"FREQ={value:.20} is no frequency", f"write FREQ= and one of {known}")
    return Frequency(value)


def _until(value: str) -> date:
    written = _DAY.fullmatch(value)
    try:
        return date(*map(int, written.groups())) if written else date.fromisoformat(value)
    except ValueError:
        raise _refused(f"UNTIL={value:.20} is no day", "write the last day as UNTIL=20261231") from None


def _number_in(name: str, value: str, least: int, most: int) -> int:
    if not _NUMBER.fullmatch(value) or not least <= int(value) <= most:
        raise _refused(f"{name}={value:.20} is out of range", f"write an integer from {least} to {most}")
    return int(value)


def _numbers_in(name: str, value: str, least: int, most: int) -> tuple[int, ...]:
    numbers = tuple(_number_in(name, part.strip(), least, most) for part in value.split(","))
    if 0 in numbers:
        raise _refused(f"{name} counts from 1, or from -1 at the end", "leave 0 out")
    return numbers


def _weekdays(value: str) -> tuple[Weekday, ...]:
    found: list[Weekday] = []
    for part in value.split(","):
        written = _WEEKDAY.fullmatch(part.strip())
        if written is None or (written[1] and not 1 <= abs(int(written[1])) <= 53):
            raise _refused(f"BYDAY={part:.20} is no weekday", f"write {', '.join(_DAYS)}; 2TU, or -1FR for the last")
        found.append(Weekday(_DAYS.index(written[2]), int(written[1] or 0)))
    return tuple(found)


def _week_start(value: str) -> int:
    if value not in _DAYS:
        raise _refused(f"WKST={value:.20} is no weekday", f"write one of {', '.join(_DAYS)}")
    return _DAYS.index(value)


_READERS: Final[Mapping[str, Callable[[Rule, str], Rule]]] = {
    "INTERVAL": lambda rule, value: replace(rule, interval=_number_in("INTERVAL", value, 1, LONGEST_INTERVAL)),
    "COUNT": lambda rule, value: replace(rule, count=_number_in("COUNT", value, 1, MOST_TIMES)),
    "UNTIL": lambda rule, value: replace(rule, until=_until(value)),
    "BYMONTH": lambda rule, value: replace(rule, months=_numbers_in("BYMONTH", value, 1, 12)),
    "BYMONTHDAY": lambda rule, value: replace(rule, month_days=_numbers_in("BYMONTHDAY", value, -31, 31)),
    "BYDAY": lambda rule, value: replace(rule, weekdays=_weekdays(value)),
    "BYSETPOS": lambda rule, value: replace(rule, positions=_numbers_in("BYSETPOS", value, -366, 366)),
    "WKST": lambda rule, value: replace(rule, week_start=_week_start(value)),
}


def _check_together(rule: Rule) -> None:
    long_periods = rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    most = 53 if rule.frequency is Frequency.YEARLY and not rule.months else 5
    if rule.count is not None and rule.until is not None:
        raise _refused("the rule has COUNT and UNTIL", "write only one of them")
    if rule.frequency is Frequency.WEEKLY and rule.month_days:
        raise _refused("weeks have no BYMONTHDAY", "write FREQ=MONTHLY, or BYDAY")
    if not long_periods and any(weekday.nth for weekday in rule.weekdays):
        raise _refused("a numbered BYDAY needs a month or a year", "write FREQ=MONTHLY, or BYDAY without numbers")
    if any(abs(weekday.nth) > most for weekday in rule.weekdays):
        raise _refused("BYDAY counts further than a month goes", "write numbers from -5 to 5")
    if rule.positions and not (long_periods and (rule.weekdays or rule.month_days)):
        raise _refused("BYSETPOS has nothing to choose from", "write FREQ=MONTHLY or YEARLY with BYDAY or BYMONTHDAY")


def _refused(message: str, remedy: str) -> Invalid:
    return Invalid(message, remedy=remedy)
