"""From labels on dependencies to pools: who is in, what they weigh, and how much of that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.declared import ALONE, PoolDeclaration, PoolNames, PoolWarning, TypeRule, WarningKind, type_label
from cmdb.impact.kernels import HARD, IDLE, SOFT, Bools, Make, Members, PoolColumns, Weights
from cmdb.projection.columns import DependencyColumns, Int16s, Int32s, Int64s
from graph_schema.metamodel import Need, Strength


@dataclass(frozen=True, eq=False)
class Pools:
    """Pools of more than an edge of their own, by number. Those that no edge of an owner is in count no longer.

    `label[p]` is the number of the pool's name, or `type_label` of the type whose edges form it.
    """

    columns: PoolColumns
    label: Int64s
    need: Int64s
    total: Int64s
    soft: Bools


@dataclass(frozen=True, slots=True)
class Parts:
    """Edges `direct` go into the direct part of a row, in `run`; members `counted`, of `pool`, into the counted one."""

    direct: Int32s
    run: Int32s
    counted: Int32s
    pool: Int32s


def picked(columns: DependencyColumns, which: Bools | Int64s | Int32s) -> DependencyColumns:
    """Some of the rows."""
    return DependencyColumns(
        columns.relationship[which], columns.dependent[which], columns.provider[which], columns.type_code[which]
    )


def with_types(label: Int64s, type_code: Int16s, rules: Sequence[TypeRule]) -> Int64s:
    """The labels, where edges without one are of a type that forms pools that of the type."""
    is_any = np.array([rule.need is Need.ANY for rule in rules], dtype=bool)
    in_type_pool = (label == ALONE) & is_any[type_code]
    return np.where(in_type_pool, type_label(0) - type_code.astype(np.int64), label)


def number_pools(dependent: Int32s, label: Int64s, nodes: int, make: Make) -> tuple[Int32s, Int32s, Int64s]:
    """The pool of each edge (-1 for its own), and owner and label of each pool."""
    pool = np.full(len(label), -1, dtype=np.int32)
    pooled = np.flatnonzero(label != ALONE).astype(np.int32)
    lowest = int(label.min(initial=0))
    by_label = pooled.take(make.group(label.take(pooled) - lowest, int(label.max(initial=0)) - lowest + 1)[0])
    sorted_edges = by_label.take(make.group(dependent.take(by_label), nodes)[0])
    owner, of = dependent.take(sorted_edges), label.take(sorted_edges)
    first = np.ones(len(of), dtype=bool)
    first[1:] = (owner[1:] != owner[:-1]) | (of[1:] != of[:-1])
    pool[sorted_edges] = np.cumsum(first) - 1
    return pool, owner[first], of[first]


def members_of(provider: Int32s, pool: Int32s, weight: Int64s, nodes: int, pools: int, make: Make) -> Members:
    """Each provider once per pool, by its heaviest edge, of these the first."""
    edge = np.flatnonzero(pool >= 0).astype(np.int32)
    if weight.max(initial=1) > 1:
        edge = edge.take(np.argsort(-weight.take(edge), kind="stable"))
    edge = edge.take(make.group(provider.take(edge), nodes)[0])
    into = pool.take(edge)
    by_pool = make.group(into, pools)[0]
    edge, into = edge.take(by_pool), into.take(by_pool)
    member = provider.take(edge)
    first = np.ones(len(edge), dtype=bool)
    first[1:] = (into[1:] != into[:-1]) | (member[1:] != member[:-1])
    if not first.all():
        edge, into, member = edge[first], into[first], member[first]
    start = np.zeros(pools + 1, dtype=np.int32)
    np.cumsum(np.bincount(into, minlength=pools), out=start[1:])
    return Members(start, member, weight.take(edge), edge)


def weigh(
    owner: Int32s,
    label: Int64s,
    members: Members,
    names: PoolNames,
    rules: Sequence[TypeRule],
    declarations: Sequence[PoolDeclaration],
) -> tuple[Pools, tuple[PoolWarning, ...]]:
    """What each pool needs of how much."""
    begin = members.start[:-1]
    total = np.add.reduceat(members.weight, begin) if len(begin) else np.empty(0, np.int64)
    heaviest = np.maximum.reduceat(members.weight, begin) if len(begin) else total
    lightest = np.minimum.reduceat(members.weight, begin) if len(begin) else total
    of_type = label < ALONE
    need = np.where(of_type, np.minimum(total, 1), total)
    soft_type = np.array([rule.strength is Strength.SOFT for rule in rules], dtype=bool)
    soft = np.zeros(len(owner), dtype=bool)
    soft[of_type] = soft_type[type_label(0) - label[of_type]]
    odd: list[PoolWarning] = []
    number = _named(owner, label, names)
    declared: set[tuple[int, str]] = set()
    for said in declarations:
        if (said.owner, said.name) in declared:
            raise Invalid(
                f"pool {said.name!r} of CI {said.owner} is declared twice", remedy="keep one of the declarations"
            )
        declared.add((said.owner, said.name))
        pool = number.get((said.owner, said.name), -1)
        weight = int(total[pool]) if pool >= 0 else 0
        if said.need.exceeds(weight):
            asked = int(said.need.amount)
            odd.append(PoolWarning(WarningKind.NEED_EXCEEDS_MEMBERS, said.owner, said.name, asked, weight))
        if pool < 0:
            odd.append(PoolWarning(WarningKind.EMPTY_POOL, said.owner, said.name, 0, 0))
            continue
        need[pool] = said.need.weight(weight)
        soft[pool] = said.strength is Strength.SOFT
    even = np.where(heaviest == lightest, heaviest, 0)
    even[total - heaviest < need] = -1
    small = total.max(initial=0) <= np.iinfo(np.int16).max
    most = int(heaviest.max(initial=1))
    columns = PoolColumns(owner, narrowed(total - need, small=small), narrowed(even, small=small), most)
    return Pools(columns, label, need, total, soft), tuple(odd)


def narrowed(weight: Int64s, *, small: bool) -> Weights:
    """Of 16 bits, if these are enough."""
    return weight.astype(np.int16) if small else weight


def _named(owner: Int32s, label: Int64s, names: PoolNames) -> dict[tuple[int, str], int]:
    named = np.flatnonzero(label > ALONE)
    keys = zip(owner[named].tolist(), map(names.__getitem__, label[named].tolist()), strict=True)
    return dict(zip(keys, named.tolist(), strict=True))


def parted(type_code: Int16s, pool: Int32s, members: Members, pools: Pools, rules: Sequence[TypeRule]) -> Parts:
    """What goes where in the rows of providers.

    A pool that cannot do without even its lightest member comes apart into edges, and so does one that needs
    nothing; only the others are counted.
    """
    lightest = np.minimum.reduceat(members.weight, members.start[:-1]) if len(pools.need) else pools.need
    idle = pools.need == 0
    counted = ~idle & (pools.columns.slack >= lightest)
    pool_of_member = np.repeat(np.arange(len(pools.need), dtype=np.int32), np.diff(members.start))
    alone = np.flatnonzero(pool < 0).astype(np.int32)
    apart = ~counted[pool_of_member]
    soft_type = np.array([rule.strength is Strength.SOFT for rule in rules], dtype=bool)
    pool_run = np.where(idle, IDLE, np.where(pools.soft, SOFT, HARD)).astype(np.int32)
    in_count = np.flatnonzero(~apart).astype(np.int32)
    return Parts(
        np.concatenate([alone, members.edge[apart]]),
        np.concatenate([soft_type[type_code[alone]] * np.int32(SOFT), pool_run[pool_of_member[apart]]]),
        in_count,
        pool_of_member[in_count],
    )
