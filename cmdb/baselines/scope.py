"""What a baseline covers: everything, what a filter accepts, a service with its needs, a release's outcome.

A scope is about configuration items; records are no configuration. Its text is what the baseline's record keeps:

    all
    filter environment = production and is Server
    service BSV-000001
    release RLS-000001
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cmdb.errors import Usage


@dataclass(frozen=True, slots=True)
class Everything:
    """All live configuration items."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class Filtered:
    """The live configuration items that a filter accepts, in the words of `cmdb.reading.parse_filter`."""

    text: str

    def __str__(self) -> str:
        return f"filter {self.text}"


@dataclass(frozen=True, slots=True)
class OfService:
    """The node with this key and all that it needs, directly and indirectly."""

    key: str

    def __str__(self) -> str:
        return f"service {self.key}"


@dataclass(frozen=True, slots=True)
class OfRelease:
    """What the release with this key delivers, what its changes touch, and what they created."""

    key: str

    def __str__(self) -> str:
        return f"release {self.key}"


Scope: TypeAlias = Everything | Filtered | OfService | OfRelease


def one_scope(
    *, every: bool = False, where: str | None = None, service: str | None = None, release: str | None = None
) -> Scope:
    """The scope that is given in one of these ways. Raises Usage unless it is exactly one."""
    match every, where, service, release:
        case True, None, None, None:
            return Everything()
        case False, str(text), None, None:
            return Filtered(text)
        case False, None, str(key), None:
            return OfService(key)
        case False, None, None, str(key):
            return OfRelease(key)
        case _:
            raise Usage(
                "say what is to be sealed, in one way",
                remedy="give one of: everything, a filter, a service, a release",
            )


def parse_scope(text: str) -> Scope:
    """The scope that a text means; `parse_scope(str(scope)) == scope`. Raises Usage for text that is none."""
    kind, _, rest = text.strip().partition(" ")
    match kind, rest.strip():
        case "all", "":
            return Everything()
        case "filter", said if said:
            return Filtered(said)
        case "service", said if said:
            return OfService(said)
        case "release", said if said:
            return OfRelease(said)
        case _:
            raise Usage(f"{text!r} is no scope", remedy="write `all`, `filter …`, `service KEY` or `release KEY`")
