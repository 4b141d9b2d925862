"""What a store must do. Two adapters do it, `cmdb.store.sqlite` and `cmdb.store.neo4j`, alike to the last byte.

A store keeps four things: the ledger, the current state, the history beside it, and the claims of sources. It decides
nothing: `commit` applies effects that were decided above, if the head is still the one they were decided on. Reads that
take `as_of` answer as of that revision; None is now. A read sees one revision from beginning to end. What begins and
ends within one commit (a node changed twice, a relationship linked and unlinked) was never to be seen at any revision:
the ledger has it, the history does not.

Every method may raise StoreUnreachable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.filters import Direction, Filter
from cmdb.ledger import Commit, Head, Header
from cmdb.nodes import Node, NodeIds, NodeVersion, Relationship, RelationshipVersion
from cmdb.store.leaves import Leaves
from cmdb.store.lines import Lines
from graph_schema.metamodel import Model
from graph_schema.values import Value

T = TypeVar("T")

LARGEST_PAGE: Final = 1000
"""Rows one page may have; for whole states there are the streams."""


class Sort(msgspec.Struct, frozen=True):
    """Order of a list: by a field or attribute, then by ordinal, both in the same direction.

    Absent values come last.
    """

    field: str = "ordinal"
    descending: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the nodes that a filter accepts. `after` is the cursor of the row before the page; None starts."""

    where: Filter
    sort: Sort = Sort()
    limit: int = 50
    after: str | None = None
    as_of: int | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Rows with a cursor each, and whether more follow."""

    items: tuple[T, ...]
    cursors: tuple[str, ...]
    more: bool


class ClaimKind(StrEnum):
    """What a claim is about."""

    NODE = "node"
    RELATIONSHIP = "relationship"


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one source says about one thing, bound to what it was identified as.

    `source_key` names the thing within the source. For a node `bound_to` is its ordinal and `body` the canonical JSON
    of what is claimed; for a relationship `bound_to` is the relationship's id. `digest` (at most 16 bytes) stands for
    the claim's content, `seen` is the time of the import that last brought it in this form.
    """

    source_key: str
    kind: ClaimKind
    bound_to: int
    digest: bytes
    body: bytes
    seen: str


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source has been taken in: digest of its whole input with model and rules, and the head afterwards."""

    source: str
    format: str
    digest: str
    revision: int
    seen: str


class ClaimChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of one source to keep or drop, in the same transaction as the commit that they led to."""

    source: str
    put: tuple[Claim, ...] = ()
    drop: tuple[tuple[ClaimKind, str], ...] = ()
    """(kind, source_key) of each claim that is withdrawn."""
    state: SourceState | None = None


