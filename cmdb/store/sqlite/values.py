"""Values of indexed attributes: one table for all of them, beside the nodes and always in step with them.

A row of `node_value` says that the node now has this value, live or retired. Attributes are numbered in
`indexed_attribute`; which ones are in it follows from the model in force. Values are as JSON has them: text is ordered
by code points, whole numbers exactly, a decimal is its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

import apsw

from cmdb.changeset import NodeChanged, NodeCreated
from cmdb.store.sqlite.rows import encode_json
from graph_schema.emit.sql import indexed_attributes
from graph_schema.metamodel import Model
from graph_schema.values import Scalar, Value

_CODES: Final = "SELECT name, code FROM indexed_attribute"
_NUMBER: Final = "INSERT INTO indexed_attribute(name) VALUES(?)"
_FILL: Final = """
INSERT INTO node_value SELECT a.code, v.atom, n.ordinal
FROM node AS n, json_each(n.attributes) AS v JOIN indexed_attribute AS a ON a.name = v.key
WHERE v.atom IS NOT NULL AND v.key IN (SELECT value FROM json_each(?))
"""
_FORGET: Final = "DELETE FROM indexed_attribute WHERE code = ?"
_EMPTY: Final = "DELETE FROM node_value WHERE attribute = ?"

_PUT: Final = "INSERT INTO node_value VALUES(?, ?, ?)"
_TAKE: Final = "DELETE FROM node_value WHERE attribute = ? AND value = ? AND ordinal = ?"


def value_codes(connection: apsw.Connection) -> dict[str, int]:
    """The number of each indexed attribute."""
    return dict(cast("Iterator[tuple[str, int]]", connection.execute(_CODES)))


def follow_model(connection: apsw.Connection, model: Model) -> None:
    """Index what the model asks for, with the values that nodes have already, and nothing else. O(n) if that differs."""
    wanted, known = indexed_attributes(model), value_codes(connection)
    gone = [(code,) for name, code in known.items() if name not in wanted]
    connection.executemany(_EMPTY, gone)
    connection.executemany(_FORGET, gone)
    new = [name for name in wanted if name not in known]
    connection.executemany(_NUMBER, [(name,) for name in new])
    if new:
        connection.execute(_FILL, (encode_json(new).decode(),))


def put_values(connection: apsw.Connection, codes: Mapping[str, int], created: Sequence[NodeCreated]) -> None:
    """Index the values of new nodes."""
    connection.executemany(_PUT, [row for e in created for row in _rows(codes, e.attributes, e.ordinal)])


def change_values(connection: apsw.Connection, codes: Mapping[str, int], changed: Sequence[NodeChanged]) -> None:
    """Index the values that nodes have now instead of those they had; a node that changes twice has what it got last."""
    before: dict[int, dict[str, Value | None]] = {}
    after: dict[int, dict[str, Value | None]] = {}
    for e in changed:
        if not e.after.keys().isdisjoint(codes):
            before[e.ordinal] = {**e.before, **before.get(e.ordinal, {})}
            after[e.ordinal] = {**after.get(e.ordinal, {}), **e.after}
    connection.executemany(_TAKE, [row for ordinal, had in before.items() for row in _rows(codes, had, ordinal)])
    connection.executemany(_PUT, [row for ordinal, has in after.items() for row in _rows(codes, has, ordinal)])


def _rows(
    codes: Mapping[str, int], attributes: Mapping[str, Value | None], ordinal: int
) -> Iterator[tuple[int, Scalar, int]]:
    for name, value in attributes.items():
        if name in codes and value is not None and not isinstance(value, tuple):
            yield codes[name], value, ordinal
