"""A pytest plugin: one Neo4j server for all tests of a run, and an empty graph on it for a test that asks.

`CMDB_TEST_NEO4J` (`neo4j://host:port` or `neo4j://user:password@host:port`) names a server to use instead; the
graph on it is lost. `--neo4j-release` chooses which release is started.

A run's servers live in a folder of their own, which each worker holds by a shared lock. Whoever comes or goes
ends the servers that nobody holds: the last worker those of its run, the next run those of one that was killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final, LiteralString
from urllib.parse import unquote, urlsplit

import pytest
from neo4j import Driver, GraphDatabase

from cmdb.store.neo4j.server import Release, RunningServer, ServerSpec, ToolMissing, down, locked, up

# The first compiler alone: half the processor time until the first answer, and the tests' graphs are small.
STARTS_SOONER = ("-XX:TieredStopAtLevel=1",)

_report = logging.getLogger(__name__).info

_DELETE_RELATIONSHIPS: Final[LiteralString] = "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS"
_DELETE_NODES: Final[LiteralString] = "MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 10000 ROWS"
_CONSTRAINTS: Final[LiteralString] = "SHOW CONSTRAINTS YIELD name"
_INDEXES: Final[LiteralString] = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"
_DROP_CONSTRAINT: Final[LiteralString] = "DROP CONSTRAINT $name"
_DROP_INDEX: Final[LiteralString] = "DROP INDEX $name"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--neo4j-release",
        choices=[release.value for release in Release],
        default=Release.LTS.value,
        help="the Neo4j release that the tests start where CMDB_TEST_NEO4J names no server",
    )


def wipe(driver: Driver, *, schema: bool = True) -> None:
    """Empty the graph, in transactions of bounded size; with `schema`, constraints and indexes go as well."""
    with driver.session() as session:  # pyright: ignore[reportUnknownMemberType] - **config is untyped
        if schema:
            for name in [record["name"] for record in session.run(_CONSTRAINTS)]:
                session.run(_DROP_CONSTRAINT, name=name).consume()
            for name in [record["name"] for record in session.run(_INDEXES)]:
                session.run(_DROP_INDEX, name=name).consume()
        session.run(_DELETE_RELATIONSHIPS).consume()
        session.run(_DELETE_NODES).consume()


@pytest.fixture(scope="session")
def neo4j_release(pytestconfig: pytest.Config) -> Release:
    """The release that `--neo4j-release` asks for."""
    return Release(str(pytestconfig.getoption("--neo4j-release")))


@pytest.fixture(scope="session")
def neo4j_folder() -> Generator[Path]:
    """The run's folder for servers' homes: those in it are ended when its last user is gone."""
    root = _root()
    with locked(root / "lock", _report):
        _end_unused(root)
        folder = root / (os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex)
        folder.mkdir(exist_ok=True)
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
    yield folder
    with locked(root / "lock", _report):
        users.close()
        _end_unused(root)


@pytest.fixture(scope="session")
def start_neo4j() -> Callable[[ServerSpec], RunningServer]:
    """`up`, which skips the test where a tool is missing, and fails it where `CI=true`."""

    def start(spec: ServerSpec) -> RunningServer:
        try:
            return up(spec, _report)
        except ToolMissing as reason:
            said = f"no Neo4j server: {reason.message}; {reason.remedy}"
            if os.environ.get("CI") == "true":
                pytest.fail(said)
            pytest.skip(said)

    return start


@pytest.fixture(scope="session")
def neo4j_url(neo4j_folder: Path, neo4j_release: Release, start_neo4j: Callable[[ServerSpec], RunningServer]) -> str:
    """The URL of the run's server, as `CMDB_STORE` takes it. Its graph may hold what other tests left."""
    named = os.environ.get("CMDB_TEST_NEO4J")
    if named:
        return named
    spec = ServerSpec(
        home=neo4j_folder / "shared",
        bolt_port=0,
        release=neo4j_release,
        authentication=False,
        jvm_options=STARTS_SOONER,
    )
    return start_neo4j(spec).url


@pytest.fixture(scope="session")
def neo4j_driver(neo4j_url: str) -> Generator[Driver]:
    """A driver for the run's server."""
    with connect(neo4j_url) as driver:
        yield driver


@pytest.fixture
def neo4j_turn(neo4j_url: str) -> Generator[str]:
    """The URL of the run's server, this test's alone while it lasts; its graph may hold what other tests left."""
    turn = _root() / f"turn-{hashlib.sha256(neo4j_url.encode()).hexdigest()[:16]}"
    with locked(turn, _report):
        yield neo4j_url


@pytest.fixture
def neo4j_graph(neo4j_turn: str, neo4j_driver: Driver) -> str:
    """The URL of the run's server, its graph empty and this test's alone while it lasts."""
    wipe(neo4j_driver)
    return neo4j_turn


def connect(url: str, password: str | None = None) -> Driver:
    """A driver for `url`; user and password may stand in it, or the password of the user `neo4j` be given."""
    parts = urlsplit(url)
    user = unquote(parts.username or "neo4j")
    secret = password or (parts.password and unquote(parts.password))
    return GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType] - **config is untyped
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        auth=(user, secret) if secret else None,
    )


def _root() -> Path:
    """This user's folder for all runs; refused where it is another user's."""
    root = Path(tempfile.gettempdir(), f"cmdb-neo4j-tests-{os.getuid()}")
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        pytest.fail(f"{root} belongs to another user")
    return root


def _end_unused(root: Path) -> None:
    """End the servers of every run that no process holds, and delete their homes."""
    for folder in [entry for entry in root.iterdir() if entry.is_dir()]:
        if not _unused(folder):
            continue
        for home in [entry for entry in folder.iterdir() if entry.is_dir()]:
            down(home, _report)
        shutil.rmtree(folder)


def _unused(folder: Path) -> bool:
    with (folder / "users").open("a") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
