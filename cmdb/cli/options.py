"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

AsOf = Annotated[
    str | None,
    Parameter(help="A revision (12), an instant (2026-01-31T17:00:00Z), a day, or a baseline (Baseline:NAME)."),
]
Limit = Annotated[int, Parameter(name=["--limit", "-n"], help="Rows to print; 0 prints all.", validator=Number(gte=0))]
SortBy = Annotated[str, Parameter(help="A field or attribute; -name sorts backwards.", allow_leading_hyphen=True)]
Retired = Annotated[bool, Parameter(help="Retired nodes too.")]

ChangeRef = Annotated[str, Parameter(help="The change, by key.")]
ReleaseRef = Annotated[str, Parameter(help="The release, by name or key.")]

FirstMonth = Annotated[str | None, Parameter(help="The first month: 2026-03; this one if not given.")]
LastMonth = Annotated[str | None, Parameter(help="The last month.")]
ZoneOfMonths = Annotated[str, Parameter(help="The time zone of the months.")]


class Page(StrEnum):
    """What can be shown as a page, beside data."""

    HTML = "html"
