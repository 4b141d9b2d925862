"""The Neo4j adapter of the store port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from cmdb.changeset import ModelInstalled
from cmdb.errors import Conflict, Failed, Invalid, StoreUnreachable
from cmdb.filters import Direction, Filter, attribute_named
from cmdb.ledger import Commit, Head, Header
from cmdb.nodes import Node, NodeIds, NodeVersion, Relationship, RelationshipVersion
from cmdb.store import lines
from cmdb.store.leaves import Leaves
from cmdb.store.lines import Lines
from cmdb.store.neo4j import buckets as in_buckets
from cmdb.store.neo4j import claims as claim_store
from cmdb.store.neo4j import committing, leaves, ledger, nodes, past, relationships, schema, streams, value_columns
from cmdb.store.neo4j.connection import Connection, Mark, OutcomeUnknown, Reading, Writing
from cmdb.store.neo4j.pages import page
from cmdb.store.port import (
    Claim,
    ClaimChanges,
    ClaimKind,
    Counters,
    NodeColumns,
    Page,
    Query,
    RelationshipColumns,
    SourceState,
    ValueColumns,
)
from graph_schema.document import model_from_document
from graph_schema.metamodel import Model

T = TypeVar("T")

_NOTHING: Final = "RETURN [] AS rows"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The newest model that was met, and the revision that installed it."""

    revision: int
    model: Model


