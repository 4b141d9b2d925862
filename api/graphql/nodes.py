"""What every node answers: the common interface, its relationships, and what sources observed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from api.graphql.loading import Once
from api.graphql.paging import DEFAULT_PAGE, PageInfo, checked_first, cursors, numbers_in, page_info, page_of
from api.graphql.reading import Shown, Types, View
from api.graphql.scalars import AnyValue, DateTime
from cmdb.errors import NotFound, Usage
from cmdb.filters import Direction
from cmdb.nodes import Node as StoredNode
from cmdb.nodes import Relationship
from cmdb.reconciliation.said import said_of
from graph_schema.errors import did_you_mean
from graph_schema.metamodel import Control
from graph_schema.metamodel import Label as ModelLabel
from graph_schema.values import Value

NODE_FIELDS: Final = frozenset({"id", "key", "class_name", "name", "state", "retired", "version", "since"})
"""Fields of every node that are read off the node itself."""

ATTRIBUTE: Final = "attribute_"
"""What the Python name of a field that is an attribute of the model begins with."""


@strawberry.type(description="A text for people, in English and Chinese.")
class Label:
    """See `graph_schema.metamodel.Label`."""

    en: str
    zh: str


def label_of(label: ModelLabel) -> Label:
    """A label of the model."""
    return Label(en=label.en, zh=label.zh)


@strawberry.type(description="An attribute of the model and a value of it.")
class AttributeValue:
    """By the attribute's name in the model."""

    name: str
    value: AnyValue


@strawberry.type(description="What one source observed: the latest value it gave, and when.")
class ObservedValue:
    """By the attribute's name in the model."""

    attribute: str
    value: AnyValue
    source: str
    seen: DateTime


def read_field(source: object, name: str) -> object:
    """The value of a field without a resolver: a node's through its view, anything else's by its Python name."""
    if isinstance(source, Shown):
        if name.startswith(ATTRIBUTE):
            return source.node.attributes.get(name.removeprefix(ATTRIBUTE))
        if name in NODE_FIELDS:
            return getattr(source.node, name)
    return getattr(source, name)


@strawberry.interface(description="Anything with identity in the graph: a configuration item or a record.")
class Node:
    """The source is a `Shown`."""

    id: strawberry.ID
    key: str = strawberry.field(description="What people call it by: `SRV-000231`.")
    class_name: str
    class_label: Label
    name: str
    state: str
    state_label: Label
    retired: bool
    version: int = strawberry.field(description="Counts from 1.")
    since: int = strawberry.field(description="The revision that made this version.")

    @classmethod
    def is_type_of(cls, obj: object, _info: GraphQLResolveInfo[object]) -> bool:
        """Whether a source is a node."""
        return isinstance(obj, Shown)

    @classmethod
    def resolve_type(cls, obj: object, _info: GraphQLResolveInfo[object], _type: GraphQLAbstractType) -> str:
        """The GraphQL type of a node."""
        if not isinstance(obj, Shown):
            raise TypeError(f"{type(obj).__name__} is no node")
        return obj.view.reading.names.types[obj.node.class_name]

    @strawberry.field(description="Every controlled attribute that it has, whatever its class.")
    @staticmethod
    def attributes(root: strawberry.Parent[Shown]) -> list[AttributeValue]:
        """By name in the model."""
        return attribute_values(root.node.attributes)

    @strawberry.field(
        description="What sources observed of it, by attribute and source. Always the latest, whatever `asOf`."
    )
    @staticmethod
    async def observed(root: strawberry.Parent[Shown]) -> list[ObservedValue]:
        """Of all observed attributes that any source claims."""
        known = root.view.reading.model.attributes[root.node.class_name]
        values = [
            ObservedValue(attribute=name, value=AnyValue(value), source=source, seen=DateTime(claim.seen))
            for source, claim in await root.view.claims(root.node.ordinal)
            for name, value in said_of(claim.body).attributes.items()
            if name in known and known[name].control is Control.OBSERVED
        ]
        return sorted(values, key=lambda value: (value.attribute, value.source))

    @strawberry.field(
        description="Its relationships in one direction, of all types or of these, in the order they were made."
    )
    @staticmethod
    def relationships(
        root: strawberry.Parent[Shown],
        direction: Direction = Direction.OUT,
        types: list[str] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> RelationshipConnection:
        """A page; a statement for all nodes of one level."""
        known = root.view.reading.model.type_by_name
        for name in types or ():
            if name not in known:
                raise NotFound(f"there is no relationship type {name}", remedy=did_you_mean(name, known))
        wanted = None if types is None else tuple(sorted(set(types)))
        return RelationshipConnection.of(root, direction, wanted, checked_first(first), after)


@strawberry.type(description="A typed, directed edge between two nodes.")
class RelationshipItem:
    """By natural key (type, from, to, key)."""

    id: strawberry.ID
    type: str
    key: str
    since: int = strawberry.field(description="The revision that made it what it is.")
    attributes: list[AttributeValue]
    source: Shown = strawberry.field(graphql_type=Node, name="from")
    target: Shown = strawberry.field(graphql_type=Node, name="to")


@strawberry.type(description="A relationship, and the node at its other end.")
class RelationshipEdge:
    """See Relay."""

    cursor: str
    relationship: RelationshipItem
    node: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="A page of a node's relationships.")
