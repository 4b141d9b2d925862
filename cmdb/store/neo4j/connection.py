"""Reading and writing through the driver: one revision per read, all or nothing per write.

Neo4j is read-committed, and applies a commit to its records, and after them to its indexes, while others read them.
So a writer says in short transactions of their own which revision it is `applying`, with the head locked and before it
commits, and which one is `applied`, once its commit has returned. Every statement of a read brings the head, what was
applied before it and what was being applied after it. If all of these are one revision, no commit was being applied in
between and what was read belongs together; if not, it is read again. A read that meets commits again and again is at
last done with the head locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, LiteralString, Protocol, TypeVar, cast

import msgspec
from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncGraphDatabase, AsyncResult, AsyncSession
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from cmdb.errors import Failed
from cmdb.ledger import Head
from cmdb.store.neo4j.errors import GONE, PASSING, mapped

T = TypeVar("T")

Parameters = Mapping[str, object]
Rows = list[list[object]]

ATTEMPTS: Final = 6
"""How often a read that met a commit, or a transaction that lost a deadlock, is tried."""

PATIENCE: Final = 2.0
"""Seconds to wait for an announced commit before asking, by taking the lock, whether anybody is still making it."""

_BEFORE: Final = """
MATCH (h:_Head {only: 1}) MATCH (w:_Writer {only: 1})
WITH [h.revision, h.hash, h.time, h.model, h.estate] AS mark, w.applied AS before
CALL () {
"""
_AFTER: Final = """
}
MATCH (w:_Writer {only: 1}) RETURN mark, before, w.applying AS after, rows
"""
_NOTHING: Final = "RETURN [] AS rows"
_LOCK: Final = "MATCH (h:_Head {only: 1}) SET h.lock = true"
_MARK: Final = "MATCH (h:_Head {only: 1}) RETURN h.revision, h.hash, h.time, h.model, h.estate"
_APPLYING: Final = "MATCH (w:_Writer {only: 1}) SET w.applying = $revision"
_APPLIED: Final = """
MATCH (w:_Writer {only: 1}) SET w.lock = true
SET w.applied = CASE WHEN w.applied < $revision THEN $revision ELSE w.applied END
"""
_NOBODY_APPLIES: Final = "MATCH (w:_Writer {only: 1}) SET w.applying = $revision, w.applied = $revision"


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The head a statement was answered under, the revision of the model in force (0: none) and the estate."""

    revision: int
    hash: str
    time: str
    model: int
    estate: str

    @property
    def head(self) -> Head:
        """The newest commit."""
        return Head(revision=self.revision, hash=self.hash, time=self.time)


class Runner(Protocol):
    """What statements run in: a session (each for itself) or a transaction."""

    async def run(self, query: LiteralString, parameters: dict[str, object]) -> AsyncResult:
        """Run one statement."""
        ...


class OutcomeUnknown(Exception):
    """The connection was lost at the moment of committing."""


class _Torn(Exception):
    """A commit was being applied while something was read."""

    def __init__(self, *, underway: bool) -> None:
        super().__init__()
        self.underway = underway


class Reading:
    """Statements that must all see one revision."""

    def __init__(self, runner: Runner, *, locked: bool) -> None:
        self._runner = runner
        self._locked = locked
        self._revision: int | None = None
        self.model_revision: int | None = None
        """The revision of the model in force, once something was read."""

    async def rows(self, body: LiteralString, parameters: Parameters) -> tuple[Mark, list[object]]:
        """Run a statement whose last clause is `RETURN … AS rows`, one row that holds a list."""
        found = await self._values(_BEFORE + body + _AFTER, parameters)
        if not found:
            raise Failed("the database holds no store any more", remedy="open it again, or restore a backup")
        mark, before, after, rows = found[0]
        made = msgspec.convert(mark, Mark)
        if not self._locked and {before, after} != {made.revision}:
            raise _Torn(underway=before != after)
        if self._revision not in {None, made.revision}:
            raise _Torn(underway=False)
        self._revision, self.model_revision = made.revision, made.model
        return made, cast("list[object]", rows)

    async def rows_of_new(self, body: LiteralString, parameters: Parameters) -> tuple[Mark, list[object]]:
        """The same for a statement whose text is likely to be new to the server.

        It is planned by itself, which takes a quarter of the time, and looked around by statements that are known.
        """
        await self.rows(_NOTHING, {})
        found = await self._values(body, parameters)
        mark, _ = await self.rows(_NOTHING, {})
        return mark, cast("list[object]", found[0][0])

    async def _values(self, statement: LiteralString, parameters: Parameters) -> Rows:
        result = await self._runner.run(statement, dict(parameters))
        return cast("Rows", await result.values())


class Writing:
    """Statements of one transaction."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def locked_mark(self) -> Mark:
        """Lock the head against other writers until the transaction ends, and read it."""
        await self.run(_LOCK)
        return msgspec.convert((await self.values(_MARK))[0], Mark)

    async def run(self, statement: LiteralString, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect."""
        await (await self._runner.run(statement, dict(parameters or {}))).consume()

    async def values(self, statement: LiteralString, parameters: Parameters | None = None) -> Rows:
        """Run a statement for its rows."""
        result = await self._runner.run(statement, dict(parameters or {}))
        return cast("Rows", await result.values())

    async def run_chunks(
        self, statement: LiteralString, rows: Sequence[object], size: int, parameters: Parameters | None = None
    ) -> None:
        """Run a statement that begins with `UNWIND $rows`, with so many rows at a time."""
        for first in range(0, len(rows), size):
            await self.run(statement, {**(parameters or {}), "rows": rows[first : first + size]})


