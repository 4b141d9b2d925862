"""Who has which value of one attribute: SQLite gathers the ids under each value, as digits; see `columns`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, LiteralString, cast

import apsw
import msgspec
import numpy as np

from cmdb.nodes import LAST
from cmdb.store.port import ValueColumns
from cmdb.store.sqlite.columns import unpacked
from cmdb.store.sqlite.rows import encode_json
from graph_schema.values import Value

_decode = msgspec.json.Decoder(Value).decode

_NODES: Final = """
SELECT ordinal AS ident, attributes FROM node WHERE since <= :as_of
UNION ALL
SELECT ordinal, attributes FROM node_version WHERE until > :as_of AND since <= :as_of
"""
_RELATIONSHIPS: Final = """
SELECT id AS ident, attributes FROM relationship
WHERE attributes IS NOT NULL AND since <= :as_of AND type IN (SELECT value FROM json_each(:types))
UNION ALL
SELECT id, attributes FROM relationship_version
WHERE attributes IS NOT NULL AND until > :as_of AND since <= :as_of AND type IN (SELECT value FROM json_each(:types))
"""


def node_values(connection: apsw.Connection, name: str, as_of: int | None) -> ValueColumns:
    """Nodes that have the attribute. O(n), most of it passing over text that does not hold the name."""
    return _values(connection, _NODES, name, (), as_of)


def relationship_values(
    connection: apsw.Connection, name: str, type_codes: Sequence[int], as_of: int | None
) -> ValueColumns:
    """Relationships of these types that have the attribute. O(n), most of it passing over those without any."""
    return _values(connection, _RELATIONSHIPS, name, type_codes, as_of)


def _values(
    connection: apsw.Connection, items: LiteralString, name: str, type_codes: Sequence[int], as_of: int | None
) -> ValueColumns:
    rows = connection.execute(
        "SELECT value, group_concat(1000000000000000000 + ident, '') FROM ("
        f"SELECT ident, attributes -> :path AS value FROM ({items}) WHERE instr(attributes, :quoted)"
        ") WHERE value IS NOT NULL GROUP BY value",
        {
            "path": f'$."{name}"',
            "quoted": f'"{name}":',
            "types": encode_json(list(type_codes)).decode(),
            "as_of": LAST if as_of is None else as_of,
        },
    )
    found = [(_decode(value), unpacked(ids)) for value, ids in cast("Iterator[tuple[str, str]]", rows)]
    ident = np.concatenate([np.empty(0, np.int64), *(ids for _, ids in found)])
    code = np.repeat(np.arange(len(found), dtype=np.int32), [len(ids) for _, ids in found])
    order = np.argsort(ident)
    return ValueColumns(ident=ident[order], code=code[order], values=tuple(value for value, _ in found))
