"""A store with a few things in it, and a door to write through."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire
from cmdb.clock import Clock
from cmdb.nodes import Node
from cmdb.store.port import Store
from cmdb.writing import INITIALISATION, Door, Gate, InitialisationGate, Written, found
from tests.reference.book import ESTATE
from tests.reference.model import MODEL
from tests.store.places import SQLITE, opened

WEB, DB, SHOP, TICKET, OLD, SPARE = range(6)
"""Ordinals: two servers, a service, a ticket, a retired server, and a server that is still ordered."""


def ticking() -> Clock:
    """A clock that goes on by a second with every look."""
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def look() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    return look


@dataclass
class Office:
    """A store and a door into it."""

    store: Store
    clock: Clock = field(default_factory=ticking)
    gate: Gate = field(default_factory=InitialisationGate)

    def __post_init__(self) -> None:
        self.door = self.another_door()

    def another_door(self) -> Door:
        return Door(self.store, gate=self.gate, clock=self.clock)

    async def write(self, *operations: Operation) -> Written:
        return await self.door.write(ChangeSet(operations), actor="tester", authority=INITIALISATION)

    async def node(self, ordinal: int) -> Node:
        [node] = await self.store.nodes([ordinal])
        return node

    async def revision(self) -> int:
        return (await self.store.head()).revision


@asynccontextmanager
async def empty_office(folder: Path, clock: Callable[[], Clock] = ticking) -> AsyncGenerator[Office]:
    """An office whose store has the model for tests, and nothing else."""
    async with opened(f"{SQLITE}{folder / 'store.db'}") as store:
        office = Office(store, clock())
        if await office.revision() == 0:
            await found(store, MODEL, estate=ESTATE, actor="tester", clock=office.clock)
        yield office


@asynccontextmanager
async def an_office(folder: Path) -> AsyncGenerator[Office]:
    """An office with its six nodes, at revision 3: web runs on db and is part of the shop, which owns web."""
    async with empty_office(folder) as office:
        await office.write(
            create("Server", "web", serial="S1", count=2),
            create("Server", "db", serial="S2"),
            create("Service", "svc-shop", owner="ops"),
            create("Ticket", "slow", reference=7),
            create("Server", "old", serial="S0"),
            create("Server", "spare", state="ordered"),
            Link(type="RUNS_ON", source=New("web"), target=New("db"), attributes={"port": 1}),
            Link(type="PART_OF", source=New("web"), target=New("svc-shop")),
            Link(type="OWNS", source=New("svc-shop"), target=New("web")),
        )
        await office.write(Retire(node=OLD))
        yield office


def create(
    class_name: str, name: str | None, handle: str | None = None, state: str | None = None, **attributes: str | int
) -> Put:
    """A new node, whose handle is its name unless something else is said."""
    return Put(
        node=New(name or "it" if handle is None else handle),
        class_name=class_name,
        name=name,
        state=state,
        attributes=dict(attributes),
    )