class Neo4jStore:
    """A graph in one Neo4j database. Made by `open_neo4j`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._frame: _Frame | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return self._connection.url

    @property
    def connection(self) -> Connection:
        """How it is reached; for the questions that only Neo4j answers, such as `cmdb.store.neo4j.traversal`."""
        return self._connection

    async def close(self) -> None:
        """Close all connections."""
        await self._connection.close()

    # -- the ledger ---------------------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """See the port."""
        return (await self._mark()).head

    async def commit(self, commit: Commit, claims: ClaimChanges | None = None) -> None:
        """See the port.

        When the connection is lost at the commit, the head tells whether it landed; if it did not, it is done again.
        """
        documents = [e.document for e in commit.effects if isinstance(e, ModelInstalled)]
        installed = model_from_document(documents[-1].encode()) if documents else None

        async def work(writing: Writing) -> None:
            mark = await writing.locked_mark()
            committing.check_head(mark, commit)
            await committing.apply(writing, commit, mark, await self._model_of(mark), installed)
            if claims is not None:
                await claim_store.keep(writing, claims)

        if installed is not None:
            await schema.ensure_indexes(self._connection, installed)
        try:
            await self._connection.write(work, announce=commit.revision)
        except OutcomeUnknown:
            if not await self._landed(commit):
                await self._again(work, commit)

    async def _again(self, work: Callable[[Writing], Awaitable[None]], commit: Commit) -> None:
        try:
            await self._connection.write(work, announce=commit.revision)
        except OutcomeUnknown as error:
            raise StoreUnreachable(
                f"{self.url} went away while commit {commit.revision} was written; it may or may not be there",
                remedy="once the server answers, look with `cmdb ledger show`; if it is not there, write again",
            ) from error

    async def _landed(self, commit: Commit) -> bool:
        """Whether a commit whose acknowledgement was lost is there; asked with the lock, it cannot come any more."""
        mark = await self._connection.read_locked(_marked)
        if mark.revision < commit.revision:
            return False
        if await ledger.recorded_hash(self._connection, commit.revision) == commit.hash:
            return True
        raise Conflict(
            f"somebody else wrote revision {commit.revision}", remedy="read again, decide again, write again"
        )

    async def keep_claims(self, changes: ClaimChanges) -> None:
        """See the port. Doing it twice is the same as doing it once, so an unknown outcome is tried again."""

        async def work(writing: Writing) -> None:
            await claim_store.keep(writing, changes)

        try:
            await self._connection.write(work)
        except OutcomeUnknown:
            try:
                await self._connection.write(work)
            except OutcomeUnknown as error:
                raise StoreUnreachable(f"{self.url} went away", remedy="try again when the server answers") from error

    def commits(self, after: int = 0, until: int | None = None) -> AsyncIterator[Commit]:
        """See the port."""
        return ledger.commits(self._connection, after, until)

    async def headers(self, revisions: Sequence[int]) -> dict[int, Header]:
        """See the port."""
        return await ledger.headers(self._connection, revisions)

    async def revision_at(self, instant: str) -> int:
        """See the port."""
        return await ledger.revision_at(self._connection, instant)

    async def ids(self) -> NodeIds | None:
        """See the port."""
        estate = (await self._mark()).estate
        return NodeIds(estate) if estate else None

    async def model(self, as_of: int | None = None) -> Model | None:
        """See the port."""
        if as_of is None:
            return await self._model_of(await self._mark())
        return await ledger.model(self._connection, as_of)

    async def counters(self) -> Counters:
        """See the port."""
        return await ledger.counters(self._connection)

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> list[Node]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.by_ordinals(r, ordinals, as_of))

    async def ordinals_of_keys(self, keys: Sequence[str]) -> dict[str, int]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.ordinals_of_keys(r, keys))

    async def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.by_values(r, "name", names, as_of))

    async def having(self, attribute: str, values: Sequence[str | int], as_of: int | None = None) -> list[Node]:
        """See the port."""

        async def work(reading: Reading, model: Model) -> list[Node]:
            known = attribute_named(model, attribute)
            return await nodes.by_values(reading, attribute, values, as_of, many=known is not None and known.many)

        return await self._under_model(work, [])

    async def find(self, query: Query) -> Page[Node]:
        """See the port."""
        return await self._under_model(lambda r, m: page(r, m, query), Page(items=(), cursors=(), more=False))

    async def count(self, where: Filter, as_of: int | None = None) -> int:
        """See the port."""
        return await self._under_model(lambda r, m: nodes.count(r, m, where, as_of), 0)

    async def accepted(self, where: Filter, as_of: int | None = None) -> npt.NDArray[np.int64]:
        """See the port."""
        none = np.empty(0, dtype=np.int64)
        return await self._under_model(lambda r, m: nodes.accepted(r, m, where, as_of), none)

    async def count_by_class(self, as_of: int | None = None) -> dict[str, int]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.count_by_class(r, as_of))

    async def search(self, text: str, limit: int = 50, after: int = -1) -> tuple[list[Node], int]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.search(r, text, limit, after))

    async def history(self, ordinal: int) -> list[NodeVersion]:
        """See the port."""
        return await self._connection.read(lambda r: nodes.history(r, ordinal))

    # -- relationships ------------------------------------------------------------------------------------------------

    async def relationships(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
        limit: int | None = None,
    ) -> list[Relationship]:
        """See the port."""
        if not ordinals or (types is not None and not types):
            return []
        return await self._connection.read(
            lambda r: relationships.at_nodes(r, ordinals, direction, types, as_of, limit)
        )

    async def relationship_counts(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
    ) -> dict[int, int]:
        """See the port."""
        if not ordinals or (types is not None and not types):
            return {}
        return await self._connection.read(lambda r: relationships.counts(r, ordinals, direction, types, as_of))

    async def joined(self, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
        """See the port."""
        return await self._connection.read(lambda r: relationships.joined(r, naturals))

    async def relationship_history(self, ordinal: int) -> list[RelationshipVersion]:
        """See the port."""
        return await self._connection.read(lambda r: relationships.history(r, ordinal))

    # -- the whole ----------------------------------------------------------------------------------------------------

    def all_nodes(self, as_of: int | None = None) -> AsyncIterator[list[Node]]:
        """See the port."""
        return streams.all_nodes(self._connection, as_of)

    def all_relationships(self, as_of: int | None = None) -> AsyncIterator[list[Relationship]]:
        """See the port."""
        return streams.all_relationships(self._connection, as_of)

    def past_nodes(self) -> AsyncIterator[list[NodeVersion]]:
        """See the port."""
        return past.past_nodes(self._connection)

    def past_relationships(self) -> AsyncIterator[list[RelationshipVersion]]:
        """See the port."""
        return past.past_relationships(self._connection)

    def node_lines(self, as_of: int | None = None, buckets: Sequence[int] | None = None) -> AsyncIterator[list[Lines]]:
        """See the port."""
        nodes = self.all_nodes(as_of)
        if buckets is not None:
            nodes = in_buckets.nodes_of_buckets(self._connection, as_of, buckets)
        return lines.node_lines(nodes)

    def relationship_lines(
        self, as_of: int | None = None, buckets: Sequence[int] | None = None
    ) -> AsyncIterator[list[Lines]]:
        """See the port."""
        relationships = self.all_relationships(as_of)
        if buckets is not None:
            relationships = in_buckets.relationships_of_buckets(self._connection, as_of, buckets)
        return lines.relationship_lines(relationships)

    async def leaves(self) -> Leaves:
        """See the port."""
        return await leaves.read(self._connection)

    async def renew_leaves(self, renewed: Leaves) -> None:
        """See the port. When the outcome is unknown nothing is lost: what is not kept is read again."""
        with suppress(OutcomeUnknown):
            await self._connection.write(lambda writing: leaves.renew(writing, renewed))

    async def node_columns(self, as_of: int | None = None) -> tuple[Head, NodeColumns]:
        """See the port."""
        return await streams.node_columns(self._connection, await self.some_model(), as_of)

    async def node_values(self, attribute: str, as_of: int | None = None) -> tuple[Head, ValueColumns]:
        """See the port."""
        return await value_columns.node_values(self._connection, attribute, as_of)

    async def relationship_values(
        self, attribute: str, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, ValueColumns]:
        """See the port."""
        return await value_columns.relationship_values(self._connection, attribute, types, as_of)

    async def relationship_columns(
        self, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, RelationshipColumns]:
        """See the port."""
        await self.some_model()
        return await streams.relationship_columns(self._connection, types, as_of)

    # -- claims -------------------------------------------------------------------------------------------------------

    async def source_state(self, source: str) -> SourceState | None:
        """See the port."""
        return next(iter(await claim_store.sources(self._connection, source)), None)

    async def sources(self) -> list[SourceState]:
        """See the port."""
        return await claim_store.sources(self._connection)

    def claims(self, source: str) -> AsyncIterator[list[Claim]]:
        """See the port."""
        return claim_store.of_source(self._connection, source)

    async def claims_on(self, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
        """See the port."""
        return await claim_store.on(self._connection, kind, bound_to)

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _mark(self) -> Mark:
        return await self._connection.read(_marked)

    async def _model_of(self, mark: Mark) -> Model | None:
        if mark.model == 0:
            return None
        if self._frame is None or self._frame.revision != mark.model:
            model = await ledger.model(self._connection, mark.model)
            if model is None:
                raise Failed(f"the model of revision {mark.model} is gone", remedy="restore a backup")
            self._frame = _Frame(mark.model, model)
        return self._frame.model

    async def some_model(self) -> Model:
        model = await self.model()
        if model is None:
            raise Failed(f"{self.url} is empty", remedy="run `cmdb init` first")
        return model

    async def _under_model(self, work: Callable[[Reading, Model], Awaitable[T]], nothing: T) -> T:
        """What `work` reads under the newest model: the one met last, unless a newer one is found to be in force."""
        while (model := self._frame.model if self._frame else await self.model()) is not None:
            try:
                done, revision = await self._connection.read(_with_model_revision(work, model))
            except Invalid:
                revision = (await self._mark()).model
                if self._is_newest(revision):
                    raise
            else:
                if revision is None or self._is_newest(revision):
                    return done
            self._frame = None
        return nothing

    def _is_newest(self, revision: int) -> bool:
        return self._frame is not None and self._frame.revision == revision


async def _marked(reading: Reading) -> Mark:
    return (await reading.rows(_NOTHING, {}))[0]


def _with_model_revision(
    work: Callable[[Reading, Model], Awaitable[T]], model: Model
) -> Callable[[Reading], Awaitable[tuple[T, int | None]]]:
    async def both(reading: Reading) -> tuple[T, int | None]:
        done = await work(reading, model)
        return done, reading.model_revision

    return both
