"""When a change is to be made: a window that people write in the time of a place, kept as instants."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cmdb.changes.spans import Span, micros, text_of
from cmdb.errors import Invalid, Problem
from graph_schema.errors import did_you_mean
from graph_schema.values import instant

Zones = Callable[[str], tzinfo]
"""From an IANA name to its rules. Raises `Invalid` for a name that it does not know."""

LONGEST: Final = timedelta(days=31)
"""How long a window may be, unless the caller says otherwise."""

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Years that are believed. Rules of clocks are known for some of them and foretold for the rest."""

_LOCAL = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_OF_THIS_MACHINE = re.compile(r"(posix|right)/|localtime$|posixrules$|Factory$")
_HOW_TO_WRITE: Final = "write it as 2026-03-01T22:00"
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to, and without, `end`: canonical instants in UTC. `zone` is where people meant them.

    Raises `Invalid` for texts that are not canonical and an end that is not after the start.
    """

    start: str
    end: str
    zone: str

    def __post_init__(self) -> None:
        for name, text in (("start", self.start), ("end", self.end)):
            if not _is_canonical(text):
                raise Invalid(f"the window's {name} is {text!r:.60}", remedy="write 2026-03-01T22:00:00.000000Z")
        if self.end <= self.start:
            raise Invalid(f"the window ends at {self.end}, and starts at {self.start}", remedy="let it end later")

    @property
    def span(self) -> Span:
        """The same as numbers."""
        return Span(micros(datetime.fromisoformat(self.start)), micros(datetime.fromisoformat(self.end)))

    def overlaps(self, other: Window) -> bool:
        """Whether there is a moment in both; windows that touch do not overlap."""
        return self.start < other.end and other.start < self.end

    def local(self, zones: Zones | None = None) -> tuple[str, str]:
        """Start and end as the clocks of its zone show them, with the offset: `2026-03-01T22:00:00+01:00`."""
        zone = (zones or named_zone)(self.zone)
        start, end = (datetime.fromisoformat(text).astimezone(zone).isoformat() for text in (self.start, self.end))
        return start, end


def read_window(
    start: str, end: str, zone: str, *, now: datetime, longest: timedelta = LONGEST, zones: Zones | None = None
) -> Window:
    """The window that local times of a zone mean.

    A time is `2026-03-01T22:00`, with seconds at need. One that the clocks show twice needs the offset that tells which
    (`2026-10-25T02:30+01:00`); an offset is welcome elsewhere if it is the zone's, and `Z` names an instant.

    Raises `Invalid`, with a problem for each fault: an unknown zone, a time that is none, that the clocks skip, or show
    twice without an offset; an end that is not after the start; a start before `now`; a window longer than `longest`.
    """
    rules = (zones or named_zone)(zone)
    found: list[int] = []
    problems: list[Problem] = []
    for name, text in (("start", start), ("end", end)):
        try:
            found.append(read_local(text, zone, rules))
        except Invalid as error:
            problems.append(Problem(error.message, text[:60], name, error.remedy))
    if not problems:
        problems = list(_faults(Span(*found), micros(now), longest, (start, end)))
    if problems:
        raise Invalid(f"the window cannot be: {problems[0]}", remedy=problems[0].remedy, problems=tuple(problems))
    return Window(text_of(found[0]), text_of(found[1]), zone)


def named_zone(name: str) -> tzinfo:
    """The rules of an IANA time zone. Raises `Invalid` for another name, with the nearest that there is."""
    remedy = "write an IANA name such as Europe/Berlin, Asia/Shanghai or UTC"
    if _OF_THIS_MACHINE.match(name):
        raise Invalid(f"{name!r:.60} is what this machine calls a time zone", remedy=remedy)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        remedy = did_you_mean(name, available_timezones()) or remedy
        raise Invalid(f"{name!r:.60} is no time zone", remedy=remedy) from None


class Showing(Enum):
    """How often the clocks of a zone show a time."""

    ONCE = 1
    NEVER = 0
    TWICE = 2


@dataclass(frozen=True, slots=True)
class Clocks:
    """The instants at which clocks show a time, the `first` and the `last` of them.

    For a time that is skipped both are the instant of the jump, and the clocks go `from_local` `to_local` there.
    """

    showing: Showing
    first: int
    last: int
    from_local: datetime
    to_local: datetime


def on_the_clocks(local: datetime, rules: tzinfo) -> Clocks:
    """When clocks under these rules show `local`, which has no zone. Later times are never shown earlier."""
    before, after = _offset(local, rules, 0), _offset(local, rules, 1)
    if before == after:
        at = _instant(local, before)
        return Clocks(Showing.ONCE, at, at, local, local)
    if before > after:
        return Clocks(Showing.TWICE, _instant(local, before), _instant(local, after), local, local)
    jump = _jump((local - after).replace(tzinfo=UTC), (local - before).replace(tzinfo=UTC), rules, after)
    at = micros(jump)
    here = jump.replace(tzinfo=None)
    return Clocks(Showing.NEVER, at, at, here + before, here + after)


def parse_local(text: str) -> tuple[datetime, str]:
    """A local time without its zone, and the offset behind it as written, or nothing.

    Raises `Invalid` for what is no time, and for years that nobody plans in.
    """
    written = _LOCAL.fullmatch(text.strip())
    if written is None:
        raise Invalid(f"{text!r:.60} is no local time", remedy=_HOW_TO_WRITE)
    try:
        local = datetime.fromisoformat(f"{written[1]}T{written[2]}")
    except ValueError:
        raise Invalid(f"{text!r:.60} is no day or time of the calendar", remedy=_HOW_TO_WRITE) from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise Invalid(f"{text!r:.60} is too far away", remedy=f"write a year from {FIRST_YEAR} to {LAST_YEAR}")
    return local, written[3] or ""


def read_local(text: str, zone: str, rules: tzinfo) -> int:
    """The instant that a local time means, in microseconds. Raises `Invalid` as `read_window`."""
    local, offset = parse_local(text)
    if offset == "Z":
        return micros(local.replace(tzinfo=UTC))
    clocks = on_the_clocks(local, rules)
    if clocks.showing is Showing.NEVER:
        before, after = clocks.from_local.isoformat(" "), clocks.to_local.isoformat(" ")
        raise Invalid(
            f"{local.isoformat(' ')} does not exist in {zone}: the clocks go from {before} to {after}",
            remedy=f"write a time before {clocks.from_local.isoformat()}, or from {clocks.to_local.isoformat()} on",
        )
    shown = {_offset_text(local, at): at for at in (clocks.first, clocks.last)}
    if offset:
        if offset not in shown:
            raise Invalid(
                f"{local.isoformat(' ')} in {zone} is at {' or '.join(shown)} from UTC, not {offset}",
                remedy=f"write {local.isoformat()}{next(iter(shown))}, or leave the offset out",
            )
        return shown[offset]
    if clocks.showing is Showing.TWICE:
        raise Invalid(
            f"the clocks in {zone} show {local.isoformat(' ')} twice",
            remedy="write " + " or ".join(local.isoformat() + known for known in shown),
        )
    return clocks.first


def _faults(span: Span, now: int, longest: timedelta, texts: tuple[str, str]) -> list[Problem]:
    start, end = texts
    length = timedelta(microseconds=span.end - span.begin)
    problems: list[Problem] = []
    if span.end <= span.begin:
        problems.append(Problem(f"it ends before or when it starts ({start})", end[:60], "end", "let it end later"))
    elif length > longest:
        message = f"the window lasts {length}, at most {longest} are allowed"
        problems.append(Problem(message, end[:60], "end", "make it shorter, or make several changes of it"))
    if span.begin < now:
        message = f"it is in the past: now is {text_of(now)}"
        problems.append(Problem(message, start[:60], "start", "let it start later"))
    return problems


def _jump(early: datetime, late: datetime, rules: tzinfo, after: timedelta) -> datetime:
    """The second at which clocks jump to the offset `after`, between an instant before it and one from it on."""
    early, late = early.replace(microsecond=0), late.replace(microsecond=0) + _SECOND
    while late - early > _SECOND:
        middle = early + (late - early) // (2 * _SECOND) * _SECOND
        if middle.astimezone(rules).utcoffset() == after:
            late = middle
        else:
            early = middle
    return late


def _offset(local: datetime, rules: tzinfo, fold: int) -> timedelta:
    return local.replace(tzinfo=rules, fold=fold).utcoffset() or timedelta()


def _instant(local: datetime, offset: timedelta) -> int:
    return micros((local - offset).replace(tzinfo=UTC))


def _offset_text(local: datetime, at: int) -> str:
    offset = micros(local.replace(tzinfo=UTC)) - at
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60_000_000
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _is_canonical(text: str) -> bool:
    try:
        return instant(datetime.fromisoformat(text)) == text
    except ValueError:
        return False
