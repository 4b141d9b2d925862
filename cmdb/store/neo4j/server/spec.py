"""What a server is to be, and the files in its home that remember what it is."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from cmdb.errors import Failed, Usage
from cmdb.store.neo4j.server.process import Process
from cmdb.store.neo4j.server.release import Release

USER: Final = "neo4j"
LOOPBACK: Final = "127.0.0.1"
_LEAST_HEAP_MIB = 256
_LEAST_PAGE_CACHE_MIB = 8


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server to have: `home` holds all that is its own; port 0 takes any free one; memory is in MiB.

    Without `authentication` everybody on this machine reads and writes the graph: that is for tests.
    `jvm_options` come after those that the release needs.
    `start_limit` is in seconds; recovering a large graph after a crash may need more than the default.

    Raises:
        Usage: a value is out of its range.
    """

    home: Path
    bolt_port: int = 7687
    release: Release = Release.LTS
    heap_mib: int = 1024
    page_cache_mib: int = 256
    authentication: bool = True
    jvm_options: tuple[str, ...] = ()
    start_limit: float = 120.0

    def __post_init__(self) -> None:
        if not 0 <= self.bolt_port <= 65535:
            raise Usage(f"{self.bolt_port} is no port", remedy="take one of 1 to 65535, or 0 for any free one")
        if self.heap_mib < _LEAST_HEAP_MIB or self.page_cache_mib < _LEAST_PAGE_CACHE_MIB:
            raise Usage(
                f"a heap of {self.heap_mib} MiB and a page cache of {self.page_cache_mib} MiB are too small",
                remedy=f"give at least {_LEAST_HEAP_MIB} and {_LEAST_PAGE_CACHE_MIB} MiB",
            )


@dataclass(frozen=True, slots=True)
class Record:
    """The server that was started in a home and not ended by `down` since: `server.json`."""

    pid: int
    birth: str
    bolt_port: int
    release: Release
    heap_mib: int
    page_cache_mib: int
    authentication: bool
    jvm_options: tuple[str, ...]

    @property
    def process(self) -> Process:
        """The process it was started as."""
        return Process(self.pid, self.birth)

    def differences(self, spec: ServerSpec) -> tuple[str, ...]:
        """In what this server is not the one that `spec` asks for, in words."""
        asked: dict[str, tuple[object, object]] = {
            "release": (self.release.version, spec.release.version),
            "Bolt port": (self.bolt_port, spec.bolt_port or self.bolt_port),
            "heap in MiB": (self.heap_mib, spec.heap_mib),
            "page cache in MiB": (self.page_cache_mib, spec.page_cache_mib),
            "authentication": (self.authentication, spec.authentication),
            "JVM options": (self.jvm_options, spec.jvm_options),
        }
        return tuple(f"{name} {has}, not {wanted}" for name, (has, wanted) in asked.items() if has != wanted)


@dataclass(frozen=True, slots=True)
class Home:
    """The files of a server's home folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by whoever starts or ends the server."""
        return self.folder / "lock"

    @property
    def configuration(self) -> Path:
        """The folder of `neo4j.conf`."""
        return self.folder / "conf"

    @property
    def console(self) -> Path:
        """What the server's process prints."""
        return self.folder / "logs" / "console.log"

    @property
    def log(self) -> Path:
        """What Neo4j logs for its users."""
        return self.folder / "logs" / "neo4j.log"

    @property
    def password_file(self) -> Path:
        """The password of the user `neo4j`, readable by its owner alone."""
        return self.folder / "password"

    @property
    def initial_password(self) -> Path:
        """Where Neo4j's admin command leaves the initial password, hashed; it stays there."""
        return self.folder / "data" / "dbms" / "auth.ini"

    @property
    def _record_file(self) -> Path:
        return self.folder / "server.json"

    def record(self) -> Record | None:
        """The server that runs here or died here; None where none was started or the last was ended properly.

        Raises:
            Failed: `server.json` holds something else.
        """
        try:
            return msgspec.json.decode(self._record_file.read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as reason:
            raise Failed(
                f"{self._record_file} is damaged: {reason}",
                remedy="end the server that runs there, if one does, and delete the file",
            ) from reason

    def remember(self, record: Record) -> None:
        """Keep `record`, whole or not at all."""
        write_private(self._record_file, msgspec.json.encode(record))

    def forget(self) -> None:
        """The server was ended."""
        self._record_file.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
