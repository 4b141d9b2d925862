"""What an importer turns bytes into: claims about nodes and relationships, and errors of rows that made no sense.

An importer never touches a store. It yields these values one by one, so that a file of any size needs bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from graph_schema.metamodel import Model

Raw = str | int | float | bool | list[str | int | float | bool] | None
"""An attribute value as the source has it; `graph_schema.values.normalise` makes it canonical. None: nothing is said."""


class Where(msgspec.Struct, frozen=True, gc=False):
    """The place in the input that a claim or error comes from. `row` counts from 1: a line, or a row of `sheet`."""

    file: str
    row: int = 0
    sheet: str = ""

    def __str__(self) -> str:
        place = f"{self.file}[{self.sheet}]" if self.sheet else self.file
        return f"{place}:{self.row}" if self.row else place


class Known(msgspec.Struct, frozen=True, gc=False):
    """A node the source refers to without describing it: by key (`SRV-000231`), id, or `Class:name`."""

    reference: str


ClaimEnd = str | Known
"""An end of a claimed relationship: the source key of a node of the same source, or a node known elsewhere."""


class NodeClaim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A source says that there is a node like this. `source_key` names it within the source, and stays the same."""

    source_key: str
    class_name: str
    name: str
    state: str | None = None
    attributes: dict[str, Raw] = {}
    where: Where


class RelationshipClaim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A source says that these two are related like this."""

    type: str
    source: ClaimEnd
    target: ClaimEnd
    key: str = ""
    attributes: dict[str, Raw] = {}
    where: Where


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be used: where, what is wrong, and what to do about it. `warning` rows do not stop an import."""

    where: Where
    message: str
    remedy: str
    warning: bool = False


Item = NodeClaim | RelationshipClaim | RowError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come, in bytes of the input."""

    done: int
    total: int


class Importer(Protocol):
    """One format. Instances hold no state; options come in at construction."""

    @property
    def name(self) -> str:
        """The word on the command line, like `compose` or `kubernetes`."""
        ...

    def recognises(self, path: Path) -> bool:
        """Whether this file looks like this format, told by its name and first bytes; never raises."""
        ...

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims and row errors of these files together, in their order. Raises nothing but OSError."""
        ...
