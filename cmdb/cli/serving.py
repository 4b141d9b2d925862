"""serve: the API in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

from cyclopts import Parameter

from cmdb.cli.session import Common


def serve(
    *,
    host: Annotated[
        str, Parameter(help="A loopback address; others are refused until there is authentication.")
    ] = "127.0.0.1",
    port: int = 8321,
    common: Common | None = None,
) -> int:
    """Serve GraphQL at /graphql, with a page to try it in; health at /health, metrics at /metrics."""
    options = common or Common()
    command = [sys.executable, "-m", "api", "--store", options.store, "--host", host, "--port", str(port)]
    with subprocess.Popen(command) as server:  # noqa: S603 - our own module, with arguments that no shell sees
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:
                continue  # the server heard it too, and ends by itself
