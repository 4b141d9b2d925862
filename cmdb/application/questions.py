"""The engineers' and change managers' questions, answered with names: what is reached, how far away, by which path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cmdb.application.opening import Application
from cmdb.impact import ReachAnswer, Scenario, reached
from cmdb.nodes import Node
from cmdb.projection import Direction, Hop
from cmdb.projection.following import DependencyCodes
from cmdb.reading import Moment, moment_revision, resolve_all


@dataclass(frozen=True, slots=True)
class DescribedHop:
    """One dependency of a path: which relationship, its type, and both its ends.

    `forwards` says that the relationship itself leads from the dependent to the provider.
    """

    relationship: int
    type: str
    forwards: bool
    dependent: Node
    provider: Node


@dataclass(frozen=True, slots=True)
class DescribedHit:
    """A node that is reached, how far away, and a shortest path, read from the dependent end to the provider end."""

    node: Node
    distance: int
    path: tuple[DescribedHop, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """What some nodes reach: the sources, the whole answer as columns, and the counts by class without the sources."""

    sources: tuple[Node, ...]
    answer: ReachAnswer
    as_of: int | None
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """Hits, the sources not counted."""
        return len(self.answer) - len(self.sources)


async def reach(
    application: Application, references: Sequence[str], direction: Direction, moment: Moment | None = None
) -> Reached:
    """Everything that depends on these nodes (or that they need), now or as of a moment; complete, without a cap.

    O(V / 64 + edges reached) on the projection. Raises NotFound and Usage for references and moments.
    """
    as_of = None if moment is None else await moment_revision(application.store, moment)
    sources = await resolve_all(application.store, references, as_of)
    projection = await application.follower.as_of(as_of)
    unique = tuple(dict.fromkeys(node.ordinal for node in sources))
    answer = reached(projection, Scenario(unique), direction=direction)
    roster = await application.follower.roster()
    return Reached(
        sources=tuple({node.ordinal: node for node in sources}.values()),
        answer=answer,
        as_of=as_of,
        counts=roster.count(answer.ordinals[len(unique) :]),
    )


async def describe(application: Application, found: Reached, start: int = 0, count: int = 50) -> list[DescribedHit]:
    """`count` hits from position `start` on (the sources left out), with paths and names. O(count · distance)."""
    first = len(found.sources) + start
    hits = list(found.answer.hits(first, count))
    paths = {hit.ordinal: found.answer.path_to(hit.ordinal) or () for hit in hits}
    described = await _described(application, list(paths.values()), found.as_of)
    nodes = {n.ordinal: n for n in await application.store.nodes([hit.ordinal for hit in hits], found.as_of)}
    return [
        DescribedHit(nodes[hit.ordinal], hit.distance, path) for hit, path in zip(hits, described, strict=True)
    ]


async def route(
    application: Application, dependent: str, provider: str, moment: Moment | None = None
) -> tuple[Node, Node, tuple[DescribedHop, ...] | None]:
    """Both nodes, and a shortest chain of dependencies by which the first needs the second; None if it does not."""
    as_of = None if moment is None else await moment_revision(application.store, moment)
    ends = await resolve_all(application.store, [dependent, provider], as_of)
    projection = await application.follower.as_of(as_of)
    hops = projection.shortest_path(ends[0].ordinal, ends[1].ordinal)
    if hops is None:
        return ends[0], ends[1], None
    return ends[0], ends[1], (await _described(application, [hops], as_of))[0]


async def _described(
    application: Application, paths: Sequence[Sequence[Hop]], as_of: int | None
) -> list[tuple[DescribedHop, ...]]:
    ordinals = {end for path in paths for hop in path for end in (hop.dependent, hop.provider)}
    nodes = {node.ordinal: node for node in await application.store.nodes(sorted(ordinals), as_of)}
    projection = await application.follower.as_of(as_of)
    model = await application.model()
    codes = DependencyCodes.of(model)

    def described(hop: Hop) -> DescribedHop:
        code = projection.type_code(hop)
        ends = nodes[hop.dependent], nodes[hop.provider]
        return DescribedHop(hop.relationship, codes.names[code], codes.from_depends[code], *ends)

    return [tuple(map(described, path)) for path in paths]
