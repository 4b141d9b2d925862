"""What comes loose of a structure by a change: edges and pools that go, and edges that come, by value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.change import Kept, StructureChange
from cmdb.impact.declared import ALONE
from cmdb.impact.kernels import Bools
from cmdb.impact.margins import edges_above
from cmdb.impact.pooling import picked, with_types
from cmdb.impact.structure import Structure, Void, check_types, check_weights, count_for_something
from cmdb.projection.columns import DependencyColumns, Int32s, Int64s


@dataclass(frozen=True, slots=True)
class EdgeValues:
    """Dependencies by value, sorted or not."""

    columns: DependencyColumns
    label: Int64s
    weight: Int64s

    def __len__(self) -> int:
        return len(self.label)

    def some(self, which: Bools | Int64s) -> EdgeValues:
        """These of them."""
        return EdgeValues(picked(self.columns, which), self.label[which], self.weight[which])


@dataclass(frozen=True, slots=True)
class Loosened:
    """What a change takes out (`dead` edges and pools), what it puts in (`fresh`), and what counts for nothing then."""

    dead: Int32s
    dead_pools: Int64s
    fresh: EdgeValues
    void: Void


def loosened(structure: Structure, change: StructureChange, present: Bools) -> Loosened:
    """What there is to lay, where these are `present` afterwards; O(needs and rows of what the change names).

    Raises `Invalid` for a type code without a rule, a weight out of bounds, and a dependency that is to end or to alter
    and is not there.
    """
    unlinked = np.array([ended.relationship for ended in change.unlinked], dtype=np.int64)
    altered = np.array([one.relationship for one in change.altered], dtype=np.int64)
    dependents = [one.dependent for one in (*change.unlinked, *change.altered)]
    void = structure.void
    found, in_void = _found(structure, np.concatenate([unlinked, altered]), dependents)
    relationship = structure.edges.columns.relationship

    is_altered = np.isin(relationship[found], altered)
    void_altered = in_void & np.isin(void.columns.relationship, altered)
    revived = ~in_void & count_for_something(void.columns, present)
    retired = np.setdiff1d(_edges_at(structure, change.retired), found)
    pending = _joined(
        [
            _altered(
                _joined([_edges_of(structure, found[is_altered]), _of(void).some(void_altered)]), structure, change
            ),
            _linked(structure, change),
            _of(void).some(revived),
            _edges_of(structure, retired),
        ]
    )
    check_types(pending.columns.type_code, structure.rules)
    check_weights(pending.columns.relationship, pending.weight)
    counts = count_for_something(pending.columns, present)
    left = (
        _joined([_of(void).some(~in_void & ~revived), pending.some(~counts)])
        if len(in_void) or not counts.all()
        else None
    )
    fresh = pending.some(counts)
    fresh = replace(fresh, label=with_types(fresh.label, fresh.columns.type_code, structure.rules))

    gone = np.concatenate([found, retired])
    dead_pools = _touched_pools(structure, gone, fresh, change.declared.keys())
    moved = edges_in(structure, dead_pools)
    moved = moved[~np.isin(moved, gone)]
    moving = _edges_of(structure, moved)
    moving = replace(moving, label=structure.pools.label[structure.edges.pool[moved]])
    fresh = _joined([fresh, moving])
    return Loosened(
        np.concatenate([gone, moved]),
        dead_pools,
        fresh.some(np.argsort(fresh.columns.relationship, kind="stable")),
        void if left is None else Void(left.columns, left.label, left.weight),
    )


def _found(structure: Structure, wanted: Int64s, dependents: Sequence[int]) -> tuple[Int32s, Bools]:
    """The edges of these relationships, and which of the void ones are among them."""
    known = np.unique(np.array([d for d in dependents if 0 <= d < structure.nodes], dtype=np.int32))
    edge = structure.needs_of_each(known)[1]
    relationship = structure.edges.columns.relationship
    edge = edge[np.isin(relationship[edge], wanted)]
    in_void = np.isin(structure.void.columns.relationship, wanted)
    if len(edge) + np.count_nonzero(in_void) != len(wanted):
        there = np.concatenate([relationship[edge], structure.void.columns.relationship[in_void]])
        strange = np.setdiff1d(wanted, there)
        raise Invalid(
            f"relationship {strange[0]} is to end or to alter and is no dependency of this structure"
            if len(strange)
            else "a relationship is to end or to alter twice",
            remedy="make the change from what stands",
        )
    return edge, in_void


def _edges_at(structure: Structure, ordinals: Sequence[int]) -> Int32s:
    """Every edge at one of these; O(edges of those at its ends)."""
    some = np.array([o for o in ordinals if o < structure.nodes], dtype=np.int32)
    if not len(some):
        return some
    columns = structure.edges.columns
    owners = np.unique(columns.dependent[edges_above(structure.graph.rows, some)])
    above = structure.needs_of_each(owners)[1]
    above = above[np.isin(columns.provider[above], some)]
    return np.union1d(structure.needs_of_each(some)[1], above)


def _touched_pools(structure: Structure, gone: Int32s, fresh: EdgeValues, declared: Iterable[int]) -> Int64s:
    """Pools that lose or get a member, or of which their owner says something else."""
    pools = structure.pools
    lost = structure.edges.pool[gone]
    pooled = fresh.label != ALONE
    owner, label = fresh.columns.dependent[pooled], fresh.label[pooled]
    saying = np.array(sorted(declared), dtype=np.int32)
    candidates = np.union1d(owner, saying)
    candidates = candidates[candidates < structure.nodes].astype(np.int32)
    place, pool = structure.pools_of_each(candidates)
    by = candidates[place]
    met = np.isin(_key(by, pools.label[pool]), _key(owner, label))
    met |= np.isin(by, saying) & (pools.label[pool] > ALONE)
    return np.union1d(lost[lost >= 0], pool[met]).astype(np.int64)


def _key(owner: Int32s, label: Int64s) -> Int64s:
    return (owner.astype(np.int64) << 32) + label


def edges_in(structure: Structure, pools: Int64s) -> Int32s:
    """The edges that count in these pools; O(needs of their owners)."""
    owners = np.unique(structure.pools.columns.owner[pools])
    edge = structure.needs_of_each(owners)[1]
    return edge[np.isin(structure.edges.pool[edge], pools)]


def _edges_of(structure: Structure, edge: Int32s) -> EdgeValues:
    """By value, their labels as they were said."""
    pool = structure.edges.pool[edge]
    label = np.full(len(edge), ALONE, dtype=np.int64)
    label[pool >= 0] = np.maximum(structure.pools.label[pool[pool >= 0]], ALONE)
    return EdgeValues(picked(structure.edges.columns, edge), label, structure.edges.weight[edge])


def _of(void: Void) -> EdgeValues:
    return EdgeValues(void.columns, void.label, void.weight)


def _linked(structure: Structure, change: StructureChange) -> EdgeValues:
    rows = change.linked
    return EdgeValues(
        DependencyColumns.of((one.relationship, one.dependent, one.provider, one.type_code) for one in rows),
        np.array([ALONE if one.pool is None else structure.names.number(one.pool) for one in rows], dtype=np.int64),
        np.array([one.weight for one in rows], dtype=np.int64),
    )


def _altered(edges: EdgeValues, structure: Structure, change: StructureChange) -> EdgeValues:
    said = {one.relationship: one for one in change.altered}
    label, weight = edges.label.copy(), edges.weight.copy()
    for at, relationship in enumerate(edges.columns.relationship.tolist()):
        pool, heavy = said[relationship].pool, said[relationship].weight
        if not isinstance(pool, Kept):
            label[at] = ALONE if pool is None else structure.names.number(pool)
        if not isinstance(heavy, Kept):
            weight[at] = heavy
    return EdgeValues(edges.columns, label, weight)


def _joined(parts: Sequence[EdgeValues]) -> EdgeValues:
    columns = [part.columns for part in parts]
    return EdgeValues(
        DependencyColumns(
            np.concatenate([c.relationship for c in columns]),
            np.concatenate([c.dependent for c in columns]),
            np.concatenate([c.provider for c in columns]),
            np.concatenate([c.type_code for c in columns]),
        ),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )
