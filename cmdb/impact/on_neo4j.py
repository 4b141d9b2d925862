"""Who goes down, asked of Neo4j level by level: for a graph that no process should hold in memory.

What needs a failed node outright goes down with it; of a pool that a failure touches, all members are read once, and its
need is counted here. The answer is `Close` of the definition wherever no ring has slack: there, a ring that has come loose
from all that it stands on would still hold itself up, which only the engine in memory sees. It costs a question over the
network for each level and 20,000 nodes, where the engine reads memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cmdb.impact.needs import ALL, ANY, PoolNeed, parse_redundancy
from cmdb.projection import Hop
from cmdb.projection.columns import Int32s
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.store import Neo4jStore
from cmdb.store.neo4j.traversal import Need, Towards, needs_of
from graph_schema.metamodel import Model, Strength
from graph_schema.metamodel import Need as TypeNeed

PoolKey = tuple[int, str, bool]
"""Owner, the pool's name or the type whose edges form it, and which of both that is."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """Everybody that is down, sorted, the sources included, and the pools that are not met."""

    sources: tuple[int, ...]
    down: Int32s
    pools: frozenset[PoolKey]


async def down_set(store: Neo4jStore, sources: Sequence[int]) -> Int32s:
    """Everybody that is down when these are, they included, now; sorted. O(edges at them and at what they support)."""
    model = await store.some_model()

    async def spread(reading: Reading) -> Int32s:
        return (await _spread(reading, model, sources)).fallen

    return await store.connection.read(spread)


async def fallen(store: Neo4jStore, sources: Sequence[int]) -> Fallen:
    """The same with what is needed to ask for paths: also the pools of those that were down before they were touched.

    O as for `down_set`, and one more question for each 20,000 of them.
    """
    model = await store.some_model()

    async def spread(reading: Reading) -> Fallen:
        failing = await _spread(reading, model, sources)
        unread = sorted(failing.touched - failing.owners)
        failing.read(await needs_of(reading, model, unread, Towards.PROVIDERS) if unread else ())
        return Fallen(tuple(sorted(set(sources))), failing.fallen, failing.failed_pools())

    return await store.connection.read(spread)


async def path_to(store: Neo4jStore, known: Fallen, hit: int) -> tuple[Hop, ...] | None:
    """A shortest chain of failed dependencies from someone who is down to a source; None for who is not down.

    A question for each level from there on, O(dependencies of those on the way who are down). One search on the server
    (`SHORTEST`) takes far longer where a source is not reached, since it keeps whole paths apart.
    """
    model = await store.some_model()
    down, sources = set(known.down.tolist()), set(known.sources)

    async def search(reading: Reading) -> tuple[Hop, ...] | None:
        failing = _Failing(model, down)
        through: dict[int, Hop | None] = {hit: None}
        frontier = [hit] if hit in down else []
        met = set(frontier)
        while frontier and not sources & set(frontier):
            needs = await needs_of(reading, model, frontier, Towards.PROVIDERS)
            failed = [n for n in needs if n.provider in down and failing.failed_by(n, known.pools)]
            for need in sorted(failed, key=lambda n: (n.provider, n.relationship)):
                through.setdefault(need.provider, Hop(need.relationship, need.dependent, need.provider))
            frontier = sorted({n.provider for n in failed} - met)
            met.update(frontier)
        ends = sources & set(frontier)
        return _way(through, min(ends)) if ends else None

    return await store.connection.read(search)


def _way(through: Mapping[int, Hop | None], source: int) -> tuple[Hop, ...]:
    """The steps by which a source was reached, from the hit on."""
    hops: list[Hop] = []
    hop = through[source]
    while hop is not None:
        hops.append(hop)
        hop = through[hop.dependent]
    return tuple(reversed(hops))


