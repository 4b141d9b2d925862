"""Numbers by the million: SQLite writes them as digits into one text for many rows, numpy reads them from there.

A row that is handed to Python costs a microsecond and a half, one in such a text a third of a microsecond; and SQLite
works without the interpreter's lock meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

import apsw
import numpy as np
import numpy.typing as npt

from cmdb.store.port import NodeColumns, RelationshipColumns
from cmdb.store.sqlite.compiling import nodes_table

_IDS_AT_ONCE: Final = 50_000
_DIGITS: Final = 19
_FIRST: Final = 10 ** (_DIGITS - 1)
"""Added to each number, so that each has the same digits; above it there is room for 62 bits."""
_PLACES: Final = 10 ** np.arange(_DIGITS - 1, -1, -1, dtype=np.int64)

ORDINALS: Final = "group_concat(1000000000000000000 + n.ordinal, '')"
"""The ordinals of the nodes `n`, as digits."""

_RELATIONSHIPS: Final = (
    "group_concat((1000000000000000000 + (r.source << 31 | r.target)) || "
    "(1000000000000000000 + (r.id << 16 | r.type)), '')"
)
_PRESENT: Final = f"SELECT {_RELATIONSHIPS} FROM relationship AS r WHERE r.id >= ?1 AND r.id < ?2 AND r.since <= ?3"
_ENDED: Final = f"""
SELECT {_RELATIONSHIPS} FROM relationship_version AS r WHERE r.until > ?1 AND r.since <= ?1 GROUP BY r.until
"""


def node_columns(connection: apsw.Connection, classes: Sequence[str], as_of: int | None) -> NodeColumns:
    """Class and retirement of every node. Classes of the present come out of their index alone. O(n)."""
    table = nodes_table(as_of)
    then = {} if as_of is None else {"as_of": as_of}
    code_of = {name: code for code, name in enumerate(classes)}
    size = cast("int", connection.execute("SELECT coalesce(max(ordinal) + 1, 0) FROM node").get)
    codes, retired = np.full(size, -1, dtype=np.int16), np.zeros(size, dtype=np.bool_)
    by_class = connection.execute(f"SELECT n.class, {ORDINALS} FROM {table} AS n GROUP BY n.class", then)
    for class_name, ordinals in cast("Iterator[tuple[str, str]]", by_class):
        codes[unpacked(ordinals)] = code_of[class_name]
    gone = connection.execute(f"SELECT {ORDINALS} FROM {table} AS n WHERE n.retired", then)
    retired[unpacked(cast("str | None", gone.get))] = True
    return NodeColumns(classes=tuple(classes), class_code=codes, retired=retired)


def relationship_columns(
    connection: apsw.Connection, types: Sequence[str], type_codes: Mapping[str, int], as_of: int
) -> RelationshipColumns:
    """The relationships of these types as of a revision, in ascending order of id. O(n)."""
    recode = np.full(max(type_codes.values(), default=0) + 1, -1, dtype=np.int16)
    for index, name in enumerate(types):
        if name in type_codes:
            recode[type_codes[name]] = index
    parts = [_part(text, recode) for text in _texts(connection, as_of)] or [_part("", recode)]
    ident, code, source, target = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    if (ident[1:] <= ident[:-1]).any():
        order = np.argsort(ident)
        ident, code, source, target = ident[order], code[order], source[order], target[order]
    return RelationshipColumns(types=tuple(types), id=ident, type_code=code, source=source, target=target)


def _texts(connection: apsw.Connection, as_of: int) -> Iterator[str | None]:
    size = cast("int", connection.execute("SELECT coalesce(max(id) + 1, 0) FROM relationship").get)
    for first in range(0, size, _IDS_AT_ONCE):
        yield cast("str | None", connection.execute(_PRESENT, (first, first + _IDS_AT_ONCE, as_of)).get)
    for (text,) in cast("Iterator[tuple[str]]", connection.execute(_ENDED, (as_of,))):
        yield text


_Part = tuple[npt.NDArray[np.int64], npt.NDArray[np.int16], npt.NDArray[np.int32], npt.NDArray[np.int32]]


def _part(text: str | None, recode: npt.NDArray[np.int16]) -> _Part:
    ends, rest = unpacked(text).reshape(-1, 2).T
    code = recode[rest & 0xFFFF]
    wanted = code >= 0
    ends, rest = ends[wanted], rest[wanted]
    return rest >> 16, code[wanted], (ends >> 31).astype(np.int32), (ends & 0x7FFFFFFF).astype(np.int32)


def unpacked(text: str | None) -> npt.NDArray[np.int64]:
    """The numbers in a text of SQLite's, which is None where there were no rows."""
    digits = np.frombuffer((text or "").encode(), dtype=np.uint8).reshape(-1, _DIGITS) - np.uint8(ord("0"))
    return cast("npt.NDArray[np.int64]", np.einsum("ij,j->i", digits, _PLACES)) - _FIRST
