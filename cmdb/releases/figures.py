"""How releases succeed and fail, month by month. Pure.

A release counts in the month in which its deployment ended, by how it stands now: one that was deployed and failed
afterwards is a failure of the month in which it failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Final

from cmdb.errors import Invalid
from cmdb.nodes import said
from cmdb.releases.record import Kind, Release

MOST_MONTHS: Final = 600
"""Months that may be asked for at once."""

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class MonthOfReleases:
    """How many deployments ended in a month such as `2026-03`, and how; `emergencies` are among them.

    `failed` are those that are not backed out yet.
    """

    month: str
    successful: int = 0
    failed: int = 0
    backed_out: int = 0
    emergencies: int = 0

    @property
    def ended(self) -> int:
        """All that ended."""
        return self.successful + self.failed + self.backed_out

    @property
    def success_rate(self) -> Fraction | None:
        """Percent of those that ended; None where none did."""
        return Fraction(100 * self.successful, self.ended) if self.ended else None


def releases_by_month(
    releases: Iterable[Release], first: str, last: str, clocks: tzinfo
) -> tuple[MonthOfReleases, ...]:
    """The figures of all months from `first` to `last`, as a zone's calendar has them. O(releases + months).

    Raises Invalid for what is no month, a last one before the first, and more than `MOST_MONTHS`.
    """
    by_month: dict[str, list[Release]] = {month: [] for month in _months(first, last)}
    for release in releases:
        if ended := said(release.node, "ended_at"):
            month = datetime.fromisoformat(ended).astimezone(clocks).strftime("%Y-%m")
            by_month.get(month, []).append(release)
    return tuple(_counted(month, found) for month, found in by_month.items())


def _counted(month: str, found: list[Release]) -> MonthOfReleases:
    outcomes = [said(release.node, "outcome") for release in found]
    return MonthOfReleases(
        month=month,
        successful=outcomes.count("successful"),
        failed=outcomes.count("failed"),
        backed_out=outcomes.count("backed_out"),
        emergencies=sum(release.kind is Kind.EMERGENCY for release in found),
    )


def _months(first: str, last: str) -> list[str]:
    begin, end = _number(first), _number(last)
    if end < begin:
        raise Invalid(f"{last} is before {first}", remedy="let the last month come after the first")
    if end - begin >= MOST_MONTHS:
        raise Invalid(f"{end - begin + 1} months are asked for", remedy=f"ask for at most {MOST_MONTHS}")
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(begin, end + 1)]


def _number(month: str) -> int:
    written = _MONTH.fullmatch(month)
    if written is None:
        raise Invalid(f"{month!r:.30} is no month", remedy="write it as 2026-03")
    return int(written[1]) * 12 + int(written[2]) - 1
