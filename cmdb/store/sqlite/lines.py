"""Canonical lines of a state: SQLite writes them, a bucket at a time, and lets go of the interpreter's lock meanwhile.

Attributes are stored as canonical text when a node is created; a patch may leave their names in another order, so lines
of what may have been changed are written again here. A line that is no JSON stays as it is: whoever compares will meet it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, LiteralString, cast

import apsw
import msgspec

from cmdb.ledger import BUCKET
from cmdb.nodes import LAST
from cmdb.store.lines import Lines
from cmdb.store.sqlite.rows import encode_json

AT_ONCE: Final = 64
"""Buckets a stream gives at a time."""

_NODE: Final = "ordinal AS ident, key, class, name, state, attributes, version, since"
_EDGE: Final = "id AS ident, type, source, target, key, attributes, since"

_NODE_LINE: Final = """
'[' || ident || ',' || json_quote(key) || ',' || json_quote(class) || ',' || json_quote(name) || ',' || json_quote(state)
|| ',' || attributes || ',' || version || ',' || since || ']'
"""
_EDGE_LINE: Final = """
'[' || ident || ',' || json_quote((SELECT t.name FROM relationship_type AS t WHERE t.code = type)) || ',' || source
|| ',' || target || ',' || json_quote(key) || ',' || coalesce(attributes, '{}') || ',' || since || ']'
"""
_NODES_NOW: Final = f"SELECT {_NODE} FROM node WHERE ordinal >= :first AND ordinal < :beyond AND since <= :as_of"
_NODES_THEN: Final = f"""
SELECT {_NODE} FROM node_version WHERE ordinal >= :first AND ordinal < :beyond AND since <= :as_of AND until > :as_of
"""
_EDGES_NOW: Final = f"SELECT {_EDGE} FROM relationship WHERE id >= :first AND id < :beyond AND since <= :as_of"
_EDGES_THEN: Final = f"""
SELECT {_EDGE} FROM relationship_version WHERE id >= :first AND id < :beyond AND since <= :as_of AND until > :as_of
"""
_NODE_TEXT: Final = f"SELECT CAST(group_concat({_NODE_LINE}, char(10)) AS BLOB), max(version) > 1"
_EDGE_TEXT: Final = (
    f"SELECT CAST(group_concat({_EDGE_LINE}, char(10)) AS BLOB), max(instr(coalesce(attributes, ''), ',')) > 0"
)

_ENDED_NODES: Final = "SELECT DISTINCT ordinal / ?2 FROM node_version WHERE until > ?1 AND since <= ?1"
_ENDED_EDGES: Final = "SELECT DISTINCT id / ?2 FROM relationship_version WHERE until > ?1 AND since <= ?1"
"""Buckets of which some were otherwise then; the others are read from the present alone, which is quicker."""

_NODE_IDS: Final = "SELECT coalesce(max(ordinal) + 1, 0) FROM node"
_EDGE_IDS: Final = "SELECT coalesce(max(next), 0) FROM counter WHERE name = 'relationship'"


@dataclass(frozen=True, slots=True)
class _Statements:
    """How lines of one kind are read: the next id, buckets that have a past, and a bucket without and with it.

    `canonical` puts the attributes of a line in order that is in a bucket with patched ones.
    """

    size: LiteralString
    ended: LiteralString
    now: LiteralString
    then: LiteralString
    canonical: Callable[[bytes], bytes]


def _canonical_node(line: bytes) -> bytes:
    """A node's line, which ends with its version and since when it holds; the first version was never patched."""
    return line if line.rsplit(b",", 2)[1:2] == [b"1"] else _sorted(line)


def _sorted(line: bytes) -> bytes:
    try:
        return encode_json(msgspec.json.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line


_OF_NODES: Final = _Statements(
    _NODE_IDS,
    _ENDED_NODES,
    f"{_NODE_TEXT} FROM ({_NODES_NOW} ORDER BY ident)",
    f"{_NODE_TEXT} FROM ({_NODES_NOW} UNION ALL {_NODES_THEN} ORDER BY ident)",
    _canonical_node,
)
_OF_EDGES: Final = _Statements(
    _EDGE_IDS,
    _ENDED_EDGES,
    f"{_EDGE_TEXT} FROM ({_EDGES_NOW} ORDER BY ident)",
    f"{_EDGE_TEXT} FROM ({_EDGES_NOW} UNION ALL {_EDGES_THEN} ORDER BY ident)",
    _sorted,
)


def node_lines(
    connection: apsw.Connection, as_of: int | None, buckets: Sequence[int] | None = None
) -> Iterator[list[Lines]]:
    """The lines of all nodes, or of those in some buckets, in batches. O(n)."""
    return _batches(_lines(connection, _OF_NODES, as_of, buckets))


def relationship_lines(
    connection: apsw.Connection, as_of: int | None, buckets: Sequence[int] | None = None
) -> Iterator[list[Lines]]:
    """The lines of all relationships, or of those in some buckets, in batches. O(n)."""
    return _batches(_lines(connection, _OF_EDGES, as_of, buckets))


def _lines(
    connection: apsw.Connection, statements: _Statements, as_of: int | None, buckets: Sequence[int] | None
) -> Iterator[Lines]:
    size = cast("int", connection.execute(statements.size).get)
    then = LAST if as_of is None else as_of
    ended = {row[0] for row in connection.execute(statements.ended, (then, BUCKET))}
    for bucket in range(-(-size // BUCKET)) if buckets is None else buckets:
        statement = statements.then if bucket in ended else statements.now
        parameters = {"first": BUCKET * bucket, "beyond": BUCKET * (bucket + 1), "as_of": then}
        text, patched = cast("tuple[bytes | None, int]", connection.execute(statement, parameters).fetchone())
        if text is not None:
            yield Lines(bucket, b"\n".join(map(statements.canonical, text.split(b"\n"))) if patched else text)


def _batches(lines: Iterator[Lines]) -> Iterator[list[Lines]]:
    while batch := list(islice(lines, AT_ONCE)):
        yield batch
