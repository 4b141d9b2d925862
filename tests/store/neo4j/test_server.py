"""A local Neo4j server: started, asked, ended, killed; and what is said where it cannot be had."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from neo4j import Driver
from neo4j.exceptions import AuthError

from cmdb.errors import Conflict, Failed, StoreUnreachable, Usage
from cmdb.store.neo4j import open_neo4j
from cmdb.store.neo4j.server import (
    Java,
    Release,
    RunningServer,
    ServerSpec,
    ServerState,
    ToolMissing,
    cache_folder,
    default_home,
    down,
    fetch,
    find_java,
    status,
    up,
)
from cmdb.store.neo4j.server.process import Process, end, start
from tests.neo4j_server import STARTS_SOONER, connect, wipe
from tests.store.pair import Pair

Start = Callable[[ServerSpec], RunningServer]


def silent(_: str) -> None:
    """Nobody listens to the steps."""


@pytest.fixture(scope="module")
def spec(neo4j_folder: Path, neo4j_release: Release) -> ServerSpec:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return ServerSpec(
        home=neo4j_folder / f"own é {worker}",
        bolt_port=0,
        release=neo4j_release,
        heap_mib=512,
        jvm_options=STARTS_SOONER,
    )


@pytest.fixture(scope="module")
def running(spec: ServerSpec, start_neo4j: Start) -> Iterator[RunningServer]:
    yield start_neo4j(spec)
    down(spec.home, silent)


@pytest.fixture
def server(running: RunningServer, spec: ServerSpec) -> RunningServer:
    """A server that runs, whatever the test before did to it."""
    assert running.home == spec.home
    return up(spec, silent)


# --- a server that runs -------------------------------------------------------------------------------------


@pytest.mark.neo4j
def test_answers_whoever_knows_the_password_in_its_home(server: RunningServer) -> None:
    assert server.password_file is not None
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    with connect(server.url, server.password()) as driver:
        assert driver.execute_query("RETURN 1 AS one").records[0]["one"] == 1


@pytest.mark.neo4j
@pytest.mark.parametrize("password", [None, "neo4j"])
def test_lets_nobody_else_in(server: RunningServer, password: str | None) -> None:
    with connect(server.url, password) as driver, pytest.raises(AuthError):
        driver.execute_query("RETURN 1")


@pytest.mark.neo4j
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_listens_on_loopback_alone(server: RunningServer) -> None:
    listening = _listening_addresses(server.pid)
    assert {port for _, port in listening} == {int(server.url.rpartition(":")[2])}
    assert {address for address, _ in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}


@pytest.mark.neo4j
def test_up_again_is_the_same_server_and_says_so(server: RunningServer, spec: ServerSpec) -> None:
    said: list[str] = []
    assert up(spec, said.append) == server
    assert said == [f"Neo4j {server.release.version} is already up at {server.url}"]


@pytest.mark.neo4j
def test_up_refuses_to_pass_off_another_server_as_the_one_asked_for(server: RunningServer, spec: ServerSpec) -> None:
    with pytest.raises(Conflict, match="heap in MiB 512, not 600; authentication True, not False") as refusal:
        up(replace(spec, heap_mib=600, authentication=False), silent)
    assert "cmdb neo4j down" in refusal.value.remedy
    assert status(spec.home).server == server


@pytest.mark.neo4j
def test_status_of_a_server_that_hangs(server: RunningServer, spec: ServerSpec) -> None:
    assert status(spec.home).state is ServerState.RUNNING
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert status(spec.home).state is ServerState.UNRESPONSIVE
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.neo4j
def test_a_killed_server_is_noticed_and_comes_back_with_what_was_committed(
    server: RunningServer, spec: ServerSpec
) -> None:
    with connect(server.url, server.password()) as driver:
        driver.execute_query("CREATE (:Survivor {name: $name})", name="committed")
    asyncio.run(_commit_named("survivor", 2_000, server))
    os.kill(server.pid, signal.SIGKILL)
    _until(lambda: status(spec.home).state is ServerState.CRASHED)

    said: list[str] = []
    back = up(spec, said.append)

    assert said[0] == f"process {server.pid} is gone without having been ended; starting again"
    assert back.pid != server.pid
    with connect(back.url, back.password()) as driver:
        names = driver.execute_query("MATCH (n:Survivor) RETURN n.name AS name").records
    assert [record["name"] for record in names] == ["committed"]
    assert asyncio.run(_found("survivor", back)) == 2_000

    assert down(spec.home, silent) is True
    assert status(spec.home).state is ServerState.STOPPED
    assert Process.of(back.pid) is None
    assert down(spec.home, silent) is False


async def _commit_named(name: str, count: int, server: RunningServer) -> None:
    store = await open_neo4j(server.url, auth=("neo4j", server.password() or ""))
    pair = Pair(store)
    await pair.commit()
    for _ in range(count):
        pair.book.node(name=name)
    await pair.commit()
    await store.close()


async def _found(word: str, server: RunningServer) -> int:
    store = await open_neo4j(server.url, auth=("neo4j", server.password() or ""))
    _, total = await store.search(word, limit=1)
    await store.close()
    return total


@pytest.mark.neo4j
def test_a_lost_password_is_an_error_not_a_new_password(server: RunningServer, spec: ServerSpec) -> None:
    assert server.password_file is not None
    aside = server.password_file.rename(server.password_file.with_suffix(".aside"))
    try:
        with pytest.raises(Failed, match="cannot read the server's password"):
            up(spec, silent)
        assert not server.password_file.exists()
    finally:
        aside.rename(server.password_file)


@pytest.mark.neo4j
def test_a_server_that_fails_to_start_shows_what_it_printed_and_is_forgotten(
    neo4j_folder: Path, neo4j_release: Release, start_neo4j: Start
) -> None:
    home = neo4j_folder / "fails"
    spec = ServerSpec(home, 0, neo4j_release, authentication=False, jvm_options=("-XX:NoSuchOption",))
    with pytest.raises(StoreUnreachable, match=r"(?s)ended while starting.*console\.log:.*NoSuchOption"):
        start_neo4j(spec)
    assert status(home).state is ServerState.STOPPED


@pytest.mark.neo4j
def test_a_server_that_does_not_answer_in_time_is_ended(
    neo4j_folder: Path, neo4j_release: Release, start_neo4j: Start
) -> None:
    home = neo4j_folder / "late"
    spec = ServerSpec(home, 0, neo4j_release, authentication=False, start_limit=0.0)
    with pytest.raises(StoreUnreachable, match="did not answer within 0 seconds"):
        start_neo4j(spec)
    assert status(home).state is ServerState.STOPPED


# --- the graph that tests share -----------------------------------------------------------------------------


@pytest.mark.neo4j
def test_wipe_leaves_neither_data_nor_schema(neo4j_graph: str, neo4j_driver: Driver) -> None:
    neo4j_driver.execute_query("CREATE CONSTRAINT node_id FOR (n:Node) REQUIRE n.id IS UNIQUE")
    neo4j_driver.execute_query("CREATE INDEX node_name FOR (n:Node) ON (n.name)")
    neo4j_driver.execute_query(
        "CREATE (hub:Node {id: 0}) WITH hub "
        "UNWIND range(1, 25000) AS id CREATE (:Node {id: id})-[:USES {key: id}]->(hub)"
    )

    wipe(neo4j_driver)

    assert neo4j_driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"] == 0
    assert neo4j_driver.execute_query("SHOW CONSTRAINTS").records == []
    assert neo4j_driver.execute_query("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'").records == []
    assert neo4j_graph.startswith("neo4j://")


# --- processes ----------------------------------------------------------------------------------------------


def test_no_server_where_none_was_ever_started(tmp_path: Path) -> None:
    assert status(tmp_path / "nowhere").state is ServerState.STOPPED
    assert down(tmp_path / "nowhere", silent) is False
    assert not (tmp_path / "nowhere").exists()


def test_down_leaves_a_stranger_alone_that_got_the_servers_number(tmp_path: Path) -> None:
    stranger = start(("sleep", "60"), folder=tmp_path, console=tmp_path / "console", environ=os.environ)
    try:
        (tmp_path / "server.json").write_text(
            f'{{"pid": {stranger.pid}, "birth": "another boot 1", "bolt_port": 7687, "release": "lts",'
            ' "heap_mib": 1024, "page_cache_mib": 256, "authentication": false, "jvm_options": []}'
        )
        assert status(tmp_path).state is ServerState.CRASHED
        assert down(tmp_path, silent) is False
        assert stranger.alive()
        assert status(tmp_path).state is ServerState.STOPPED
    finally:
        end(stranger, patience=5)
    assert not stranger.alive()


def test_a_process_that_ignores_the_request_to_end_is_made_to(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = start(
        ("/bin/sh", "-c", 'trap "" TERM; touch "$0"; while :; do sleep 1; done', str(ready)),
        folder=tmp_path,
        console=tmp_path / "console",
        environ=os.environ,
    )
    _until(ready.exists)
    end(stubborn, patience=0.3)
    assert not stubborn.alive()


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs ps")
def test_a_process_is_known_by_ps_where_there_is_no_proc(tmp_path: Path) -> None:
    here = Process.of(os.getpid(), proc=tmp_path)
    assert here is not None
    assert here.alive(proc=tmp_path)
    assert not replace(here, birth="Thu Jan  1 00:00:00 1970").alive(proc=tmp_path)
    assert Process.of(2**22 + 1, proc=tmp_path) is None


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text('{"pid": "all of them"}')
    with pytest.raises(Failed, match=r"server\.json is damaged") as failure:
        status(tmp_path)
    assert "delete the file" in failure.value.remedy


# --- what is refused before anything starts -----------------------------------------------------------------


@pytest.mark.parametrize("field", [{"bolt_port": 70000}, {"heap_mib": 8}, {"page_cache_mib": 0}])
def test_values_out_of_range(tmp_path: Path, field: dict[str, int]) -> None:
    with pytest.raises(Usage):
        replace(ServerSpec(tmp_path), **field)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} on 127.0.0.1 cannot be had"):
            up(ServerSpec(tmp_path, bolt_port=port), silent)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failed, match=r"cannot use .*file as a server's home"):
        up(ServerSpec(tmp_path / "file"), silent)


def test_folders_follow_the_xdg_specification() -> None:
    named = {"XDG_CACHE_HOME": "/var/c", "XDG_STATE_HOME": "relative/is/ignored"}
    assert cache_folder(named) == Path("/var/c/cmdb/neo4j")
    assert default_home(named) == Path.home() / ".local/state/cmdb/neo4j"
    assert cache_folder({}) == Path.home() / ".cache/cmdb/neo4j"


# --- Java ---------------------------------------------------------------------------------------------------


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _java(path: Path, version: str) -> Path:
    return _program(path, f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


def test_java_home_comes_before_path_and_path_before_the_usual_folders(tmp_path: Path) -> None:
    named = _java(tmp_path / "named/bin/java", "21.0.2")
    on_path = _java(tmp_path / "path/java", "21")
    installed = _java(tmp_path / "jvm/temurin-25/bin/java", "25.0.3")
    environ = {"JAVA_HOME": str(tmp_path / "named"), "PATH": str(tmp_path / "path")}
    folders = [tmp_path / "jvm"]

    assert find_java(Release.CURRENT, environ, folders) == Java(named, 21)
    del environ["JAVA_HOME"]
    assert find_java(Release.CURRENT, environ, folders) == Java(on_path, 21)
    del environ["PATH"]
    assert find_java(Release.CURRENT, environ, folders) == Java(installed, 25)


def test_a_java_that_does_not_fit_or_does_not_run_is_passed_over(tmp_path: Path) -> None:
    _java(tmp_path / "old/bin/java", "1.8.0_412")
    _program(tmp_path / "jvm/a-broken/bin/java", "exit 1")
    (tmp_path / "jvm/b-no-program/bin/java").mkdir(parents=True)
    fitting = _java(tmp_path / "jvm/c-fits/bin/java", "17.0.15")
    environ = {"JAVA_HOME": str(tmp_path / "old")}
    assert find_java(Release.LTS, environ, [tmp_path / "jvm"]) == Java(fitting, 17)


def test_no_fitting_java_names_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="no Java at all"):
        find_java(Release.LTS, {}, [tmp_path])
    old = _java(tmp_path / "old/bin/java", "1.8.0_412")
    with pytest.raises(ToolMissing, match=f"runs on Java 17 or 21; found Java 8 .{old}.") as missing:
        find_java(Release.LTS, {"JAVA_HOME": str(tmp_path / "old")}, [tmp_path])
    assert "JAVA_HOME" in missing.value.remedy


# --- the distribution ---------------------------------------------------------------------------------------

_A_MAVEN = """
echo run >> "$LOG"
sleep 0.3
for word in "$@"; do
  case $word in -DoutputDirectory=*) lib=${word#*=};; -Dneo4j.version=*) version=${word#*=};; esac
done
/bin/mkdir -p "$lib" && : > "$lib/neo4j-$version.jar"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Surroundings with an empty cache and no program but a stand-in for Maven, if a test puts one there."""
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": f"{tmp_path / 'programs'}{os.pathsep}/bin",
        "LOG": str(tmp_path / "log"),
    }


@pytest.fixture
def java(tmp_path: Path) -> Java:
    return Java(tmp_path / "jdk/bin/java", 17)


def test_without_maven_nothing_can_be_fetched(tmp_path: Path, environ: dict[str, str], java: Java) -> None:
    environ["PATH"] = str(tmp_path)
    with pytest.raises(ToolMissing, match=r"Maven .* is not on PATH") as missing:
        fetch(Release.LTS, java, silent, environ)
    assert "install" in missing.value.remedy


@pytest.mark.parametrize("ending", ["exit 1", "exit 0"])
def test_a_failed_download_says_what_maven_said_and_leaves_nothing(
    tmp_path: Path, environ: dict[str, str], java: Java, ending: str
) -> None:
    _program(tmp_path / "programs/mvn", f"echo '[ERROR] no route to Central'; {ending}")
    with pytest.raises(Failed, match="no route to Central"):
        fetch(Release.LTS, java, silent, environ)
    assert [entry.name for entry in cache_folder(environ).iterdir()] == ["lock"]


def test_what_a_killed_download_left_is_cleared_away(tmp_path: Path, environ: dict[str, str], java: Java) -> None:
    _program(tmp_path / "programs/mvn", _A_MAVEN)
    left = cache_folder(environ) / f".{Release.LTS.version}-abc" / "distribution"
    left.mkdir(parents=True)
    jars = fetch(Release.LTS, java, silent, environ)
    assert jars == cache_folder(environ) / Release.LTS.version / "lib"
    assert [jar.name for jar in jars.iterdir()] == [f"neo4j-{Release.LTS.version}.jar"]
    assert not left.parent.exists()


def test_of_many_processes_one_downloads(tmp_path: Path, environ: dict[str, str]) -> None:
    _program(tmp_path / "programs/mvn", _A_MAVEN)
    fetching = (
        "import os; from pathlib import Path; from cmdb.store.neo4j.server import Java, Release, fetch\n"
        "print(fetch(Release.LTS, Java(Path('/usr/bin/java'), 17), lambda _: None, os.environ))"
    )

    def one(_: int) -> str:
        environment = {**environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        command = (sys.executable, "-c", fetching)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(3) as pool:
        answers = set(pool.map(one, range(3)))
    assert answers == {f"{cache_folder(environ) / Release.LTS.version / 'lib'}\n"}
    assert Path(environ["LOG"]).read_text() == "run\n"


# --- helpers ------------------------------------------------------------------------------------------------


def _until(happened: Callable[[], bool], limit: float = 120.0) -> None:
    last_moment = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < last_moment, "it never happened"
        time.sleep(0.05)


def _listening_addresses(pid: int) -> set[tuple[str, int]]:
    """Address (hexadecimal, as the kernel prints it) and port of every TCP socket that `pid` listens on."""
    inodes = set[str]()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed; one that listens stays
            target = str(handle.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set[tuple[str, int]]()
    for table in (Path(f"/proc/{pid}/net/tcp"), Path(f"/proc/{pid}/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and fields[9] in inodes:
                found.add((address, int(port, 16)))
    return found
