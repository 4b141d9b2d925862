"""The engineers' and change managers' questions, answered with names: what is reached, how far away, by which path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cmdb.application.opening import Application
from cmdb.errors import Invalid, NotFound
from cmdb.impact import ReachAnswer, reached
from cmdb.nodes import Node
from cmdb.projection import Direction, Hop, Projection
from cmdb.projection.loading import DependencyCodes
from cmdb.reading import Moment, moment_revision, resolve_all
from graph_schema.metamodel import Model


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

    O(V / 64 + edges reached) on the projection. Raises NotFound and Usage for references and moments, NotFound also for
    a node that was retired by then: it needs nothing, and supports nobody.
    """
    as_of = None if moment is None else await moment_revision(application.store, moment)
    sources = await live(application, references, as_of)
    projection = await application.follower.as_of(as_of)
    unique = tuple(dict.fromkeys(node.ordinal for node in sources))
    answer = reached(projection, unique, direction)
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
    paths = [found.answer.path_to(hit.ordinal) or () for hit in hits]
    revision = found.answer.revision
    described = await _described(application, paths, revision)
    nodes = {n.ordinal: n for n in await application.store.nodes([hit.ordinal for hit in hits], revision)}
    return [DescribedHit(nodes[hit.ordinal], hit.distance, path) for hit, path in zip(hits, described, strict=True)]


async def route(
    application: Application, dependent: str, provider: str, moment: Moment | None = None
) -> tuple[Node, Node, tuple[DescribedHop, ...] | None]:
    """Both nodes, and a shortest chain of dependencies by which the first needs the second; None if it does not.

    Errors as `reach`.
    """
    as_of = None if moment is None else await moment_revision(application.store, moment)
    ends = await live(application, [dependent, provider], as_of)
    projection = await application.follower.as_of(as_of)
    with projection.reading():
        hops, revision = projection.shortest_path(ends[0].ordinal, ends[1].ordinal), projection.revision
    if hops is None:
        return ends[0], ends[1], None
    return ends[0], ends[1], (await _described(application, [hops], revision))[0]


async def live(application: Application, references: Sequence[str], as_of: int | None) -> list[Node]:
    """The nodes that references mean. Raises NotFound and Usage, NotFound also for one that was retired by then."""
    nodes = await resolve_all(application.store, references, as_of)
    for node in nodes:
        if node.retired:
            raise NotFound(
                f"{node.name} ({node.key}) is retired since revision {node.since}",
                remedy=f"ask how it was before: --as-of {node.since - 1}",
            )
    return nodes


async def _described(
    application: Application, paths: Sequence[Sequence[Hop]], revision: int
) -> list[tuple[DescribedHop, ...]]:
    hops = {hop for path in paths for hop in path}
    ordinals = {end for hop in hops for end in (hop.dependent, hop.provider)}
    nodes = {node.ordinal: node for node in await application.store.nodes(sorted(ordinals), revision)}
    types = await _types(application, hops, revision)
    return [
        tuple(DescribedHop(hop.relationship, *types[hop], nodes[hop.dependent], nodes[hop.provider]) for hop in path)
        for path in paths
    ]


async def _types(application: Application, hops: Collection[Hop], revision: int) -> dict[Hop, tuple[str, bool]]:
    """Type of each hop as of a revision, and whether the relationship itself leads from the dependent to the provider.

    A relationship never changes its type, so the present serves as long as it still has all of them.
    """
    try:
        return _typed(await application.follower.current(), await application.model(), hops)
    except Invalid:
        model = await application.store.model(revision)
        return _typed(await application.follower.as_of(revision), model or await application.model(), hops)


def _typed(projection: Projection, model: Model, hops: Collection[Hop]) -> dict[Hop, tuple[str, bool]]:
    codes = DependencyCodes.of(model)
    numbers = {hop: projection.type_code(hop) for hop in hops}
    return {hop: (codes.names[number], codes.from_depends[number]) for hop, number in numbers.items()}
