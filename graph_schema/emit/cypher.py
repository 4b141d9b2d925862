"""Neo4j indexes that a model asks for, all on the one label that every node has.

There is no constraint among them: retired nodes keep their values, so `unique` holds among the others only and is
checked before a write. Index names are `cmdb_attribute_…`, so that a store can tell its own from a person's.
"""

from __future__ import annotations

from typing import LiteralString

from graph_schema.emit.names import attribute_identifier
from graph_schema.metamodel import Model


def cypher_indexes(model: Model) -> dict[str, LiteralString]:
    """A range index for each single-valued attribute that is indexed or unique: statement by index name."""
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique)
    }
    return {f"cmdb_attribute_{name}": _index(attribute_identifier(name)) for name in sorted(names)}


def _index(name: LiteralString) -> LiteralString:
    return f"CREATE INDEX cmdb_attribute_{name} IF NOT EXISTS FOR (n:Node) ON (n.`{name}`)"
