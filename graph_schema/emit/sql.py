"""SQLite indexes that a model asks for."""

from __future__ import annotations

from graph_schema.metamodel import Model


def sql_indexes(model: Model) -> tuple[str, ...]:
    """A statement for each attribute that is indexed, unique or identifies; by name, sorted.

    They are expression indexes on the JSON text `node.attributes`, and partial: nodes without the attribute cost nothing.
    """
    identifying = {name for rules in model.identification_of.values() for rule in rules for name in rule}
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique or attribute.name in identifying)
    }
    return tuple(
        f"CREATE INDEX IF NOT EXISTS node_attribute_{name} ON node(attributes ->> '$.{name}') "
        f"WHERE attributes ->> '$.{name}' IS NOT NULL"
        for name in sorted(names)
    )
