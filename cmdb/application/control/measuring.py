"""How well change control does: the changes and refusals of the graph as rows for the key figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_of
from cmdb.changes.kpis import ChangeRow, MonthOfChanges, kpis_by_month
from cmdb.changes.record import CHANGE
from cmdb.changes.spans import micros
from cmdb.changes.windows import named_zone
from cmdb.filters import LIVE, And, IsA
from cmdb.nodes import said, whole
from cmdb.reading import every
from cmdb.store.port import Store


async def change_kpis(
    application: Application, first: str | None = None, last: str | None = None, *, zone: str = "UTC"
) -> tuple[MonthOfChanges, ...]:
    """The key figures of each month from `first` to `last` (`2026-03`), this one if none is named. O(changes · months)."""
    clocks, now = named_zone(zone), application.clock()
    this = now.astimezone(clocks).strftime("%Y-%m")
    nodes = await every(application.store, And((IsA(CHANGE), LIVE)))
    rows = [row for change in await changes_of(application.store, nodes) if (row := _row(change)) is not None]
    refusals = await _refusals(application.store)
    return kpis_by_month(rows, refusals, first or last or this, last or this, clocks, now)


def _row(change: Change) -> ChangeRow | None:
    """A change as it is measured; a draft is not."""
    node = change.node
    submitted = _instant(change, "submitted_at")
    if submitted is None:
        return None
    due = said(node, "review_due")
    done = change.stage in {Stage.REVIEWED, Stage.CLOSED, Stage.ARCHIVED}
    return ChangeRow(
        kind=change.kind,
        submitted=submitted,
        ended=_instant(change, "ended_at"),
        succeeded=said(node, "outcome") in {"", "successful", "with_deviations"},
        closed=_instant(change, "closed_at"),
        reapprovals=whole(node, "reapprovals"),
        review_due=date.fromisoformat(due) if due else None,
        reviewed=(_instant(change, "reviewed_at") or 0) if done else None,
    )


def _instant(change: Change, attribute: str) -> int | None:
    text = said(change.node, attribute)
    return micros(datetime.fromisoformat(text)) if text else None


async def _refusals(store: Store) -> list[int]:
    """The beginning of the day, in UTC, of each refused operation. O(refusals)."""
    nodes = await every(store, IsA("Refusal"))
    days = {
        node.ordinal: micros(datetime.combine(date.fromisoformat(said(node, "refused_on")), time(), UTC))
        for node in nodes
    }
    return [days[node.ordinal] for node in nodes for _ in range(whole(node, "refusals"))]
