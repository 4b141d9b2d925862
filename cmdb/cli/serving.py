"""serve: the API in place of this process, so that signals reach it."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

from cyclopts import Parameter

from cmdb.cli.session import Common


def serve(
    *,
    host: Annotated[
        str, Parameter(help="A loopback address; others are refused until there is authentication.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="0 takes one that is free, and says which.")] = 8321,
    common: Common | None = None,
) -> NoReturn:
    """Serve GraphQL at /graphql, with a page to try it in; health at /health, metrics at /metrics."""
    options = common or Common()
    command = [sys.executable, "-m", "api", "--store", options.store, "--host", host, "--port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - our own module, with arguments that no shell sees
