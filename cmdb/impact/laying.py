"""Laying what a change puts in: at the ends of the arrays, and the rows of providers anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cmdb.impact.change import StructureChange
from cmdb.impact.declared import ALONE, PerOwner, PoolDeclaration, PoolWarning
from cmdb.impact.footing import HARD_COUNTED_RUN, hanging_pools, slots
from cmdb.impact.kernels import HARD, Bits, Bools, Graph, Members, PoolColumns, Rows
from cmdb.impact.loosening import Loosened, edges_in
from cmdb.impact.pooling import Parts, Pools, members_of, narrowed, number_pools, parted, weigh
from cmdb.impact.refooting import Refooted, later_components, refooted
from cmdb.impact.room import Claim, Counts, Group, appended
from cmdb.impact.rows import rows_of
from cmdb.impact.structure import Edges, Structure, with_room
from cmdb.projection.columns import DependencyColumns, Int32s, Int64s


def laid(structure: Structure, change: StructureChange, present: Bools, loose: Loosened) -> Structure:
    """The structure without what came loose and with what is put in; for the cost see `changing.changed`."""
    fresh = _pooled(structure, change, loose)
    if structure.graph.rows.weight.dtype == np.int16 and fresh.pools.columns.slack.dtype == np.int64:
        structure = with_room(structure, wide=True)
    columns = structure.edges.columns
    providers = np.union1d(columns.provider[loose.dead], loose.fresh.columns.provider)
    owners = np.union1d(columns.dependent[loose.dead], loose.fresh.columns.dependent)
    old, room = structure, structure.claim.room
    header = room.headers.copy(structure.graph.rows.header, len(present))
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
    owner_start = room.starts.copy(old.owner_start, len(present))
    owner_end = room.ends.copy(old.owner_end, len(present))
    owner_start[owners], owner_end[owners] = start[:-1] + begin[Group.NEEDS], start[1:] + begin[Group.NEEDS]

    refoot = refooted(structure.graph.footing, rows, pools, owners, _hard_needs(loose, fresh), structure.make, room)
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
    laid, others = _watching(structure, laid, refoot, loose.dead_pools)
    room.headers.differ(old.graph.rows.header, header, np.concatenate([providers, others]))
    room.starts.differ(old.owner_start, owner_start, owners)
    room.ends.differ(old.owner_end, owner_end, owners)
    return laid


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Pools, members and parts of the fresh edges, numbered among themselves; members by ordinal."""

    pool: Int32s
    pools: Pools
    members: Members
    parts: Parts
    declared: PerOwner[PoolDeclaration]
    odd: PerOwner[PoolWarning]


def _pooled(structure: Structure, change: StructureChange, loose: Loosened) -> _Fresh:
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


def _appended(structure: Structure, begin: Counts, loose: Loosened, fresh: _Fresh) -> tuple[Edges, Pools, Members]:
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
        appended(pools.columns.slack, at, added.columns.slack),
        appended(pools.columns.even, at, added.columns.even),
        max(pools.columns.heaviest, added.columns.heaviest),
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


def _extended(rows: Rows, begin: Counts, wanted: Counts) -> Rows:
    """The rows, with room that is claimed; what is not laid there names nothing that is not."""
    direct, counted = np.zeros(wanted[Group.DIRECT], np.int32), np.zeros(wanted[Group.COUNTED], np.int32)
    at, counted_at = begin[Group.DIRECT], begin[Group.COUNTED]
    return Rows(
        rows.header,
        appended(rows.target, at, direct),
        appended(rows.edge, at, direct),
        appended(rows.counted, counted_at, counted),
        appended(rows.code, counted_at, counted),
        appended(rows.weight, counted_at, counted),
        appended(rows.counted_edge, counted_at, counted),
    )


def _fresh_rows(loose: Loosened, fresh: _Fresh, providers: Int32s, begin: Counts, structure: Structure) -> Rows:
    """What comes into the rows of the providers, by their places."""
    columns, members = loose.fresh.columns, fresh.members
    rows = rows_of(
        replace(columns, provider=np.searchsorted(providers, columns.provider).astype(np.int32)),
        members._replace(provider=np.searchsorted(providers, members.provider).astype(np.int32)),
        fresh.pools,
        fresh.parts,
        len(providers),
        structure.make,
    )
    small = structure.graph.rows.weight.dtype == np.int16
    return rows._replace(
        edge=rows.edge + np.int32(begin[Group.EDGES]),
        code=rows.code + np.int32(begin[Group.POOLS] << 1),
        weight=narrowed(np.asarray(rows.weight, dtype=np.int64), small=small),
        counted_edge=rows.counted_edge + np.int32(begin[Group.EDGES]),
    )


def _hard_needs(loose: Loosened, fresh: _Fresh) -> tuple[Int32s, Int32s]:
    columns, parts = loose.fresh.columns, fresh.parts
    direct = parts.direct[parts.run == HARD]
    hard = ~fresh.pools.soft[parts.pool]
    dependents = [columns.dependent[direct], fresh.pools.columns.owner[parts.pool[hard]]]
    providers = [columns.provider[direct], fresh.members.provider[parts.counted[hard]]]
    return np.concatenate(dependents), np.concatenate(providers)


def _watching(old: Structure, laid: Structure, refoot: Refooted, dead_pools: Int64s) -> tuple[Structure, Int32s]:
    """With the pools marked that may leave a ring hanging: where rings are other ones, and in pools that are new.

    And the providers whose rows were laid once more for it.
    """
    nobody = np.empty(0, dtype=np.int32)
    if not len(refoot.before) and not len(refoot.after):
        return laid, nobody
    graph = laid.graph
    was = hanging_pools(old.graph.rows, old.graph.footing, old.pools, refoot.before)
    now = hanging_pools(graph.rows, graph.footing, laid.pools, refoot.after)
    turned = np.setdiff1d(np.setxor1d(was, now), dead_pools).astype(np.int64)
    if not len(turned):
        return laid, nobody
    edge = edges_in(laid, turned)
    providers = np.unique(laid.edges.columns.provider[edge])
    bounds = graph.rows.header[providers]
    wanted = {
        Group.DIRECT: int((bounds[:, 3] - bounds[:, 0]).sum()),
        Group.COUNTED: int((bounds[:, 6] - bounds[:, 4]).sum()),
    }
    laid, begin, claim = _claimed(laid, wanted)
    rows = _extended(laid.graph.rows, begin, wanted)
    header = np.zeros((len(providers), 8), dtype=np.int32)
    none = Rows(header, nobody, nobody, nobody, nobody, rows.weight[:0], nobody)
    unmarked = np.empty(0, dtype=np.uint64)
    laid.make.relay(rows, providers, none, (unmarked, unmarked), (begin[Group.DIRECT], begin[Group.COUNTED]))
    slot = slots(rows, providers, HARD_COUNTED_RUN)
    pool = rows.code[slot] >> 1
    rows.code[slot] = np.where(np.isin(pool, turned), (pool << 1) | np.isin(pool, now), rows.code[slot])
    footing = replace(laid.graph.footing, find_components=later_components(rows, laid.make))
    return replace(laid, graph=laid.graph._replace(rows=rows, footing=footing), claim=claim), providers
