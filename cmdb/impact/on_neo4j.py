"""Who goes down, asked of Neo4j level by level: for a graph that no process should hold in memory.

What needs a failed node outright goes down with it; of a pool that a failure touches, all members are read once, and its
need is counted here. The answer is `Close` of the definition wherever no ring has slack: there, a ring that has come loose
from all that it stands on would still hold itself up, which only the engine in memory sees. It costs a question over the
network for each level and 20,000 nodes, where the engine reads memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cmdb.impact.needs import ALL, ANY, PoolNeed, parse_redundancy
from cmdb.projection.columns import Int32s
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.store import Neo4jStore
from cmdb.store.neo4j.traversal import Need, Towards, needs_of
from graph_schema.metamodel import Model, Strength
from graph_schema.metamodel import Need as TypeNeed

PoolKey = tuple[int, str, bool]
"""Owner, the pool's name or the type whose edges form it, and which of both that is."""


async def down_set(store: Neo4jStore, sources: Sequence[int]) -> Int32s:
    """Everybody that is down when these are, they included, now; sorted. O(edges at them and at what they support)."""
    model = await store.some_model()

    async def spread(reading: Reading) -> Int32s:
        failing = _Failing(model, set(sources))
        frontier = sorted(set(sources))
        while frontier:
            met = await needs_of(reading, model, frontier, Towards.DEPENDENTS)
            unread = failing.owners_to_read(met)
            if unread:
                failing.read(await needs_of(reading, model, unread, Towards.PROVIDERS))
            frontier = failing.take(met)
        return np.array(sorted(failing.down), dtype=np.int32)

    return await store.connection.read(spread)


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

    def owners_to_read(self, met: Iterable[Need]) -> list[int]:
        """Whose pools are touched for the first time."""
        touched = {need.dependent for need in met if self._pooled(need) and need.dependent not in self.down}
        return sorted(touched - self.owners)

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
