"""A structure from another one and what is different: all that is not touched is shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.declared import ALONE, PerOwner, PoolDeclaration, PoolWarning
from cmdb.impact.footing import HARD_COUNTED_RUN, hanging_pools, slots
from cmdb.impact.kernels import HARD, Bits, Bools, Graph, Members, PoolColumns, Rows, Weights
from cmdb.impact.margins import edges_above
from cmdb.impact.pooling import (
    Parts,
    Pools,
    members_of,
    narrowed,
    number_pools,
    parted,
    picked,
    weigh,
    with_types,
)
from cmdb.impact.refooting import Refooted, later_components, refooted
from cmdb.impact.room import Claim, Counts, Group, appended
from cmdb.impact.structure import (
    Edges,
    Structure,
    Void,
    check_types,
    check_weights,
    count_for_something,
    with_room,
)
from cmdb.projection.columns import DependencyColumns, Int32s, Int64s


class Kept(Enum):
    """What is said of a trait that stays as it is."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency that comes to be."""

    relationship: int
    dependent: int
    provider: int
    type_code: int
    pool: str | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """A dependency that comes to an end."""

    relationship: int
    dependent: int


@dataclass(frozen=True, slots=True)
class Altered:
    """A dependency that gets another pool or weight."""

    relationship: int
    dependent: int
    pool: str | Kept | None = KEPT
    weight: int | Kept = KEPT


@dataclass(frozen=True, slots=True)
class StructureChange:
    """What is different at `revision`: each CI and each dependency stands in it once at most.

    `declared` gives, for some CIs, everything that they say of their pools from now on. Of a CI that is `retired`,
    dependencies may stay: they count for nothing.
    """

    revision: int
    added: Sequence[int] = ()
    retired: Sequence[int] = ()
    linked: Sequence[Dependency] = ()
    unlinked: Sequence[Ended] = ()
    altered: Sequence[Altered] = ()
    declared: Mapping[int, Sequence[PoolDeclaration]] = field(default_factory=dict[int, Sequence[PoolDeclaration]])

    def __len__(self) -> int:
        """Steps."""
        parts = (self.added, self.retired, self.linked, self.unlinked, self.altered, self.declared)
        return sum(map(len, parts))


