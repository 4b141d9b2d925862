"""How well change control does, month by month, beside what it is to reach.

| measure | of a month |
| --- | --- |
| `success_rate` | percent of the changes that ended in it that succeeded |
| `emergency_share` | percent of the changes that ended in it that were emergencies |
| `unauthorised_refused` | operations without authority that were refused in it |
| `backlog` | changes submitted before its end and not closed by then |
| `lead_time_median`, `lead_time_90` | hours from submission to the end, of those that ended in it |
| `reapprovals` | how often approval fell, of the changes that ended in it |
| `overdue_reviews` | changes whose review was due on a day that was over at its end, and not done by then |

All values are exact. A quantile is the smallest lead time that at least so many are not longer than (nearest rank).
A month that is not over counts as it is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil
from typing import Annotated, Final

from pydantic import Field

from cmdb.changes.months import months
from cmdb.changes.record import Kind
from cmdb.changes.spans import micros, moment_of
from cmdb.changes.weights import Strict, Version, read_weights, shipped
from cmdb.changes.windows import FIRST_YEAR, LAST_YEAR, on_the_clocks
from graph_schema.metamodel import Label
from graph_schema.yaml_tree import Path

_FILE: Final = "kpis.yaml"
_YEARS: Final = range(FIRST_YEAR, LAST_YEAR + 1)
_HOUR: Final = 3_600_000_000


class Measure(StrEnum):
    """What is measured; see above."""

    SUCCESS_RATE = "success_rate"
    EMERGENCY_SHARE = "emergency_share"
    UNAUTHORISED_REFUSED = "unauthorised_refused"
    BACKLOG = "backlog"
    LEAD_TIME_MEDIAN = "lead_time_median"
    LEAD_TIME_90 = "lead_time_90"
    REAPPROVALS = "reapprovals"
    OVERDUE_REVIEWS = "overdue_reviews"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change as far as it is measured; instants in microseconds (`cmdb.changes.spans.micros`).

    `ended` is when its implementation was over, with `succeeded` saying how; `closed` when it was closed, or cancelled,
    or rejected for good.
    """

    kind: Kind
    submitted: int
    ended: int | None = None
    succeeded: bool = False
    closed: int | None = None
    reapprovals: int = 0
    review_due: date | None = None
    reviewed: int | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """A value, None where there was nothing to measure, `of` so many; and whether it reaches the target, if both are."""

    measure: Measure
    label: Label
    value: Fraction | None
    of: int
    target: Target
    met: bool | None


@dataclass(frozen=True, slots=True)
class MonthOfChanges:
    """The measures of a month such as `2026-03`, by the targets of this version."""

    month: str
    version: str
    kpis: tuple[Kpi, ...]


def kpis_by_month(
    changes: Sequence[ChangeRow],
    refusals: Sequence[int],
    first: str,
    last: str,
    clocks: tzinfo,
    now: datetime,
    targets: Targets | None = None,
) -> tuple[MonthOfChanges, ...]:
    """The measures of all months from `first` to `last`, as the calendar of a zone has them.

    `refusals` are the instants at which operations without authority were refused. Months that have not begun by `now`
    are left out. Targets are those that are shipped if none are given. Raises `Invalid` for what are no months; see
    `cmdb.changes.months`. O(changes · months).
    """
    targets = targets or shipped_targets()
    asked = months(first, last, _YEARS)
    begins = [on_the_clocks(datetime(*month, 1), clocks).first for month in (*asked, asked[-1].next)]  # noqa: DTZ001 - the zone's clocks
    at = micros(now)
    return tuple(
        MonthOfChanges(
            str(month),
            targets.version,
            tuple(_month(changes, refusals, _Month(begin, min(end, at), clocks), targets)),
        )
        for month, (begin, end) in zip(asked, pairwise(begins), strict=True)
        if begin <= at
    )


# --- the targets -----------------------------------------------------------------------------------------------------

_Limit = Annotated[Decimal, Field(ge=0, max_digits=12)]


