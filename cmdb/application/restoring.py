"""The way back to a baseline, checked against the door's rules. Nothing is written: it is for a change to carry out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cmdb.application.baselines import find_baseline
from cmdb.application.comparing import NOW, Comparison, Side, compare_sides, side_of
from cmdb.application.opening import Application
from cmdb.application.planning import decided
from cmdb.baselines import Filtered
from cmdb.baselines.comparing import Differences
from cmdb.baselines.content import items_of
from cmdb.baselines.restoring import Impossible, WayBack, way_back
from cmdb.changeset import ChangeSet, Link, Operation, Put, Retire, Unlink
from cmdb.errors import Conflict, Invalid
from cmdb.reading import nodes_by_ordinal

_ROUNDS: Final = 20
"""How often operations that the door refuses are left out, as leaving one out may make another impossible."""

_PLACE: Final = re.compile(r"^operation (\d+)$")


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """How to get from now, `revision`, back to what `before` was.

    `operations` are accepted by the door as things stand, `touches` the ordinals of the nodes there are that they alter, and
    `impossible` is what they do not lead back, and why.
    """

    before: Side
    revision: int
    operations: ChangeSet
    touches: tuple[int, ...]
    impossible: tuple[Impossible, ...]


async def restore_plan(
    application: Application, reference: str, where: str | None = None, *, replace_retired: bool = False
) -> RestorePlan:
    """The operations that lead back to a baseline, or to the part of it that a filter accepts, then or now.

    A relationship belongs to the part if one of its ends does. With `replace_retired` a node that was retired since gets a
    new one in its place. Raises NotFound, Usage, and Conflict when somebody writes meanwhile. O(differences).
    """
    baseline = await find_baseline(application, reference)
    before = await side_of(application, baseline.key)
    return await lead_back(application, before, where, replace_retired=replace_retired)


async def lead_back(
    application: Application, before: Side, where: str | None = None, *, replace_retired: bool = False
) -> RestorePlan:
    """The operations that lead back to one side of a comparison; see `restore_plan`."""
    after = replace(await side_of(application, NOW), scope=before.scope)
    comparison = await compare_sides(before, after, either=True)
    found = comparison.differences if where is None else await _part(comparison, Filtered(where))
    concerned = {one.node.ordinal for one in found.nodes}
    concerned |= {end.ordinal for one in found.relationships for end in (one.source, one.target)}
    now = await nodes_by_ordinal(application.store, concerned, after.revision)
    way = way_back(found, now, await application.model(), replace=replace_retired)
    checked = await _checked(application, way, after.revision)
    touches = sorted({ordinal for operation in checked.operations for ordinal in _touched(operation)})
    return RestorePlan(before, after.revision, ChangeSet(checked.operations), tuple(touches), checked.impossible)


async def _part(comparison: Comparison, scope: Filtered) -> Differences:
    sides = (comparison.before, comparison.after)
    wanted = [await items_of(side.store, side.follower, scope, side.revision) for side in sides]
    part = set(np.union1d(*wanted).tolist())
    found = comparison.differences
    return Differences(
        tuple(one for one in found.nodes if one.node.ordinal in part),
        tuple(one for one in found.relationships if not part.isdisjoint({one.source.ordinal, one.target.ordinal})),
    )


async def _checked(application: Application, way: WayBack, revision: int) -> WayBack:
    """What the door accepts of it: what it refuses is impossible, for the reason that it gives."""
    for _ in range(_ROUNDS):
        try:
            decided_on, _ = await decided(application, ChangeSet(way.operations))
        except Invalid as refused:
            places = {place: str(p.message) for p in refused.problems if (place := _place(p.where)) is not None}
            if not places:
                raise
            way = way.without(places)
        else:
            if decided_on != revision:
                raise Conflict("somebody wrote meanwhile", remedy="ask again")
            return way
    raise Invalid("the operations that lead back contradict each other", remedy="restore a smaller part, with --scope")


def _place(where: str) -> int | None:
    found = _PLACE.match(where)
    return int(found.group(1)) - 1 if found else None


def _touched(operation: Operation) -> tuple[int, ...]:
    match operation:
        case Put(node=ref) | Retire(node=ref):
            pass
        case Link(source=ref) | Unlink(source=ref):
            pass
    return (ref,) if isinstance(ref, int) else ()
