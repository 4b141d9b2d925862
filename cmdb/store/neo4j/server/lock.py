"""One process at a time in a folder: an advisory lock that ends with the process that holds it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from cmdb.errors import Failed

try:
    import fcntl
except ImportError as reason:  # Windows
    raise Failed(
        "a local Neo4j server can only be run on Linux and macOS",
        remedy="run Neo4j by other means and name it in CMDB_STORE (neo4j://host:port)",
    ) from reason


@contextmanager
def locked(path: Path, report: Callable[[str], None]) -> Generator[None]:
    """Hold the lock file `path` (made when absent); waits for whoever holds it and reports that it does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that holds {path}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