def changed(structure: Structure, change: StructureChange) -> Structure:
    """What `build_structure` would make of the changed columns, in every answer; the first structure stays as it is.

    O(V / a memory's speed, for 40 bytes a CI + rows of the providers, and needs of the dependents, of what is touched +
    see `refooted`), and O(E) where the room for changes is used up. Raises `Invalid` as `build_structure`, and for a
    dependency that is to end or to alter and is not there.
    """
    with structure.claim.room.lock:
        present = _present(structure, change)
        loose = _loosened(structure, change, present)
        return _laid(structure, change, present, loose)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Dependencies by value, sorted or not."""

    columns: DependencyColumns
    label: Int64s
    weight: Int64s

    def __len__(self) -> int:
        return len(self.label)

    def some(self, which: Bools | Int64s) -> _Edges:
        return _Edges(picked(self.columns, which), self.label[which], self.weight[which])


@dataclass(frozen=True, slots=True)
class _Loosened:
    """What a change takes out (`dead` edges and pools), what it puts in (`fresh`), and what counts for nothing then."""

    dead: Int32s
    dead_pools: Int64s
    fresh: _Edges
    void: Void


def _present(structure: Structure, change: StructureChange) -> Bools:
    present = np.zeros(max(structure.nodes, *(ordinal + 1 for ordinal in change.added), 0), dtype=bool)
    present[: structure.nodes] = structure.present
    present[list(change.added)] = True
    present[list(change.retired)] = False
    return present


def _loosened(structure: Structure, change: StructureChange, present: Bools) -> _Loosened:
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
    moved = _edges_in(structure, dead_pools)
    moved = moved[~np.isin(moved, gone)]
    moving = _edges_of(structure, moved)
    moving = replace(moving, label=structure.pools.label[structure.edges.pool[moved]])
    fresh = _joined([fresh, moving])
    return _Loosened(
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


def _touched_pools(structure: Structure, gone: Int32s, fresh: _Edges, declared: Iterable[int]) -> Int64s:
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


def _edges_in(structure: Structure, pools: Int64s) -> Int32s:
    owners = np.unique(structure.pools.columns.owner[pools])
    edge = structure.needs_of_each(owners)[1]
    return edge[np.isin(structure.edges.pool[edge], pools)]


def _edges_of(structure: Structure, edge: Int32s) -> _Edges:
    """By value, their labels as they were said."""
    pool = structure.edges.pool[edge]
    label = np.full(len(edge), ALONE, dtype=np.int64)
    label[pool >= 0] = np.maximum(structure.pools.label[pool[pool >= 0]], ALONE)
    return _Edges(picked(structure.edges.columns, edge), label, structure.edges.weight[edge])


def _of(void: Void) -> _Edges:
    return _Edges(void.columns, void.label, void.weight)


def _linked(structure: Structure, change: StructureChange) -> _Edges:
    rows = change.linked
    return _Edges(
        DependencyColumns.of((one.relationship, one.dependent, one.provider, one.type_code) for one in rows),
        np.array([ALONE if one.pool is None else structure.names.number(one.pool) for one in rows], dtype=np.int64),
        np.array([one.weight for one in rows], dtype=np.int64),
    )


def _altered(edges: _Edges, structure: Structure, change: StructureChange) -> _Edges:
    said = {one.relationship: one for one in change.altered}
    label, weight = edges.label.copy(), edges.weight.copy()
    for at, relationship in enumerate(edges.columns.relationship.tolist()):
        pool, heavy = said[relationship].pool, said[relationship].weight
        if not isinstance(pool, Kept):
            label[at] = ALONE if pool is None else structure.names.number(pool)
        if not isinstance(heavy, Kept):
            weight[at] = heavy
    return _Edges(edges.columns, label, weight)


def _joined(parts: Sequence[_Edges]) -> _Edges:
    columns = [part.columns for part in parts]
    return _Edges(
        DependencyColumns(
            np.concatenate([c.relationship for c in columns]),
            np.concatenate([c.dependent for c in columns]),
            np.concatenate([c.provider for c in columns]),
            np.concatenate([c.type_code for c in columns]),
        ),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Pools, members and parts of the fresh edges, numbered among themselves; members by ordinal."""

    pool: Int32s
    pools: Pools
    members: Members
    parts: Parts
    declared: PerOwner[PoolDeclaration]
    odd: PerOwner[PoolWarning]


def _pooled(structure: Structure, change: StructureChange, loose: _Loosened) -> _Fresh:
    fresh, make = loose.fresh, structure.make
    owners, by = np.unique(fresh.columns.dependent, return_inverse=True)
    providers, of = np.unique(fresh.columns.provider, return_inverse=True)
    pool, owner, label = number_pools(by.astype(np.int32), fresh.label, len(owners), make)
    members = members_of(of.astype(np.int32), pool, fresh.weight, len(providers), len(owner), make)
    members = members._replace(provider=providers[members.provider])
    owner = owners[owner]
    declared = structure.declared.but({of: tuple(said) for of, said in change.declared.items()})
    judged = _judged(structure, loose.dead_pools, owner, label)
    judged_all = change.declared.keys()
    said = [
        one
        for of in judged.keys() | judged_all
        for one in declared.of(of)
        if of in judged_all or one.name in judged[of]
    ]
    pools, odd = weigh(owner, label, members, structure.names, structure.rules, said)
    later: dict[int, tuple[PoolWarning, ...]] = {
        of: () if of in judged_all else tuple(one for one in structure.odd.of(of) if one.pool not in judged[of])
        for of in judged.keys() | judged_all
    }
    for one in odd:
        later[one.owner] += (one,)
    parts = parted(fresh.columns.type_code, pool, members, pools, structure.rules)
    return _Fresh(pool, pools, members, parts, declared, structure.odd.but(later))


