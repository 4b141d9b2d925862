"""Impact asked of Neo4j itself: what is reached along *dependent needs provider*, for graphs beyond one machine.

The answers equal a breadth-first search over the dependency columns. Neo4j walks by itself (`VarLengthExpand(Pruning,
BFS)`) where all types are followed along their arrows, or all against them. A model mixes the two, as types differ in which
of their ends depends, and a pattern cannot; then, and for distances, each level is one question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, LiteralString, cast

import numpy as np
import numpy.typing as npt

from cmdb.filters import Direction
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.cypher import edge, of_types
from cmdb.store.neo4j.store import Neo4jStore
from graph_schema.metamodel import DependentEnd, Model

FRONTIER_AT_ONCE: Final = 20_000

_THERE: Final = """
MATCH (c:_Counters {only: 1}) OPTIONAL MATCH (n:Node) WHERE n.ordinal IN $wanted
WITH c, collect(n.ordinal) AS there RETURN [c.ordinal, there] AS rows
"""


class Towards(Enum):
    """Which way dependencies are followed."""

    DEPENDENTS = "dependents"
    """From a provider to those that need it: the way an impact spreads."""
    PROVIDERS = "providers"
    """From a dependent to what it needs."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Nodes and the fewest dependencies between each and a source (0: a source); by distance, then by ordinal."""

    revision: int
    ordinals: npt.NDArray[np.int32]
    distance: npt.NDArray[np.int32]


async def reached(store: Neo4jStore, sources: Sequence[int], towards: Towards, types: Sequence[str] | None) -> Reached:
    """All nodes reached from `sources` and how far away they are, level by level. One statement per level and 20 k nodes.

    `types` limits the dependency types that are followed; None is all of them. O(nodes and edges reached).
    """
    steps = _steps(await store.some_model(), towards, types)

    async def search(reading: Reading) -> Reached:
        return await _by_levels(reading, steps, sources)

    return await store.connection.read(search)


async def reachable(
    store: Neo4jStore, sources: Sequence[int], towards: Towards, types: Sequence[str] | None
) -> npt.NDArray[np.int32]:
    """The same nodes without their distances, in ascending order; one statement where Neo4j can walk by itself."""
    steps = _steps(await store.some_model(), towards, types)

    async def search(reading: Reading) -> npt.NDArray[np.int32]:
        if len(steps) != 1:
            return np.sort((await _by_levels(reading, steps, sources)).ordinals)
        _, rows = await reading.rows(_walk(steps[0]), {"wanted": list(sources)})
        return np.sort(np.asarray(rows, dtype=np.int32))

    return await store.connection.read(search)


@dataclass(frozen=True, slots=True)
class _Step:
    """Types that are all followed in one direction."""

    direction: Direction
    types: tuple[str, ...]


def _steps(model: Model, towards: Towards, types: Sequence[str] | None) -> list[_Step]:
    """The dependency types that are followed, by the direction in which that is."""
    followed: dict[Direction, list[str]] = {}
    for known in model.dependency_types:
        if known.dependency is not None and (types is None or known.name in types):
            from_depends = known.dependency.dependent is DependentEnd.FROM
            to_providers = Direction.OUT if from_depends else Direction.IN
            to_dependents = Direction.IN if from_depends else Direction.OUT
            direction = to_providers if towards is Towards.PROVIDERS else to_dependents
            followed.setdefault(direction, []).append(known.name)
    return [_Step(direction, tuple(names)) for direction, names in followed.items()]


async def _by_levels(reading: Reading, steps: Sequence[_Step], sources: Sequence[int]) -> Reached:
    mark, found = await reading.rows(_THERE, {"wanted": list(sources)})
    size, there = cast("tuple[int, list[int]]", found)
    seen = np.zeros(size, dtype=np.bool_)
    levels = [np.unique(np.asarray(there, dtype=np.int32))]
    seen[levels[0]] = True
    while steps and levels[-1].size:
        met = [levels[-1][:0]]
        for first in range(0, levels[-1].size, FRONTIER_AT_ONCE):
            frontier = levels[-1][first : first + FRONTIER_AT_ONCE].tolist()
            _, rows = await reading.rows(_one_level(steps), {"frontier": frontier})
            met.append(np.asarray(rows, dtype=np.int32))
        level = np.unique(np.concatenate(met))
        levels.append(level[~seen[level]])
        seen[levels[-1]] = True
    return Reached(
        revision=mark.revision,
        ordinals=np.concatenate(levels),
        distance=np.repeat(np.arange(len(levels), dtype=np.int32), [level.size for level in levels]),
    )


