"""The SQLite adapter of the store port.

Point reads and pages answer in the calling task: they take microseconds. What may take long (commits, streams of whole
states, columns) runs in a worker thread; SQLite lets go of the interpreter's lock while it works.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import apsw
import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from cmdb.changeset import ModelInstalled
from cmdb.errors import Failed
from cmdb.filters import Direction, Filter
from cmdb.ledger import EMPTY, Commit, Head, Header, reopen
from cmdb.nodes import Node, NodeIds, NodeVersion, Relationship, RelationshipVersion
from cmdb.store.leaves import Leaves
from cmdb.store.lines import Lines
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
from cmdb.store.sqlite import applying, claiming, leaves, lines
from cmdb.store.sqlite.claims import ClaimReader
from cmdb.store.sqlite.connections import Connections
from cmdb.store.sqlite.reading import Reader
from cmdb.store.sqlite.rows import encode_json
from cmdb.store.sqlite.values import value_codes
from cmdb.store.sqlite.wording import Searchable, follow_searchable, searchable_in
from cmdb.store.touching import Kinds, kinds_of
from graph_schema.document import model_from_document
from graph_schema.metamodel import Model

T = TypeVar("T")

_decompress = zstandard.ZstdDecompressor().decompress


class _Frame(msgspec.Struct, frozen=True):
    """What all reads share and only a new model alters."""

    model_revision: int
    model: Model
    ids: NodeIds
    types: dict[int, str]
    type_codes: dict[str, int]
    value_codes: dict[str, int]
    searchable: Searchable
    kinds: Kinds


class SqliteStore:
    """A graph in one SQLite file. Made by `open_sqlite`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._one_writer = asyncio.Lock()
        self._frame: _Frame | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"sqlite:///{self._connections.path}"

    async def close(self) -> None:
        """Close the file."""
        self._connections.close()

    # -- the ledger ---------------------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """See the port."""
        with self._connections.asking() as connection:
            return _head(connection)

    async def commit(self, commit: Commit, claims: ClaimChanges | None = None) -> None:
        """See the port."""
        await self._write(lambda connection: self._commit(connection, commit, claims))

    async def keep_claims(self, changes: ClaimChanges) -> None:
        """See the port."""
        await self._write(lambda connection: claiming.keep_claims(connection, changes))

    async def _write(self, work: Callable[[apsw.Connection], None]) -> None:
        def whole() -> None:
            with self._connections.writing() as connection:
                work(connection)

        async with self._one_writer:
            await _uninterrupted(whole)

    def _commit(self, connection: apsw.Connection, commit: Commit, claims: ClaimChanges | None) -> None:
        applying.check_head(connection, commit)
        before = self._current(connection)
        searchable, sizes = before.searchable if before else searchable_in(None), leaves.next_ids(connection)
        model: Model | None = None
        for effect in commit.effects:
            if isinstance(effect, ModelInstalled):
                model = applying.install_model(connection, commit.revision, effect.document)
        if model is not None:
            old, searchable = searchable, searchable_in(model)
            follow_searchable(connection, old, searchable)
            if before and not kinds_of(model).extends(before.kinds):
                leaves.forget(connection)
        frame = None if model else before
        target = applying.Target(
            connection,
            commit.revision,
            searchable,
            frame.type_codes if frame else _type_codes(connection),
            frame.value_codes if frame else value_codes(connection),
        )
        applying.apply_effects(target, commit.effects)
        kinds = kinds_of(model) if model else before.kinds if before else Kinds({}, {})
        leaves.touch(connection, commit.effects, commit.revision, kinds, sizes)
        applying.append(connection, commit)
        if claims is not None:
            claiming.keep_claims(connection, claims)

    async def commits(self, after: int = 0, until: int | None = None) -> AsyncIterator[Commit]:
        """See the port."""
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT revision, time, actor, authority, reason, previous, hash, body FROM ledger "
                "WHERE revision > ? AND revision <= ? ORDER BY revision",
                (after, 2**62 if until is None else until),
            )
            for revision, time, actor, authority, reason, previous, recorded, body in cast(
                "Iterator[_LedgerRow]", rows
            ):
                header = Header(
                    revision=revision,
                    time=time,
                    actor=actor,
                    authority=authority,
                    reason=reason,
                    previous=previous,
                )
                yield reopen(header, _unpacked(revision, body), recorded)

    async def headers(self, revisions: Sequence[int]) -> dict[int, Header]:
        """See the port."""
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT l.revision, time, actor, authority, reason, previous FROM json_each(?) AS w "
                "CROSS JOIN ledger AS l ON l.revision = w.value",
                (encode_json(list(revisions)).decode(),),
            )
            return {
                revision: Header(
                    revision=revision,
                    time=time,
                    actor=actor,
                    authority=authority,
                    reason=reason,
                    previous=previous,
                )
                for revision, time, actor, authority, reason, previous in cast("Iterator[_HeaderRow]", rows)
            }

    async def revision_at(self, instant: str) -> int:
        """See the port."""
        with self._connections.reading() as connection:
            return cast(
                "int",
                connection.execute("SELECT coalesce(max(revision), 0) FROM ledger WHERE time <= ?", (instant,)).get,
            )

    async def ids(self) -> NodeIds | None:
        """See the port."""
        if self._frame is not None:
            return self._frame.ids
        with self._connections.reading() as connection:
            frame = self._current(connection)
            return frame.ids if frame else None

    async def model(self, as_of: int | None = None) -> Model | None:
        """See the port."""
        with self._connections.reading() as connection:
            if as_of is None:
                frame = self._current(connection)
                return frame.model if frame else None
            found = connection.execute(
                "SELECT document FROM model WHERE revision <= ? ORDER BY revision DESC LIMIT 1", (as_of,)
            ).get
            return model_from_document(_decompress(cast("bytes", found))) if found else None

    async def counters(self) -> Counters:
        """See the port."""
        with self._connections.reading() as connection:
            rows = dict(cast("Iterator[tuple[str, int]]", connection.execute("SELECT name, next FROM counter")))
        return Counters(
            ordinal=rows.get("ordinal", 0),
            relationship=rows.get("relationship", 0),
            numbers={name[4:]: value for name, value in rows.items() if name.startswith("key:")},
        )

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> list[Node]:
        """See the port."""
        with self._reader(any_model=True) as reader:
            return reader.nodes(ordinals, as_of) if reader else []

    async def ordinals_of_keys(self, keys: Sequence[str]) -> dict[str, int]:
        """See the port."""
        with self._reader() as reader:
            return reader.ordinals_of_keys(keys) if reader else {}

    async def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        """See the port."""
        with self._reader() as reader:
            return reader.named(names, as_of) if reader else []

    async def having(self, attribute: str, values: Sequence[str | int], as_of: int | None = None) -> list[Node]:
        """See the port."""
        with self._reader() as reader:
            return reader.having(attribute, values, as_of) if reader else []

    async def find(self, query: Query) -> Page[Node]:
        """See the port."""
        with self._reader() as reader:
            return reader.find(query) if reader else Page(items=(), cursors=(), more=False)

    async def count(self, where: Filter, as_of: int | None = None) -> int:
        """See the port."""
        with self._reader() as reader:
            return reader.count(where, as_of) if reader else 0

    async def accepted(self, where: Filter, as_of: int | None = None) -> npt.NDArray[np.int64]:
        """See the port."""
        with self._reader() as reader:
            none = np.empty(0, dtype=np.int64)
            return await asyncio.to_thread(reader.accepted, where, as_of) if reader else none

    async def count_by_class(self, as_of: int | None = None) -> dict[str, int]:
        """See the port."""
        with self._reader() as reader:
            return reader.count_by_class(as_of) if reader else {}

    async def search(self, text: str, limit: int = 50, after: int = -1) -> tuple[list[Node], int]:
        """See the port."""
        with self._reader() as reader:
            return reader.search(text, limit, after) if reader else ([], 0)

    async def history(self, ordinal: int) -> list[NodeVersion]:
        """See the port."""
        with self._reader(any_model=True) as reader:
            return reader.history(ordinal) if reader else []

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
        with self._reader() as reader:
            return reader.relationships(ordinals, direction, types, as_of, limit) if reader else []

    async def relationship_counts(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
    ) -> dict[int, int]:
        """See the port."""
        with self._reader() as reader:
            return reader.relationship_counts(ordinals, direction, types, as_of) if reader else {}

    async def joined(self, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
        """See the port."""
        with self._reader() as reader:
            return reader.joined(naturals) if reader else []

    async def relationship_history(self, ordinal: int) -> list[RelationshipVersion]:
        """See the port."""
        with self._reader() as reader:
            return reader.relationship_history(ordinal) if reader else []

    # -- the whole ----------------------------------------------------------------------------------------------------

    async def all_nodes(self, as_of: int | None = None) -> AsyncIterator[list[Node]]:
        """See the port."""
        with self._reader() as reader:
            batches = reader.all_nodes(as_of) if reader else iter(())
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def all_relationships(self, as_of: int | None = None) -> AsyncIterator[list[Relationship]]:
        """See the port."""
        with self._reader() as reader:
            batches = reader.all_relationships(as_of) if reader else iter(())
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def past_nodes(self) -> AsyncIterator[list[NodeVersion]]:
        """See the port."""
        with self._reader() as reader:
            batches = reader.past_nodes() if reader else iter(())
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def past_relationships(self) -> AsyncIterator[list[RelationshipVersion]]:
        """See the port."""
        with self._reader() as reader:
            batches = reader.past_relationships() if reader else iter(())
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def node_lines(
        self, as_of: int | None = None, buckets: Sequence[int] | None = None
    ) -> AsyncIterator[list[Lines]]:
        """See the port."""
        with self._connections.reading() as connection:
            batches = lines.node_lines(connection, as_of, buckets)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def relationship_lines(
        self, as_of: int | None = None, buckets: Sequence[int] | None = None
    ) -> AsyncIterator[list[Lines]]:
        """See the port."""
        with self._connections.reading() as connection:
            batches = lines.relationship_lines(connection, as_of, buckets)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def leaves(self) -> Leaves:
        """See the port."""
        with self._connections.reading() as connection:
            return await asyncio.to_thread(leaves.read, connection, _head(connection).revision)

    async def renew_leaves(self, renewed: Leaves) -> None:
        """See the port."""
        await self._write(lambda connection: leaves.renew(connection, renewed))

    async def node_columns(self, as_of: int | None = None) -> tuple[Head, NodeColumns]:
        """See the port."""
        with self._some_reader() as reader:
            return _head(reader.connection), await asyncio.to_thread(reader.node_columns, as_of)

    async def node_values(self, attribute: str, as_of: int | None = None) -> tuple[Head, ValueColumns]:
        """See the port."""
        with self._some_reader() as reader:
            return _head(reader.connection), await asyncio.to_thread(reader.node_values, attribute, as_of)

    async def relationship_values(
        self, attribute: str, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, ValueColumns]:
        """See the port."""
        with self._some_reader() as reader:
            return _head(reader.connection), await asyncio.to_thread(
                reader.relationship_values, attribute, types, as_of
            )

    async def relationship_columns(
        self, types: Sequence[str], as_of: int | None = None
    ) -> tuple[Head, RelationshipColumns]:
        """See the port."""
        with self._some_reader() as reader:
            return _head(reader.connection), await asyncio.to_thread(reader.relationship_columns, types, as_of)

    # -- claims -------------------------------------------------------------------------------------------------------

    async def source_state(self, source: str) -> SourceState | None:
        """See the port."""
        with self._connections.reading() as connection:
            return ClaimReader(connection).source_state(source)

    async def sources(self) -> list[SourceState]:
        """See the port."""
        with self._connections.reading() as connection:
            return ClaimReader(connection).sources()

    async def claims(self, source: str) -> AsyncIterator[list[Claim]]:
        """See the port."""
        with self._connections.reading() as connection:
            for batch in ClaimReader(connection).claims(source):
                yield batch

    async def claims_on(self, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
        """See the port."""
        with self._connections.reading() as connection:
            return ClaimReader(connection).claims_on(kind, bound_to)

    # -- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _reader(self, *, any_model: bool = False) -> Generator[Reader | None]:
        """A reader, or None while the store is empty; of the model met last where any will do."""
        with self._connections.reading() as connection:
            frame = (self._frame if any_model else None) or self._current(connection)
            yield (
                None
                if frame is None
                else Reader(connection, frame.model, frame.ids, frame.types, frame.type_codes, frame.value_codes)
            )

    @contextmanager
    def _some_reader(self) -> Generator[Reader]:
        with self._reader() as reader:
            if reader is None:
                raise Failed(f"{self.url} is empty", remedy="run `cmdb init` first")
            yield reader

    def _current(self, connection: apsw.Connection) -> _Frame | None:
        newest = connection.execute("SELECT max(revision) FROM model").get
        if newest is None:
            return None
        if self._frame is None or self._frame.model_revision != newest:
            document = connection.execute("SELECT document FROM model WHERE revision = ?", (newest,)).get
            model = model_from_document(_decompress(cast("bytes", document)))
            codes = _type_codes(connection)
            self._frame = _Frame(
                model_revision=cast("int", newest),
                model=model,
                ids=NodeIds(cast("str", connection.execute("SELECT id FROM estate").get)),
                types={code: name for name, code in codes.items()},
                type_codes=codes,
                value_codes=value_codes(connection),
                searchable=searchable_in(model),
                kinds=kinds_of(model),
            )
        return self._frame


_HeaderRow = tuple[int, str, str, str, str, str]
_LedgerRow = tuple[int, str, str, str, str, str, str, bytes]


def open_sqlite(path: Path, *, create: bool = False) -> SqliteStore:
    """Open the store in this file, making an empty one if `create` is set and nothing is there.

    Raises NotFound when there is no file, Failed when it is not a store, StoreUnreachable when it cannot be used.
    """
    return SqliteStore(Connections(path, create=create))


async def _uninterrupted(work: Callable[[], T]) -> T:
    """Run in a thread, to its end even if the caller is cancelled: a transaction is not left open behind its back."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _unpacked(revision: int, body: bytes) -> bytes:
    try:
        return _decompress(body)
    except zstandard.ZstdError as error:
        raise Failed(
            f"ledger entry {revision} is damaged: {error}", remedy="restore the store from a backup"
        ) from error


def _head(connection: apsw.Connection) -> Head:
    found = cast("tuple[int, str, str] | None", connection.execute("SELECT revision, hash, time FROM head").fetchone())
    return Head(*found) if found else EMPTY


def _type_codes(connection: apsw.Connection) -> dict[str, int]:
    return dict(
        cast(
            "Iterator[tuple[str, int]]",
            connection.execute("SELECT name, code FROM relationship_type ORDER BY code"),
        )
    )
