"""Which configuration items a scope covers as of a revision, and which relationships are between them.

A relationship belongs to the content if both its ends do: what leads out of the scope says as much about what is outside
as about what is in it, and would make a seal of one service differ because another was linked to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cmdb.baselines.scope import Everything, Filtered, OfRelease, OfService, Scope
from cmdb.errors import Failed
from cmdb.filters import LIVE, And, Compare, Direction, Filter, Lookup
from cmdb.impact import reached
from cmdb.projection import Direction as Towards
from cmdb.projection.following import Follower
from cmdb.reading import parse_filter, resolve
from cmdb.releases.contents import delivered_by
from cmdb.store.port import NodeColumns, RelationshipColumns, Store
from graph_schema.metamodel import Kind, Model

Ids: TypeAlias = npt.NDArray[np.int64]

FEW: Final = 20_000
"""Items up to which their relationships are looked up one by one; beyond, all are read as columns."""


@dataclass(frozen=True, eq=False)
class Content:
    """Ordinals of the items and ids of the relationships between them, each ascending."""

    items: Ids
    relationships: Ids


def item_classes(model: Model) -> tuple[str, ...]:
    """The concrete classes of configuration items."""
    return tuple(c.name for c in model.classes if not c.abstract and c.kind is Kind.CI)


def accepting(model: Model, text: str) -> Filter:
    """The live configuration items that a filter accepts. Raises Usage where the text makes no sense."""
    return And((LIVE, Compare("class", Lookup.IN, item_classes(model)), parse_filter(text, model)))


async def items_of(store: Store, follower: Follower, scope: Scope, as_of: int | None) -> Ids:
    """The ordinals of the items in scope as of a revision, ascending. O(n).

    Raises Usage for a filter that makes no sense under the model of that time, NotFound for a service or a
    release that was not there.
    """
    model = await store.model(as_of)
    if model is None:
        return np.empty(0, dtype=np.int64)
    match scope:
        case Everything():
            columns = await _node_columns(store, as_of)
            wanted = np.isin(np.array(columns.classes), item_classes(model))
            return np.flatnonzero((columns.class_code >= 0) & wanted[columns.class_code] & ~columns.retired)
        case Filtered(text):
            return await store.accepted(accepting(model, text), as_of)
        case OfService(key):
            service = await resolve(store, key, as_of)
            answer = reached(await follower.as_of(as_of), [service.ordinal], Towards.PROVIDERS, paths=False)
            roster = await follower.roster()
            needed = answer.ordinals[roster.of_classes(answer.ordinals, frozenset(item_classes(model)))]
            return np.sort(needed).astype(np.int64)
        case OfRelease(key):
            classes = frozenset(item_classes(model))
            found = [node.ordinal for node in await delivered_by(store, key, as_of) if node.class_name in classes]
            return np.array(found, dtype=np.int64)


async def content_of(store: Store, follower: Follower, scope: Scope, as_of: int) -> Content:
    """The content of a scope as of a revision. O(n + m), or O(items + their relationships) where they are few."""
    items = await items_of(store, follower, scope, as_of)
    return Content(items, await _between(store, items, as_of))


async def _between(store: Store, items: Ids, as_of: int) -> Ids:
    if len(items) <= FEW:
        ordinals: list[int] = items.tolist()
        inside = set(ordinals)
        edges = await store.relationships(ordinals, Direction.OUT, as_of=as_of) if ordinals else []
        return np.array(sorted(edge.id for edge in edges if edge.target in inside), dtype=np.int64)
    model = await store.model(as_of)
    if model is None:
        raise Failed(f"{store.url} is empty", remedy="run `cmdb init` first")
    edges = await _relationship_columns(store, [kind.name for kind in model.relationship_types], as_of)
    inside = np.zeros(max(int(items[-1]), *_largest(edges.source), *_largest(edges.target)) + 1, dtype=np.bool_)
    inside[items] = True
    return edges.id[inside[edges.source] & inside[edges.target]]


async def _node_columns(store: Store, as_of: int | None) -> NodeColumns:
    """Those of the present, which are read more quickly, where that is what is asked for."""
    if as_of is None or (await store.head()).revision == as_of:
        head, columns = await store.node_columns()
        if as_of is None or head.revision == as_of:
            return columns
    return (await store.node_columns(as_of))[1]


async def _relationship_columns(store: Store, types: list[str], as_of: int | None) -> RelationshipColumns:
    """Likewise."""
    if as_of is None or (await store.head()).revision == as_of:
        head, columns = await store.relationship_columns(types)
        if as_of is None or head.revision == as_of:
            return columns
    return (await store.relationship_columns(types, as_of))[1]


def _largest(ordinals: npt.NDArray[np.int32]) -> list[int]:
    return [int(ordinals.max())] if len(ordinals) else []
