"""An estate with baselines on either kind of store, and the difference of two states worked out the long way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cmdb.application import Application, initialise, open_application
from cmdb.application.baselines import Recording, record_baseline
from cmdb.baselines import Baseline, Everything, Scope
from cmdb.baselines.comparing import Change
from cmdb.changeset import ChangeSet, Link, New, Operation
from cmdb.filters import LIVE, And, Filter
from cmdb.nodes import Node, Relationship
from cmdb.store.port import Store
from cmdb.writing import Door, WriteRequest
from graph_schema.metamodel import Kind
from graph_schema.reader import shipped_model
from graph_schema.values import Value
from tests.reference.graph import State, natural
from tests.reference.model import MODEL
from tests.writing.office import create, ticking

Natural = tuple[str, int, int, str]
Fields = dict[str, tuple[Value | None, Value | None]]
Told = dict[int, tuple[Change, Fields]]
ToldEdges = dict[Natural, tuple[Change, Fields]]


WITH_BASELINES = MODEL.model_copy(
    update={
        "lifecycles": (*MODEL.lifecycles, shipped_model().lifecycle_by_name["sealed"]),
        "classes": (*MODEL.classes, shipped_model().class_by_name["Baseline"]),
        "relationship_types": (
            *MODEL.relationship_types,
            *(shipped_model().type_by_name[name] for name in ("SUPERSEDES", "BASELINE_OF")),
        ),
    }
)
"""The model for tests, with the shipped class of baselines."""


class Authorised:
    """A gate for what change control has let through: that is not what is tested here."""

    async def check(self, request: WriteRequest) -> None:
        """Everything may be done."""


@dataclass(frozen=True)
class Site:
    """An application, and a hand that alters the estate."""

    application: Application
    hand: Door

    @property
    def store(self) -> Store:
        """What is written to."""
        return self.application.store

    async def write(self, *operations: Operation, reason: str = "") -> int:
        """Alter the estate; the revision."""
        written = await self.hand.write(
            ChangeSet(operations), actor="hand", authority="change:CHG-000001", reason=reason
        )
        return written.head.revision

    async def record(self, name: str, scope: Scope | None = None, **more: str) -> Baseline:
        """Record a baseline."""
        wanted = Recording(name, "for tests", scope or Everything(), **more)
        return await record_baseline(self.application, wanted, actor="rose")

    async def node(self, ordinal: int) -> Node:
        """A node as it is now."""
        [node] = await self.store.nodes([ordinal])
        return node


SHOP, WEB, DB, SPARE, TICKET = range(5)
"""Ordinals: a service, which is backed by web; web runs on db; a server that stands alone; a record."""


@asynccontextmanager
async def a_site(url: str) -> AsyncGenerator[Site]:
    """At revision 2: the shop is backed by web, web runs on db, the spare one stands alone, and a ticket is about web."""
    clock = ticking()
    application = await open_application(url, create=True, clock=clock)
    try:
        await initialise(application, WITH_BASELINES, actor="rose", random_bits=lambda bits: 2**bits - 1)
        site = Site(application, Door(application.store, gate=Authorised(), clock=clock))
        await site.write(
            create("Service", "svc-shop", owner="ops"),
            create("Server", "web", count=2, note='Zürich "1"\n\\'),
            create("Server", "db", serial="S-1"),
            create("Server", "spare"),
            create("Ticket", "T-1"),
            Link(type="BACKED_BY", source=New("svc-shop"), target=New("web")),
            Link(type="RUNS_ON", source=New("web"), target=New("db"), attributes={"port": 1}),
            Link(type="ABOUT", source=New("T-1"), target=New("web")),
        )
        yield site
    finally:
        await application.close()


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
