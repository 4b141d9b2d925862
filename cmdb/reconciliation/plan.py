"""What an import would do: create, update, link, unlink, retire, each with its reason; and the rows that made no sense.

A plan is a value. Its long parts hold columns and canonical bytes, and make a row when it is looked at, so that a plan of
millions of rows fits in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.nodes import Attributes
from cmdb.reconciliation.claims import RowError, Where
from cmdb.reconciliation.said import attributes_of
from cmdb.reconciliation.settling import Change
from graph_schema.values import Value


class Create(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node that no claim and no identification rule led to. It begins in `state` and goes on to `then`, if given.

    `said` is all that the source says, as canonical JSON; `controlled` the part of it that goes into the graph.
    """

    source_key: str
    class_name: str
    name: str
    state: str
    then: str | None
    claimed_state: str | None
    controlled: bytes
    said: bytes
    digest: bytes
    where: Where

    @property
    def attributes(self) -> Attributes:
        """The attributes it would have."""
        return attributes_of(self.controlled)


class Keep(msgspec.Struct, frozen=True, gc=False):
    """A node's claim to keep: source key, ordinal, digest and body."""

    source_key: str
    ordinal: int
    digest: bytes
    body: bytes


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A node that would change, value by value; `where` is None when it is because a claim is gone."""

    ordinal: int
    version: int
    key: str
    class_name: str
    name: str
    changes: tuple[Change, ...]
    where: Where | None
    reason: str
    keep: Keep | None
    drop: tuple[str, ...] = ()


class Retire(msgspec.Struct, frozen=True, kw_only=True):
    """A node that would be retired: nobody but this source ever claimed it, and it does no longer."""

    ordinal: int
    version: int
    key: str
    class_name: str
    name: str
    state: str
    reason: str
    where: Where | None
    keep: Keep | None
    drop: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    """Ids of the relationships, claimed by this source, that end with it."""


class KeepLink(msgspec.Struct, frozen=True, gc=False):
    """A relationship's claim to keep: id, digest and body."""

    id: int
    digest: bytes
    body: bytes


class Relink(msgspec.Struct, frozen=True, kw_only=True):
    """A relationship whose attributes would change; without `keep` the source's claim on it is dropped."""

    id: int
    type: str
    source: int
    target: int
    key: str
    changes: tuple[Change, ...]
    where: Where | None
    reason: str
    keep: KeepLink | None


class Unlink(msgspec.Struct, frozen=True, kw_only=True):
    """A relationship that would end; `from_node` and `to_node` are the keys of its ends."""

    id: int
    type: str
    source: int
    target: int
    key: str
    from_node: str
    to_node: str
    reason: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A relationship that would come to be. Ends are named in the source's words: its keys, or its references."""

    type: str
    from_node: str
    to_node: str
    key: str
    attributes: dict[str, Value]
    where: Where


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What the numbers in columns of relationships stand for.

    `ends` names every slot, references after the source keys. `bodies` are the attributes as canonical JSON, `graphed` the
    controlled ones among them. A place is the index of a file and sheet times 2**40, plus the row.
    """

    types: tuple[str, ...]
    keys: tuple[str, ...]
    bodies: tuple[bytes, ...]
    graphed: tuple[bytes, ...]
    ends: tuple[str, ...]
    files: tuple[tuple[str, str], ...]

    def place(self, place: int) -> Where:
        """The place in the input that a number stands for."""
        file, sheet = self.files[place >> 40]
        return Where(file, place & ((1 << 40) - 1), sheet)


@dataclass(frozen=True, slots=True, eq=False)
class Links(Sequence[Link]):
    """The relationships to make, as columns, in ascending order of (source, type, target, key).

    `source` and `target` are ordinals; from `first_new` on they stand for `Plan.create`, in its order. `from_slot` and
    `to_slot` index `words.ends`; `digest` maps a (key, body) to the digest of such a claim.
    """

    words: Words
    first_new: int
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    type: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    body: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    from_slot: npt.NDArray[np.int64]
    to_slot: npt.NDArray[np.int64]
    digests: Mapping[tuple[int, int], bytes]

    def __len__(self) -> int:
        return len(self.source)

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> list[Link]: ...
    def __getitem__(self, index: int | slice) -> Link | list[Link]:
        if isinstance(index, slice):
            return [self._link(place) for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} links")
        return self._link(index % len(self))

    def __iter__(self) -> Iterator[Link]:
        return map(self._link, range(len(self)))

    def _link(self, index: int) -> Link:
        words = self.words
        return Link(
            type=words.types[int(self.type[index])],
            from_node=words.ends[int(self.from_slot[index])],
            to_node=words.ends[int(self.to_slot[index])],
            key=words.keys[int(self.key[index])],
            attributes=attributes_of(words.graphed[int(self.body[index])]),
            where=words.place(int(self.place[index])),
        )


NO_WORDS = Words((), ("",), (b"{}",), (b"{}",), (), ())


def no_links() -> Links:
    """Columns without rows."""
    nothing = np.empty(0, dtype=np.int64)
    return Links(NO_WORDS, 0, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, {})


@dataclass(frozen=True, slots=True)
class Summary:
    """How much of each a plan holds; `claims` is how many the input had (0 if it was not read again)."""

    claims: int
    create: int
    update: int
    link: int
    relink: int
    unlink: int
    retire: int
    errors: int
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import of `source` would do to the graph as of `revision`.

    `keep`, `keep_links` and the two `drop`s are claims that change without the graph changing. `unchanged` is set if the
    input was recognised as the one taken in before, so that it was not looked at.
    """

    source: str
    format: str
    digest: str
    revision: int
    claims: int = 0
    unchanged: bool = False
    create: Sequence[Create] = ()
    update: Sequence[Update] = ()
    link: Links
    relink: Sequence[Relink] = ()
    unlink: Sequence[Unlink] = ()
    retire: Sequence[Retire] = ()
    keep: Sequence[Keep] = ()
    keep_links: Sequence[KeepLink] = ()
    drop: Sequence[str] = ()
    drop_links: Sequence[int] = ()
    messages: tuple[RowError, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the graph would stay as it is."""
        return not (self.create or self.update or len(self.link) or self.relink or self.unlink or self.retire)

    @property
    def errors(self) -> tuple[RowError, ...]:
        """The rows that cannot be imported. As long as there are any, nothing is, unless that is asked for."""
        return tuple(message for message in self.messages if not message.warning)

    @property
    def warnings(self) -> tuple[RowError, ...]:
        """What is worth knowing, and stops nothing."""
        return tuple(message for message in self.messages if message.warning)

    def summary(self) -> Summary:
        """How much there is of each."""
        return Summary(
            claims=self.claims,
            create=len(self.create),
            update=len(self.update),
            link=len(self.link),
            relink=len(self.relink),
            unlink=len(self.unlink),
            retire=len(self.retire),
            errors=len(self.errors),
            warnings=len(self.warnings),
        )
