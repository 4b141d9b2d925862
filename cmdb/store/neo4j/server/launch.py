"""Preparing a home and launching Neo4j in it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template

from cmdb.errors import Conflict, Failed, Usage
from cmdb.store.neo4j.server.distribution import fetch
from cmdb.store.neo4j.server.java import Java, find_java
from cmdb.store.neo4j.server.process import Process, start
from cmdb.store.neo4j.server.spec import LOOPBACK, Home, Record, ServerSpec, write_private

_CONFIGURATION = Path(__file__).with_name("neo4j.conf")
_ADMIN_LIMIT = 60.0  # seconds


def launch(spec: ServerSpec, report: Callable[[str], None], environ: Mapping[str, str]) -> Record:
    """Start a server as `spec` says and remember it; it does not answer yet.

    Raises:
        ToolMissing: there is no fitting Java, or no Maven to fetch the distribution with.
        Conflict: the port is taken.
        Failed: the distribution could not be fetched, the password not set, or the process not started.
        Usage: the home's path cannot stand in a class path.
    """
    home = Home(spec.home)
    port = _free_port(spec.bolt_port)
    java = find_java(spec.release, environ)
    jars = fetch(spec.release, java, report, environ)
    class_path = _class_path(jars, home.configuration)
    # In the C locale Java cannot open files whose names are not ASCII.
    environ = {**environ, "LC_ALL": "C.UTF-8"}
    _configure(home, spec, port)
    if spec.authentication and not home.initial_password.exists():
        _set_initial_password(home, spec, java, class_path, environ)
    report(f"starting Neo4j {spec.release.version} on Java {java.major} in {home.folder}")
    process = start(
        (
            str(java.program),
            f"-Xms{spec.heap_mib}m",
            f"-Xmx{spec.heap_mib}m",
            "-Dfile.encoding=UTF-8",
            "-cp",
            class_path,
            *spec.release.recipe.jvm_options,
            *spec.jvm_options,
            spec.release.recipe.entry_point,
            f"--home-dir={home.folder}",
            f"--config-dir={home.configuration}",
        ),
        folder=home.folder,
        console=home.console,
        environ=environ,
    )
    record = _record(process, port, spec)
    home.remember(record)
    return record


def _record(process: Process, port: int, spec: ServerSpec) -> Record:
    return Record(
        pid=process.pid,
        birth=process.birth,
        bolt_port=port,
        release=spec.release,
        heap_mib=spec.heap_mib,
        page_cache_mib=spec.page_cache_mib,
        authentication=spec.authentication,
        jvm_options=spec.jvm_options,
    )


def _free_port(wanted: int) -> int:
    """The port `wanted`, or any where it is 0, if it is free now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, wanted))
        except OSError as reason:
            raise Conflict(
                f"port {wanted} on {LOOPBACK} cannot be had: {reason.strerror}",
                remedy="end what uses it, or ask for another port",
            ) from reason
        _, port = listener.getsockname()
    return int(port)


def _class_path(jars: Path, configuration: Path) -> str:
    for folder in (jars, configuration):
        if os.pathsep in str(folder):
            raise Usage(f"Java takes no class path with a {os.pathsep!r} in it: {folder}")
    return f"{jars}/*{os.pathsep}{configuration}"


def _configure(home: Home, spec: ServerSpec, port: int) -> None:
    home.configuration.mkdir(exist_ok=True)
    home.console.parent.mkdir(exist_ok=True)
    text = Template(_CONFIGURATION.read_text(encoding="utf-8")).substitute(
        bolt_port=port,
        authentication=str(spec.authentication).lower(),
        heap_mib=spec.heap_mib,
        page_cache_mib=spec.page_cache_mib,
        settings="\n".join(spec.release.recipe.settings),
    )
    write_private(home.configuration / "neo4j.conf", text.encode())


def _set_initial_password(
    home: Home, spec: ServerSpec, java: Java, class_path: str, environ: Mapping[str, str]
) -> None:
    """Make up a password, keep it, and have Neo4j's own admin command set it.

    The command takes it as an argument; a Java argument file keeps it out of the process list.
    """
    password = secrets.token_urlsafe(24)
    write_private(home.password_file, f"{password}\n".encode())
    with tempfile.NamedTemporaryFile("w", dir=home.folder, prefix=".arguments-") as arguments:
        arguments.write(f"org.neo4j.cli.AdminTool dbms set-initial-password -- {password}\n")
        arguments.flush()
        command = (
            str(java.program),
            "-cp",
            class_path,
            *spec.release.recipe.jvm_options,
            f"@{arguments.name}",
        )
        try:
            run = subprocess.run(  # noqa: S603 - our own command, no shell
                command,
                env={**environ, "NEO4J_HOME": str(home.folder), "NEO4J_CONF": str(home.configuration)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_ADMIN_LIMIT,
                umask=0o077,
                check=False,
            )
        except subprocess.TimeoutExpired as reason:
            raise Failed(f"Neo4j did not set its password within {_ADMIN_LIMIT:.0f} seconds") from reason
    if run.returncode != 0:
        said = run.stdout.decode(errors="replace").strip()
        raise Failed(f"Neo4j could not set its password (exit code {run.returncode}): {said}")
