"""Asking a server over Bolt whether it serves."""

from __future__ import annotations

import logging
from typing import Final, LiteralString

from neo4j import GraphDatabase, Query
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from cmdb.errors import Refused, StoreUnreachable
from cmdb.store.neo4j.server.spec import LOOPBACK, USER

# What goes wrong is raised; without a handler the driver prints it on standard error as well.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

_ASK: Final[LiteralString] = "RETURN 1"


def ask(port: int, password: str | None, *, patience: float = 2.0) -> None:
    """Return when the server on a loopback `port` answers a query; `password` is None where it asks for none.

    Raises:
        StoreUnreachable: it does not answer within about `patience` seconds.
        Refused: it does not accept the password.
    """
    try:
        with GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType] - **config is untyped
            f"bolt://{LOOPBACK}:{port}",
            auth=None if password is None else (USER, password),
            connection_timeout=patience,
            connection_acquisition_timeout=patience,
            max_transaction_retry_time=0,
            telemetry_disabled=True,
        ) as driver:
            driver.execute_query(Query(_ASK, timeout=patience))
    except AuthError as reason:
        raise Refused(
            f"the server on port {port} does not accept the password: {reason.message}",
            remedy=f"write the password that the user {USER} has now to the file `password` in its home",
        ) from reason
    except (DriverError, Neo4jError) as reason:
        raise StoreUnreachable(f"no answer on port {port}: {reason}") from reason
