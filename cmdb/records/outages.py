"""Outages that have not ended: what does not work already."""

from __future__ import annotations

from dataclasses import dataclass

from cmdb.filters import LIVE, And, Compare, Direction, IsA, Lookup
from cmdb.nodes import Node, said
from cmdb.reading import every
from cmdb.records.kinds import AFFECTS, OUTAGE
from cmdb.store.port import Store


@dataclass(frozen=True, slots=True)
class OngoingOutage:
    """An outage that lasts, its effect (`down` or `degraded`), and the CIs it is about, by ordinal."""

    node: Node
    effect: str
    affects: tuple[int, ...]


async def ongoing_outages(store: Store) -> tuple[OngoingOutage, ...]:
    """All outages that are ongoing, by age; none where the model knows no outages. O(those and what they affect)."""
    model = await store.model()
    if model is None or OUTAGE not in model.class_by_name:
        return ()
    nodes = await every(store, And((IsA(OUTAGE), Compare("state", Lookup.EQ, "ongoing"), LIVE)))
    affects: dict[int, list[int]] = {node.ordinal: [] for node in nodes}
    for link in await store.relationships(sorted(affects), Direction.OUT, [AFFECTS]) if nodes else ():
        affects[link.source].append(link.target)
    return tuple(
        OngoingOutage(node, said(node, "outage_effect"), tuple(sorted(affects[node.ordinal]))) for node in nodes
    )