class RelationshipConnection:
    """Nothing is read until it is asked for."""

    page: strawberry.Private[Once[_Page]]
    count: strawberry.Private[Once[int]]

    @classmethod
    def of(
        cls, node: Shown, direction: Direction, types: Types, first: int, after: str | None
    ) -> RelationshipConnection:
        """Of this node."""
        view, ordinal = node.view, node.node.ordinal
        return cls(
            page=Once(lambda: _page(node, direction, types, first, after)),
            count=Once(lambda: view.relationship_count(ordinal, direction, types)),
        )

    @strawberry.field
    async def total_count(self) -> int:
        """Of all pages, exactly."""
        return await self.count.get()

    @strawberry.field
    async def edges(self) -> list[RelationshipEdge]:
        """Of this page."""
        return (await self.page.get()).edges

    @strawberry.field
    async def page_info(self) -> PageInfo:
        """Of this page."""
        return (await self.page.get()).info


@dataclass(frozen=True, slots=True)
class _Page:
    edges: list[RelationshipEdge]
    info: PageInfo


async def _page(node: Shown, direction: Direction, types: Types, first: int, after: str | None) -> _Page:
    """The store gives a node's first relationships by id; the cursor holds the last id and how many came before it.

    Ids only grow, so no more than that many can stand before the page: one read of `passed + first + 1` has it all.
    """
    last, passed = (0, 0) if after is None else numbers_in(after, 2)
    if passed > 1_000_000:
        raise Usage("the cursor is damaged", remedy="start again without a cursor")
    found = await node.view.relationships(node.node.ordinal, direction, types, passed + first + 1)
    rows = [r for r in found if after is None or r.id > last]
    before = len(found) - len(rows)
    cursors = [f"{r.id}.{before + place}" for place, r in enumerate(rows[:first], start=1)]
    edges = await _edges(node, direction, rows[:first], cursors)
    return _Page(edges, page_info(cursors, after, more=len(rows) > first))


async def _edges(
    node: Shown, direction: Direction, rows: list[Relationship], cursors: list[str]
) -> list[RelationshipEdge]:
    out = direction is Direction.OUT
    others = await node.view.nodes([r.target if out else r.source for r in rows])
    return [
        RelationshipEdge(
            cursor=cursor,
            relationship=relationship_item(r, node if out else other, other if out else node),
            node=other,
        )
        for cursor, r, other in zip(cursors, rows, others, strict=True)
    ]


def relationship_item(relationship: Relationship, source: Shown, target: Shown) -> RelationshipItem:
    """A relationship with its ends."""
    return RelationshipItem(
        id=strawberry.ID(str(relationship.id)),
        type=relationship.type,
        key=relationship.key,
        since=relationship.since,
        attributes=attribute_values(relationship.attributes),
        source=source,
        target=target,
    )


def node_list(
    view: View, revision: int, ordinals: list[int], start: int, total: int, after: str | None
) -> NodeConnection:
    """The page that these nodes are, from position `start` on of the `total` of an answer of a revision.

    A view's nodes of one level are read together.
    """

    async def page() -> NodePage:
        nodes = await view.nodes(ordinals)
        marks = cursors(revision, start, len(nodes))
        rows = [NodeRow(cursor, node) for cursor, node in zip(marks, nodes, strict=True)]
        return NodePage(rows, page_info(marks, after, more=start + len(nodes) < total))

    async def count() -> int:
        return total

    return NodeConnection(page=Once(page), count=Once(count))


def nodes_at_hand(view: View, nodes: Sequence[StoredNode], first: int, after: str | None) -> NodeConnection:
    """A page of nodes that were all read already."""
    found = page_of(nodes, view.revision, first, after)

    async def page() -> NodePage:
        rows = zip(found.cursors, found.rows, strict=True)
        return NodePage([NodeRow(cursor, view.show(node)) for cursor, node in rows], found.info)

    return NodeConnection(page=Once(page), count=found.count)


def attribute_values(attributes: dict[str, Value]) -> list[AttributeValue]:
    """Attributes as a list."""
    return [AttributeValue(name=name, value=AnyValue(value)) for name, value in attributes.items()]


@strawberry.type(description="A node and the cursor to go on after it.")
class NodeEdge:
    """See Relay."""

    cursor: str
    node: Shown = strawberry.field(graphql_type=Node)


class NodeRow(msgspec.Struct, frozen=True):
    """The source of a NodeEdge; a page has many."""

    cursor: str
    node: Shown


@dataclass(frozen=True, slots=True)
class NodePage:
    """A page of nodes, made by a question."""

    edges: list[NodeRow]
    info: PageInfo


@strawberry.type(description="A page of a list of nodes. `totalCount` is exact, and counted only when it is asked for.")
class NodeConnection:
    """Nothing is read until it is asked for."""

    page: strawberry.Private[Once[NodePage]]
    count: strawberry.Private[Once[int]]

    @strawberry.field
    async def total_count(self) -> int:
        """Of all pages, exactly."""
        return await self.count.get()

    @strawberry.field(graphql_type=list[NodeEdge])
    async def edges(self) -> list[NodeRow]:
        """Of this page."""
        return (await self.page.get()).edges

    @strawberry.field
    async def page_info(self) -> PageInfo:
        """Of this page."""
        return (await self.page.get()).info
