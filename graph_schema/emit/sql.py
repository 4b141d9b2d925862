"""SQLite indexes that a model asks for."""

from __future__ import annotations

from typing import LiteralString

from graph_schema.emit.names import attribute_identifier
from graph_schema.metamodel import Model


def sql_indexes(model: Model) -> tuple[LiteralString, ...]:
    """A statement for each single-valued attribute that is indexed or unique; by name, sorted.

    They are expression indexes on the JSON text `node.attributes`, and partial, so that nodes without the
    attribute take no room.
    """
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique)
    }
    return tuple(_index(attribute_identifier(name)) for name in sorted(names))


def _index(name: LiteralString) -> LiteralString:
    value: LiteralString = f"attributes ->> '$.{name}'"
    return f"CREATE INDEX IF NOT EXISTS node_attribute_{name} ON node({value}) WHERE {value} IS NOT NULL"
