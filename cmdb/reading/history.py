"""The story of one node and of its relationships: who changed what, when, and by which authority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cmdb.ledger import Header
from cmdb.nodes import LAST, Attributes, Node, NodeVersion, RelationshipVersion
from cmdb.store.port import Store
from graph_schema.values import Value


class Step(StrEnum):
    """What happened."""

    CREATED = "created"
    CHANGED = "changed"
    RETIRED = "retired"
    LINKED = "linked"
    RELINKED = "relinked"
    UNLINKED = "unlinked"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field or attribute before and after; None is absent."""

    field: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True, slots=True)
class Ends:
    """A relationship told with both its ends: type, id, key, and the nodes as they are now."""

    id: int
    type: str
    key: str
    source: Node
    target: Node


@dataclass(frozen=True, slots=True)
class Event:
    """One step in the life of a node or of one of its relationships (`relationship` is set then)."""

    header: Header
    step: Step
    changes: tuple[FieldChange, ...]
    relationship: Ends | None = None


async def node_events(store: Store, ordinal: int) -> list[Event]:
    """All steps of a node and of its relationships, oldest first. Four reads, O(versions)."""
    versions = await store.history(ordinal)
    edges = await store.relationship_history(ordinal)
    ends = {end for edge in edges for end in (edge.relationship.source, edge.relationship.target)}
    nodes = {node.ordinal: node for node in await store.nodes(sorted(ends))}
    revisions = {v.node.since for v in versions} | {e.relationship.since for e in edges}
    revisions |= {e.until for e in edges if e.until != LAST}
    headers = await store.headers(sorted(revisions))
    return sorted(
        [*_node_steps(versions, headers), *_edge_steps(edges, nodes, headers)],
        key=lambda event: event.header.revision,
    )


def _node_steps(versions: list[NodeVersion], headers: Mapping[int, Header]) -> list[Event]:
    events: list[Event] = []
    before: Node | None = None
    for version in versions:
        node = version.node
        step = Step.CREATED if before is None else Step.RETIRED if node.retired else Step.CHANGED
        events.append(Event(headers[node.since], step, _differences(_fields(before), _fields(node))))
        before = node
    return events


def _edge_steps(
    edges: list[RelationshipVersion], nodes: Mapping[int, Node], headers: Mapping[int, Header]
) -> list[Event]:
    events: list[Event] = []
    for_id: dict[int, RelationshipVersion] = {}
    for edge in edges:
        r = edge.relationship
        ends = Ends(r.id, r.type, r.key, nodes[r.source], nodes[r.target])
        before = for_id.get(r.id)
        changes = _differences(before.relationship.attributes if before else {}, r.attributes)
        events.append(Event(headers[r.since], Step.RELINKED if before else Step.LINKED, changes, ends))
        for_id[r.id] = edge
    for edge in for_id.values():
        if edge.until != LAST:
            r = edge.relationship
            ends = Ends(r.id, r.type, r.key, nodes[r.source], nodes[r.target])
            events.append(Event(headers[edge.until], Step.UNLINKED, (), ends))
    return events


def _fields(node: Node | None) -> Attributes:
    return {} if node is None else {"name": node.name, "state": node.state, **node.attributes}


def _differences(before: Attributes, after: Attributes) -> tuple[FieldChange, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(FieldChange(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))