def _judged(structure: Structure, dead: Int64s, owner: Int32s, label: Int64s) -> dict[int, set[str]]:
    """Names of pools by owner, of those that are no more as they were or come to be."""
    owners = np.concatenate([structure.pools.columns.owner[dead], owner])
    labels = np.concatenate([structure.pools.label[dead], label])
    named = labels > ALONE
    judged: dict[int, set[str]] = {}
    for of, name in zip(owners[named].tolist(), labels[named].tolist(), strict=True):
        judged.setdefault(of, set()).add(structure.names[name])
    return judged


def _laid(structure: Structure, change: StructureChange, present: Bools, loose: _Loosened) -> Structure:
    fresh = _pooled(structure, change, loose)
    if structure.graph.rows.weight.dtype == np.int16 and fresh.pools.columns.slack.dtype == np.int64:
        structure = with_room(structure, wide=True)
    columns = structure.edges.columns
    providers = np.union1d(columns.provider[loose.dead], loose.fresh.columns.provider)
    owners = np.union1d(columns.dependent[loose.dead], loose.fresh.columns.dependent)
    header = np.empty((len(present), 8), dtype=np.int32)
    header[: structure.nodes] = structure.graph.rows.header
    header[structure.nodes :] = 0
    before = header[providers]
    place, kept = structure.needs_of_each(owners[owners < structure.nodes])
    still = ~np.isin(kept, loose.dead)
    place, kept = place[still], kept[still]
    wanted = {
        Group.DIRECT: int((before[:, 3] - before[:, 0]).sum()) + len(fresh.parts.direct),
        Group.COUNTED: int((before[:, 6] - before[:, 4]).sum()) + len(fresh.parts.counted),
        Group.EDGES: len(loose.fresh),
        Group.NEEDS: len(kept) + len(loose.fresh),
        Group.POOLS: len(fresh.pools.need),
        Group.MEMBERS: len(fresh.members.edge),
    }
    structure, begin, claim = _claimed(structure, wanted)
    edges, pools, members = _appended(structure, begin, loose, fresh)

    rows = _extended(structure.graph.rows._replace(header=header), begin, wanted)
    new_rows = _fresh_rows(loose, fresh, providers, begin, structure)
    dead = _marked(loose.dead, begin[Group.EDGES]), _marked(loose.dead_pools, begin[Group.POOLS])
    starts = begin[Group.DIRECT], begin[Group.COUNTED]
    structure.make.relay(rows, providers, new_rows, dead, starts)

    edge = np.arange(begin[Group.EDGES], begin[Group.EDGES] + len(loose.fresh), dtype=np.int32)
    place = np.concatenate([place, np.searchsorted(owners, loose.fresh.columns.dependent)])
    order, start = structure.make.group(place.astype(np.int32), len(owners))
    owner_edge = appended(structure.owner_edge, begin[Group.NEEDS], np.concatenate([kept, edge])[order])
    none = np.zeros(len(present) - structure.nodes, dtype=np.int32)
    owner_start = np.concatenate([structure.owner_start, none])
    owner_end = np.concatenate([structure.owner_end, none])
    owner_start[owners], owner_end[owners] = start[:-1] + begin[Group.NEEDS], start[1:] + begin[Group.NEEDS]

    refoot = refooted(structure.graph.footing, rows, pools, owners, _hard_needs(loose, fresh), structure.make)
    graph = Graph(len(present), rows, members, pools.columns, refoot.footing)
    laid = replace(
        structure,
        revision=change.revision,
        present=present,
        edges=edges,
        pools=pools,
        graph=graph,
        owner_start=owner_start,
        owner_end=owner_end,
        owner_edge=owner_edge,
        declared=fresh.declared,
        odd=fresh.odd,
        void=loose.void,
        claim=claim,
    )
    return _watching(structure, laid, refoot, loose.dead_pools)


