"""Places where stores can be: files in a folder for SQLite, the one database of a server for Neo4j."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from cmdb.store.port import Store

SQLITE = "sqlite:///"


class Places(Protocol):
    """Gives an empty place for a store, as often as asked."""

    @property
    def shared(self) -> bool:
        """Whether a new place empties the one before."""
        ...

    async def empty(self) -> str:
        """The URL of a place where no store is yet."""
        ...


@dataclass
class SqlitePlaces:
    """A new file each time."""

    folder: Path
    shared: bool = False
    _numbers: count[int] = field(default_factory=count)

    async def empty(self) -> str:
        return f"{SQLITE}{self.folder / str(next(self._numbers))}.db"


@dataclass
class Neo4jPlaces:
    """The same database each time, its graph wiped; constraints and indexes stay, as they do for a person."""

    server: str
    wipe: Callable[[], None]
    shared: bool = True

    async def empty(self) -> str:
        self.wipe()
        return self.server


async def open_store(url: str) -> Store:
    """Open the store at this place, making it where there is none."""
    if url.startswith(SQLITE):
        from cmdb.store.sqlite import open_sqlite

        return open_sqlite(Path(url.removeprefix(SQLITE)), create=True)
    from cmdb.store.neo4j import open_neo4j

    return await open_neo4j(url)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    """The store at this place, closed at the end."""
    store = await open_store(url)
    try:
        yield store
    finally:
        await store.close()