class Connection:
    """A driver, and the rules by which it is used."""

    def __init__(self, url: str, auth: tuple[str, str] | None, database: str | None) -> None:
        self.url = url if database is None else f"{url}/{database}"
        self._database = database
        with mapped(self.url):
            self._driver: AsyncDriver = AsyncGraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType] - **config is untyped
                url, auth=auth, notifications_min_severity="OFF", connection_acquisition_timeout=30.0
            )
        self._bookmarks = AsyncGraphDatabase.bookmark_manager()

    async def verify(self) -> None:
        """Ask the server for an answer. Raises StoreUnreachable or Refused."""
        with mapped(self.url):
            await self._driver.verify_connectivity()  # pyright: ignore[reportUnknownMemberType] - **config is untyped

    async def close(self) -> None:
        """Close all connections."""
        await self._driver.close()

    async def read(self, work: Callable[[Reading], Awaitable[T]]) -> T:
        """What `work` reads, all of it at one revision. `work` may be called several times."""
        with mapped(self.url):
            for _ in range(ATTEMPTS):
                try:
                    async with self._session(READ_ACCESS) as session:
                        return await work(Reading(cast("Runner", session), locked=False))
                except _Torn as torn:
                    if torn.underway:
                        await self._settled()
                except PASSING:
                    await asyncio.sleep(0.05)
            return await self._read_locked(work)

    async def read_locked(self, work: Callable[[Reading], Awaitable[T]]) -> T:
        """What `work` reads while nobody can commit. Waits until whoever is committing is done."""
        with mapped(self.url):
            for attempt in range(ATTEMPTS):
                try:
                    return await self._read_locked(work)
                except PASSING:
                    if attempt == ATTEMPTS - 1:
                        raise
                    await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable")

    async def write(self, work: Callable[[Writing], Awaitable[T]], announce: int | None = None) -> T:
        """Do `work` in one transaction; `announce` is the revision it makes, if it makes one.

        A deadlock or another passing failure before the commit is tried again, as nothing was written. Raises
        OutcomeUnknown when the connection was lost at the commit.
        """
        with mapped(self.url):
            for attempt in range(ATTEMPTS):
                try:
                    return await self._write_once(work, announce)
                except PASSING:
                    if attempt == ATTEMPTS - 1:
                        raise
                    await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable")

    async def values(self, statement: LiteralString, parameters: Parameters | None = None) -> Rows:
        """The rows of one statement in a transaction of its own; for what never changes, and for the schema."""
        with mapped(self.url):
            async with self._session(WRITE_ACCESS) as session:
                result = await session.run(statement, dict(parameters or {}))
                return cast("Rows", await result.values())

    async def _read_locked(self, work: Callable[[Reading], Awaitable[T]]) -> T:
        async with self._session(WRITE_ACCESS) as session, await session.begin_transaction() as transaction:
            await Writing(cast("Runner", transaction)).locked_mark()
            return await work(Reading(cast("Runner", transaction), locked=True))

    async def _write_once(self, work: Callable[[Writing], Awaitable[T]], announce: int | None) -> T:
        async with self._session(WRITE_ACCESS) as session, await session.begin_transaction() as transaction:
            done = await work(Writing(cast("Runner", transaction)))
            if announce is not None:
                await self._say(_APPLYING, announce)
            try:
                await transaction.commit()
            except (*GONE, IncompleteCommit) as error:
                raise OutcomeUnknown from error
        if announce is not None:
            with suppress(DriverError, Neo4jError, OSError):  # the commit stands, and the next reader will find out
                await self._say(_APPLIED, announce)
        return done

    async def _say(self, statement: LiteralString, revision: int) -> None:
        async with self._session(WRITE_ACCESS) as session:
            await (await session.run(statement, {"revision": revision})).consume()

    async def _settled(self) -> None:
        """Wait until no commit is being applied; if its writer died, take the announcement back."""
        until = asyncio.get_running_loop().time() + PATIENCE
        pause = 0.001
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)
            found = await self.values(_BEFORE + _NOTHING + _AFTER)
            if found and found[0][1] == found[0][2]:
                return

        async def take_back(writing: Writing) -> None:
            mark = await writing.locked_mark()
            await writing.run(_NOBODY_APPLIES, {"revision": mark.revision})

        await self._write_once(take_back, None)

    @asynccontextmanager
    async def _session(self, access: str) -> AsyncGenerator[AsyncSession]:
        session = self._driver.session(  # pyright: ignore[reportUnknownMemberType] - **config is untyped
            database=self._database, default_access_mode=access, bookmark_manager=self._bookmarks, fetch_size=1000
        )
        async with session:
            yield session


async def opened(url: str, auth: tuple[str, str] | None, database: str | None) -> Connection:
    """A connection to a server that answers. Raises StoreUnreachable or Refused."""
    connection = Connection(url, auth, database)
    try:
        await connection.verify()
    except BaseException:
        await connection.close()
        raise
    return connection
