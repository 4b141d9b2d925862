"""Two states of the configuration compared: what was added, removed, changed, and what changed and came back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from cmdb.baselines.netting import EdgeNet, Natural, Net
from cmdb.nodes import Attributes, Node, Relationship
from graph_schema.values import Value


class Change(StrEnum):
    """What became of a node or relationship from one state to the other."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RETURNED = "returned"
    """It was changed in between, and is as it was."""


class FieldDifference(msgspec.Struct, frozen=True):
    """A field or attribute before and after (None: absent) and the revisions that touched it; equal values came back."""

    field: str
    before: Value | None
    after: Value | None
    revisions: tuple[int, ...]

    @property
    def returned(self) -> bool:
        """Whether it changed and came back."""
        return self.before == self.after


class NodeDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a node; `node` is as it is after, or as it was before where it is removed.

    `moved` says that it is there on both sides, and only came into the scope or left it.
    """

    node: Node
    change: Change
    moved: bool
    fields: tuple[FieldDifference, ...]
    revisions: tuple[int, ...]


class RelationshipDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a relationship between two items; `moved` as with nodes."""

    type: str
    source: Node
    target: Node
    key: str
    change: Change
    moved: bool
    fields: tuple[FieldDifference, ...]
    revisions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One side: nodes by ordinal, as far as they are concerned; which of these are items in scope.

    `joined` are the relationships of items in scope that are not on the other side, whether the net has them or not.
    """

    nodes: Mapping[int, Node]
    inside: AbstractSet[int]
    joined: Mapping[Natural, Relationship]

    def covers(self, natural: Natural) -> bool:
        """Whether a relationship that is there on this side has both its ends in scope."""
        return natural[1] in self.inside and natural[2] in self.inside


@dataclass(frozen=True, slots=True)
class Differences:
    """All differences, nodes by ordinal, relationships by their natural keys."""

    nodes: tuple[NodeDifference, ...]
    relationships: tuple[RelationshipDifference, ...]

    def __iter__(self) -> Iterator[NodeDifference | RelationshipDifference]:
        yield from self.nodes
        yield from self.relationships

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many nodes and relationships were added, removed, changed, and came back."""
        return {
            what: {change.value: sum(one.change is change for one in those) for change in Change}
            for what, those in (("nodes", self.nodes), ("relationships", self.relationships))
        }

    @property
    def same(self) -> bool:
        """Whether both states are alike; what came back is."""
        return all(one.change is Change.RETURNED for one in self)


def compare(net: Net, before: State, after: State) -> Differences:
    """What differs between two states, of which `net` is what the commits between them touched. O(touched)."""
    considered = sorted({*net.nodes, *before.inside, *after.inside})
    nodes = tuple(node for ordinal in considered if (node := _node(net, ordinal, before, after)) is not None)
    naturals = sorted({*net.edges, *before.joined, *after.joined})
    edges = tuple(edge for natural in naturals if (edge := _edge(net, natural, before, after)) is not None)
    return Differences(nodes, edges)


def inverted(found: Differences) -> Differences:
    """The differences the other way round, but that nodes are shown as they are in the later state. O(differences)."""
    return Differences(
        tuple(
            msgspec.structs.replace(one, change=_OTHER[one.change], fields=_turned(one.fields)) for one in found.nodes
        ),
        tuple(
            msgspec.structs.replace(one, change=_OTHER[one.change], fields=_turned(one.fields))
            for one in found.relationships
        ),
    )


_OTHER = {
    Change.ADDED: Change.REMOVED,
    Change.REMOVED: Change.ADDED,
    Change.CHANGED: Change.CHANGED,
    Change.RETURNED: Change.RETURNED,
}


def _turned(fields: tuple[FieldDifference, ...]) -> tuple[FieldDifference, ...]:
    return tuple(FieldDifference(f.field, f.after, f.before, f.revisions) for f in fields)


def _node(net: Net, ordinal: int, before: State, after: State) -> NodeDifference | None:
    was, will = ordinal in before.inside, ordinal in after.inside
    if not was and not will:
        return None
    touched = net.nodes.get(ordinal)
    if was and will and touched is None:
        return None
    one, other = before.nodes.get(ordinal), after.nodes.get(ordinal)
    by = {} if touched is None else touched.fields
    fields = _fields(_said(one), _said(other), by)
    change = Change.ADDED if not was else Change.REMOVED if not will else _changed(fields)
    shown = other if will else one
    if shown is None:
        return None
    return NodeDifference(
        node=shown,
        change=change,
        moved=was is not will and one is not None and other is not None and not other.retired,
        fields=fields,
        revisions=() if touched is None else tuple(touched.revisions),
    )


def _edge(net: Net, natural: Natural, before: State, after: State) -> RelationshipDifference | None:
    touched = net.edges.get(natural)
    one, other = _sides(touched, natural, before, after)
    was = one is not None and before.covers(natural)
    will = other is not None and after.covers(natural)
    if not was and not will:
        return None
    by = {} if touched is None else touched.fields
    fields = _fields(one or {}, other or {}, by)
    ends = after.nodes if will else before.nodes
    return RelationshipDifference(
        type=natural[0],
        source=ends[natural[1]],
        target=ends[natural[2]],
        key=natural[3],
        change=Change.ADDED if not was else Change.REMOVED if not will else _changed(fields),
        moved=was is not will and one is not None and other is not None,
        fields=fields,
        revisions=() if touched is None else tuple(touched.revisions),
    )


def _sides(
    touched: EdgeNet | None, natural: Natural, before: State, after: State
) -> tuple[Attributes | None, Attributes | None]:
    """What a relationship says on both sides. One that nobody touched says the same wherever it is met."""
    met = before.joined.get(natural) or after.joined.get(natural)
    if touched is None:
        return (None, None) if met is None else (met.attributes, met.attributes)
    if touched.partial is not None and met is not None:
        untouched = {n: v for n, v in met.attributes.items() if n not in touched.partial}
        return {**untouched, **(touched.before or {})}, {**untouched, **(touched.after or {})}
    return touched.before, touched.after


def _changed(fields: tuple[FieldDifference, ...]) -> Change:
    return Change.RETURNED if all(field.returned for field in fields) else Change.CHANGED


def _said(node: Node | None) -> Attributes:
    return {} if node is None else {"name": node.name, "state": node.state, **node.attributes}


def _fields(before: Attributes, after: Attributes, by: Mapping[str, list[int]]) -> tuple[FieldDifference, ...]:
    names = sorted({*before, *after, *by})
    return tuple(
        FieldDifference(name, before.get(name), after.get(name), tuple(by.get(name, ())))
        for name in names
        if before.get(name) != after.get(name) or name in by
    )
