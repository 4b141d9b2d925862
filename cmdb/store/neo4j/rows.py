"""Properties to values and back. What is no attribute has a name that no attribute can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from cmdb.nodes import LAST, Attributes, Node, NodeVersion, Relationship, RelationshipVersion
from cmdb.store.neo4j.text import given
from graph_schema.metamodel import FIXED_FIELDS
from graph_schema.values import Value

Properties = dict[str, object]

RelationshipRow = tuple[str, int, int, Properties]
"""(type, source, target, properties)."""

_NO_ATTRIBUTE: Final = FIXED_FIELDS | {"_until", "_type", "_source", "_target"}


def attributes_of(properties: Mapping[str, object]) -> Attributes:
    """The attributes among the properties of a node, a relationship or a version of one."""
    return {
        name: tuple(cast("list[str]", value)) if isinstance(value, list) else cast("Value", value)
        for name, value in properties.items()
        if name not in _NO_ATTRIBUTE and value is not None
    }


def node_of(row: Properties) -> Node:
    """A node from its properties."""
    properties = given(row)
    p = cast("dict[str, str]", properties)
    n = cast("dict[str, int]", properties)
    return Node(
        ordinal=n["ordinal"],
        id=p["id"],
        key=p["key"],
        class_name=p["class"],
        name=p["name"],
        state=p["state"],
        retired=bool(n["retired"]),
        attributes=attributes_of(properties),
        version=n["version"],
        since=n["since"],
    )


def nodes_of(rows: Iterable[object]) -> list[Node]:
    """Nodes from their properties, in ascending order of ordinal."""
    return sorted((node_of(row) for row in cast("Iterable[Properties]", rows)), key=lambda n: n.ordinal)


def node_versions_of(rows: Iterable[object]) -> list[NodeVersion]:
    """Versions of a node, oldest first."""
    return sorted(
        (NodeVersion(node=node_of(row), until=_until(row)) for row in cast("Iterable[Properties]", rows)),
        key=lambda v: v.node.since,
    )


def relationship_of(row: RelationshipRow) -> Relationship:
    """A relationship from its row."""
    type_name, source, target, properties = row
    return Relationship(
        id=cast("int", properties["id"]),
        type=type_name,
        source=source,
        target=target,
        key=cast("str", properties["key"]),
        attributes=attributes_of(properties),
        since=cast("int", properties["since"]),
    )


def relationships_of(rows: Iterable[object]) -> list[Relationship]:
    """Relationships from their rows, in the order given."""
    return [relationship_of(row) for row in cast("Iterable[RelationshipRow]", rows)]


def relationship_versions_of(rows: Iterable[object]) -> list[RelationshipVersion]:
    """Versions of relationships, by (since, id)."""
    return sorted(
        (
            RelationshipVersion(relationship=relationship_of(row), until=_until(row[3]))
            for row in cast("Iterable[RelationshipRow]", rows)
        ),
        key=lambda v: (v.relationship.since, v.relationship.id),
    )


def _until(properties: Properties) -> int:
    return cast("int", properties.get("_until", LAST))
