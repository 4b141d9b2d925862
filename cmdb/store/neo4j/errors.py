"""What the driver raises, as errors of ours. No message shows more of the connection than its address."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from neo4j.exceptions import (
    AuthConfigurationError,
    AuthError,
    DatabaseUnavailable,
    DriverError,
    Forbidden,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from cmdb.errors import CmdbError, Failed, Refused, StoreUnreachable

GONE: Final = (ServiceUnavailable, SessionExpired, DatabaseUnavailable)
"""The server does not answer, or went away while answering."""

PASSING: Final = (*GONE, TransientError)
"""May be different at the next attempt."""


@contextmanager
def mapped(address: str) -> Generator[None]:
    """Turn the driver's errors into ours: StoreUnreachable, Refused, Invalid or Failed."""
    try:
        yield
    except (Neo4jError, DriverError, OSError) as error:
        raise _ours(address, error) from error


def _ours(address: str, error: Exception) -> CmdbError:
    match error:
        case Forbidden():
            return Refused(
                f"the Neo4j user may not do this on {address}: {error.message}",
                remedy="give it a role that may write, or use another user",
            )
        case AuthError() | AuthConfigurationError():
            return Refused(
                f"{address} did not accept the user and password",
                remedy="set CMDB_NEO4J_USER and CMDB_NEO4J_PASSWORD to those of the server",
            )
        case TransientError():
            return StoreUnreachable(
                f"{address} could not do it now: {error.code}",
                remedy="try again; look into the server's log if it stays so",
            )
        case DatabaseUnavailable() | DriverError() | OSError():
            return StoreUnreachable(
                f"no Neo4j answers at {address} ({type(error).__name__})",
                remedy="check the address and that the server runs; `cmdb neo4j up` starts a local one",
            )
        case Neo4jError():
            return Failed(f"{address} refused a statement: {error.code}: {error.message}")
        case _:
            return Failed(f"{address}: {type(error).__name__}")