def _one_level(steps: Sequence[_Step]) -> LiteralString:
    one_step: list[LiteralString] = [
        f"UNWIND $frontier AS wanted MATCH (n:Node {{ordinal: wanted}}){edge(step.direction, '', step.types)}(m:Node) "
        "RETURN DISTINCT m.ordinal AS ordinal"
        for step in steps
    ]
    return f"CALL () {{ {' UNION '.join(one_step)} }} RETURN collect(ordinal) AS rows"


def _walk(step: _Step) -> LiteralString:
    """Each node is met once for each source, however many ways lead to it."""
    types = of_types(step.types)
    steps: LiteralString = f"-[{types}*0..]->" if step.direction is Direction.OUT else f"<-[{types}*0..]-"
    return (
        "UNWIND $wanted AS wanted MATCH (n:Node {ordinal: wanted}) WITH n "
        f"MATCH (n){steps}(m) RETURN collect(DISTINCT m.ordinal) AS rows"
    )


@dataclass(frozen=True, slots=True)
class Need:
    """A dependency as Neo4j has it, with what is said of its pool; `redundancy` is the dependent's."""

    relationship: int
    dependent: int
    provider: int
    type: str
    pool: str | None
    weight: int
    redundancy: tuple[str, ...]


async def needs_of(
    reading: Reading, model: Model, ordinals: Sequence[int], towards: Towards, types: Sequence[str] | None = None
) -> list[Need]:
    """The dependencies by which others need these nodes, or (towards providers) by which these need others.

    One statement for each 20 k nodes. O(edges at them).
    """
    steps = _steps(model, towards, types)
    if not steps:
        return []
    statement = _needs(steps, towards)
    found: list[Need] = []
    for first in range(0, len(ordinals), FRONTIER_AT_ONCE):
        _, rows = await reading.rows(statement, {"frontier": list(ordinals[first : first + FRONTIER_AT_ONCE])})
        for ident, dependent, provider, type_name, pool, weight, redundancy in cast("list[_NeedRow]", rows):
            found.append(Need(ident, dependent, provider, type_name, pool, weight, tuple(redundancy or ())))
    return found


_NeedRow = tuple[int, int, int, str, str | None, int, list[str] | None]
_ROW_UP: Final = "[r.id, m.ordinal, n.ordinal, type(r), r.pool, coalesce(r.weight, 1), m.redundancy]"
_ROW_DOWN: Final = "[r.id, n.ordinal, m.ordinal, type(r), r.pool, coalesce(r.weight, 1), n.redundancy]"


def statements(model: Model) -> Mapping[str, LiteralString]:
    """Every statement that is asked here, by what it does: for whoever reads their plans."""
    asked: dict[str, LiteralString] = {"sources": _THERE}
    for towards in Towards:
        steps = _steps(model, towards, None)
        asked[f"level of {towards.value}"] = _one_level(steps)
        asked[f"needs of {towards.value}"] = _needs(steps, towards)
        asked |= {f"walk to {towards.value} {step.direction.value}": _walk(step) for step in steps}
    return asked


def _needs(steps: Sequence[_Step], towards: Towards) -> LiteralString:
    branches: list[LiteralString] = [
        f"UNWIND $frontier AS wanted MATCH (n:Node {{ordinal: wanted}}){edge(step.direction, 'r', step.types)}(m:Node) "
        f"RETURN {_ROW_UP if towards is Towards.DEPENDENTS else _ROW_DOWN} AS row"
        for step in steps
    ]
    return f"CALL () {{ {' UNION ALL '.join(branches)} }} RETURN collect(row) AS rows"
