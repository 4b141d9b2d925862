"""Effects to rows. Runs of effects of one kind go down in one prepared statement each, in the order of the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, LiteralString

import apsw
import zstandard

from cmdb.changeset import (
    Effect,
    EstateFounded,
    Linked,
    ModelInstalled,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Relinked,
    Unlinked,
)
from cmdb.errors import Conflict
from cmdb.ledger import GENESIS, Commit, Head
from cmdb.store.sqlite.rows import attributes_text, encode_json
from cmdb.store.sqlite.values import change_values, follow_model, put_values
from cmdb.store.sqlite.wording import Searchable, change_words, drop_words, put_words
from graph_schema.document import model_from_document
from graph_schema.metamodel import Model

_compress = zstandard.ZstdCompressor(level=3).compress

_READ_HEAD: Final = "SELECT revision, hash FROM head"
_WRITE_HEAD: Final = """
INSERT INTO head VALUES(1, ?, ?, ?)
ON CONFLICT DO UPDATE SET revision = excluded.revision, hash = excluded.hash, time = excluded.time
"""
_APPEND: Final = "INSERT INTO ledger VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT_UP: Final = "INSERT INTO counter VALUES(?, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)"

_CREATE_NODE: Final = "INSERT INTO node VALUES(?, ?, ?, ?, ?, 0, ?, 1, ?)"
_KEEP_NODES: Final = """
INSERT OR IGNORE INTO node_version
SELECT n.ordinal, n.version, n.key, n.class, n.name, n.state, n.retired, n.attributes, n.since, ?2
FROM json_each(?1) AS w CROSS JOIN node AS n WHERE n.ordinal = w.value AND n.since < ?2
"""
_CHANGE_NODE: Final = """
UPDATE node SET state = ?3, attributes = json_patch(attributes, ?4), version = ?5, since = ?2 WHERE ordinal = ?1
"""
_RENAME_NODE: Final = "UPDATE node SET name = ?2 WHERE ordinal = ?1"
_RETIRE_NODE: Final = "UPDATE node SET state = ?3, retired = 1, version = ?4, since = ?2 WHERE ordinal = ?1"
_LINK: Final = "INSERT INTO relationship VALUES(?, ?, ?, ?, ?, ?, ?)"
_KEEP_RELATIONSHIPS: Final = """
INSERT OR IGNORE INTO relationship_version SELECT r.id, r.since, ?2, r.type, r.source, r.target, r.key, r.attributes
FROM json_each(?1) AS w CROSS JOIN relationship AS r WHERE r.id = w.value AND r.since < ?2
"""
_RELINK: Final = """
UPDATE relationship SET attributes = nullif(json_patch(coalesce(attributes, '{}'), ?3), '{}'), since = ?2 WHERE id = ?1
"""
_UNLINK: Final = "DELETE FROM relationship WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where effects go: the connection, the revision they make, and what is needed to write them."""

    connection: apsw.Connection
    revision: int
    searchable: Searchable
    type_codes: Mapping[str, int]
    value_codes: Mapping[str, int]


def check_head(connection: apsw.Connection, commit: Commit) -> None:
    """Raises Conflict unless this commit follows the store's newest."""
    revision, digest = connection.execute(_READ_HEAD).fetchone() or (0, GENESIS)
    if (revision + 1, digest) != (commit.revision, commit.header.previous):
        raise Conflict(
            f"the store is at revision {revision}; a commit for revision {commit.revision} does not follow it",
            remedy="read again, decide again, write again",
        )


def append(connection: apsw.Connection, commit: Commit) -> None:
    """Write the ledger entry and move the head."""
    h = commit.header
    connection.execute(
        _APPEND,
        (h.revision, h.time, h.actor, h.authority, h.reason, h.previous, commit.hash, _compress(commit.body)),
    )
    write_head(connection, commit.head)


def write_head(connection: apsw.Connection, head: Head) -> None:
    """Move the head."""
    connection.execute(_WRITE_HEAD, (head.revision, head.hash, head.time))


def apply_effects(target: Target, effects: Sequence[Effect]) -> None:
    """Write a commit's effects into the state, the history and the search index. O(effects · log n)."""
    for kind, run in groupby(effects, type):
        _APPLY[kind](target, list(run))


