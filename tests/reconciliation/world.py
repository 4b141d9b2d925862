"""A store, its door, and sources that say things: what every test of imports needs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cmdb.changeset import ChangeSet, Operation
from cmdb.ledger import state_digest
from cmdb.nodes import Node, Relationship
from cmdb.reconciliation.applying import Chunks, Outcome, apply_plan
from cmdb.reconciliation.claims import ClaimEnd, Item, NodeClaim, Progress, Raw, RelationshipClaim, Where
from cmdb.reconciliation.importing import plan_import
from cmdb.reconciliation.plan import Plan
from cmdb.store.port import Store
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION, Door, Gate, InitialisationGate, found
from graph_schema.metamodel import Model
from tests.reference.book import ESTATE
from tests.reference.model import MODEL

WHOLE: Final = Chunks()
NOTHING: Final[Mapping[str, Raw]] = {}
_RULES: Final = {"Server": (("serial",), ("name",)), "Service": (("name",),), "Ticket": (("reference",),)}

IDENTIFYING: Final = Model.model_validate(
    MODEL.model_dump()
    | {"classes": [c.model_dump() | {"identification": _RULES.get(c.name, ())} for c in MODEL.classes]}
)
"""The model for tests, with identification: a server by serial, else by name; a service by name; a ticket by reference."""


@dataclass(frozen=True)
class Given:
    """An importer of items that are given to it."""

    items: tuple[Item, ...]
    name: str = "given"

    def recognises(self, path: Path) -> bool:
        return False

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        for number, item in enumerate(self.items, start=1):
            yield item
            progress(Progress(number, len(self.items)))


@dataclass
class World:
    """A store that has the model and nothing else, and a door into it."""

    store: Store
    gate: Gate = field(default_factory=InitialisationGate)
    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def door(self) -> Door:
        return Door(self.store, gate=self.gate, clock=self.clock)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    async def plan(self, source: str, items: Sequence[Item]) -> Plan:
        model = await self.store.model()
        assert model is not None
        return await plan_import(self.store, model, Given(tuple(items)), [], source)

    async def apply(
        self, plan: Plan, *, retire: bool = True, skip_errors: bool = False, chunks: Chunks = WHOLE
    ) -> Outcome:
        return await apply_plan(
            self.door(),
            plan,
            actor="tester",
            authority=INITIALISATION,
            retire=retire,
            skip_errors=skip_errors,
            chunks=chunks,
        )

    async def take_in(self, source: str, *items: Item, retire: bool = True, skip_errors: bool = False) -> Plan:
        """Plan and apply; the plan."""
        plan = await self.plan(source, items)
        await self.apply(plan, retire=retire, skip_errors=skip_errors)
        return plan

    async def by_hand(self, *operations: Operation) -> None:
        await self.door().write(ChangeSet(operations), actor="somebody", authority=INITIALISATION)

    async def nodes(self) -> list[Node]:
        return [node async for batch in self.store.all_nodes() for node in batch]

    async def relationships(self) -> list[Relationship]:
        return [one async for batch in self.store.all_relationships() for one in batch]

    async def node(self, name: str) -> Node:
        [node] = [node for node in await self.store.named([name]) if not node.retired]
        return node

    async def digest(self) -> str:
        return await state_digest(self.store.all_nodes(), self.store.all_relationships())


@asynccontextmanager
async def a_world(path: Path, model: Model = IDENTIFYING) -> AsyncGenerator[World]:
    """A world in this file, which may be there already."""
    store = open_sqlite(path, create=True)
    try:
        world = World(store)
        if (await store.head()).revision == 0:
            await found(store, model, estate=ESTATE, actor="tester", clock=world.clock)
        yield world
    finally:
        await store.close()


def node(
    key: str,
    class_name: str = "Server",
    name: str | None = None,
    state: str | None = None,
    row: int = 0,
    said: Mapping[str, Raw] = NOTHING,
    **attributes: Raw,
) -> NodeClaim:
    """A claim about a node, named by its key unless something else is said."""
    return NodeClaim(
        source_key=key,
        class_name=class_name,
        name=key if name is None else name,
        state=state,
        attributes={**said, **attributes},
        where=Where("estate.csv", row),
    )


def link(
    source: ClaimEnd,
    target: ClaimEnd,
    kind: str = "RUNS_ON",
    key: str = "",
    row: int = 0,
    said: Mapping[str, Raw] = NOTHING,
    **attributes: Raw,
) -> RelationshipClaim:
    """A claim about a relationship."""
    return RelationshipClaim(
        type=kind,
        source=source,
        target=target,
        key=key,
        attributes={**said, **attributes},
        where=Where("estate.csv", row),
    )
