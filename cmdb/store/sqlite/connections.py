"""Connections to one file: a single writer, which alone checkpoints, and readers that can do nothing but read."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import apsw

from cmdb.errors import Conflict, Failed, NotFound, StoreUnreachable
from cmdb.store.sqlite.schema import APPLICATION_ID, CREATE, LAYOUT, UPGRADES

BUSY: Final = 20_000
"""Milliseconds to wait for another process that is writing."""


LOG_PAGES: Final = 8_000
"""Pages (32 MB) of the write-ahead log from which on it is folded into the file: a page that keeps changing goes once."""


class Connections:
    """The connections of one process to one store file."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file, making it when `create` is set. Raises NotFound, Failed (not a store), StoreUnreachable."""
        self.path = path
        if not create and not path.exists():
            raise NotFound(
                f"there is no store at {path}",
                remedy="make one with `cmdb init`, or check --store and CMDB_STORE",
            )
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        try:
            self.writer = apsw.Connection(str(path))
            _prepare(self.writer, path)
        except apsw.Error as error:
            raise said_plainly(path, error) from error

    @contextmanager
    def reading(self) -> Generator[apsw.Connection]:
        """A connection inside a read transaction, for one reader at a time."""
        with self.asking() as connection:
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def asking(self) -> Generator[apsw.Connection]:
        """A connection for one statement, which sees one state without a transaction around it."""
        try:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._reader()
            try:
                yield connection
            finally:
                with self._lock:
                    self._idle.append(connection)
        except apsw.Error as error:
            raise said_plainly(self.path, error) from error

    @contextmanager
    def writing(self) -> Generator[apsw.Connection]:
        """The writer inside an immediate transaction, committed at the end or rolled back whole."""
        try:
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise
        except apsw.Error as error:
            raise said_plainly(self.path, error) from error

    def close(self) -> None:
        """Close all connections; the last one out folds the write-ahead log into the file."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
        self.writer.close()

    def _reader(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY)
        connection.wal_autocheckpoint(0)
        connection.execute("PRAGMA query_only = ON; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY")
        return connection


def _prepare(connection: apsw.Connection, path: Path) -> None:
    connection.set_busy_timeout(BUSY)
    application = connection.pragma("application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION_ID and tables:
        raise Failed(f"{path} is an SQLite file of another program", remedy="name another file")
    if application == APPLICATION_ID and (layout := _upgraded(connection)) != LAYOUT:
        raise Failed(
            f"{path} has table layout {layout}, this program knows {LAYOUT}",
            remedy="use the program's version that wrote it to make a backup, and restore that here",
        )
    connection.pragma("journal_mode", "wal")
    connection.wal_autocheckpoint(LOG_PAGES)
    connection.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -128000; PRAGMA temp_store = MEMORY")
    if not tables:
        with connection:
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                connection.execute(CREATE)
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", LAYOUT)


def _upgraded(connection: apsw.Connection) -> int:
    """The layout of the tables, once those of an older one that leads to another are brought there."""
    if (layout := _layout(connection)) in UPGRADES:
        connection.execute("BEGIN IMMEDIATE")
        while (layout := _layout(connection)) in UPGRADES:
            connection.execute(UPGRADES[layout])
            connection.pragma("user_version", layout + 1)
        connection.execute("COMMIT")
    return layout


def _layout(connection: apsw.Connection) -> int:
    return cast("int", connection.pragma("user_version"))


def said_plainly(path: Path, error: apsw.Error) -> Exception:
    """Our error for one of the library's; a RuntimeError where it tells of a mistake of ours."""
    match error:
        case apsw.BusyError():
            return StoreUnreachable(
                f"another process has been writing to {path} for over {BUSY // 1000} s",
                remedy="try again when it is done",
            )
        case apsw.ConstraintError():
            return Conflict(
                f"the store already has what the commit would make: {error}",
                remedy="read again, decide again, write again",
            )
        case apsw.NotADBError() | apsw.CorruptError():
            return Failed(f"{path} is no SQLite file, or a damaged one: {error}", remedy="restore it from a backup")
        case apsw.CantOpenError() | apsw.IOError() | apsw.FullError() | apsw.ReadOnlyError() | apsw.PermissionsError():
            return StoreUnreachable(
                f"{path} cannot be used: {error}", remedy="check the folder, its rights and the disk"
            )
        case _:
            return RuntimeError(f"{type(error).__name__}: {error}")