def install_model(connection: apsw.Connection, revision: int, document: str) -> Model:
    """Keep a model's document and its relationship types, and index the attributes that it asks for."""
    model = model_from_document(document.encode())
    connection.execute("INSERT INTO model VALUES(?, ?)", (revision, _compress(document.encode())))
    connection.executemany(
        "INSERT OR IGNORE INTO relationship_type(name) VALUES(?)",
        [(t.name,) for t in model.relationship_types],
    )
    follow_model(connection, model)
    return model


def _estate(target: Target, run: Sequence[EstateFounded]) -> None:
    target.connection.execute("INSERT INTO estate VALUES(1, ?)", (run[0].estate,))


def _installed(target: Target, run: Sequence[ModelInstalled]) -> None:
    """Done by `install_model` beforehand, as the rest of the commit is written under the new model."""


def _create(target: Target, run: Sequence[NodeCreated]) -> None:
    revision = target.revision
    target.connection.executemany(
        _CREATE_NODE,
        ((e.ordinal, e.key, e.class_name, e.name, e.state, attributes_text(e.attributes), revision) for e in run),
    )
    put_words(target.connection, target.searchable, run)
    put_values(target.connection, target.value_codes, run)
    numbers: dict[str, int] = {}
    for effect in run:
        code, _, number = effect.key.rpartition("-")
        numbers[code] = max(numbers.get(code, 0), int(number))
    target.connection.execute(_COUNT_UP, ("ordinal", max(e.ordinal for e in run) + 1))
    target.connection.executemany(_COUNT_UP, [(f"key:{code}", number + 1) for code, number in numbers.items()])


def _change(target: Target, run: Sequence[NodeChanged]) -> None:
    revision = target.revision
    _keep(target, _KEEP_NODES, [e.ordinal for e in run])
    target.connection.executemany(
        _CHANGE_NODE,
        [(e.ordinal, revision, e.state[1], attributes_text(e.after), e.version) for e in run],
    )
    target.connection.executemany(_RENAME_NODE, [(e.ordinal, e.name[1]) for e in run if e.name[0] != e.name[1]])
    change_values(target.connection, target.value_codes, run)
    change_words(target.connection, target.searchable, run)


def _retire(target: Target, run: Sequence[NodeRetired]) -> None:
    _keep(target, _KEEP_NODES, [e.ordinal for e in run])
    target.connection.executemany(_RETIRE_NODE, [(e.ordinal, target.revision, e.state[1], e.version) for e in run])
    drop_words(target.connection, run)


def _link(target: Target, run: Sequence[Linked]) -> None:
    codes, revision = target.type_codes, target.revision
    target.connection.executemany(
        _LINK,
        (
            (
                e.id,
                codes[e.type],
                e.source,
                e.target,
                e.key,
                attributes_text(e.attributes) if e.attributes else None,
                revision,
            )
            for e in run
        ),
    )
    target.connection.execute(_COUNT_UP, ("relationship", max(e.id for e in run) + 1))


def _relink(target: Target, run: Sequence[Relinked]) -> None:
    _keep(target, _KEEP_RELATIONSHIPS, [e.id for e in run])
    target.connection.executemany(_RELINK, [(e.id, target.revision, attributes_text(e.after)) for e in run])


def _unlink(target: Target, run: Sequence[Unlinked]) -> None:
    _keep(target, _KEEP_RELATIONSHIPS, [e.id for e in run])
    target.connection.executemany(_UNLINK, [(e.id,) for e in run])


def _keep(target: Target, statement: LiteralString, ids: Sequence[int]) -> None:
    """Put into the history how these nodes or relationships stood before this commit."""
    target.connection.execute(statement, (encode_json(ids).decode(), target.revision))


_APPLY: Final[dict[type[Effect], Callable[[Target, Sequence[Any]], None]]] = {  # pyright: ignore[reportExplicitAny]  # a run holds effects of its key's type
    EstateFounded: _estate,
    ModelInstalled: _installed,
    NodeCreated: _create,
    NodeChanged: _change,
    NodeRetired: _retire,
    Linked: _link,
    Relinked: _relink,
    Unlinked: _unlink,
}
