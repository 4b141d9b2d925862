"""An application on a store that was written by a book, and the difference of two states worked out the long way."""

from __future__ import annotations

from cmdb.application import Application
from cmdb.baselines.comparing import Change
from cmdb.filters import LIVE, And, Filter
from cmdb.impact import StructureFollower
from cmdb.nodes import Node, Relationship
from cmdb.projection.following import Follower
from cmdb.store.port import Store
from cmdb.writing import Door, InitialisationGate
from graph_schema.metamodel import Kind
from graph_schema.values import Value
from tests.reference.graph import State, natural
from tests.reference.model import MODEL
from tests.writing.office import ticking

Natural = tuple[str, int, int, str]
Fields = dict[str, tuple[Value | None, Value | None]]
Told = dict[int, tuple[Change, Fields]]
ToldEdges = dict[Natural, tuple[Change, Fields]]


def application_on(store: Store) -> Application:
    """The application, with a clock that ticks."""
    clock = ticking()
    return Application(
        store=store,
        door=Door(store, gate=InitialisationGate(), clock=clock),
        follower=Follower(store),
        structures=StructureFollower(store),
        clock=clock,
    )


def items(state: State, where: Filter | None) -> dict[int, Node]:
    """The live configuration items that a filter accepts."""
    found = state.matching(And((LIVE, where) if where else (LIVE,))) if state.model else []
    kinds = {c.name: c.kind for c in MODEL.classes}
    return {node.ordinal: node for node in found if kinds[node.class_name] is Kind.CI}


def between(state: State, inside: dict[int, Node]) -> dict[Natural, Relationship]:
    """The relationships between these, by natural key."""
    return {natural(r): r for r in state.relationships.values() if r.source in inside and r.target in inside}


def told(before: State, after: State, where: Filter | None) -> tuple[Told, ToldEdges]:
    """All that differs between two states, from the states alone: nothing of what came back."""
    one, other = items(before, where), items(after, where)
    nodes: Told = {}
    for ordinal in {*one, *other}:
        fields = _fields(_said(before.nodes.get(ordinal)), _said(after.nodes.get(ordinal)))
        if (change := _change(ordinal in one, ordinal in other, fields)) is not None:
            nodes[ordinal] = change, fields
    edges: ToldEdges = {}
    ends, others = between(before, one), between(after, other)
    was = {natural(r): r.attributes for r in before.relationships.values()}
    will = {natural(r): r.attributes for r in after.relationships.values()}
    for name in {*ends, *others}:
        fields = _fields(dict(was.get(name, {})), dict(will.get(name, {})))
        if (change := _change(name in ends, name in others, fields)) is not None:
            edges[name] = change, fields
    return nodes, edges


def _said(node: Node | None) -> dict[str, Value]:
    return {} if node is None else {"name": node.name, "state": node.state, **node.attributes}


def _fields(before: dict[str, Value], after: dict[str, Value]) -> Fields:
    return {n: (before.get(n), after.get(n)) for n in {*before, *after} if before.get(n) != after.get(n)}


def _change(was: bool, will: bool, fields: Fields) -> Change | None:
    if was and will:
        return Change.CHANGED if fields else None
    return Change.ADDED if will else Change.REMOVED
