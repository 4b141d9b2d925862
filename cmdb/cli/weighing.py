"""change collisions, slots, risk, kpis: what a change is weighed by."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter

from cmdb.application.control import (
    OPEN_STAGES,
    certificate,
    change_kpis,
    collisions_with,
    next_slots,
    open_collisions,
    risk_of_change,
)
from cmdb.changes import load_change
from cmdb.changes.kpis import Target
from cmdb.changes.windows import named_zone
from cmdb.cli.options import ChangeRef, FirstMonth, LastMonth, ZoneOfMonths
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value
from cmdb.cli.session import Common, opened, run
from cmdb.nodes import said


def collisions(
    ref: Annotated[str | None, Parameter(help="The change, by key; all that are open if none is named.")] = None,
    /,
    *,
    first: Annotated[int, Parameter(help="How many, of all that are open.")] = 50,
    common: Common | None = None,
) -> None:
    """Show what it meets: other open changes, freezes, maintenance windows, people in two places; or who meets whom."""
    run(_all_collisions(common or Common(), first) if ref is None else _collisions(common or Common(), ref))


async def _all_collisions(common: Common, first: int) -> None:
    async with opened(common) as application:
        found = await open_collisions(application, first=first)
        rows: list[dict[str, Json]] = [
            {
                "first": row.first.key,
                "second": row.second.key,
                "from": row.begin,
                "until": row.end,
                "in": list(row.what),
            }
            for row in found.rows
        ]
        print_rows(rows, ("first", "second", "from", "until", "in"), common.output)
        shown = "" if found.total == len(rows) else f", the first {len(rows)} are shown"
        err.print(f"{found.total} collisions{shown}" if found.total else "no two open changes are in each other's way")


async def _collisions(common: Common, ref: str) -> None:
    async with opened(common) as application:
        change = await load_change(application.store, ref)
        lines = await collisions_with(application, change, OPEN_STAGES)
        print_rows([{"key": change.key, "collision": line} for line in lines], ("collision",), common.output)
        err.print(f"{len(lines)} collisions" if lines else "nothing is in its way")


def slots(
    ref: ChangeRef,
    /,
    *,
    count: Annotated[int, Parameter(help="How many.")] = 5,
    lasts: Annotated[int | None, Parameter(help="Minutes it takes; as long as its window if not given.")] = None,
    days: Annotated[int, Parameter(help="How far ahead to look.")] = 60,
    common: Common | None = None,
) -> None:
    """Show the next times at which it is in nobody's way."""
    run(_slots(common or Common(), ref, count, None if lasts is None else timedelta(minutes=lasts), days))


async def _slots(common: Common, ref: str, count: int, duration: timedelta | None, days: int) -> None:
    async with opened(common) as application:
        change = await load_change(application.store, ref)
        zone = named_zone(said(change.node, "time_zone") or "UTC")
        found = await next_slots(application, change, count=count, duration=duration, days=days)
        rows = [
            {"from": slot.start.astimezone(zone).isoformat(), "until": slot.end.astimezone(zone).isoformat()}
            for slot in found
        ]
        print_rows(rows, ("from", "until"), common.output)
        if len(found) < count:
            err.print(f"{len(found)} within {days} days")


def risk(ref: ChangeRef, /, *, common: Common | None = None) -> None:
    """Show how risky it is, part by part."""
    run(_risk(common or Common(), ref))


async def _risk(common: Common, ref: str) -> None:
    async with opened(common) as application:
        change = await load_change(application.store, ref)
        answer, _ = await certificate(application, change)
        found = await risk_of_change(
            application, change, answer, await collisions_with(application, change, OPEN_STAGES)
        )
        rows = [
            {
                "part": part.label.en,
                "chinese": part.label.zh,
                "points": part.points,
                "most": part.most,
                "because": "; ".join(
                    f"{fact.count} {fact.what.replace('_', ' ')}{': ' if fact.keys else ''}{', '.join(fact.keys)}"
                    for fact in part.facts
                ),
            }
            for part in found.parts
        ]
        if common.output is Format.TABLE:
            out.print(f"{change.key}: {found.score} of 100, {found.level_label.en} · {found.level_label.zh}")
            print_rows(rows, ("part", "chinese", "points", "most", "because"), common.output)
        else:
            print_value(
                {
                    "key": change.key,
                    "score": found.score,
                    "level": found.level,
                    "version": found.version,
                    "parts": rows,
                },
                common.output,
            )


def kpis(
    first: FirstMonth = None,
    last: LastMonth = None,
    /,
    *,
    zone: ZoneOfMonths = "UTC",
    common: Common | None = None,
) -> None:
    """Show how well change control does, month by month, beside its targets."""
    run(_kpis(common or Common(), first, last, zone))


async def _kpis(common: Common, first: str | None, last: str | None, zone: str) -> None:
    async with opened(common) as application:
        rows = [
            {
                "month": month.month,
                "figure": kpi.label.en,
                "chinese": kpi.label.zh,
                "value": None if kpi.value is None else f"{float(kpi.value):.10g}",
                "of": kpi.of,
                "target": _target(kpi.target),
                "met": kpi.met,
            }
            for month in await change_kpis(application, first, last, zone=zone)
            for kpi in month.kpis
        ]
        print_rows(rows, ("month", "figure", "chinese", "value", "of", "target", "met"), common.output)


def _target(target: Target) -> str:
    if target.at_least is not None:
        return f"≥ {target.at_least}"
    return "" if target.at_most is None else f"≤ {target.at_most}"
