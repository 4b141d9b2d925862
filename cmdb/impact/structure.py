"""Who needs whom and how badly: pools with their needs, and the rows that the engine walks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.kernels import (
    HARD,
    IDLE,
    SOFT,
    Bools,
    Footing,
    Graph,
    Make,
    MakeChoice,
    Members,
    PoolColumns,
    Rows,
    Weights,
    configured_make,
)
from cmdb.impact.needs import ALL, HEAVIEST, PoolNeed
from cmdb.projection.columns import DependencyColumns, Int32s, Int64s
from graph_schema.metamodel import Need, Strength


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What a relationship type, known by its code, means for failure."""

    name: str
    strength: Strength = Strength.HARD
    need: Need = Need.EACH


@dataclass(frozen=True, slots=True)
class EdgeTraits:
    """Pool and weight of those dependencies that have one: row i is about `relationship[i]`, each at most once.

    `pool` indexes `names`, -1 for none; `weight` is 1 where nothing is said.
    """

    relationship: Int64s
    pool: Int32s
    weight: Int64s
    names: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str | None, int]] = ()) -> EdgeTraits:
        """From `(relationship, pool, weight)`; O(rows)."""
        number: dict[str, int] = {}
        codes = [-1 if pool is None else number.setdefault(pool, len(number)) for _, pool, _ in rows]
        return cls(
            np.array([relationship for relationship, _, _ in rows], dtype=np.int64),
            np.array(codes, dtype=np.int32),
            np.array([weight for _, _, weight in rows], dtype=np.int64),
            tuple(number),
        )


@dataclass(frozen=True, slots=True)
class PoolDeclaration:
    """What CI `owner` says of its pool `name`."""

    owner: int
    name: str
    need: PoolNeed = ALL
    strength: Strength = Strength.HARD


class WarningKind(StrEnum):
    """What is odd about a structure, without harm to anybody else."""

    SELF_EDGE = "self_edge"
    VOID_EDGE = "void_edge"
    NEED_EXCEEDS_MEMBERS = "need_exceeds_members"
    EMPTY_POOL = "empty_pool"


@dataclass(frozen=True, slots=True)
class EdgeWarning:
    """A dependency that counts for nothing: of a CI on itself, or with an end that is not present."""

    kind: WarningKind
    relationship: int
    dependent: int
    provider: int


@dataclass(frozen=True, slots=True)
class PoolWarning:
    """A declared pool without members, or one that asks for `need` of a smaller `total` and is taken as all."""

    kind: WarningKind
    owner: int
    pool: str
    need: int
    total: int


@dataclass(frozen=True, eq=False)
class Edges:
    """The dependencies that count. `pool` is the pool's number, -1 for a dependency that is a pool of its own."""

    columns: DependencyColumns
    pool: Int32s
    weight: Int64s


@dataclass(frozen=True, eq=False)
class Pools:
    """Pools of more than an edge of their own, by number.

    `label[p]` indexes the names of the traits, or, from `len(names)` on, the types whose edges form the pool.
    """

    columns: PoolColumns
    label: Int64s
    need: Int64s
    total: Int64s
    soft: Bools


@dataclass(frozen=True, eq=False)
class Structure:
    """A graph of needs as of `revision`, ready to be asked what fails; frozen.

    `owner_start` and `owner_edge` list each dependent's edges, indices into `edges`.
    """

    revision: int
    present: Bools
    rules: Sequence[TypeRule]
    names: Sequence[str]
    edges: Edges
    pools: Pools
    graph: Graph
    owner_start: Int32s
    owner_edge: Int32s
    make: Make
    _void: tuple[DependencyColumns, Bools]
    _odd_pools: tuple[PoolWarning, ...]

    @property
    def nodes(self) -> int:
        """Ordinals, those of CIs that are not present included."""
        return self.graph.nodes

    def type_of(self, relationship: int) -> str:
        """The type of a dependency that counts; O(log E)."""
        columns = self.edges.columns
        return self.rules[int(columns.type_code[np.searchsorted(columns.relationship, relationship)])].name

    def warnings(self) -> Iterator[EdgeWarning | PoolWarning]:
        """What was left out or bent, one by one."""
        void, on_itself = self._void
        for relationship, dependent, provider, loop in zip(
            void.relationship.tolist(),
            void.dependent.tolist(),
            void.provider.tolist(),
            on_itself.tolist(),
            strict=True,
        ):
            kind = WarningKind.SELF_EDGE if loop else WarningKind.VOID_EDGE
            yield EdgeWarning(kind, relationship, dependent, provider)
        yield from self._odd_pools


