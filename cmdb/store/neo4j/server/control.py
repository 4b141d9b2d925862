"""Up, down, status: one server per home, known by its process and asked over Bolt."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from cmdb.errors import CmdbError, Conflict, Failed, StoreUnreachable
from cmdb.store.neo4j.server.bolt import ask
from cmdb.store.neo4j.server.launch import launch
from cmdb.store.neo4j.server.lock import locked
from cmdb.store.neo4j.server.process import end
from cmdb.store.neo4j.server.release import Release
from cmdb.store.neo4j.server.spec import LOOPBACK, Home, Record, ServerSpec

_POLL = 0.2  # seconds between two questions to a server that starts
_FIRST_ANSWER_PATIENCE = 10.0  # seconds: the first query has Neo4j load its planner
_LOG_LINES = 20
_STACK_FRAME = ("\tat ", "\t... ")
_END_PATIENCE = 60.0  # seconds for an orderly end: a checkpoint of all that changed


class ServerState(StrEnum):
    """How a home's server is."""

    STOPPED = "stopped"
    RUNNING = "running"
    UNRESPONSIVE = "unresponsive"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that runs: `url` is what `CMDB_STORE` takes.

    `password_file` holds the password of the user `neo4j`; None where everybody is let in.
    """

    url: str
    pid: int
    release: Release
    home: Path
    password_file: Path | None

    def password(self) -> str | None:
        """The password of the user `neo4j`; None where everybody is let in.

        Raises:
            Failed: the password file is not there or cannot be read.
        """
        return None if self.password_file is None else _password(self.password_file)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How a home's server is, in a word and a sentence; `server` where its process runs."""

    state: ServerState
    detail: str
    server: RunningServer | None = None


def up(spec: ServerSpec, report: Callable[[str], None], environ: Mapping[str, str] = os.environ) -> RunningServer:
    """Have a server run as `spec` says, and return when it answers; `report` hears of each step.

    Done twice it says that the server is up. After a crash it starts again with all that was committed. The
    first start fetches the distribution; a start takes 5 to 15 seconds.

    Raises:
        ToolMissing: there is no fitting Java, or no Maven to fetch the distribution with.
        Conflict: another server than the one asked for runs in this home, or the port is taken.
        StoreUnreachable: it does not answer within the limit, or ended while starting; shows its log.
        Refused: it does not accept the password kept in its home.
        Failed: the home cannot be written, or something failed that the message names.
    """
    spec = replace(spec, home=spec.home.absolute())
    home = Home(spec.home)
    try:
        home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(home.lock, report):
            return _up(home, spec, report, environ)
    except OSError as reason:
        raise Failed(f"cannot use {home.folder} as a server's home: {reason}") from reason


def down(folder: Path, report: Callable[[str], None]) -> bool:
    """End the server of the home `folder`; False where none ran. No other process is ever ended.

    Raises:
        Refused: it belongs to another user.
        Failed: its process does not end, or the home cannot be read.
    """
    home = Home(folder.absolute())
    if not home.folder.is_dir():
        return False
    with locked(home.lock, report):
        record = home.record()
        if record is None:
            return False
        was_running = record.process.alive()
        if was_running:
            report(f"ending Neo4j {record.release.version}, process {record.pid}")
            end(record.process, patience=_END_PATIENCE)
        home.forget()
        return was_running


def status(folder: Path) -> ServerStatus:
    """How the server of the home `folder` is; asks it a question, which takes up to 2 seconds if it is stuck.

    Raises:
        Failed: the home cannot be read.
    """
    home = Home(folder.absolute())
    record = home.record()
    if record is None:
        return ServerStatus(ServerState.STOPPED, f"no server runs in {home.folder}")
    name = f"Neo4j {record.release.version}, process {record.pid}"
    if not record.process.alive():
        return ServerStatus(ServerState.CRASHED, f"{name}, is gone without having been ended{_log_tail(home)}")
    server = _server(home, record)
    try:
        ask(record.bolt_port, server.password())
    except CmdbError as reason:
        return ServerStatus(ServerState.UNRESPONSIVE, f"{name}: {reason.message}", server)
    return ServerStatus(ServerState.RUNNING, f"{name}, answers on {server.url}", server)


def _up(home: Home, spec: ServerSpec, report: Callable[[str], None], environ: Mapping[str, str]) -> RunningServer:
    record = home.record()
    if record is not None and record.process.alive():
        if differences := record.differences(spec):
            raise Conflict(
                f"the server that runs in {home.folder} has {'; '.join(differences)}",
                remedy="end it first (cmdb neo4j down), or name another home and port",
            )
        server = _wait(home, record, spec.start_limit)
        report(f"Neo4j {record.release.version} is already up at {server.url}")
        return server
    if record is not None:
        report(f"process {record.pid} is gone without having been ended; starting again")
    record = launch(spec, report, environ)
    try:
        server = _wait(home, record, spec.start_limit)
    except BaseException:
        end(record.process, patience=_END_PATIENCE)
        home.forget()
        raise
    report(f"Neo4j {record.release.version} is up at {server.url}")
    return server


def _wait(home: Home, record: Record, limit: float) -> RunningServer:
    """Return the server when it answers."""
    server = _server(home, record)
    password = server.password()
    last_moment = time.monotonic() + limit
    while True:
        try:
            ask(record.bolt_port, password, patience=_FIRST_ANSWER_PATIENCE)
        except StoreUnreachable as reason:
            if not record.process.alive():
                raise StoreUnreachable(
                    f"Neo4j {record.release.version} ended while starting{_log_tail(home)}"
                ) from reason
            if time.monotonic() > last_moment:
                raise StoreUnreachable(
                    f"Neo4j {record.release.version}, process {record.pid}, did not answer within "
                    f"{limit:.0f} seconds ({reason.message}){_log_tail(home)}",
                    remedy="give it longer, if the log shows that it is at work",
                ) from reason
            time.sleep(_POLL)
        else:
            return server


def _server(home: Home, record: Record) -> RunningServer:
    return RunningServer(
        url=f"neo4j://{LOOPBACK}:{record.bolt_port}",
        pid=record.pid,
        release=record.release,
        home=home.folder,
        password_file=home.password_file if record.authentication else None,
    )


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as reason:
        raise Failed(
            f"cannot read the server's password: {reason}",
            remedy="bring the file back, or start with a new home and replay a backup into it",
        ) from reason


def _log_tail(home: Home) -> str:
    """The last lines of what the server printed and logged, without stack frames, under each file's name."""
    tail = ""
    for file in (home.console, home.log):
        if file.exists():
            with file.open(encoding="utf-8", errors="replace") as lines:
                telling = (line for line in lines if not line.startswith(_STACK_FRAME))
                last = "".join(deque(telling, maxlen=_LOG_LINES)).strip()
            tail += f"\n{file}:\n{last}" if last else ""
    return tail
