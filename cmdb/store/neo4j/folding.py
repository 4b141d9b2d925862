"""The effects of a commit, folded into what is to be written: each node and each relationship once.

What begins and ends within the commit leaves nothing behind. Of everything that was there before and is altered, the
old state becomes a version. Pure: what is needed of the store is read first (`stale`), and passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cmdb.changeset import (
    Effect,
    EstateFounded,
    Linked,
    ModelInstalled,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Patch,
    Relinked,
    Unlinked,
)
from cmdb.nodes import NodeIds
from cmdb.store.neo4j.rows import Properties
from cmdb.store.neo4j.text import kept
from cmdb.store.words import search_text
from graph_schema.values import Value


@dataclass(frozen=True, slots=True)
class Edge:
    """A relationship that is altered: where it is, and the properties it has."""

    id: int
    type: str
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Stale:
    """What a commit alters of that which was there before it."""

    nodes: frozenset[int]
    edges: tuple[Edge, ...]


def stale(effects: Iterable[Effect]) -> Stale:
    """What must be read before these effects can be folded. O(effects)."""
    new_nodes: set[int] = set()
    new_edges: set[int] = set()
    nodes: set[int] = set()
    edges: dict[int, Edge] = {}
    for effect in effects:
        match effect:
            case NodeCreated():
                new_nodes.add(effect.ordinal)
            case NodeChanged() | NodeRetired():
                nodes.add(effect.ordinal)
            case Linked():
                new_edges.add(effect.id)
            case Relinked() | Unlinked():
                edges[effect.id] = Edge(effect.id, effect.type, effect.source, effect.target)
            case EstateFounded() | ModelInstalled():
                pass
    return Stale(frozenset(nodes - new_nodes), tuple(e for e in edges.values() if e.id not in new_edges))


@dataclass
class Folding:
    """Takes in effects, in their order; then `created`, `changes`, `links` and so on say what to write."""

    revision: int
    ids: NodeIds
    searchable: Mapping[str, tuple[str, ...]]
    nodes_before: Mapping[int, Properties]
    edges_before: Mapping[int, Properties]
    created: dict[int, Properties] = field(default_factory=dict[int, Properties])
    altered: dict[int, Properties] = field(default_factory=dict[int, Properties])
    linked: dict[int, tuple[Edge, str, Properties]] = field(default_factory=dict[int, tuple[Edge, str, Properties]])
    relinked: dict[int, tuple[Edge, Properties]] = field(default_factory=dict[int, tuple[Edge, Properties]])
    ended: dict[int, Edge] = field(default_factory=dict[int, Edge])
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, effects: Sequence[Effect]) -> None:
        """Fold effects. O(effects)."""
        for effect in effects:
            match effect:
                case NodeCreated():
                    self._create(effect)
                case NodeChanged():
                    node = self._altered(effect.ordinal, effect.version)
                    node["name"], node["state"], node["retired"] = effect.name[1], effect.state[1], False
                    _patch(node, effect.after)
                    self._index(node)
                case NodeRetired():
                    node = self._altered(effect.ordinal, effect.version)
                    node["state"], node["retired"] = effect.state[1], True
                    node.pop("search_text", None)
                case Linked():
                    edge = Edge(effect.id, effect.type, effect.source, effect.target)
                    self.linked[effect.id] = (edge, effect.key, dict(effect.attributes))
                case Relinked():
                    self._relink(effect)
                case Unlinked():
                    self._unlink(effect)
                case EstateFounded() | ModelInstalled():
                    pass

    def patches(self) -> list[Properties]:
        """For each altered node: its ordinal, and the properties that differ, None for what is gone."""
        return [
            {"ordinal": ordinal, "patch": _difference(kept(self.nodes_before[ordinal]), kept(after))}
            for ordinal, after in self.altered.items()
        ]

    def _create(self, effect: NodeCreated) -> None:
        node: Properties = {
            **effect.attributes,
            "ordinal": effect.ordinal,
            "id": self.ids.id_of(effect.ordinal),
            "key": effect.key,
            "class": effect.class_name,
            "name": effect.name,
            "state": effect.state,
            "version": 1,
            "since": self.revision,
            "retired": False,
        }
        self._index(node)
        self.created[effect.ordinal] = node
        code, _, number = effect.key.rpartition("-")
        self.numbers[code] = max(self.numbers.get(code, 0), int(number) + 1)

    def _altered(self, ordinal: int, version: int) -> Properties:
        node = self.created.get(ordinal)
        if node is None:
            node = self.altered.setdefault(ordinal, dict(self.nodes_before[ordinal]))
        node["version"], node["since"] = version, self.revision
        return node

    def _index(self, node: Properties) -> None:
        names = self.searchable[cast("str", node["class"])]
        values = [cast("Value | None", node.get(name)) for name in names]
        node["search_text"] = search_text(cast("str", node["key"]), cast("str", node["name"]), map(_frozen, values))

    def _relink(self, effect: Relinked) -> None:
        if new := self.linked.get(effect.id):
            _patch(new[2], effect.after)
            return
        edge = Edge(effect.id, effect.type, effect.source, effect.target)
        _, altered = self.relinked.setdefault(effect.id, (edge, dict(self.edges_before[effect.id])))
        altered["since"] = self.revision
        _patch(altered, effect.after)

    def _unlink(self, effect: Unlinked) -> None:
        if self.linked.pop(effect.id, None) is None:
            self.relinked.pop(effect.id, None)
            self.ended[effect.id] = Edge(effect.id, effect.type, effect.source, effect.target)


def version_of_edge(edge: Edge, before: Properties, until: int) -> Properties:
    """The properties of the version that a relationship leaves behind."""
    return {**before, "_type": edge.type, "_source": edge.source, "_target": edge.target, "_until": until}


def _patch(properties: Properties, patch: Patch) -> None:
    for name, value in patch.items():
        if value is None:
            properties.pop(name, None)
        else:
            properties[name] = value


def _difference(before: Properties, after: Properties) -> Properties:
    changed = {name: value for name, value in after.items() if name not in before or before[name] != value}
    return changed | {name: None for name in before if name not in after}


def _frozen(value: Value | None) -> Value | None:
    return tuple(value) if isinstance(value, list) else value