class Target(Strict):
    """What a measure is called, and what it is to reach, if anything."""

    label: Label
    at_least: _Limit | None = None
    at_most: _Limit | None = None

    def met_by(self, value: Fraction) -> bool | None:
        """Whether the value reaches it; None without a target."""
        if self.at_least is not None:
            return value >= Fraction(self.at_least)
        return None if self.at_most is None else value <= Fraction(self.at_most)


class Targets(Strict):
    """The whole file: a target for each measure."""

    version: Version
    measures: dict[Measure, Target]

    def faults(self) -> Iterator[tuple[Path, str, str]]:
        """All measures are there, and a target goes one way."""
        for measure in Measure:
            target = self.measures.get(measure)
            if target is None:
                yield ("measures",), f"`{measure}` is missing", f"add `{measure}:` with a label"
            elif target.at_least is not None and target.at_most is not None:
                yield ("measures", measure.value), "has `at_least` and `at_most`", "write one of them"


def read_targets(file: str, content: bytes) -> Targets:
    """Targets from YAML. Raises `Invalid` with the line of each fault."""
    return read_weights(Targets, file, content)


@cache
def shipped_targets() -> Targets:
    """Those of `kpis.yaml`."""
    return shipped(Targets, _FILE)


# --- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Month:
    """From `begin` up to, and without, `end`, which is its own or now."""

    begin: int
    end: int
    clocks: tzinfo

    def has(self, at: int | None) -> bool:
        return at is not None and self.begin <= at < self.end

    def is_before_end(self, at: int | None) -> bool:
        return at is not None and at < self.end

    @property
    def last_day(self) -> date:
        """The day that it is on when the month ends, in the zone; a due day before it is over."""
        return moment_of(self.end).astimezone(self.clocks).date()


def _month(changes: Sequence[ChangeRow], refusals: Sequence[int], month: _Month, targets: Targets) -> list[Kpi]:
    ended = [change for change in changes if month.has(change.ended)]
    lead = sorted(change.ended - change.submitted for change in ended if change.ended is not None)
    submitted = [change for change in changes if month.is_before_end(change.submitted)]
    waiting = sum(not month.is_before_end(change.closed) for change in submitted)
    overdue = sum(
        change.review_due is not None
        and change.review_due < month.last_day
        and not month.is_before_end(change.reviewed)
        for change in submitted
    )
    values: list[tuple[Measure, Fraction | None, int]] = [
        (Measure.SUCCESS_RATE, _percent(sum(change.succeeded for change in ended), len(ended)), len(ended)),
        (
            Measure.EMERGENCY_SHARE,
            _percent(sum(change.kind is Kind.EMERGENCY for change in ended), len(ended)),
            len(ended),
        ),
        (Measure.UNAUTHORISED_REFUSED, Fraction(sum(map(month.has, refusals))), len(refusals)),
        (Measure.BACKLOG, Fraction(waiting), len(submitted)),
        (Measure.LEAD_TIME_MEDIAN, _quantile(lead, Fraction(1, 2)), len(lead)),
        (Measure.LEAD_TIME_90, _quantile(lead, Fraction(9, 10)), len(lead)),
        (Measure.REAPPROVALS, Fraction(sum(change.reapprovals for change in ended)), len(ended)),
        (Measure.OVERDUE_REVIEWS, Fraction(overdue), len(submitted)),
    ]
    return [_kpi(measure, value, of, targets.measures[measure]) for measure, value, of in values]


def _kpi(measure: Measure, value: Fraction | None, of: int, target: Target) -> Kpi:
    return Kpi(measure, target.label, value, of, target, None if value is None else target.met_by(value))


def _percent(some: int, of: int) -> Fraction | None:
    return Fraction(100 * some, of) if of else None


def _quantile(lead: Sequence[int], share: Fraction) -> Fraction | None:
    """In hours."""
    return Fraction(lead[ceil(share * len(lead)) - 1], _HOUR) if lead else None
