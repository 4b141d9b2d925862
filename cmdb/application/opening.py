"""Opening a store by its URL, and the application on it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cmdb.application.refusals import ControlledDoor
from cmdb.changes import ChangeGate, initialisation_has_ended
from cmdb.clock import Clock, system_clock
from cmdb.errors import Failed, Usage
from cmdb.impact import StructureFollower
from cmdb.ledger import Head
from cmdb.nodes import NodeIds, estate_id
from cmdb.projection.following import Follower
from cmdb.projection.loading import load_ground
from cmdb.store.port import Store
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION, RECORDS, Door, found
from graph_schema.metamodel import Model

DEFAULT_STORE: Final = "sqlite:///cmdb.sqlite"
"""The store that is used when none is named: a file in the working folder."""


@dataclass(frozen=True, slots=True)
class Application:
    """A store, the door into it, and what follows it in memory: dependencies to walk, needs to ask what fails."""

    store: Store
    door: Door
    follower: Follower
    structures: StructureFollower
    clock: Clock

    async def model(self) -> Model:
        """The model in force. Raises Failed while the store is empty."""
        model = await self.store.model()
        if model is None:
            raise Failed(f"{self.store.url} is empty", remedy="run `cmdb init` first")
        return model

    async def ids(self) -> NodeIds:
        """The maker of node ids. Raises Failed while the store is empty."""
        ids = await self.store.ids()
        if ids is None:
            raise Failed(f"{self.store.url} is empty", remedy="run `cmdb init` first")
        return ids

    async def authority(self, change: str | None = None) -> str:
        """What people write under: the change that they name, or what needs none: initialisation first, then records."""
        if change is not None:
            return f"change:{change}"
        return RECORDS if await initialisation_has_ended(self.store) else INITIALISATION

    async def load(self) -> None:
        """Have both followers loaded, from one reading of the graph. O(V + E). Raises Failed while the store is empty."""
        reading = asyncio.ensure_future(load_ground(self.store, None))
        await asyncio.gather(self.follower.begin(reading), self.structures.begin(reading))

    async def close(self) -> None:
        """Let go of the store."""
        await self.store.close()


async def open_store(url: str, *, create: bool = False) -> Store:
    """The store behind a URL: `sqlite:///file` (relative), `sqlite:////folder/file`, `neo4j://host:port`, `bolt://…`.

    User and password of a Neo4j server come from the URL or from CMDB_NEO4J_USER and CMDB_NEO4J_PASSWORD. Raises Usage
    for a URL of another kind, NotFound for a missing file (unless `create`), StoreUnreachable.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path:
            raise Usage(
                f"{url!r} names no file", remedy="write sqlite:///cmdb.sqlite, or sqlite:////folder/cmdb.sqlite"
            )
        return open_sqlite(Path(path), create=create)
    if parts.scheme.split("+")[0] in {"neo4j", "bolt"} and parts.hostname:
        from cmdb.store.neo4j import open_neo4j  # noqa: PLC0415 - its driver takes a third of the time to start

        user = unquote(parts.username or "") or os.environ.get("CMDB_NEO4J_USER", "")
        password = unquote(parts.password or "") or os.environ.get("CMDB_NEO4J_PASSWORD", "")
        place = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        return await open_neo4j(f"{parts.scheme}://{place}", auth=(user, password) if user else None)
    raise Usage(f"{url!r} is no store", remedy="write sqlite:///FILE or neo4j://HOST:PORT")


async def open_application(url: str, *, create: bool = False, clock: Clock = system_clock) -> Application:
    """The application on the store behind a URL; errors as `open_store`."""
    store = await open_store(url, create=create)
    return Application(
        store=store,
        door=ControlledDoor(store, gate=ChangeGate(store, clock=clock), clock=clock),
        follower=Follower(store),
        structures=StructureFollower(store),
        clock=clock,
    )


async def initialise(
    application: Application, model: Model, *, actor: str, random_bits: Callable[[int], int] = secrets.randbits
) -> Head:
    """Begin the ledger of an empty store with an estate id and a model. Raises Conflict when it is not empty."""
    return await found(
        application.store, model, estate=estate_id(random_bits(80)), actor=actor, clock=application.clock
    )
