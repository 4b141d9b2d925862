"""What some CIs stand on: everybody they hardly need, in the order in which failures travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cmdb.impact.kernels import Bools, Make, Rows
from cmdb.impact.kernels.bits import Needs
from cmdb.impact.structure import Structure
from cmdb.projection.columns import Int32s, Int64s
from graph_schema.metamodel import Strength


@dataclass(frozen=True, eq=False)
class Underlying:
    """The hard needs below some CIs, and nothing else of a structure.

    `ordinal` and `distance` (needs from the nearest of those CIs, met or not) go by place in `needs`; `top` gives the
    places of those CIs, in the order in which they were named.
    """

    needs: Needs
    ordinal: Int32s
    distance: Int32s
    top: Int32s


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who needs whom, CIs by number: `by[i]` cannot do without `provider[i]`, and pools, member after member.

    Pool p of `pool_by[p]` has the next `size[p]` of the members and fails when more than `slack[p]` weight is down.
    """

    by: Int32s
    provider: Int32s
    pool_by: Int32s
    size: Int64s
    member: Int32s
    weight: Int64s
    slack: Int64s


def underlying(structure: Structure, tops: Int32s) -> Underlying:
    """All that is needed by these, over hard needs that need something. O(V / 8 + n log n for n needs found)."""
    local = np.full(structure.nodes, -1, dtype=np.int32)
    waves: list[Int32s] = []
    known = 0
    wave = np.unique(tops)
    while len(wave):
        local[wave] = np.arange(known, known + len(wave))
        known += len(wave)
        waves.append(wave)
        edge, pool = _needs_of(structure, wave)
        below = np.concatenate([structure.edges.columns.provider[edge], _members_of(structure, pool)[1]])
        wave = np.unique(below[local[below] < 0])
    ordinal = np.concatenate(waves) if waves else np.empty(0, dtype=np.int32)
    distance = np.repeat(np.arange(len(waves), dtype=np.int32), [len(some) for some in waves])
    make = structure.make
    wanted = _wanted(structure, ordinal, local)
    order, ends = make.components(_downwards(wanted, known, make), known)
    at = np.empty(known, dtype=np.int32)
    at[order] = np.arange(known, dtype=np.int32)
    presumed = structure.graph.footing.presumed[ordinal[order]]
    return Underlying(_in_places(wanted, at, ends, presumed, make), ordinal[order], distance[order], at[local[tops]])


def _needs_of(structure: Structure, owners: Int32s) -> tuple[Int32s, Int32s]:
    """The hard dependencies that are pools of their own, and the hard pools of more, that need something."""
    begin = structure.owner_start[owners].astype(np.int64)
    edge = structure.owner_edge[_spans(begin, structure.owner_end[owners] - begin)[1]]
    pool = structure.edges.pool[edge]
    hard = np.array([rule.strength is Strength.HARD for rule in structure.rules], dtype=bool)
    alone = pool < 0
    pools = np.unique(pool[~alone])
    worth = ~structure.pools.soft[pools] & (structure.pools.need[pools] > 0)
    return edge[alone & hard[structure.edges.columns.type_code[edge]]], pools[worth]


def _members_of(structure: Structure, pools: Int32s) -> tuple[Int64s, Int32s, Int64s]:
    """For each member the place of its pool among the pools, who it is, and its weight."""
    members = structure.graph.members
    begin = members.start[pools].astype(np.int64)
    place, slot = _spans(begin, members.start[pools + 1] - begin)
    return place, members.provider[slot], members.weight[slot]


def _wanted(structure: Structure, owners: Int32s, local: Int32s) -> _Wanted:
    """What these need. A pool that cannot do without even its lightest member comes apart; equal weights become 1."""
    columns = structure.edges.columns
    edge, pool = _needs_of(structure, owners)
    place, member, weight = _members_of(structure, pool)
    pools = structure.graph.pools
    pool_by, slack = local[pools.owner[pool]], pools.slack[pool].astype(np.int64)
    lightest = np.minimum.reduceat(weight, np.searchsorted(place, np.arange(len(pool)))) if len(pool) else slack
    counted: Bools = slack >= lightest
    together = counted[place]
    unit = np.maximum(pools.even[pool].astype(np.int64), 1)
    return _Wanted(
        by=np.concatenate([local[columns.dependent[edge]], pool_by[place[~together]]]),
        provider=local[np.concatenate([columns.provider[edge], member[~together]])],
        pool_by=pool_by[counted],
        size=np.bincount(place, minlength=len(pool))[counted],
        member=local[member[together]],
        weight=weight[together] // unit[place[together]],
        slack=(slack // unit)[counted],
    )


def _downwards(wanted: _Wanted, nodes: int, make: Make) -> Rows:
    """Rows that lead from who needs to who is needed."""
    edge, start = make.group(wanted.by, nodes)
    counted, counted_start = make.group(np.repeat(wanted.pool_by, wanted.size), nodes)
    header = np.zeros((nodes, 8), dtype=np.int32)
    header[:, 0], header[:, 4] = start[:-1], counted_start[:-1]
    header[:, 1:4], header[:, 5:7] = start[1:, np.newaxis], counted_start[1:, np.newaxis]
    no_code = np.zeros(len(counted), dtype=np.int32)
    return Rows(header, wanted.provider[edge], edge, wanted.member[counted], no_code, wanted.weight[counted], counted)


def _in_places(wanted: _Wanted, at: Int32s, ends: Int32s, presumed: Bools, make: Make) -> Needs:
    """The same with CIs by the places that they are at."""
    edge, start = make.group(at[wanted.by], len(at))
    pool, pool_start = make.group(at[wanted.pool_by], len(at))
    size = wanted.size[pool]
    slot = _spans((np.cumsum(wanted.size) - wanted.size)[pool], size)[1]
    member_start = np.zeros(len(pool) + 1, dtype=np.int32)
    np.cumsum(size, out=member_start[1:])
    return Needs(
        ends=ends,
        presumed=presumed,
        start=start,
        provider=at[wanted.provider[edge]],
        pool_start=pool_start,
        member_start=member_start,
        member=at[wanted.member[slot]],
        weight=wanted.weight[slot],
        slack=wanted.slack[pool],
    )


def _spans(begin: Int64s, length: Int64s) -> tuple[Int64s, Int64s]:
    """Of which span each number is, and the numbers of the spans one after the other."""
    end = np.cumsum(length)
    shift = begin - (end - length)
    return (
        np.repeat(np.arange(len(begin)), length),
        np.repeat(shift, length) + np.arange(end[-1] if len(end) else 0),
    )
