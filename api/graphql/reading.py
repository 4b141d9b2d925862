"""What the resolvers of one request share: the application, the model, and views of the graph at moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from api.graphql.loading import Batch
from cmdb.application import Application
from cmdb.application.seeing import as_seen_by
from cmdb.errors import Conflict
from cmdb.filters import Direction
from cmdb.nodes import Node, Relationship
from cmdb.reading import Moment, moment_revision
from cmdb.store.port import Claim, ClaimKind
from graph_schema.metamodel import Label, Model

Types = tuple[str, ...] | None


class Shown:
    """A node as seen from a view: the source of every GraphQL node. Fields and attributes are read through it."""

    __slots__ = ("node", "view")

    def __init__(self, node: Node, view: View) -> None:
        self.node = node
        self.view = view

    @property
    def class_label(self) -> Label:
        """What its class is called."""
        return self.view.reading.model.class_by_name[self.node.class_name].label

    @property
    def state_label(self) -> Label:
        """What its state is called; the bare word for a state that the model no longer knows."""
        state = self.view.reading.model.lifecycle_of[self.node.class_name].by_name.get(self.node.state)
        return state.label if state else Label(en=self.node.state, zh=self.node.state)


@dataclass(frozen=True, slots=True)
class Names:
    """What GraphQL calls the things of a model."""

    types: Mapping[str, str]
    """The type of each concrete class."""
    fields: Mapping[str, Mapping[str, str]]
    """For each class: the field of each controlled attribute."""


@dataclass(slots=True)
class Reading:
    """One request. Where no moment is asked for it reads the present, or `pinned` if that is a revision.

    `touched_present` tells whether it read the present, so that its caller can see to it that the present stood still.
    """

    application: Application
    model: Model
    names: Names
    revision: int
    """The head when the request began, or after its latest write."""
    pinned: int | None = None
    touched_present: bool = False
    _views: dict[int | None, View] = field(default_factory=dict["int | None", "View"])

    async def at(self, moment: Moment | None) -> View:
        """The graph at a moment; None is now. Raises Usage and NotFound for moments that are none."""
        return self.at_revision(None if moment is None else await moment_revision(self.application.store, moment))

    async def present(self) -> View:
        """The graph now, for what is not asked of the past.

        Raises Conflict for a request that is pinned to a revision, since others kept committing while it was answered.
        """
        view = await self.at(None)
        if view.as_of is not None:
            raise Conflict("others keep writing while this is looked at", remedy="ask again")
        return view

    def at_revision(self, revision: int | None) -> View:
        """The graph as of a revision; None is now."""
        as_of = self.pinned if revision is None else revision
        self.touched_present = self.touched_present or as_of is None
        if as_of not in self._views:
            self._views[as_of] = View(self, as_of)
        return self._views[as_of]

    def written(self, revision: int) -> View:
        """The graph now, after a write that made this revision; nothing that was read before is remembered."""
        self.revision = revision
        self._views.pop(None, None)
        return self.at_revision(None)

    async def seen_by(self, viewer: str | None) -> Reading:
        """The same as somebody may see it (see `cmdb.application.seeing`); itself where nothing is kept from him."""
        application = await as_seen_by(self.application, viewer)
        if application is self.application:
            return self
        self.touched_present = True
        return Reading(application, self.model, self.names, self.revision, self.pinned)

    def planned(self, application: Application) -> View:
        """The graph as another application tells it, which lays a plan over the present."""
        self.touched_present = True
        return View(Reading(application, self.model, self.names, self.revision), None)


class View:
    """The graph at one moment, with the loaders that make a level of a query one statement."""

    def __init__(self, reading: Reading, as_of: int | None) -> None:
        self.reading = reading
        self.as_of = as_of
        self.store = reading.application.store
        self._nodes = Batch(self._fetch_nodes)
        self._claims = Batch(self._fetch_claims)
        self._relationships: dict[tuple[Direction, Types, int], Batch[int, list[Relationship]]] = {}
        self._counts: dict[tuple[Direction, Types], Batch[int, int]] = {}

    @property
    def revision(self) -> int:
        """The revision that is seen."""
        return self.reading.revision if self.as_of is None else self.as_of

    @property
    def moment(self) -> Moment | None:
        """The same as words for a question; None is now."""
        return None if self.as_of is None else f"r{self.as_of}"

    def show(self, node: Node) -> Shown:
        """A node as a GraphQL source."""
        return Shown(node, self)

    async def nodes(self, ordinals: Sequence[int]) -> list[Shown]:
        """The nodes with these ordinals, in their order, which must be there."""
        found = await self._nodes.load(ordinals)
        return [Shown(node, self) for node in found if node is not None]

    async def relationships(self, ordinal: int, direction: Direction, types: Types, limit: int) -> list[Relationship]:
        """The first `limit` relationships of a node, in order of id."""
        key = (direction, types, limit)
        if key not in self._relationships:

            async def fetch(ordinals: list[int]) -> Mapping[int, list[Relationship]]:
                found = await self.store.relationships(ordinals, direction, types, self.as_of, limit)
                by_node: dict[int, list[Relationship]] = {}
                for relationship in found:
                    end = relationship.source if direction is Direction.OUT else relationship.target
                    by_node.setdefault(end, []).append(relationship)
                return by_node

            self._relationships[key] = Batch(fetch)
        return (await self._relationships[key].load([ordinal]))[0] or []

    async def relationship_count(self, ordinal: int, direction: Direction, types: Types) -> int:
        """How many relationships a node has."""
        key = (direction, types)
        if key not in self._counts:

            async def fetch(ordinals: list[int]) -> Mapping[int, int]:
                return await self.store.relationship_counts(ordinals, direction, types, self.as_of)

            self._counts[key] = Batch(fetch)
        return (await self._counts[key].load([ordinal]))[0] or 0

    async def claims(self, ordinal: int) -> list[tuple[str, Claim]]:
        """What sources claim about a node, by source; claims are of the present, whatever the view."""
        return (await self._claims.load([ordinal]))[0] or []

    async def _fetch_nodes(self, ordinals: list[int]) -> Mapping[int, Node]:
        return {node.ordinal: node for node in await self.store.nodes(ordinals, self.as_of)}

    async def _fetch_claims(self, ordinals: list[int]) -> Mapping[int, list[tuple[str, Claim]]]:
        return await self.store.claims_on(ClaimKind.NODE, ordinals)