def build_structure(
    columns: DependencyColumns,
    present: Bools,
    rules: Sequence[TypeRule],
    *,
    traits: EdgeTraits | None = None,
    declarations: Sequence[PoolDeclaration] = (),
    revision: int = 0,
    make: MakeChoice | None = None,
) -> Structure:
    """Pools, rows, rings and who stands on them; O(V + E).

    `rules` go by type code. An end that is no ordinal of `present` counts as not present. Raises `Invalid` for a
    type code without a rule, a weight outside 1 to `HEAVIEST`, and a pool that is declared twice.
    """
    nodes = len(present)
    chosen = (make or configured_make())(nodes)
    traits = traits or EdgeTraits.of()
    if len(columns) and not 0 <= columns.type_code.min() <= columns.type_code.max() < len(rules):
        raise Invalid(
            f"dependencies have type codes up to {columns.type_code.max()}, rules are given for {len(rules)} types",
            remedy="give a rule for each type code, in order",
        )
    if np.any(columns.relationship[1:] < columns.relationship[:-1]):
        columns = columns.by_relationship()
    label, weight = _spread_out(traits, columns)
    on_itself = columns.dependent == columns.provider
    kept = ~on_itself & _there(columns.dependent, present) & _there(columns.provider, present)
    void = (_picked(columns, ~kept), on_itself[~kept])
    if len(void[1]):
        columns, label, weight = _picked(columns, kept), label[kept], weight[kept]

    is_any = np.array([rule.need is Need.ANY for rule in rules], dtype=bool)
    labels = len(traits.names) + len(rules)
    in_type_pool = (label < 0) & is_any[columns.type_code]
    label[in_type_pool] = len(traits.names) + columns.type_code[in_type_pool]
    pool, owner, pool_label = _number_pools(columns.dependent, label, nodes, labels, chosen)
    members = _members(columns.provider, pool, weight, nodes, len(owner), chosen)
    pools, odd = _weigh(owner, pool_label, members, traits.names, rules, declarations)
    edges = Edges(columns, pool, weight)
    soft_type = np.array([rule.strength is Strength.SOFT for rule in rules], dtype=bool)
    rows, unmet = _rows(edges, members, pools, soft_type, nodes, chosen)
    footing = _footing(rows, members, pools, unmet, chosen)
    owner_edge, owner_start = chosen.group(columns.dependent, nodes)
    graph = Graph(nodes, rows, members, pools.columns, footing)
    return Structure(
        revision, present, rules, traits.names, edges, pools, graph, owner_start, owner_edge, chosen, void, odd
    )


def _there(ordinals: Int32s, present: Bools) -> Bools:
    inside = (ordinals >= 0) & (ordinals < len(present))
    if inside.all():
        return present[ordinals]
    return inside & present[np.where(inside, ordinals, 0)] if len(present) else inside


def _picked(columns: DependencyColumns, mask: Bools) -> DependencyColumns:
    return DependencyColumns(
        columns.relationship[mask], columns.dependent[mask], columns.provider[mask], columns.type_code[mask]
    )


def _spread_out(traits: EdgeTraits, columns: DependencyColumns) -> tuple[Int64s, Int64s]:
    """Pool label (-1 for none) and weight of each dependency; the columns are sorted by relationship."""
    label, weight = np.full(len(columns), -1, dtype=np.int64), np.ones(len(columns), dtype=np.int64)
    wrong = (traits.weight < 1) | (traits.weight > HEAVIEST)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise Invalid(
            f"relationship {traits.relationship[first]} has weight {traits.weight[first]}",
            remedy=f"write an integer from 1 to {HEAVIEST}",
        )
    if len(columns):
        at = np.minimum(np.searchsorted(columns.relationship, traits.relationship), len(columns) - 1)
        known = columns.relationship[at] == traits.relationship
        label[at[known]] = traits.pool[known]
        weight[at[known]] = traits.weight[known]
    return label, weight


def _number_pools(
    dependent: Int32s, label: Int64s, nodes: int, labels: int, make: Make
) -> tuple[Int32s, Int32s, Int64s]:
    """The pool of each edge (-1 for its own), and owner and label of each pool."""
    pool = np.full(len(label), -1, dtype=np.int32)
    pooled = np.flatnonzero(label >= 0)
    by_label = pooled[make.group(label[pooled], labels)[0]]
    sorted_edges = by_label[make.group(dependent[by_label], nodes)[0]]
    owner, of = dependent[sorted_edges], label[sorted_edges]
    first = np.ones(len(of), dtype=bool)
    first[1:] = (owner[1:] != owner[:-1]) | (of[1:] != of[:-1])
    pool[sorted_edges] = np.cumsum(first) - 1
    return pool, owner[first], of[first]


def _members(provider: Int32s, pool: Int32s, weight: Int64s, nodes: int, pools: int, make: Make) -> Members:
    """Each provider once per pool, by its heaviest edge, of these the first."""
    edge = np.flatnonzero(pool >= 0)
    if weight[edge].max(initial=1) > 1:
        edge = edge[np.argsort(-weight[edge], kind="stable")]
    edge = edge[make.group(provider[edge], nodes)[0]]
    edge = edge[make.group(pool[edge], pools)[0]]
    first = np.ones(len(edge), dtype=bool)
    first[1:] = (pool[edge][1:] != pool[edge][:-1]) | (provider[edge][1:] != provider[edge][:-1])
    edge = edge[first]
    start = np.zeros(pools + 1, dtype=np.int32)
    np.cumsum(np.bincount(pool[edge], minlength=pools), out=start[1:])
    return Members(start, provider[edge], weight[edge], edge.astype(np.int32))


