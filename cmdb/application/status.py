"""The configuration status report: one node as of a moment, with everything that an account of it has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cmdb.application.opening import Application
from cmdb.application.questions import DescribedHit, describe, reach
from cmdb.errors import NotFound
from cmdb.filters import Direction
from cmdb.nodes import Node
from cmdb.projection import Direction as Towards
from cmdb.reading import Event, Moment, moment_revision, node_events, resolve
from cmdb.store.port import Store

NEAREST: Final = 10
"""Dependencies that a report names; the count is always exact."""

LIBRARY: Final = "DefinitiveLibrary"
"""The class of which the libraries of originals are."""

_LOCATED_IN, _INCLUDES, _RELEASE_OF = "LOCATED_IN", "INCLUDES", "RELEASE_OF"
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True)
class Depending:
    """How many a node needs or is needed by, directly and indirectly, and the nearest of them."""

    total: int
    nearest: tuple[DescribedHit, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What is on record of a node as of a revision.

    `location` is where it is, the nearest place first; `masters` are the libraries that hold the original, of it or of a
    release that includes it; `included_in` are releases, builds and libraries that hold it, `releases` its own versions.
    `baselines` seal it as a service. `history` is told up to then, the newest first.
    """

    node: Node
    revision: int
    location: tuple[Node, ...]
    masters: tuple[Node, ...]
    included_in: tuple[Node, ...]
    releases: tuple[Node, ...]
    baselines: tuple[Node, ...]
    needs: Depending
    needed_by: Depending
    history: tuple[Event, ...]


async def status_of(application: Application, reference: str, moment: Moment | None = None) -> Status:
    """The report on a node, now or as of a moment. O(its versions and relationships + what it reaches).

    Raises NotFound and Usage for the reference and the moment.
    """
    store = application.store
    as_of = (await store.head()).revision if moment is None else await moment_revision(store, moment)
    node = await resolve(store, reference, as_of)
    around = _Around(store, as_of)
    included_in = await around.of([node], Direction.IN, _INCLUDES)
    releases = await around.of([node], Direction.IN, _RELEASE_OF)
    holders = [*included_in, *await around.of([*included_in, *releases], Direction.IN, _INCLUDES)]
    model = await application.model()
    libraries = {n.ordinal: n for n in holders if LIBRARY in model.class_by_name and model.is_a(n.class_name, LIBRARY)}
    events = [event for event in await node_events(store, node.ordinal) if event.header.revision <= as_of]
    return Status(
        node=node,
        revision=as_of,
        location=await _location(around, node),
        masters=tuple(libraries.values()),
        included_in=tuple(included_in),
        releases=tuple(releases),
        baselines=tuple(await around.of([node], Direction.IN, "BASELINE_OF")),
        needs=await _depending(application, node, Towards.PROVIDERS, as_of),
        needed_by=await _depending(application, node, Towards.DEPENDENTS, as_of),
        history=tuple(reversed(events)),
    )


@dataclass(frozen=True, slots=True)
class _Around:
    """Who stands around nodes, as of a revision."""

    store: Store
    as_of: int

    async def of(self, nodes: Sequence[Node], direction: Direction, type_name: str) -> list[Node]:
        """The nodes at the other ends of their relationships of a type, by name."""
        if not nodes:
            return []
        near = sorted({node.ordinal for node in nodes})
        edges = await self.store.relationships(near, direction, [type_name], self.as_of)
        far = sorted({r.target if direction is Direction.OUT else r.source for r in edges})
        found = await self.store.nodes(far, self.as_of) if far else []
        return sorted(found, key=lambda node: (node.name, node.key))


async def _location(around: _Around, node: Node) -> tuple[Node, ...]:
    """Places, the nearest first, each in the next; where there are several ways, the first by name."""
    places: dict[int, Node] = {}
    here = node
    while len(places) < _DEEPEST:
        found = [n for n in await around.of([here], Direction.OUT, _LOCATED_IN) if n.ordinal not in places]
        if not found:
            break
        here = places[found[0].ordinal] = found[0]
    return tuple(places.values())


async def _depending(application: Application, node: Node, towards: Towards, as_of: int) -> Depending:
    try:
        found = await reach(application, [node.id], towards, str(as_of))
    except NotFound:  # what is retired needs nothing, and supports nobody
        return Depending(0, ())
    return Depending(found.total, tuple(await describe(application, found, 0, NEAREST)))