def _marked(numbers: Int32s | Int64s, count: int) -> Bits:
    """A set of some of `count` numbers; it is small enough to stay near while rows are laid."""
    marks = np.zeros((count + 63) >> 6, dtype=np.uint64)
    np.bitwise_or.at(marks, numbers >> 6, np.uint64(1) << (numbers & 63).astype(np.uint64))
    return marks


def _claimed(structure: Structure, wanted: Counts) -> tuple[Structure, Counts, Claim]:
    """The structure, in new room at need, where the room that is wanted begins, and the claim to it."""
    begin = structure.claim.room.used
    claim = structure.claim.take(wanted)
    if claim is None:
        structure = with_room(structure, wanted)
        begin = structure.claim.room.used
        claim = structure.claim.take(wanted)
        if claim is None:
            raise AssertionError("made with that much room")
    return structure, begin, claim


def _appended(structure: Structure, begin: Counts, loose: _Loosened, fresh: _Fresh) -> tuple[Edges, Pools, Members]:
    old, new = structure.edges, loose.fresh
    at = begin[Group.EDGES]
    number = np.where(fresh.pool >= 0, fresh.pool + np.int32(begin[Group.POOLS]), np.int32(-1)).astype(np.int32)
    edges = Edges(
        DependencyColumns(
            appended(old.columns.relationship, at, new.columns.relationship),
            appended(old.columns.dependent, at, new.columns.dependent),
            appended(old.columns.provider, at, new.columns.provider),
            appended(old.columns.type_code, at, new.columns.type_code),
        ),
        appended(old.pool, at, number),
        appended(old.weight, at, new.weight),
        old.sorted,
    )
    pools, added, at = structure.pools, fresh.pools, begin[Group.POOLS]
    columns = PoolColumns(
        appended(pools.columns.owner, at, added.columns.owner),
        _appended_weights(pools.columns.slack, at, added.columns.slack),
        _appended_weights(pools.columns.even, at, added.columns.even),
    )
    all_pools = Pools(
        columns,
        appended(pools.label, at, added.label),
        appended(pools.need, at, added.need),
        appended(pools.total, at, added.total),
        appended(pools.soft, at, added.soft),
    )
    members, more, first = structure.graph.members, fresh.members, begin[Group.MEMBERS]
    all_members = Members(
        appended(members.start, at + 1, more.start[1:] + np.int32(first)),
        appended(members.provider, first, more.provider),
        appended(members.weight, first, more.weight),
        appended(members.edge, first, more.edge + np.int32(begin[Group.EDGES])),
    )
    return edges, all_pools, all_members


def _appended_weights(column: Weights, begin: int, weight: Weights) -> Weights:
    if column.dtype == np.int64:
        return appended(np.asarray(column, dtype=np.int64), begin, np.asarray(weight, dtype=np.int64))
    return appended(np.asarray(column, dtype=np.int16), begin, np.asarray(weight, dtype=np.int16))


def _extended(rows: Rows, begin: Counts, wanted: Counts) -> Rows:
    """The rows, with room that is claimed."""
    direct, counted = np.empty(wanted[Group.DIRECT], np.int32), np.empty(wanted[Group.COUNTED], np.int32)
    at, counted_at = begin[Group.DIRECT], begin[Group.COUNTED]
    return Rows(
        rows.header,
        appended(rows.target, at, direct),
        appended(rows.edge, at, direct),
        appended(rows.counted, counted_at, counted),
        appended(rows.code, counted_at, counted),
        _appended_weights(rows.weight, counted_at, counted.astype(np.int64)),
        appended(rows.counted_edge, counted_at, counted),
    )


