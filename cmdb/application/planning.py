"""What a change set would make of what fails: the structure of needs with it laid over, and what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from cmdb.application.opening import Application
from cmdb.changeset import ChangeSet, Effect, ModelInstalled, NodeCreated
from cmdb.errors import Conflict, Invalid
from cmdb.impact import Impact, Propagation, Standing, Structure
from cmdb.impact.change import StructureChange
from cmdb.impact.changing import changed
from cmdb.impact.margins import pool_name
from cmdb.impact.netting import NeedsNet
from cmdb.impact.spof import AT_ONCE, falls_with
from cmdb.impact.underlying import underlying
from cmdb.projection.columns import Int32s
from cmdb.projection.loading import DependencyCodes
from cmdb.writing.checking import Checks
from cmdb.writing.deciding import Decision, decide
from cmdb.writing.roster import Rosters
from cmdb.writing.view import load_view


@dataclass(frozen=True, slots=True)
class Planned:
    """A structure as it would stand, beside the one that stands; both of them are to be asked.

    `touched` are CIs whose needs, or who are needed, differ, as far as they are present before or after. `effects` are what
    makes the difference, and `created` the ordinals of the nodes that would be new, by handle.
    """

    before: Standing
    after: Standing
    touched: Int32s
    effects: tuple[Effect, ...] = ()
    created: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class PoolOf:
    """A pool that a CI has before and after, by the name that people gave it, or `any:` and a type."""

    owner: int
    name: str


@dataclass(frozen=True, eq=False)
class SinglePoint:
    """A CI that takes down, alone, some that it did not; they are sorted."""

    ordinal: int
    newly: Int32s


@dataclass(frozen=True, eq=False)
class Difference:
    """Two impacts of one question: hits of the one alone, of the other alone, and of both but in another state."""

    only_before: Int32s
    only_after: Int32s
    worse: Int32s
    better: Int32s


async def decided(application: Application, change_set: ChangeSet) -> tuple[int, Decision]:
    """What a change set would do to the present graph, and at which revision that is; nothing is written.

    Raises what the door raises: Conflict, or Invalid with every problem. O(operations · log n).
    """
    store = application.store
    checks, head = Checks(await application.model()), await store.head()
    view = await load_view(store, checks, Rosters(store), head, change_set)
    return head.revision, decide(checks, view, change_set)


async def plan(application: Application, change_set: ChangeSet) -> Planned:
    """The structure that stands and the one that the change set would make. Raises as `decided`."""
    revision, decision = await decided(application, change_set)
    standing = await application.structures.current()
    if standing.structure.revision != revision:
        raise Conflict("somebody wrote meanwhile", remedy="ask again")
    return await asyncio.to_thread(planned, standing, decision.effects, decision.created)


def planned(standing: Standing, effects: Iterable[Effect], created: Mapping[str, int] | None = None) -> Planned:
    """The structure with effects laid over it, which share all that they do not touch; see `changed` for the cost.

    The planned one has the revision that it was made from. Raises `Invalid` where the effects install a model.
    """
    effects = tuple(effects)
    net = NeedsNet(DependencyCodes.of(standing.model))
    net.take(effects)
    structure = standing.structure
    new = [effect for effect in effects if isinstance(effect, NodeCreated)]
    if any(isinstance(effect, ModelInstalled) for effect in effects):
        raise Invalid("what fails under another model cannot be planned", remedy="leave the model out")
    change = net.change(structure, structure.revision)
    roster = deepcopy(standing.roster) if new else standing.roster
    for effect in new:
        roster.add(effect.ordinal, effect.class_name)
    made = changed(structure, change) if len(change) else structure
    after = replace(standing, propagation=Propagation(made), roster=roster)
    return Planned(standing, after, _touched(structure, made, change), effects, created or {})


def redundancy_lost(found: Planned) -> tuple[PoolOf, ...]:
    """Pools that stand the loss of any one member now, and would be there and not; O(needs of the touched)."""
    before, after = _spares(found.before.structure, found.touched), _spares(found.after.structure, found.touched)
    return tuple(pool for pool, spare in before.items() if spare and not after.get(pool, True))


def redundancy_gained(found: Planned) -> tuple[PoolOf, ...]:
    """Pools that would stand the loss of any one member, and do not now; O(needs of the touched)."""
    before, after = _spares(found.before.structure, found.touched), _spares(found.after.structure, found.touched)
    return tuple(pool for pool, spare in after.items() if spare and not before.get(pool, False))


def new_single_points(found: Planned) -> tuple[SinglePoint, ...]:
    """The CIs that would take down, alone, others that they do not now; by ordinal.

    Whatever falls newly, somebody falls newly whose own needs differ, or who stands in a ring otherwise than before. So it
    is enough to look at those, and at all that they stand on: O(needs below them / 8 for each 4,096 of these, and two
    closures for each point that is found).
    """
    before, after = found.before.structure, found.after.structure
    tops = found.touched[after.present[found.touched]]
    tops = np.union1d(tops, _otherwise_in_rings(before, after)).astype(np.int32)
    if not len(tops):
        return ()
    below = np.unique(underlying(after, tops).ordinal)
    chunks = np.array_split(below, 1 + len(below) // AT_ONCE)
    suspects = np.concatenate([_newly_falling(before, after, tops, chunk) for chunk in chunks])
    points: list[SinglePoint] = []
    for ordinal in suspects.tolist():
        newly = np.setdiff1d(_falling(found.after, ordinal), _falling(found.before, ordinal))
        newly = newly[newly != ordinal]
        if len(newly):
            points.append(SinglePoint(ordinal, newly))
    return tuple(points)


def _newly_falling(before: Structure, after: Structure, tops: Int32s, failing: Int32s) -> Int32s:
    """Those of `failing` with whom one of the tops, another than itself, would fall and does not now."""
    newly = falls_with(after, tops, failing) & (tops[:, None] != failing[None, :])
    stood = np.flatnonzero((tops < before.nodes) & before.present[np.minimum(tops, before.nodes - 1)])
    if len(stood):
        newly[stood] &= ~falls_with(before, tops[stood], failing)
    return failing[newly.any(axis=0)]


def _otherwise_in_rings(before: Structure, after: Structure) -> Int32s:
    """Who stands in a ring on nothing but itself in one of both, and not in the other; O(V / 8)."""
    was, will = before.graph.footing.presumed, after.graph.footing.presumed
    both = min(len(was), len(will))
    turned = np.flatnonzero(was[:both] != will[:both])
    return turned[after.present[turned]].astype(np.int32)


def difference(before: Impact, after: Impact) -> Difference:
    """What a plan makes of the answer to a question; O(hits · log hits)."""
    both = np.intersect1d(before.ordinals, after.ordinals)
    was, will = before.state(both), after.state(both)
    return Difference(
        np.setdiff1d(before.ordinals, after.ordinals),
        np.setdiff1d(after.ordinals, before.ordinals),
        both[will > was],
        both[will < was],
    )


def _touched(before: Structure, after: Structure, change: StructureChange) -> Int32s:
    """Who is named in a change, and at the ends of what it names."""
    ends = [*change.added, *change.retired, *change.declared]
    ends += [end for one in change.linked for end in (one.dependent, one.provider)]
    named = np.array([one.relationship for one in (*change.unlinked, *change.altered)], dtype=np.int64)
    owners = np.unique(np.array([one.dependent for one in (*change.unlinked, *change.altered)], dtype=np.int32))
    edge = before.needs_of_each(owners)[1]
    columns = before.edges.columns
    edge = edge[np.isin(columns.relationship[edge], named)]
    some = np.unique(np.concatenate([np.array(ends, dtype=np.int32), columns.dependent[edge], columns.provider[edge]]))
    return some[some < after.nodes]


def _spares(structure: Structure, owners: Int32s) -> dict[PoolOf, bool]:
    """Whether each pool of these stands the loss of any one member."""
    owners = owners[owners < structure.nodes]
    place, pool = structure.pools_of_each(owners)
    even = structure.pools.columns.even[pool] >= 0
    rows = zip(owners[place].tolist(), pool.tolist(), even.tolist(), strict=True)
    return {PoolOf(owner, pool_name(structure, number)): spare for owner, number, spare in rows}


def _falling(standing: Standing, ordinal: int) -> Int32s:
    structure = standing.structure
    if ordinal >= structure.nodes or not structure.present[ordinal]:
        return np.empty(0, dtype=np.int32)
    return standing.propagation.close(np.array([ordinal], dtype=np.int32))
