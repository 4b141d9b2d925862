"""The gate's protocol, what it is asked, and the gate of a CMDB without change control.

Change control brings a gate of its own; the door knows only `Gate` and is given one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cmdb.changeset import Effect
from cmdb.errors import Refused

INITIALISATION: Final = "initialisation"
"""The authority under which a CMDB is filled until its first baseline."""

RECORDS: Final = "records"
"""The authority of what needs rights only: records, once initialisation has ended."""


@dataclass(frozen=True, slots=True)
class Warrant:
    """Permission for one step of change control itself, which has judged it before.

    People name an authority as text, so nobody can bring a warrant from outside. It covers the records that control
    keeps, the CIs in `scope` and, with `creates`, new ones; `authority` stands in the ledger.
    """

    authority: str
    scope: frozenset[int] = frozenset()
    creates: bool = False


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """What somebody wants to commit, by which authority.

    `ends` has (class, retired) of the nodes that the operations name, and maybe of more.
    """

    actor: str
    authority: str
    effects: tuple[Effect, ...]
    ends: Mapping[int, tuple[str, bool]]
    warrant: Warrant | None = None


class Gate(Protocol):
    """Says whether a commit may be made."""

    async def check(self, request: WriteRequest) -> None:
        """Raises Refused, naming what is missing, if the request may not be committed."""
        ...


class InitialisationGate:
    """Lets through what is done by the authority `initialisation`, and nothing else."""

    async def check(self, request: WriteRequest) -> None:
        """See Gate."""
        if not request.actor.strip():
            raise Refused("nobody is named as the actor", remedy="say who writes with --as NAME")
        if request.authority != INITIALISATION:
            raise Refused(
                f"the authority {request.authority!r} is not known here",
                remedy=f"this CMDB has no change control; write under {INITIALISATION!r}",
            )