def _fresh_rows(loose: _Loosened, fresh: _Fresh, providers: Int32s, begin: Counts, structure: Structure) -> Rows:
    """What comes into the rows of the providers, by their places."""
    columns, parts, members, make = loose.fresh.columns, fresh.parts, fresh.members, structure.make
    by = np.searchsorted(providers, columns.provider[parts.direct])
    order, start = make.group(by * 3 + parts.run, 3 * len(providers))
    edge = parts.direct[order]
    by = np.searchsorted(providers, members.provider[parts.counted])
    counted_order, counted_start = make.group(by * 2 + fresh.pools.soft[parts.pool], 2 * len(providers))
    member, pool = parts.counted[counted_order], parts.pool[counted_order]
    header = np.zeros((len(providers), 8), dtype=np.int32)
    header[:, 0], header[:, 1], header[:, 2], header[:, 3] = start[:-1:3], start[1::3], start[2::3], start[3::3]
    header[:, 4], header[:, 5], header[:, 6] = counted_start[:-1:2], counted_start[1::2], counted_start[2::2]
    return Rows(
        header,
        columns.dependent[edge],
        edge + np.int32(begin[Group.EDGES]),
        fresh.pools.columns.owner[pool],
        (pool + np.int32(begin[Group.POOLS])) << 1,
        narrowed(members.weight[member], small=structure.graph.rows.weight.dtype == np.int16),
        members.edge[member] + np.int32(begin[Group.EDGES]),
    )


def _hard_needs(loose: _Loosened, fresh: _Fresh) -> tuple[Int32s, Int32s]:
    columns, parts = loose.fresh.columns, fresh.parts
    direct = parts.direct[parts.run == HARD]
    hard = ~fresh.pools.soft[parts.pool]
    dependents = [columns.dependent[direct], fresh.pools.columns.owner[parts.pool[hard]]]
    providers = [columns.provider[direct], fresh.members.provider[parts.counted[hard]]]
    return np.concatenate(dependents), np.concatenate(providers)


def _watching(old: Structure, laid: Structure, refoot: Refooted, dead_pools: Int64s) -> Structure:
    """With the pools marked that may leave a ring hanging: where rings are other ones, and in pools that are new."""
    if not len(refoot.before) and not len(refoot.after):
        return laid
    graph = laid.graph
    was = hanging_pools(old.graph.rows, old.graph.footing, old.pools, refoot.before)
    now = hanging_pools(graph.rows, graph.footing, laid.pools, refoot.after)
    turned = np.setdiff1d(np.setxor1d(was, now), dead_pools).astype(np.int64)
    if not len(turned):
        return laid
    edge = _edges_in(laid, turned)
    providers = np.unique(laid.edges.columns.provider[edge])
    bounds = graph.rows.header[providers]
    wanted = {
        Group.DIRECT: int((bounds[:, 3] - bounds[:, 0]).sum()),
        Group.COUNTED: int((bounds[:, 6] - bounds[:, 4]).sum()),
    }
    laid, begin, claim = _claimed(laid, wanted)
    rows = _extended(laid.graph.rows, begin, wanted)
    nothing = np.empty(0, dtype=np.int32)
    header = np.zeros((len(providers), 8), dtype=np.int32)
    none = Rows(header, nothing, nothing, nothing, nothing, rows.weight[:0], nothing)
    nobody = np.empty(0, dtype=np.uint64)
    laid.make.relay(rows, providers, none, (nobody, nobody), (begin[Group.DIRECT], begin[Group.COUNTED]))
    slot = slots(rows, providers, HARD_COUNTED_RUN)
    pool = rows.code[slot] >> 1
    rows.code[slot] = np.where(np.isin(pool, turned), (pool << 1) | np.isin(pool, now), rows.code[slot])
    footing = replace(laid.graph.footing, find_components=later_components(rows, laid.make))
    return replace(laid, graph=laid.graph._replace(rows=rows, footing=footing), claim=claim)
