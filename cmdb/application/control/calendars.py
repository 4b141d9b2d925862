"""Freezes and maintenance windows, with the CIs that they are about."""

from __future__ import annotations

import numpy as np

from cmdb.application.opening import Application
from cmdb.changes.calendars import Calendar, Everywhere, Purpose, read_calendar
from cmdb.changes.record import CALENDAR
from cmdb.filters import LIVE, And, IsA
from cmdb.nodes import said
from cmdb.reading import every, parse_filter


async def calendars(application: Application) -> list[Calendar]:
    """All calendars in force, with the CIs that they are about. O(calendars), and O(n) for each that has a filter."""
    store, model = application.store, await application.model()
    found: list[Calendar] = []
    for node in await every(store, And((IsA(CALENDAR), LIVE))):
        where = said(node, "applies_where")
        scope = (await store.accepted(parse_filter(where, model))).astype(np.int32) if where else Everywhere.ALL
        found.append(
            read_calendar(
                node.name,
                Purpose(said(node, "calendar_kind")),
                said(node, "starts_local"),
                said(node, "ends_local"),
                said(node, "time_zone"),
                rule=said(node, "recurrence"),
                scope=scope,
            )
        )
    return found
