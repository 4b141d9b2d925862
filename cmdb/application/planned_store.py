"""The graph as effects would make it, read as a store is read: what they touch laid over what stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
import numpy as np

from cmdb.changeset import (
    Effect,
    Linked,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Patch,
    Relinked,
    Unlinked,
)
from cmdb.filters import Direction
from cmdb.ledger import Head
from cmdb.nodes import Attributes, Node, NodeIds, Relationship
from cmdb.store.port import RelationshipColumns, Store, ValueColumns


@dataclass(frozen=True, slots=True)
class Overlay:
    """Nodes and relationships as effects would leave them, and the relationships that they would end; by ordinal and id."""

    nodes: Mapping[int, Node]
    linked: Mapping[int, Relationship]
    unlinked: Mapping[int, Relationship]
    altered: frozenset[int]
    """Which of `linked` stand already."""


async def overlay_of(store: Store, effects: Iterable[Effect], handles: Mapping[int, str]) -> Overlay:
    """Effects on the present, one after the other; O(effects · log n). Nodes that would be new have their handle as key."""
    effects = tuple(effects)
    ids = cast("NodeIds", await store.ids())
    since = (await store.head()).revision + 1
    changed = sorted({effect.ordinal for effect in effects if isinstance(effect, NodeChanged | NodeRetired)})
    nodes = {node.ordinal: node for node in await store.nodes(changed)}
    linked: dict[int, Relationship] = {}
    unlinked: dict[int, Relationship] = {}
    altered: set[int] = set()
    relinked = [(e.type, e.source, e.target, e.key) for e in effects if isinstance(e, Relinked)]
    standing = {r.id: r for r in await store.joined(relinked)} if relinked else {}
    for effect in effects:
        match effect:
            case NodeCreated():
                key = handles.get(effect.ordinal, effect.key)
                nodes[effect.ordinal] = _created(effect, ids.id_of(effect.ordinal), key, since)
            case NodeChanged() | NodeRetired():
                nodes[effect.ordinal] = _changed(nodes[effect.ordinal], effect, since)
            case Linked():
                linked[effect.id] = _edge(effect, effect.attributes, since)
            case Relinked():
                known = linked.get(effect.id) or standing[effect.id]
                altered |= {effect.id} & standing.keys()
                linked[effect.id] = _edge(effect, _patched(known.attributes, effect.after), since)
            case Unlinked():
                if effect.id in linked and effect.id not in altered:
                    del linked[effect.id]
                else:
                    linked.pop(effect.id, None)
                    unlinked[effect.id] = _edge(effect, effect.attributes, since)
            case _:
                pass
    return Overlay(nodes, linked, unlinked, frozenset(altered & linked.keys()))


def planned_store(store: Store, overlay: Overlay) -> Store:
    """The store with an overlay: nodes by ordinal and name, their relationships and their attributes are as planned.

    Everything else, claims and pages of filters among it, is answered as it stands.
    """
    return cast("Store", _PlannedStore(store, overlay))


class _PlannedStore:
    def __init__(self, store: Store, overlay: Overlay) -> None:
        self._store = store
        self._overlay = overlay

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> list[Node]:
        planned = self._overlay.nodes
        found = await self._store.nodes([ordinal for ordinal in ordinals if ordinal not in planned], as_of)
        found += [planned[ordinal] for ordinal in set(ordinals) & planned.keys()]
        return sorted(found, key=lambda node: node.ordinal)

    async def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        planned = self._overlay.nodes
        found = [node for node in await self._store.named(names, as_of) if node.ordinal not in planned]
        found += [node for node in planned.values() if node.name in names]
        return sorted(found, key=lambda node: node.ordinal)

    async def relationships(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
        limit: int | None = None,
    ) -> list[Relationship]:
        overlay = self._overlay
        spare = len(overlay.unlinked) + len(overlay.altered)
        most = None if limit is None else limit + spare
        found = await self._store.relationships(ordinals, direction, types, as_of, most)
        found = [r for r in found if r.id not in overlay.unlinked and r.id not in overlay.altered]
        found += _at(overlay.linked.values(), ordinals, direction, types)
        found.sort(key=lambda r: (_end(r, direction), r.id))
        if limit is None:
            return found
        seen: Counter[int] = Counter()
        kept: list[Relationship] = []
        for relationship in found:
            seen[_end(relationship, direction)] += 1
            if seen[_end(relationship, direction)] <= limit:
                kept.append(relationship)
        return kept

    async def relationship_counts(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
    ) -> dict[int, int]:
        overlay = self._overlay
        counts = Counter(await self._store.relationship_counts(ordinals, direction, types, as_of))
        new = (r for r in overlay.linked.values() if r.id not in overlay.altered)
        counts.update(_end(r, direction) for r in _at(new, ordinals, direction, types))
        counts.subtract(_end(r, direction) for r in _at(overlay.unlinked.values(), ordinals, direction, types))
        return {ordinal: count for ordinal, count in counts.items() if count}

    async def relationship_columns(
        self, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, RelationshipColumns]:
        head, known = await self._store.relationship_columns(types, as_of)
        overlay = self._overlay
        stays = ~np.isin(known.id, np.array([*overlay.unlinked, *overlay.altered], dtype=np.int64))
        planned = sorted((r for r in overlay.linked.values() if r.type in types), key=lambda r: r.id)
        names = list(dict.fromkeys([*known.types, *(r.type for r in planned)]))
        code = {name: number for number, name in enumerate(names)}
        rows = np.array([(r.id, code[r.type], r.source, r.target) for r in planned], dtype=np.int64).reshape(-1, 4)
        ident = np.concatenate([known.id[stays], rows[:, 0]])
        order = np.argsort(ident)
        return head, RelationshipColumns(
            types=tuple(names),
            id=ident[order],
            type_code=np.concatenate([known.type_code[stays], rows[:, 1].astype(np.int16)])[order],
            source=np.concatenate([known.source[stays], rows[:, 2].astype(np.int32)])[order],
            target=np.concatenate([known.target[stays], rows[:, 3].astype(np.int32)])[order],
        )

    async def node_values(self, attribute: str, as_of: int | None = None) -> tuple[Head, ValueColumns]:
        head, known = await self._store.node_values(attribute, as_of)
        planned = self._overlay.nodes
        stays = ~np.isin(known.ident, np.fromiter(planned, dtype=np.int64, count=len(planned)))
        given = {ordinal: n.attributes[attribute] for ordinal, n in planned.items() if attribute in n.attributes}
        ident = np.concatenate([known.ident[stays], np.fromiter(given, dtype=np.int64, count=len(given))])
        code = np.concatenate([known.code[stays], len(known.values) + np.arange(len(given), dtype=np.int32)])
        order = np.argsort(ident)
        return head, ValueColumns(ident[order], code[order], (*known.values, *given.values()))


def _at(
    relationships: Iterable[Relationship], ordinals: Sequence[int], direction: Direction, types: Sequence[str] | None
) -> list[Relationship]:
    wanted = set(ordinals)
    return [r for r in relationships if _end(r, direction) in wanted and (types is None or r.type in types)]


def _end(relationship: Relationship, direction: Direction) -> int:
    return relationship.source if direction is Direction.OUT else relationship.target


def _created(effect: NodeCreated, node_id: str, key: str, since: int) -> Node:
    return Node(
        ordinal=effect.ordinal,
        id=node_id,
        key=key,
        class_name=effect.class_name,
        name=effect.name,
        state=effect.state,
        retired=False,
        attributes=effect.attributes,
        version=1,
        since=since,
    )


def _changed(node: Node, effect: NodeChanged | NodeRetired, since: int) -> Node:
    state, version = effect.state[1], effect.version
    if isinstance(effect, NodeRetired):
        return msgspec.structs.replace(node, state=state, retired=True, version=version, since=since)
    attributes = _patched(node.attributes, effect.after)
    return msgspec.structs.replace(
        node, name=effect.name[1], state=state, attributes=attributes, version=version, since=since
    )


def _edge(effect: Linked | Relinked | Unlinked, attributes: Attributes, since: int) -> Relationship:
    return Relationship(
        id=effect.id,
        type=effect.type,
        source=effect.source,
        target=effect.target,
        key=effect.key,
        attributes=attributes,
        since=since,
    )


def _patched(attributes: Attributes, patch: Patch) -> Attributes:
    return {name: value for name, value in {**attributes, **patch}.items() if value is not None}
