"""What a model asks an SQL store to keep an index of."""

from __future__ import annotations

from graph_schema.metamodel import Model


def indexed_attributes(model: Model) -> tuple[str, ...]:
    """The single-valued attributes that are indexed or unique in some class; by name, sorted."""
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique)
    }
    return tuple(sorted(names))
