"""Canonical lines of a state: SQLite writes them, a bucket at a time, and lets go of the interpreter's lock meanwhile.

Attributes are stored as canonical text when a node is created; a patch may leave their names in another order, so lines
of what was ever changed are written again here. A line that is no JSON stays as it is: whoever compares will meet it.
"""

from __future__ import annotations

from collections.abc import Iterator
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
_NODES: Final = f"""
SELECT CAST(group_concat({_NODE_LINE}, char(10)) AS BLOB), max(version) > 1 FROM (
  SELECT {_NODE} FROM node WHERE ordinal >= :first AND ordinal < :beyond AND since <= :as_of
  UNION ALL
  SELECT {_NODE} FROM node_version WHERE ordinal >= :first AND ordinal < :beyond AND since <= :as_of AND until > :as_of
  ORDER BY ident
)
"""
_EDGES: Final = f"""
SELECT CAST(group_concat({_EDGE_LINE}, char(10)) AS BLOB), max(instr(coalesce(attributes, ''), ',')) > 0 FROM (
  SELECT {_EDGE} FROM relationship WHERE id >= :first AND id < :beyond AND since <= :as_of
  UNION ALL
  SELECT {_EDGE} FROM relationship_version WHERE id >= :first AND id < :beyond AND since <= :as_of AND until > :as_of
  ORDER BY ident
)
"""
_NODE_IDS: Final = "SELECT coalesce(max(ordinal) + 1, 0) FROM node"
_EDGE_IDS: Final = "SELECT coalesce(max(next), 0) FROM counter WHERE name = 'relationship'"


def node_lines(connection: apsw.Connection, as_of: int | None) -> Iterator[list[Lines]]:
    """The lines of all nodes, in batches. O(n)."""
    return _batches(_lines(connection, _NODES, _NODE_IDS, as_of))


def relationship_lines(connection: apsw.Connection, as_of: int | None) -> Iterator[list[Lines]]:
    """The lines of all relationships, in batches. O(n)."""
    return _batches(_lines(connection, _EDGES, _EDGE_IDS, as_of))


def _lines(
    connection: apsw.Connection, statement: LiteralString, ids: LiteralString, as_of: int | None
) -> Iterator[Lines]:
    size = cast("int", connection.execute(ids).get)
    then = LAST if as_of is None else as_of
    for first in range(0, size, BUCKET):
        found = connection.execute(statement, {"first": first, "beyond": first + BUCKET, "as_of": then}).fetchone()
        text, patched = cast("tuple[bytes | None, int]", found)
        if text is not None:
            yield Lines(first // BUCKET, _canonical(text) if patched else text)


def _batches(lines: Iterator[Lines]) -> Iterator[list[Lines]]:
    while batch := list(islice(lines, AT_ONCE)):
        yield batch


def _canonical(text: bytes) -> bytes:
    return b"\n".join(map(_sorted, text.split(b"\n")))


def _sorted(line: bytes) -> bytes:
    try:
        return encode_json(msgspec.json.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line
