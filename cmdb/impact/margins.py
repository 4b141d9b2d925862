"""The arithmetic of a pool before and after: why a CI failed, or what stands between it and failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cmdb.impact.declared import ALONE, type_label
from cmdb.impact.kernels import Rows
from cmdb.impact.states import State, States
from cmdb.impact.structure import Structure
from cmdb.projection.columns import Int32s
from cmdb.projection.rows import slots_of
from graph_schema.metamodel import Strength


@dataclass(frozen=True, slots=True)
class Member:
    """One provider of a pool, with the dependency that stands for it."""

    provider: int
    weight: int
    relationship: int
    before: State
    after: State

    @property
    def lost(self) -> bool:
        """Newly down."""
        return self.after is State.DOWN and self.before is not State.DOWN

    @property
    def weakened(self) -> bool:
        """Up before, degraded after."""
        return self.before is State.UP and self.after is State.DEGRADED

    @property
    def sickened(self) -> bool:
        """Up before, not up after."""
        return self.before is State.UP and self.after is not State.UP


@dataclass(frozen=True, slots=True)
class Margin:
    """A pool of `owner`: what is needed (of the members' total weight) and what there is.

    `name` is None for a dependency that is a pool of its own, of type `type_name`.
    """

    owner: int
    name: str | None
    type_name: str
    strength: Strength
    need: int
    members: tuple[Member, ...]

    @property
    def total(self) -> int:
        """Weight of all members."""
        return sum(member.weight for member in self.members)

    @property
    def before(self) -> int:
        """Weight of the members that were not down."""
        return sum(member.weight for member in self.members if member.before is not State.DOWN)

    @property
    def after(self) -> int:
        """Weight of the members that are not down."""
        return sum(member.weight for member in self.members if member.after is not State.DOWN)

    @property
    def healthy_before(self) -> int:
        """Weight of the members that were up."""
        return sum(member.weight for member in self.members if member.before is State.UP)

    @property
    def healthy_after(self) -> int:
        """Weight of the members that are up."""
        return sum(member.weight for member in self.members if member.after is State.UP)

    @property
    def lost(self) -> tuple[int, ...]:
        """Members newly down."""
        return tuple(member.provider for member in self.members if member.lost)

    @property
    def weakened(self) -> tuple[int, ...]:
        """Members that were up and are degraded."""
        return tuple(member.provider for member in self.members if member.weakened)

    @property
    def unspared(self) -> bool:
        """Whether it stood the loss of any one more before, and does not now."""
        heaviest_before = max((m.weight for m in self.members if m.before is not State.DOWN), default=0)
        heaviest_after = max((m.weight for m in self.members if m.after is not State.DOWN), default=0)
        return self.before - heaviest_before >= self.need > self.after - heaviest_after

    def label(self, key: Callable[[int], str]) -> str:
        """Its name, or the type and the key of the one provider."""
        return self.name if self.name is not None else f"{self.type_name}:{key(self.members[0].provider)}"

    def culprits(self, state: State) -> tuple[Member, ...]:
        """The members through which this pool explains that its owner, a hit, is in `state`; UP asks for the risk."""
        hard = self.strength is Strength.HARD
        match state:
            case State.UP:
                return tuple(m for m in self.members if m.lost) if self.unspared else ()
            case State.DOWN:
                return tuple(m for m in self.members if m.lost) if hard and self.after < self.need else ()
            case State.DEGRADED if hard:
                return tuple(m for m in self.members if m.sickened) if self.healthy_after < self.need else ()
            case State.DEGRADED:
                return tuple(m for m in self.members if m.lost) if self.after < self.need else ()


def margins_of(states: States, owner: int) -> Iterator[Margin]:
    """Every pool of the CI; O(its dependencies and their pools' members)."""
    structure = states.structure
    row = structure.needs_of(owner)
    pool = structure.edges.pool[row]
    yield from _alone(states, row[pool < 0])
    for number in np.unique(pool[pool >= 0]).tolist():
        yield _together(states, number)


@dataclass(frozen=True, eq=False)
class PoolsAround:
    """Pools with a member among some CIs, by owner: one edge that is a pool of its own, or (`edge` is -1) a numbered pool."""

    edge: Int32s
    pool: Int32s

    def __len__(self) -> int:
        return len(self.edge)

    def margins(self, states: States, start: int = 0, count: int | None = None) -> Iterator[Margin]:
        """`count` of them from position `start` on, or all the rest; O(the members of those)."""
        part = slice(start, None if count is None else start + count)
        for edge, pool in zip(self.edge[part], self.pool[part].tolist(), strict=True):
            yield from [_together(states, pool)] if edge < 0 else _alone(states, np.array([edge], dtype=np.int32))


def pools_around(structure: Structure, worse: Int32s) -> PoolsAround:
    """Every pool with a member among `worse`; O(their edges · log)."""
    edge = edges_above(structure.graph.rows, worse)
    pool = structure.edges.pool[edge]
    alone, together = _standing_for(structure, edge[pool < 0]), np.unique(pool[pool >= 0])
    owner = np.concatenate([structure.edges.columns.dependent[alone], structure.pools.columns.owner[together]])
    order = np.argsort(owner, kind="stable")
    none = np.int32(-1)
    return PoolsAround(
        np.concatenate([alone, np.full(len(together), none)])[order],
        np.concatenate([np.full(len(alone), none), together])[order],
    )


def edges_above(rows: Rows, providers: Int32s) -> Int32s:
    """The edges by which others need these, in no order."""
    spans: list[Int32s] = []
    for first, last, edge in ((0, 3, rows.edge), (4, 6, rows.counted_edge)):
        start = rows.header[:, first]
        header = np.stack([start[providers], (rows.header[:, last] - start)[providers]], axis=1)
        spans.append(edge[slots_of(header, np.arange(len(providers), dtype=np.int32))])
    return np.concatenate(spans)


def _alone(states: States, edges: Int32s) -> Iterator[Margin]:
    """Dependencies that are pools of their own."""
    structure = states.structure
    columns = structure.edges.columns
    edges = _standing_for(structure, edges)
    owners: list[int] = columns.dependent[edges].tolist()
    codes: list[int] = columns.type_code[edges].tolist()
    for owner, code, member in zip(owners, codes, _with_states(states, edges), strict=True):
        rule = structure.rules[code]
        yield Margin(owner, None, rule.name, rule.strength, member.weight, (member,))


def _standing_for(structure: Structure, edges: Int32s) -> Int32s:
    """Of parallel dependencies of a type the one of the largest weight; by owner, type and provider."""
    columns, weight = structure.edges.columns, structure.edges.weight
    keys = columns.provider[edges], columns.type_code[edges], columns.dependent[edges]
    edges = edges[np.lexsort((columns.relationship[edges], -weight[edges], *keys))]
    repeated = np.ones(len(edges), dtype=bool)
    repeated[:1] = False
    for key in (columns.provider, columns.type_code, columns.dependent):
        repeated[1:] &= key[edges][1:] == key[edges][:-1]
    return edges[~repeated]


def _together(states: States, number: int) -> Margin:
    structure = states.structure
    pools, members = structure.pools, structure.graph.members
    edges = members.edge[members.start[number] : members.start[number + 1]]
    return Margin(
        int(pools.columns.owner[number]),
        pool_name(structure, number),
        structure.rules[int(structure.edges.columns.type_code[edges[0]])].name,
        Strength.SOFT if pools.soft[number] else Strength.HARD,
        int(pools.need[number]),
        _with_states(states, edges),
    )


def pool_name(structure: Structure, number: int) -> str:
    """The name people gave it, or `any:` and the type whose edges form it."""
    label = int(structure.pools.label[number])
    return structure.names[label] if label > ALONE else f"any:{structure.rules[type_label(label)].name}"


def _with_states(states: States, edges: Int32s) -> tuple[Member, ...]:
    found = states.structure.edges
    provider = found.columns.provider[edges]
    rows = (
        provider.tolist(),
        found.weight[edges].tolist(),
        found.columns.relationship[edges].tolist(),
        *states.before_and_after(provider).tolist(),
    )
    return tuple(
        Member(ci, weight, relationship, State(before), State(after))
        for ci, weight, relationship, before, after in zip(*rows, strict=True)
    )
