"""Changes as far as they can be in each other's way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from cmdb.application.assessing import SERVICE
from cmdb.application.control.ongoing import faults_of
from cmdb.changes import Change, Stage
from cmdb.changes.collisions import Work
from cmdb.changes.joint import Outage
from cmdb.changes.record import IMPACTS
from cmdb.changes.spans import Span, micros
from cmdb.filters import Direction
from cmdb.projection.columns import Int32s
from cmdb.store.port import Store

OPEN_STAGES: Final = (Stage.SUBMITTED, Stage.ASSESSED, Stage.APPROVED, Stage.SCHEDULED, Stage.IMPLEMENTING)
"""Changes that are shown as being in each other's way."""

FIRM_STAGES: Final = (Stage.SCHEDULED, Stage.IMPLEMENTING)
"""Changes that others must not be scheduled against."""


@dataclass(frozen=True, eq=False, slots=True)
class Doing:
    """A change, what others may be in the way of, and what it takes down."""

    change: Change
    work: Work
    outage: Outage


async def doings(store: Store, changes: Sequence[Change], otherwise: Span | None = None) -> list[Doing]:
    """The changes in their order, those without a window left out, or as if it were `otherwise`.

    O(what they touch and have an impact on), in three statements.
    """
    model = await store.model()
    classes = frozenset(model.descendants.get(SERVICE, ())) if model is not None else frozenset[str]()
    planned = [(change, span) for change in changes if (span := span_of(change) or otherwise) is not None]
    impacts: dict[int, list[int]] = {change.node.ordinal: [] for change, _ in planned}
    for link in await store.relationships(sorted(impacts), Direction.OUT, [IMPACTS]) if planned else ():
        impacts[link.source].append(link.target)
    named = {o for some in impacts.values() for o in some} | {o for change, _ in planned for o in change.touches}
    services = {node.ordinal for node in await store.nodes(sorted(named)) if node.class_name in classes}
    return [_doing(change, span, impacts[change.node.ordinal], services) for change, span in planned]


def span_of(change: Change) -> Span | None:
    """The window of a change."""
    if change.window is None:
        return None
    start, end = (micros(datetime.fromisoformat(text)) for text in change.window)
    return Span(start, end)


def _doing(change: Change, span: Span, impacts: Sequence[int], services: set[int]) -> Doing:
    hit = services & {*impacts, *change.touches}
    down = [ordinal for ordinal, fault in faults_of(change).items() if fault == "down"]
    work = Work(
        change.key, span, _column(change.touches), _column(impacts), _column(hit), tuple(sorted(change.implementers))
    )
    return Doing(change, work, Outage(change.key, span, _column(down)))


def _column(ordinals: Iterable[int]) -> Int32s:
    return np.array(sorted(ordinals), dtype=np.int32)