@dataclass(frozen=True, slots=True)
class NodeColumns:
    """For every ordinal 0 … n-1: class (an index into `classes`; -1 if there is no such node then) and retirement."""

    classes: tuple[str, ...]
    class_code: npt.NDArray[np.int16]
    retired: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RelationshipColumns:
    """Current relationships, one row each, in ascending order of id; `type_code` is an index into `types`."""

    types: tuple[str, ...]
    id: npt.NDArray[np.int64]
    type_code: npt.NDArray[np.int16]
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ValueColumns:
    """Who has a value of one attribute: `ident[i]`, in ascending order, has `values[code[i]]`."""

    ident: npt.NDArray[np.int64]
    code: npt.NDArray[np.int32]
    values: tuple[Value, ...]

    def codes_of(self, idents: npt.NDArray[np.int32 | np.int64]) -> npt.NDArray[np.int32]:
        """For each of these what indexes its value, -1 where it has none. O(idents · log n)."""
        if not len(self.ident):
            return np.full(len(idents), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(self.ident, idents), len(self.ident) - 1)
        return np.where(self.ident[at] == idents, self.code[at], np.int32(-1))


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What the next new things are called: node ordinal, relationship id, and per class code the next key number."""

    ordinal: int
    relationship: int
    numbers: dict[str, int]


class Store(Protocol):
    """A graph with its ledger, history and claims."""

    @property
    def url(self) -> str:
        """Where it is, without any secret."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...

    # -- the ledger ---------------------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """The newest commit; `cmdb.ledger.EMPTY` when there is none."""
        ...

    async def commit(self, commit: Commit, claims: ClaimChanges | None = None) -> None:
        """Apply a commit, and claims with it, in one transaction: all or nothing, durable on return.

        Raises Conflict when the store's head is not the commit's previous hash and revision - 1. O(effects · log n).
        """
        ...

    async def keep_claims(self, changes: ClaimChanges) -> None:
        """Keep or drop claims that led to no commit."""
        ...

    def commits(self, after: int = 0, until: int | None = None) -> AsyncIterator[Commit]:
        """The commits with after < revision ≤ until, in order, streamed."""
        ...

    async def headers(self, revisions: Sequence[int]) -> dict[int, Header]:
        """The headers of these commits, by revision; unknown ones are left out."""
        ...

    async def revision_at(self, instant: str) -> int:
        """The newest revision whose commit time is not after this canonical instant; 0 if all are."""
        ...

    async def ids(self) -> NodeIds | None:
        """The maker of node ids; None for an empty store."""
        ...

    async def model(self, as_of: int | None = None) -> Model | None:
        """The model in force; None for an empty store."""
        ...

    async def counters(self) -> Counters:
        """What the next new things are called."""
        ...

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> list[Node]:
        """The nodes with these ordinals that were there then, retired ones too, in ascending order of ordinal."""
        ...

    async def ordinals_of_keys(self, keys: Sequence[str]) -> dict[str, int]:
        """The ordinals of the nodes that have these keys; unknown keys are left out. A key never changes."""
        ...

    async def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        """All nodes that have one of these names exactly, retired ones too, in ascending order of ordinal."""
        ...

    async def having(self, attribute: str, values: Sequence[str | int], as_of: int | None = None) -> list[Node]:
        """All nodes whose attribute (no list) has one of these values, retired ones too, in ascending order of ordinal.

        O(values) look-ups when the attribute is indexed.
        """
        ...

    async def find(self, query: Query) -> Page[Node]:
        """A page of nodes, by keyset: what it costs does not grow with the pages before it.

        O(log n + page) for filters and sorts on class, key or name. For filters on indexed attributes the same on
        Neo4j, O(log n + nodes with the value) on SQLite; else O(n).

        Raises Usage on a cursor that does not belong to the query's sort.
        """
        ...

    async def count(self, where: Filter, as_of: int | None = None) -> int:
        """How many nodes a filter accepts, exactly."""
        ...

    async def accepted(self, where: Filter, as_of: int | None = None) -> npt.NDArray[np.int64]:
        """The ordinals of all nodes that a filter accepts, ascending. O(n)."""
        ...

    async def count_by_class(self, as_of: int | None = None) -> dict[str, int]:
        """How many nodes there are of each class, retired ones left out."""
        ...

    async def search(self, text: str, limit: int = 50, after: int = -1) -> tuple[list[Node], int]:
        """Full text: live nodes whose key, name or searchable attributes have every word of `text`.

        The last word may be the beginning of one. In ascending order of ordinal, those above `after`; with the exact
        total. See `cmdb.store.words`.
        """
        ...

    async def history(self, ordinal: int) -> list[NodeVersion]:
        """All versions of a node, oldest first."""
        ...

    # -- relationships ------------------------------------------------------------------------------------------------

    async def relationships(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
        limit: int | None = None,
    ) -> list[Relationship]:
        """Relationships out of (or into) these nodes, by (node, id).

        At most `limit` *for each node* if that is given.
        """
        ...

    async def relationship_counts(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
    ) -> dict[int, int]:
        """How many relationships leave (or reach) each of these nodes; nodes without any are left out."""
        ...

    async def joined(self, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
        """The current relationships with these natural keys (type, source, target, key)."""
        ...

    async def relationship_history(self, ordinal: int) -> list[RelationshipVersion]:
        """All versions of all relationships that ever had this node at an end, by (since, id)."""
        ...

    # -- the whole ----------------------------------------------------------------------------------------------------

    def all_nodes(self, as_of: int | None = None) -> AsyncIterator[list[Node]]:
        """Every node, retired ones too, in batches in ascending order of ordinal; memory stays bounded."""
        ...

    def all_relationships(self, as_of: int | None = None) -> AsyncIterator[list[Relationship]]:
        """Every relationship, in batches in ascending order of id; memory stays bounded."""
        ...

    def past_nodes(self) -> AsyncIterator[list[NodeVersion]]:
        """Every node version that has ended, in batches, by (ordinal, version)."""
        ...

    def past_relationships(self) -> AsyncIterator[list[RelationshipVersion]]:
        """Every relationship version that has ended, in batches, by (id, since)."""
        ...

    def node_lines(self, as_of: int | None = None, buckets: Sequence[int] | None = None) -> AsyncIterator[list[Lines]]:
        """What every node says as canonical lines (`cmdb.ledger.node_line`), in batches of ascending buckets.

        Those of some `buckets` (ascending) only, if any are named. Equal for stores of equal state. What is no value any
        more, because somebody altered it, is passed on as it is.
        """
        ...

    def relationship_lines(
        self, as_of: int | None = None, buckets: Sequence[int] | None = None
    ) -> AsyncIterator[list[Lines]]:
        """What every relationship says, likewise (`cmdb.ledger.relationship_line`)."""
        ...

    async def node_columns(self, as_of: int | None = None) -> tuple[Head, NodeColumns]:
        """The class of every node, and the head that this is the state of. O(n)."""
        ...

    async def node_values(self, attribute: str, as_of: int | None = None) -> tuple[Head, ValueColumns]:
        """The nodes, by ordinal, that have a value of this attribute, retired ones too; and the head. O(n)."""
        ...

    async def relationship_values(
        self, attribute: str, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, ValueColumns]:
        """The relationships of these types, by id, that have a value of this attribute; and the head. O(n)."""
        ...

    async def relationship_columns(
        self, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, RelationshipColumns]:
        """The relationships of these types as columns, and the head that this is the state of. O(n)."""
        ...

    # -- what can be made again ---------------------------------------------------------------------------------------

    async def leaves(self) -> Leaves:
        """The leaves of everything at the head, as far as they are known; see `cmdb.store.leaves`. O(n / 256)."""
        ...

    async def renew_leaves(self, renewed: Leaves) -> None:
        """Keep leaves that were read as of a revision; of no effect on those that a commit touched since."""
        ...

    # -- claims -------------------------------------------------------------------------------------------------------

    async def source_state(self, source: str) -> SourceState | None:
        """How far a source has been taken in; None for one never seen."""
        ...

    async def sources(self) -> list[SourceState]:
        """All sources, by name."""
        ...

    def claims(self, source: str) -> AsyncIterator[list[Claim]]:
        """All claims of a source, in batches."""
        ...

    async def claims_on(self, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
        """What every source claims about these nodes or relationships: by ordinal or id, (source, claim)."""
        ...
