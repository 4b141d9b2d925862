"""Incidents, problems and known errors: which there were on some CIs, and how they are settled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cmdb.changeset import Patch, Put
from cmdb.filters import Direction
from cmdb.nodes import Node, said
from cmdb.records.kinds import AFFECTS, INCIDENT, KNOWN_ERROR, PROBLEM
from cmdb.store.port import Store
from graph_schema.metamodel import Model
from graph_schema.values import instant

SETTLED: Final = {INCIDENT: "resolved", PROBLEM: "resolved", KNOWN_ERROR: "fixed"}
"""The state in which each waits for nothing but to be closed."""


async def incidents_on(store: Store, ordinals: Iterable[int], since: datetime) -> list[Node]:
    """Incidents that were reported on these CIs since then, by age. O(records on these CIs).

    Cancelled ones are left out. There are none where the model knows no incidents.
    """
    model = await store.model()
    if model is None or INCIDENT not in model.class_by_name:
        return []
    links = await store.relationships(sorted(ordinals), Direction.IN, [AFFECTS])
    found = await store.nodes(sorted({link.source for link in links})) if links else []
    begin = instant(since)
    return [
        node
        for node in found
        if node.class_name == INCIDENT and node.state != "cancelled" and said(node, "reported_at") >= begin
    ]


def settled(node: Node, model: Model, *, how: str, now: str) -> Put | None:
    """What settles a record: its state, how and when; None where it has no such state, or cannot go there from its own."""
    state = SETTLED.get(node.class_name)
    if state is None or state == node.state or not model.lifecycle_of[node.class_name].allows(node.state, state):
        return None
    said_already = bool(said(node, "resolution"))
    patch: Patch = {"resolved_at": now} if said_already else {"resolved_at": now, "resolution": how}
    return Put(node=node.ordinal, state=state, attributes=patch, expects=node.version)
