"""The architect's question: what is one failure away from taking a service down, and what stands in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.application.assessing import SERVICE
from cmdb.application.describing import described_hops
from cmdb.application.opening import Application
from cmdb.application.questions import DescribedHop, live
from cmdb.errors import Usage
from cmdb.impact import CutPairs, Protection, SinglePoints, Standing, State, WhatIf, cut_pairs, protection
from cmdb.impact.spof import single_points_of
from cmdb.nodes import Node
from cmdb.projection import Hop
from cmdb.projection.columns import Int32s, Int64s
from cmdb.reading import Moment, moment_revision, nodes_by_ordinal
from graph_schema.metamodel import Model

IMPORTANCE: Final = "importance"
"""The attribute that says how much harm the loss of a service does; its values come with the worst first."""


@dataclass(frozen=True, slots=True)
class FoundPoints:
    """The single points of failure of some services, or of all, at a revision. `services` are those that were named."""

    standing: Standing
    points: SinglePoints
    services: tuple[Node, ...]

    @property
    def revision(self) -> int:
        """The commit whose graph was asked."""
        return self.points.revision

    @property
    def safe(self) -> int:
        """How many of the services nothing takes down alone."""
        return int((self.points.points == 0).sum())


@dataclass(frozen=True, slots=True)
class DescribedPoint:
    """Who takes down which services, the nearest first, and the path from the first of them to it."""

    node: Node
    services: tuple[Node, ...]
    path: tuple[DescribedHop, ...]


@dataclass(frozen=True, slots=True)
class FoundPairs:
    """The pairs of one service, as columns."""

    service: Node
    pairs: CutPairs


@dataclass(frozen=True, slots=True)
class DescribedProtection:
    """A pool of a CI, by its name or by the type of its only dependency, and what it survives."""

    pool: str | None
    protection: Protection
    members: tuple[Node, ...]


async def find_single_points(
    application: Application, references: Sequence[str], moment: Moment | None = None
) -> FoundPoints:
    """Whose loss alone takes down one of these, or, where none is named, a service; nothing is left out.

    Those that take down the most come first, then those that take down the most important. O as for
    `cmdb.impact.single_points_of`, unless the same was asked lately of the same revision. Raises NotFound and Usage for
    references and moments.
    """
    as_of = None if moment is None else await moment_revision(application.store, moment)
    named = await live(application, references, as_of) if references else []
    standing = await application.structures.as_of(as_of)
    services = tuple({node.ordinal: node for node in named}.values())
    ordinals = np.array([node.ordinal for node in services], dtype=np.int32) if references else _all_services(standing)
    key = np.unique(ordinals).tobytes()
    points = standing.points.get(key)
    if points is None:
        importance = await _importance(application, standing, ordinals)
        points = await asyncio.to_thread(single_points_of, standing.structure, ordinals, importance)
        standing.points.keep(key, points)
    return FoundPoints(standing, points, services)


async def describe_points(
    application: Application, found: FoundPoints, start: int = 0, count: int | None = None
) -> list[DescribedPoint]:
    """`count` points from position `start` on, or all. O(what each of them takes down)."""
    part = slice(start, None if count is None else start + count)
    fallen, paths = await asyncio.to_thread(_traced, found, found.points.ordinal[part])
    wanted = {ordinal for point, some in fallen.items() for ordinal in (point, *some.tolist())}
    wanted |= {end for path in paths.values() for hop in path for end in (hop.dependent, hop.provider)}
    nodes = await nodes_by_ordinal(application.store, wanted, found.revision)
    hops = described_hops(found.standing, {hop for path in paths.values() for hop in path}, nodes)
    return [
        DescribedPoint(
            node=nodes[point],
            services=tuple(nodes[ordinal] for ordinal in some.tolist()),
            path=tuple(hops[hop] for hop in paths[point]),
        )
        for point, some in fallen.items()
    ]


async def find_pairs(found: FoundPoints) -> FoundPairs:
    """Who takes the one service that was named down together, though not alone. Raises Usage for another number of them."""
    if len(found.services) != 1:
        raise Usage("pairs are looked for in one service", remedy="name exactly one")
    [service] = found.services
    pairs = await asyncio.to_thread(cut_pairs, found.standing.structure, service.ordinal)
    return FoundPairs(service, pairs)


async def describe_pairs(
    application: Application, found: FoundPairs, start: int = 0, count: int | None = None
) -> list[tuple[Node, Node]]:
    """`count` pairs from position `start` on, or all, the nearer of each first. O(pairs)."""
    part = slice(start, None if count is None else start + count)
    first: list[int] = found.pairs.first[part].tolist()
    second: list[int] = found.pairs.second[part].tolist()
    nodes = await nodes_by_ordinal(application.store, {*first, *second}, found.pairs.revision)
    return [(nodes[near], nodes[far]) for near, far in zip(first, second, strict=True)]


async def describe_protection(application: Application, found: FoundPoints, node: Node) -> list[DescribedProtection]:
    """What each pool of a CI survives, pools of more than one dependency first. O(its pools' members)."""
    margins = found.standing.propagation.impact(WhatIf({})).margins_of(node.ordinal)
    wanted = {member.provider for margin in margins for member in margin.members}
    nodes = await nodes_by_ordinal(application.store, wanted, found.revision)
    described = [
        DescribedProtection(margin.name, protection(margin), tuple(nodes[m.provider] for m in margin.members))
        for margin in margins
    ]
    return sorted(described, key=lambda known: known.pool is None)


def _traced(found: FoundPoints, points: Int32s) -> tuple[dict[int, Int32s], dict[int, tuple[Hop, ...]]]:
    """By point, which of the services it takes down, the nearest first, and the path from the first of them."""
    fallen: dict[int, Int32s] = {}
    paths: dict[int, tuple[Hop, ...]] = {}
    for point in points.tolist():
        impact = found.standing.propagation.impact(WhatIf({point: State.DOWN}))
        down = np.intersect1d(impact.down, found.points.services)
        near = impact.ordinals[np.isin(impact.ordinals, down)]
        fallen[point] = near[near != point]
        paths[point] = impact.path_to(int(fallen[point][0])) or ()
    return fallen, paths


def _all_services(standing: Standing) -> Int32s:
    present = np.flatnonzero(standing.structure.present).astype(np.int32)
    classes = frozenset(standing.model.descendants.get(SERVICE, ()))
    return present[standing.roster.of_classes(present, classes)]


async def _importance(application: Application, standing: Standing, services: Int32s) -> Int64s:
    """How important each service is: 0 where nothing is said, the more the worse its loss. O(V)."""
    _, said = await application.store.node_values(IMPORTANCE, standing.structure.revision)
    words = _words(standing.model)
    rank = np.array([*(words.get(str(value), 0) for value in said.values), 0], dtype=np.int64)
    return rank[said.codes_of(services)]


def _words(model: Model) -> dict[str, int]:
    """The values of importance, the least important as 1."""
    attributes = (model.attributes[name].get(IMPORTANCE) for name in model.descendants.get(SERVICE, ()))
    values = next((attribute.values for attribute in attributes if attribute is not None), ())
    return {value: len(values) - place for place, value in enumerate(values)}
