"""SQLite indexes that a model asks for."""

from __future__ import annotations

from graph_schema.metamodel import Model


def sql_indexes(model: Model) -> tuple[str, ...]:
    """A statement for each single-valued attribute that is indexed or unique; by name, sorted.

    They are expression indexes on the JSON text `node.attributes`, and partial, so that nodes without the
    attribute take no room. Names are safe in SQL text: a model's attribute names match `[a-z][a-z0-9_]*`.
    """
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique)
    }
    return tuple(
        f"CREATE INDEX IF NOT EXISTS node_attribute_{name} ON node(attributes ->> '$.{name}') "
        f"WHERE attributes ->> '$.{name}' IS NOT NULL"
        for name in sorted(names)
    )
