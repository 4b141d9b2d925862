"""What every command shares: its options, and the application it opens."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from cyclopts import Parameter

from cmdb.application import Application, open_application
from cmdb.application.opening import DEFAULT_STORE
from cmdb.cli.output import Format
from cmdb.errors import Usage

T = TypeVar("T")


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of all commands that use a store."""

    store: Annotated[
        str,
        Parameter(env_var="CMDB_STORE", help="Where the graph is: sqlite:///FILE or neo4j://HOST:PORT."),
    ] = DEFAULT_STORE
    output: Annotated[Format, Parameter(name=["--output", "-o"], help="How data is printed.")] = Format.TABLE


@Parameter(name="*")
@dataclass(frozen=True)
class Acting(Common):
    """Options of commands that write."""

    actor: Annotated[
        str | None, Parameter(name="--as", env_var="CMDB_ACTOR", help="Who writes; the login name if not given.")
    ] = None
    reason: Annotated[str, Parameter(help="Why; kept in the ledger.")] = ""
    change: Annotated[str | None, Parameter(help="The change that this is done under.")] = None

    @property
    def who(self) -> str:
        """The actor's name."""
        if self.actor is not None:
            return self.actor
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            raise Usage("nobody is named as the actor", remedy="say who writes with --as NAME or CMDB_ACTOR") from None


@asynccontextmanager
async def opened(common: Common, *, create: bool = False) -> AsyncGenerator[Application]:
    """The application on the store that the options name."""
    application = await open_application(common.store, create=create)
    try:
        yield application
    finally:
        await application.close()


def run(work: Coroutine[None, None, T]) -> T:
    """Run a command's work to its end."""
    return asyncio.run(work)