def _weigh(
    owner: Int32s,
    label: Int64s,
    members: Members,
    names: Sequence[str],
    rules: Sequence[TypeRule],
    declarations: Sequence[PoolDeclaration],
) -> tuple[Pools, tuple[PoolWarning, ...]]:
    """What each pool needs of how much."""
    begin = members.start[:-1]
    total = np.add.reduceat(members.weight, begin) if len(begin) else np.empty(0, np.int64)
    heaviest = np.maximum.reduceat(members.weight, begin) if len(begin) else total
    lightest = np.minimum.reduceat(members.weight, begin) if len(begin) else total
    of_type = label >= len(names)
    need = np.where(of_type, np.minimum(total, 1), total)
    soft_type = np.array([rule.strength is Strength.SOFT for rule in rules], dtype=bool)
    soft = np.zeros(len(owner), dtype=bool)
    soft[of_type] = soft_type[label[of_type] - len(names)]
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
    columns = PoolColumns(owner, _narrowed(total - need, small=small), _narrowed(even, small=small))
    return Pools(columns, label, need, total, soft), tuple(odd)


def _narrowed(weight: Int64s, *, small: bool) -> Weights:
    return weight.astype(np.int16) if small else weight


def _named(owner: Int32s, label: Int64s, names: Sequence[str]) -> dict[tuple[int, str], int]:
    named = np.flatnonzero(label < len(names))
    keys = zip(owner[named].tolist(), map(names.__getitem__, label[named].tolist()), strict=True)
    return dict(zip(keys, named.tolist(), strict=True))


def _rows(
    edges: Edges, members: Members, pools: Pools, soft_type: Bools, nodes: int, make: Make
) -> tuple[Rows, Int32s]:
    """The rows, and how many hard edges and hard pools each CI needs.

    A pool that cannot do without even its lightest member comes apart into edges, and so does one that needs
    nothing; only the others are counted.
    """
    columns = edges.columns
    lightest = np.minimum.reduceat(members.weight, members.start[:-1]) if len(pools.need) else pools.need
    idle = pools.need == 0
    counted = ~idle & (pools.columns.slack >= lightest)
    pool_of_member = np.repeat(np.arange(len(pools.need), dtype=np.int32), np.diff(members.start))
    plain = np.flatnonzero(edges.pool < 0).astype(np.int32)
    apart = ~counted[pool_of_member]
    direct = np.concatenate([plain, members.edge[apart]])
    pool_run = np.where(idle, IDLE, np.where(pools.soft, SOFT, HARD))
    run = np.concatenate([soft_type[columns.type_code[plain]] * SOFT, pool_run[pool_of_member[apart]]])

    order, start = make.group(columns.provider[direct].astype(np.int64) * 3 + run, 3 * nodes)
    edge = direct[order]
    in_count = np.flatnonzero(~apart)
    soft = pools.soft[pool_of_member[in_count]]
    counted_order, counted_start = make.group(members.provider[in_count].astype(np.int64) * 2 + soft, 2 * nodes)
    member = in_count[counted_order]
    pool = pool_of_member[member]

    header = np.zeros((nodes, 8), dtype=np.int32)
    for column in range(3):
        header[:, column] = start[column:-1:3]
    header[:, 3] = start[3::3]
    header[:, 4], header[:, 5], header[:, 6] = counted_start[:-1:2], counted_start[1::2], counted_start[2::2]
    rows = Rows(
        header,
        columns.dependent[edge],
        edge,
        pools.columns.owner[pool],
        pool << 1,
        _narrowed(members.weight[member], small=pools.columns.slack.dtype == np.int16),
        members.edge[member],
    )
    hard_owners = np.concatenate([columns.dependent[direct[run == HARD]], pools.columns.owner[counted & ~pools.soft]])
    return rows, np.bincount(hard_owners, minlength=nodes).astype(np.int32)


def _footing(rows: Rows, members: Members, pools: Pools, unmet: Int32s, make: Make) -> Footing:
    """Rings and presumed CIs; marks the pools whose loss may leave a ring hanging in the codes of the rows."""
    nodes = len(unmet)
    components = make.components(rows, nodes)
    size = np.diff(components.ends, prepend=0)
    ring_of = np.where(size > 1, np.cumsum(size > 1) - 1, -1).astype(np.int32)
    ring = np.empty(nodes, dtype=np.int32)
    ring[components.order] = np.repeat(ring_of, size)
    presumed = make.presumed(rows, unmet, pools.need.copy())
    owner = pools.columns.owner
    pool_of_member = np.repeat(np.arange(len(owner)), np.diff(members.start))
    inside = (ring[members.provider] == ring[owner[pool_of_member]]) & (ring[members.provider] >= 0)
    watched = np.zeros(len(owner), dtype=bool)
    watched[pool_of_member[inside]] = True
    watched &= ~presumed[owner] & ~pools.soft & (pools.columns.slack > 0)
    np.bitwise_or(rows.code, watched[rows.code >> 1], out=rows.code, casting="unsafe")
    starts = np.concatenate([[0], np.cumsum(size[size > 1])]).astype(np.int32)
    return Footing(components, presumed, ring, starts, components.order[np.repeat(size > 1, size)])
