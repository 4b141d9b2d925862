"""How releases succeed and fail, month by month. Pure.

A release counts in the month in which its deployment ended, by how it stands now: one that was deployed and failed
afterwards is a failure of the month in which it failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction

from cmdb.changes.months import months
from cmdb.nodes import said
from cmdb.releases.record import Kind, Release


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

    Raises Invalid for what are no months; see `cmdb.changes.months`.
    """
    by_month: dict[str, list[Release]] = {str(month): [] for month in months(first, last)}
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
