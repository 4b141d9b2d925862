"""neo4j up, down, status: a local server for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cmdb.cli.output import Format, Json, err, print_line, print_rows, print_value
from cmdb.store.neo4j.server import USER, Release, ServerSpec, default_home
from cmdb.store.neo4j.server import down as server_down
from cmdb.store.neo4j.server import status as server_status
from cmdb.store.neo4j.server import up as server_up

app = App(name="neo4j", help="Run a local Neo4j server, from Maven, on loopback.")

Home = Annotated[Path | None, Parameter(help="The server's folder; a per-user one if not given.")]
Output = Annotated[Format, Parameter(name=["--output", "-o"])]


@app.command
def up(
    *,
    home: Home = None,
    port: Annotated[int, Parameter(help="Where Bolt listens on loopback; 0 takes any free port.")] = 7687,
    release: Annotated[Release, Parameter(help="lts (5.26, the tested one) or current.")] = Release.LTS,
    authentication: Annotated[
        bool, Parameter(help="Ask for a password; without it every local user may write.")
    ] = True,
    output: Output = Format.TABLE,
) -> None:
    """Get the server if it is not there yet, start it, and say how to reach it."""
    spec = ServerSpec(home=_home(home), bolt_port=port, release=release, authentication=authentication)
    server = server_up(spec, report=err.print)
    row: dict[str, Json] = {
        "url": server.url,
        "home": str(spec.home),
        "user": USER if server.password_file else "",
        "password_file": str(server.password_file or ""),
    }
    if output is Format.TABLE:
        print_line(server.url)
        if server.password_file:
            err.print(
                f"export CMDB_STORE={server.url} CMDB_NEO4J_USER={USER} "
                f"CMDB_NEO4J_PASSWORD=$(cat {server.password_file})"
            )
    else:
        print_value(row, output)


@app.command
def down(*, home: Home = None) -> None:
    """End the server that `up` started; its data stays."""
    ended = server_down(_home(home), report=err.print)
    err.print("it is down" if ended else "it was not running")


@app.command
def status(*, home: Home = None, output: Output = Format.TABLE) -> int:
    """Say whether the server runs; ends with 1 if it does not."""
    found = server_status(_home(home))
    row: dict[str, Json] = {
        "state": found.state.value,
        "detail": found.detail,
        "url": found.server.url if found.server else "",
        "home": str(_home(home)),
    }
    print_rows([row], ("state", "url", "detail"), output)
    return int(found.server is None)


def _home(home: Path | None) -> Path:
    return home or default_home(os.environ)
