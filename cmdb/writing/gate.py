"""The gate's protocol, and the gate of a CMDB that is still being initialised.

Change control brings a gate of its own; the door knows only `Gate` and is given one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from cmdb.changeset import Effect
from cmdb.errors import Refused

INITIALISATION: Final = "initialisation"
"""The authority under which a CMDB is filled until its first baseline."""


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """What somebody wants to commit, by which authority."""

    actor: str
    authority: str
    effects: tuple[Effect, ...]


class Gate(Protocol):
    """Says whether a commit may be made."""

    async def check(self, request: WriteRequest) -> None:
        """Raises Refused, naming what is missing, if the request may not be committed."""
        ...


class InitialisationGate:
    """Lets through what is done by the authority `initialisation`, and nothing else: there is no change control yet."""

    async def check(self, request: WriteRequest) -> None:
        """See Gate."""
        if not request.actor.strip():
            raise Refused("nobody is named as the actor", remedy="say who writes with --as NAME")
        if request.authority != INITIALISATION:
            raise Refused(
                f"the authority {request.authority!r} is not known here",
                remedy=f"this CMDB has no change control yet; write under {INITIALISATION!r}",
            )
