"""What is asked of the graph (operations, change set) and what was done to it (effects).

An *operation* is a wish in the words of the design: put, retire, link, unlink. Checking it against the model and the
state of the graph turns it into *effects*: exact steps with before and after, which stores apply blindly and the ledger
keeps. Replaying effects needs neither the model nor a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

import msgspec
import numpy as np
import numpy.typing as npt

from graph_schema.values import Value

Patch = dict[str, Value | None]
"""Attribute values to set; None takes the attribute away."""

NEW: Final = 0
"""The expected version of something that must not exist yet."""


class New(msgspec.Struct, frozen=True, gc=False):
    """Stands for a node that an earlier operation of the same change set creates under this handle."""

    handle: str


NodeRef = int | New
"""A node by ordinal, or one that the change set itself creates."""


class Put(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Create a node (`node` is New; class and name are needed) or change one (what is None stays as it is).

    `expects` is the version the caller saw; another one is a conflict that refuses the whole change set.
    """

    node: NodeRef
    class_name: str | None = None
    name: str | None = None
    state: str | None = None
    attributes: Patch = {}
    expects: int | None = None


class Retire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Move a node to a final state (the first its lifecycle allows, if none is named) and end its relationships."""

    node: NodeRef
    state: str | None = None
    expects: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Create a relationship, or change the attributes of the one with this natural key.

    With `expects=NEW` an existing one is a conflict.
    """

    type: str
    source: NodeRef
    target: NodeRef
    key: str = ""
    attributes: Patch = {}
    expects: int | None = None


class Unlink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """End a relationship."""

    type: str
    source: NodeRef
    target: NodeRef
    key: str = ""


Operation = Put | Retire | Link | Unlink


@dataclass(frozen=True, slots=True, eq=False)
class Links(Sequence[Link]):
    """Very many links between nodes that are there, as columns of equal length; one is made when it is looked at."""

    types: Sequence[str]
    sources: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    keys: Sequence[str]
    attributes: Sequence[Patch]

    def __len__(self) -> int:
        return len(self.types)

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> list[Link]: ...
    def __getitem__(self, index: int | slice) -> Link | list[Link]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return Link(
            type=self.types[index],
            source=int(self.sources[index]),
            target=int(self.targets[index]),
            key=self.keys[index],
            attributes=self.attributes[index],
        )


class ChangeSet(msgspec.Struct, frozen=True):
    """Operations that are applied all together or not at all, in their order."""

    operations: Sequence[Operation]

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __len__(self) -> int:
        return len(self.operations)


class ModelInstalled(msgspec.Struct, frozen=True, array_like=True, tag_field="is", tag="model"):
    """The model in force from here on: its canonical JSON document as text."""

    document: str


class EstateFounded(msgspec.Struct, frozen=True, array_like=True, tag_field="is", tag="estate"):
    """The first effect of every ledger: the estate's id, of which all node ids are made."""

    estate: str


class NodeCreated(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="node"):
    """A node came to be, in version 1."""

    ordinal: int
    key: str
    class_name: str
    name: str
    state: str
    attributes: dict[str, Value]


class NodeChanged(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="change"):
    """A node got version `version`. Names and states are given before and after, attributes only where they differ."""

    ordinal: int
    version: int
    name: tuple[str, str]
    state: tuple[str, str]
    before: Patch
    after: Patch


class NodeRetired(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="retire"):
    """A node went to a final state. The ends of its relationships stand in the same commit, before it."""

    ordinal: int
    version: int
    state: tuple[str, str]


class Linked(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="link"):
    """A relationship came to be."""

    id: int
    type: str
    source: int
    target: int
    key: str
    attributes: dict[str, Value]


class Relinked(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="relink"):
    """A relationship's attributes changed; only those that differ are given."""

    id: int
    type: str
    source: int
    target: int
    key: str
    before: Patch
    after: Patch


class Unlinked(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="is", tag="unlink"):
    """A relationship ended; `attributes` are what it had."""

    id: int
    type: str
    source: int
    target: int
    key: str
    attributes: dict[str, Value]


Effect = EstateFounded | ModelInstalled | NodeCreated | NodeChanged | NodeRetired | Linked | Relinked | Unlinked
