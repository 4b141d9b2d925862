"""What changes are weighed by: risk part by part, free slots, and the figures of each month."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from api.graphql.nodes import Label, label_of
from api.graphql.paging import checked_first
from api.graphql.reading import View
from api.graphql.scalars import DateTime
from cmdb.application.control import change_kpis, next_slots
from cmdb.changes import Change
from cmdb.changes.kpis import Kpi, Measure
from cmdb.changes.risk import Risk
from cmdb.errors import Usage
from graph_schema.values import instant

FARTHEST = 3_660
"""Days that slots are looked for ahead."""

LONGEST = 525_600
"""Minutes that a slot may last."""

strawberry.enum(Measure, name="ChangeMeasure", description="What is measured of changes, by month.")


@strawberry.type(description="What a part of the risk counted, and the points for it before the limit.")
class RiskFact:
    """See `cmdb.changes.risk.Fact`."""

    what: str
    count: int
    points: int
    keys: list[str]


@strawberry.type(description="A part of the risk: its points, of the `most` that it can give, and why.")
class RiskPart:
    """See `cmdb.changes.risk.RiskPart`."""

    name: str
    label: Label
    points: int
    most: int
    facts: list[RiskFact]


@strawberry.type(description="How risky a change is: 0 to 100, the sum of its parts, by the weights of a version.")
class ChangeRisk:
    """See `cmdb.changes.risk.Risk`."""

    score: int
    level: str
    level_label: Label
    version: str
    parts: list[RiskPart]


@strawberry.type(description="A time at which a change is in nobody's way.")
class ChangeSlot:
    """See `cmdb.application.control.Slot`."""

    start: DateTime = strawberry.field(name="from")
    end: DateTime = strawberry.field(name="until")


@strawberry.type(description="A figure of a month beside its target; null where there was nothing to measure.")
class ChangeKpi:
    """See `cmdb.changes.kpis.Kpi`."""

    measure: Measure
    label: Label
    value: float | None
    of: int = strawberry.field(description="So many changes were measured.")
    at_least: float | None
    at_most: float | None
    met: bool | None


@strawberry.type(description="The figures of a month such as `2026-03`, by the targets of a version.")
class MonthOfChanges:
    """See `cmdb.changes.kpis.MonthOfChanges`."""

    month: str
    version: str
    kpis: list[ChangeKpi]


def shown_risk(risk: Risk) -> ChangeRisk:
    """A risk as a GraphQL source."""
    return ChangeRisk(
        score=risk.score,
        level=risk.level,
        level_label=label_of(risk.level_label),
        version=risk.version,
        parts=[
            RiskPart(
                name=part.name,
                label=label_of(part.label),
                points=part.points,
                most=part.most,
                facts=[
                    RiskFact(what=fact.what, count=fact.count, points=fact.points, keys=list(fact.keys))
                    for fact in part.facts
                ],
            )
            for part in risk.parts
        ],
    )


async def slots_of(view: View, change: Change, count: int, minutes: int | None, days: int) -> list[ChangeSlot]:
    """The next times for a change. Raises Usage for numbers out of bounds, Invalid where nobody knows how long it takes."""
    checked_first(count)
    if not 1 <= days <= FARTHEST:
        raise Usage(f"days is {days}", remedy=f"look ahead 1 to {FARTHEST} days")
    if minutes is not None and not 1 <= minutes <= LONGEST:
        raise Usage(f"minutes is {minutes}", remedy=f"ask for 1 to {LONGEST} minutes")
    lasts = None if minutes is None else timedelta(minutes=minutes)
    found = await next_slots(view.reading.application, change, count=count, duration=lasts, days=days)
    return [ChangeSlot(start=DateTime(instant(slot.start)), end=DateTime(instant(slot.end))) for slot in found]


async def months_of_changes(view: View, first: str | None, last: str | None, zone: str) -> list[MonthOfChanges]:
    """The figures by month. O(changes · months)."""
    found = await change_kpis(view.reading.application, first, last, zone=zone)
    return [
        MonthOfChanges(month=month.month, version=month.version, kpis=[_kpi(kpi) for kpi in month.kpis])
        for month in found
    ]


def _kpi(kpi: Kpi) -> ChangeKpi:
    least, most = kpi.target.at_least, kpi.target.at_most
    return ChangeKpi(
        measure=kpi.measure,
        label=label_of(kpi.label),
        value=None if kpi.value is None else float(kpi.value),
        of=kpi.of,
        at_least=None if least is None else float(least),
        at_most=None if most is None else float(most),
        met=kpi.met,
    )