async def _spread(reading: Reading, model: Model, sources: Sequence[int]) -> _Failing:
    failing = _Failing(model, set(sources))
    frontier = sorted(set(sources))
    while frontier:
        met = await needs_of(reading, model, frontier, Towards.DEPENDENTS)
        unread = failing.owners_to_read(met)
        if unread:
            failing.read(await needs_of(reading, model, unread, Towards.PROVIDERS))
        frontier = failing.take(met)
    return failing


@dataclass
class _Pool:
    """Members with their largest weight, and the weight that they must keep."""

    members: dict[int, int] = field(default_factory=dict[int, int])
    need: PoolNeed = ALL
    hard: bool = True

    def fails_without(self, down: set[int]) -> bool:
        total = sum(self.members.values())
        left = sum(weight for member, weight in self.members.items() if member not in down)
        return self.hard and left < self.need.weight(total)


@dataclass
class _Failing:
    """What is down so far, and the pools that were read."""

    model: Model
    down: set[int]
    pools: dict[PoolKey, _Pool] = field(default_factory=dict[PoolKey, _Pool])
    owners: set[int] = field(default_factory=set[int])
    touched: set[int] = field(default_factory=set[int])
    """Who has a pool with a member that is down."""

    @property
    def fallen(self) -> Int32s:
        """Who is down, sorted."""
        return np.array(sorted(self.down), dtype=np.int32)

    def failed_pools(self) -> frozenset[PoolKey]:
        """Those that are not met, of what was read."""
        return frozenset(key for key, pool in self.pools.items() if pool.fails_without(self.down))

    def failed_by(self, need: Need, pools: frozenset[PoolKey]) -> bool:
        """Whether a dependency on someone who is down takes its dependent down, where these pools are not met."""
        if need.dependent == need.provider:
            return False
        return self._key(need) in pools if self._pooled(need) else self._rule(need)[0] is Strength.HARD

    def owners_to_read(self, met: Sequence[Need]) -> list[int]:
        """Whose pools are touched for the first time, and may make a difference."""
        self.touched |= {need.dependent for need in met if self._pooled(need)}
        standing = {need.dependent for need in met if self._pooled(need) and need.dependent not in self.down}
        return sorted(standing - self.owners)

    def read(self, needs: Iterable[Need]) -> None:
        """Take in all dependencies of some owners."""
        by_pool: dict[PoolKey, list[Need]] = defaultdict(list)
        for need in needs:
            self.owners.add(need.dependent)
            if self._pooled(need) and need.provider != need.dependent:
                by_pool[self._key(need)].append(need)
        for key, members in by_pool.items():
            pool = self.pools[key] = self._declared(key, members[0])
            for member in members:
                pool.members[member.provider] = max(member.weight, pool.members.get(member.provider, 0))

    def take(self, met: Sequence[Need]) -> list[int]:
        """Who goes down through these, in ascending order."""
        fallen = {
            need.dependent
            for need in met
            if need.dependent not in self.down and need.dependent != need.provider and self._fails(need)
        }
        self.down |= fallen
        return sorted(fallen)

    def _fails(self, need: Need) -> bool:
        if self._pooled(need):
            return self.pools[self._key(need)].fails_without(self.down)
        return self._rule(need)[0] is Strength.HARD

    def _pooled(self, need: Need) -> bool:
        return need.pool is not None or self._rule(need)[1] is TypeNeed.ANY

    def _key(self, need: Need) -> PoolKey:
        return (need.dependent, need.type, True) if need.pool is None else (need.dependent, need.pool, False)

    def _declared(self, key: PoolKey, member: Need) -> _Pool:
        if key[2]:
            return _Pool(need=ANY, hard=self._rule(member)[0] is Strength.HARD)
        said = next((entry for entry in parse_redundancy(member.redundancy) if entry.pool == key[1]), None)
        return _Pool() if said is None else _Pool(need=said.need, hard=said.strength is Strength.HARD)

    def _rule(self, need: Need) -> tuple[Strength, TypeNeed]:
        dependency = self.model.type_by_name[need.type].dependency
        if dependency is None:
            raise AssertionError(f"{need.type} means no dependency")
        return dependency.strength, dependency.need
