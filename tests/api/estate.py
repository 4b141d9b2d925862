"""A small estate made through the door, and ways to ask about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar, cast

from api.graphql import Answer, Answering, Question
from cmdb.application import Application, initialise, open_application
from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire, Unlink
from cmdb.store.port import Store
from cmdb.writing import INITIALISATION
from graph_schema.metamodel import Model
from tests.reference.graph import State
from tests.reference.model import MODEL

T = TypeVar("T")

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def clock() -> Callable[[], datetime]:
    """A clock that goes on by a day with every look."""
    days = count()
    return lambda: START + timedelta(days=next(days))


@asynccontextmanager
async def opened(folder: Path, model: Model = MODEL) -> AsyncGenerator[Application]:
    """A new application on a new store in a folder, with a model and nothing else."""
    application = await open_application(f"sqlite:///{folder / 'estate.db'}", create=True, clock=clock())
    try:
        await initialise(application, model, actor="founder", random_bits=lambda bits: 2**bits - 1)
        yield application
    finally:
        await application.close()


async def write(
    application: Application, *operations: Operation, actor: str = "writer", reason: str = ""
) -> dict[str, int]:
    """Write operations, and the ordinals by handle."""
    written = await application.door.write(ChangeSet(operations), actor=actor, authority=INITIALISATION, reason=reason)
    return written.created


async def furnish(application: Application) -> dict[str, int]:
    """Fill it: revision 2 makes everything, 3 changes, 4 retires one server. Ordinals by name.

    shop (a service) runs on web, backed by db1 and db2; web runs on host, db1 and db2 on host too.
    """
    big = {"count": 2**63 - 1, "price": "12.50", "ports": (80, 443), "tags": ("web", "服务")}
    rack = {"built": "2024-02-29", "uptime": 3600, "active": True, "address": "10.0.0.9", "firmware": "1.2.3"}
    made = await write(
        application,
        Put(node=New("shop"), class_name="Service", name="svc-shop", attributes={"owner": "Ann", "tier": "gold"}),
        Put(node=New("web"), class_name="Server", name="web", attributes={"serial": "S-1", **big}),
        Put(node=New("db1"), class_name="VirtualServer", name="db1", attributes={"share": 50, "count": 2**53 - 1}),
        Put(node=New("db2"), class_name="VirtualServer", name="db2", attributes={"count": 2**53, "price": "9"}),
        Put(node=New("host"), class_name="Server", name="主机", attributes={"note": "机房 A", **rack}),
        Put(node=New("old"), class_name="Server", name="old", attributes={"tier": "bronze"}),
        Put(node=New("ticket"), class_name="Ticket", name="slow shop", attributes={"summary": "很慢", "reference": 7}),
        Link(type="RUNS_ON", source=New("shop"), target=New("web"), attributes={"port": 443}),
        Link(type="BACKED_BY", source=New("shop"), target=New("db1")),
        Link(type="BACKED_BY", source=New("shop"), target=New("db2")),
        Link(type="RUNS_ON", source=New("web"), target=New("host")),
        Link(type="RUNS_ON", source=New("db1"), target=New("host")),
        Link(type="RUNS_ON", source=New("db2"), target=New("host")),
        Link(type="RUNS_ON", source=New("web"), target=New("old")),
        Link(type="ABOUT", source=New("ticket"), target=New("shop")),
        reason="the beginning",
    )
    await write(
        application,
        Put(node=made["web"], name="web-1", state="under_change", attributes={"tier": "silver", "price": None}),
        Unlink(type="RUNS_ON", source=made["web"], target=made["old"]),
        actor="Ann",
    )
    await write(application, Retire(node=made["old"]))
    return made


@contextmanager
def standing(folder: Path) -> Generator[tuple[Loop, Desk]]:
    """A furnished estate for properties, which is only read, and the loop that it is asked on."""
    loop, stack = Loop(), AsyncExitStack()
    application = loop.run(stack.enter_async_context(opened(folder)))
    loop.run(furnish(application))
    yield loop, Desk.on(application)
    loop.run(stack.aclose())
    loop.close()


@dataclass
class Desk:
    """Asks, and expects answers without errors."""

    application: Application
    answering: Answering

    @classmethod
    def on(cls, application: Application) -> Desk:
        return cls(application, Answering(application))

    async def answer(self, query: str, **variables: object) -> Answer:
        return await self.answering.answer(Question(query, variables))

    async def ask(self, query: str, *path: str | int, **variables: object) -> object:
        """What stands in the answer at a path."""
        body = (await self.answer(query, **variables)).body
        assert "errors" not in body, body["errors"]
        return at(body["data"], *path)

    async def error(self, query: str, **variables: object) -> tuple[object, object]:
        """Code and message of the only error."""
        body = (await self.answer(query, **variables)).body
        assert len(items(body["errors"])) == 1, body["errors"]
        return at(body, "errors", 0, "extensions", "code"), at(body, "errors", 0, "message")


def at(value: object, *path: str | int) -> object:
    """The value at a path in what JSON gave; `*` maps over a list."""
    for place, step in enumerate(path):
        if step == "*":
            return [at(item, *path[place + 1 :]) for item in items(value)]
        value = cast("dict[object, object]", value)[step] if isinstance(value, dict) else items(value)[int(step)]
    return value


def items(value: object) -> list[object]:
    """A list out of JSON."""
    assert isinstance(value, list)
    return cast("list[object]", value)


async def state_of(store: Store, as_of: int | None = None) -> State:
    """The whole state, for the plain reference to question."""
    state = State(model=await store.model(as_of), ids=await store.ids())
    async for nodes in store.all_nodes(as_of):
        state.nodes.update({node.ordinal: node for node in nodes})
    async for relationships in store.all_relationships(as_of):
        state.relationships.update({r.id: r for r in relationships})
    return state


class Loop:
    """An event loop that outlives the examples of a property."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self._runner.close()
