"""Who needs whom and how badly: pools with their needs, and the rows that the engine walks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.declared import (
    ALONE,
    EdgeTraits,
    EdgeWarning,
    PerOwner,
    PoolDeclaration,
    PoolNames,
    PoolWarning,
    TypeRule,
    WarningKind,
    by_owner,
)
from cmdb.impact.footing import footing_of, hanging_pools
from cmdb.impact.kernels import (
    Bools,
    Graph,
    Make,
    MakeChoice,
    Members,
    PoolColumns,
    Rows,
    configured_make,
)
from cmdb.impact.needs import HEAVIEST
from cmdb.impact.pooling import Pools, members_of, number_pools, parted, picked, weigh, with_types
from cmdb.impact.room import Claim, Counts, Group, Room, roomy
from cmdb.impact.rows import rows_of
from cmdb.projection.columns import DependencyColumns, Int16s, Int32s, Int64s
from cmdb.projection.rows import slots_of

__all__ = [
    "EdgeTraits",
    "EdgeWarning",
    "Edges",
    "PoolDeclaration",
    "PoolWarning",
    "Pools",
    "Structure",
    "TypeRule",
    "Void",
    "WarningKind",
    "build_structure",
]


@dataclass(frozen=True, eq=False)
class Edges:
    """The dependencies that count. `pool` is the pool's number, -1 for a dependency that is a pool of its own.

    The first `sorted` are sorted by relationship. Edges from there on replace some or came later; of all, only those
    count that stand in a row of the graph or among an owner's needs.
    """

    columns: DependencyColumns
    pool: Int32s
    weight: Int64s
    sorted: int


@dataclass(frozen=True, slots=True)
class Void:
    """Dependencies that count for nothing, with what they would be if they did."""

    columns: DependencyColumns
    label: Int64s
    weight: Int64s


@dataclass(frozen=True, eq=False)
class Structure:
    """A graph of needs as of `revision`, ready to be asked what fails; frozen.

    Owner v's edges, indices into `edges`, are `owner_edge[owner_start[v]:owner_end[v]]`. What is `declared`, the `odd`
    pools, the `void` edges and the `claim` to shared room are kept for the structures that are made from this one.
    """

    revision: int
    present: Bools
    rules: Sequence[TypeRule]
    names: PoolNames
    edges: Edges
    pools: Pools
    graph: Graph
    owner_start: Int32s
    owner_end: Int32s
    owner_edge: Int32s
    make: Make
    declared: PerOwner[PoolDeclaration]
    odd: PerOwner[PoolWarning]
    void: Void
    claim: Claim

    @property
    def nodes(self) -> int:
        """Ordinals, those of CIs that are not present included."""
        return self.graph.nodes

    def needs_of(self, owner: int) -> Int32s:
        """The edges by which a CI needs others."""
        return self.owner_edge[self.owner_start[owner] : self.owner_end[owner]]

    def needs_of_each(self, owners: Int32s) -> tuple[Int64s, Int32s]:
        """The edges by which these need others, and for each the place of its owner among these; O(owners + edges)."""
        begin = self.owner_start[owners]
        length = self.owner_end[owners] - begin
        slots = slots_of(np.stack([begin, length], axis=1), np.arange(len(owners), dtype=np.int32))
        return np.repeat(np.arange(len(owners)), length), self.owner_edge[slots]

    def pools_of_each(self, owners: Int32s) -> tuple[Int64s, Int64s]:
        """The pools of these, and for each the place of its owner among these, sorted; O(n log n) in their edges."""
        place, edge = self.needs_of_each(owners)
        pool = self.edges.pool[edge].astype(np.int64)
        key = np.unique(place[pool >= 0] * len(self.pools.need) + pool[pool >= 0])
        place, pool = np.divmod(key, max(1, len(self.pools.need)))
        return place, pool

    def declares(self, owner: int) -> bool:
        """Whether a CI says anything of its pools."""
        return bool(self.declared.of(owner))

    def type_of(self, relationship: int) -> str:
        """The type of a dependency that counts; O(log E + edges that came later)."""
        columns, known = self.edges.columns, self.edges.sorted
        at = int(np.searchsorted(columns.relationship[:known], relationship))
        if at == known or columns.relationship[at] != relationship:
            at = known + int(np.flatnonzero(columns.relationship[known:] == relationship)[0])
        return self.rules[int(columns.type_code[at])].name

    def warnings(self) -> Iterator[EdgeWarning | PoolWarning]:
        """What was left out or bent, one by one."""
        void = self.void.columns
        rows = zip(void.relationship.tolist(), void.dependent.tolist(), void.provider.tolist(), strict=True)
        for relationship, dependent, provider in rows:
            kind = WarningKind.SELF_EDGE if dependent == provider else WarningKind.VOID_EDGE
            yield EdgeWarning(kind, relationship, dependent, provider)
        yield from self.odd


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
    check_types(columns.type_code, rules)
    if np.any(columns.relationship[1:] < columns.relationship[:-1]):
        columns = columns.by_relationship()
    label, weight = _spread_out(traits, columns)
    kept = count_for_something(columns, present)
    void = Void(picked(columns, ~kept), label[~kept], weight[~kept])
    if len(void.label):
        columns, label, weight = picked(columns, kept), label[kept], weight[kept]

    label = with_types(label, columns.type_code, rules)
    names = PoolNames(traits.names)
    said = by_owner(declarations)
    pool, owner, pool_label = number_pools(columns.dependent, label, nodes, chosen)
    members = members_of(columns.provider, pool, weight, nodes, len(owner), chosen)
    pools, odd = weigh(owner, pool_label, members, names, rules, declarations)
    edges = Edges(columns, pool, weight, len(columns))
    parts = parted(columns.type_code, pool, members, pools, rules)
    rows = rows_of(columns, members, pools, parts, nodes, chosen)
    footing = footing_of(rows, pools, chosen)
    watched = np.zeros(len(owner), dtype=bool)
    watched[hanging_pools(rows, footing, pools, footing.ring_member)] = True
    np.bitwise_or(rows.code, watched[rows.code >> 1], out=rows.code, casting="unsafe")
    owner_edge, owner_start = chosen.group(columns.dependent, nodes)
    structure = Structure(
        revision,
        present,
        rules,
        names,
        edges,
        pools,
        Graph(nodes, rows, members, pools.columns, footing),
        owner_start[:-1],
        owner_start[1:],
        owner_edge,
        chosen,
        PerOwner(said, {}),
        PerOwner(by_owner(odd), {}),
        void,
        Claim(Room({}, {})),
    )
    return with_room(structure)


def with_room(structure: Structure, more: Counts | None = None, *, wide: bool = False) -> Structure:
    """The same in arrays with room at their ends, `more` at least; O(E). Weights get 64 bits if they are to be `wide`."""
    rows, members, pools, edges = structure.graph.rows, structure.graph.members, structure.pools, structure.edges
    used = {
        Group.DIRECT: len(rows.target),
        Group.COUNTED: len(rows.code),
        Group.EDGES: len(edges.pool),
        Group.NEEDS: len(structure.owner_edge),
        Group.POOLS: len(pools.need),
        Group.MEMBERS: len(members.edge),
    }
    room = Room(used, more or {})
    direct, counted = room.capacity[Group.DIRECT], room.capacity[Group.COUNTED]
    of_edges, of_pools, of_members = (room.capacity[group] for group in (Group.EDGES, Group.POOLS, Group.MEMBERS))
    columns, of = edges.columns, pools.columns
    weights = (of.slack, of.even, rows.weight)
    slack, even, weight = (column.astype(np.int64) if wide else column for column in weights)
    pool_columns = PoolColumns(roomy(of.owner, of_pools), roomy(slack, of_pools), roomy(even, of_pools), of.heaviest)
    graph = structure.graph._replace(
        rows=Rows(
            rows.header,
            roomy(rows.target, direct),
            roomy(rows.edge, direct),
            roomy(rows.counted, counted),
            roomy(rows.code, counted),
            roomy(weight, counted),
            roomy(rows.counted_edge, counted),
        ),
        members=Members(
            roomy(members.start, of_pools + 1),
            roomy(members.provider, of_members),
            roomy(members.weight, of_members),
            roomy(members.edge, of_members),
        ),
        pools=pool_columns,
    )
    return replace(
        structure,
        edges=Edges(
            DependencyColumns(
                roomy(columns.relationship, of_edges),
                roomy(columns.dependent, of_edges),
                roomy(columns.provider, of_edges),
                roomy(columns.type_code, of_edges),
            ),
            roomy(edges.pool, of_edges),
            roomy(edges.weight, of_edges),
            edges.sorted,
        ),
        pools=Pools(
            pool_columns,
            roomy(pools.label, of_pools),
            roomy(pools.need, of_pools),
            roomy(pools.total, of_pools),
            roomy(pools.soft, of_pools),
        ),
        graph=graph,
        owner_edge=roomy(structure.owner_edge, room.capacity[Group.NEEDS]),
        claim=Claim(room),
    )


def check_types(codes: Int16s, rules: Sequence[TypeRule]) -> None:
    """Raises `Invalid` for a code without a rule."""
    if len(codes) and not 0 <= codes.min() <= codes.max() < len(rules):
        raise Invalid(
            f"dependencies have type codes up to {codes.max()}, rules are given for {len(rules)} types",
            remedy="give a rule for each type code, in order",
        )


def check_weights(relationship: Int64s, weight: Int64s) -> None:
    """Raises `Invalid` for a weight outside 1 to `HEAVIEST`."""
    wrong = (weight < 1) | (weight > HEAVIEST)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise Invalid(
            f"relationship {relationship[first]} has weight {weight[first]}",
            remedy=f"write an integer from 1 to {HEAVIEST}",
        )


def count_for_something(columns: DependencyColumns, present: Bools) -> Bools:
    """Which dependencies are between two CIs that are present."""
    return (
        (columns.dependent != columns.provider) & _there(columns.dependent, present) & _there(columns.provider, present)
    )


def _there(ordinals: Int32s, present: Bools) -> Bools:
    if not len(ordinals) or 0 <= ordinals.min() <= ordinals.max() < len(present):
        return present[ordinals]
    inside = (ordinals >= 0) & (ordinals < len(present))
    return inside & present[np.where(inside, ordinals, 0)] if len(present) else inside


def _spread_out(traits: EdgeTraits, columns: DependencyColumns) -> tuple[Int64s, Int64s]:
    """Pool label (-1 for none) and weight of each dependency; the columns are sorted by relationship."""
    label, weight = np.full(len(columns), ALONE, dtype=np.int64), np.ones(len(columns), dtype=np.int64)
    check_weights(traits.relationship, traits.weight)
    if len(columns):
        at = np.minimum(np.searchsorted(columns.relationship, traits.relationship), len(columns) - 1)
        known = columns.relationship[at] == traits.relationship
        label[at[known]] = traits.pool[known]
        weight[at[known]] = traits.weight[known]
    return label, weight
