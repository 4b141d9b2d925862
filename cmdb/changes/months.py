"""Months of a calendar, one after the other, as figures are asked for. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cmdb.errors import Invalid

MOST_MONTHS: Final = 600
"""Months that may be asked for at once."""

_WRITTEN: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_EVERY_YEAR: Final = range(10_000)


class Month(NamedTuple):
    """A month, written `2026-03`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def next(self) -> Month:
        """The one after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)


def months(first: str, last: str, years: range = _EVERY_YEAR) -> list[Month]:
    """All months from `first` to `last`.

    Raises `Invalid` for what is no month in these years, a last one before the first, and more than `MOST_MONTHS`.
    """
    month, end = _read(first, years), _read(last, years)
    if end < month:
        raise Invalid(f"{last} is before {first}", remedy="let the last month come after the first")
    count = 12 * (end.year - month.year) + end.number - month.number + 1
    if count > MOST_MONTHS:
        raise Invalid(f"{count} months are asked for", remedy=f"ask for at most {MOST_MONTHS}")
    found = [month]
    while month != end:
        found.append(month := month.next)
    return found


def _read(text: str, years: range) -> Month:
    written = _WRITTEN.fullmatch(text)
    if written is None or int(written[1]) not in years:
        raise Invalid(f"{text!r:.30} is no month", remedy="write it as 2026-03")
    return Month(int(written[1]), int(written[2]))
