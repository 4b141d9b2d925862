"""Reading nodes and dependencies from a store, once for whoever needs them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from cmdb.changeset import Linked, Relinked, Unlinked
from cmdb.errors import Failed
from cmdb.ledger import Head
from cmdb.projection.columns import DependencyColumns
from cmdb.store.port import NodeColumns, RelationshipColumns, Store
from graph_schema.metamodel import DependentEnd, Model

Row = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class DependencyCodes:
    """How relationship types are numbered in a projection: by their place in `model.dependency_types`.

    `from_depends[code]` tells whether the relationship's source is the dependent (else its target is).
    """

    names: tuple[str, ...]
    from_depends: tuple[bool, ...]

    @classmethod
    def of(cls, model: Model) -> DependencyCodes:
        """The numbering that a model gives."""
        types = model.dependency_types
        ends = tuple(t.dependency is not None and t.dependency.dependent is DependentEnd.FROM for t in types)
        return cls(tuple(t.name for t in types), ends)

    def row(self, effect: Linked | Relinked | Unlinked) -> Row | None:
        """(relationship, dependent, provider, type code), or None for a type that means no dependency."""
        if effect.type not in self.names:
            return None
        code = self.names.index(effect.type)
        ends = (effect.source, effect.target) if self.from_depends[code] else (effect.target, effect.source)
        return (effect.id, *ends, code)

    def columns(self, relationships: RelationshipColumns) -> DependencyColumns:
        """Relationships read as dependencies. O(n)."""
        from_depends = np.array(self.from_depends, dtype=np.bool_)[relationships.type_code]
        return DependencyColumns(
            relationships.id,
            np.where(from_depends, relationships.source, relationships.target),
            np.where(from_depends, relationships.target, relationships.source),
            relationships.type_code,
        )


@dataclass(frozen=True, eq=False)
class Ground:
    """Nodes and dependencies of one head, or of the past, and the model that says which relationships these are."""

    head: Head
    model: Model
    codes: DependencyCodes
    nodes: NodeColumns
    dependencies: DependencyColumns


async def load_ground(store: Store, as_of: int | None) -> Ground:
    """What stood at a revision, or, read again until it is all of one head, what stands. O(V + E).

    Raises Failed while the store is empty.
    """
    while True:
        head, nodes = await store.node_columns(as_of)
        model = await store.model(as_of)
        if model is None:
            raise Failed(f"{store.url} is empty", remedy="run `cmdb init` first")
        codes = DependencyCodes.of(model)
        after, relationships = await store.relationship_columns(codes.names, as_of)
        if as_of is not None or head == after:
            return Ground(head, model, codes, nodes, await asyncio.to_thread(codes.columns, relationships))
