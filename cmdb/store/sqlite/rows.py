"""Rows to values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from cmdb.nodes import Attributes, Node, NodeIds, Relationship
from graph_schema.values import Value, instant

Row = tuple[object, ...]

NodeRow = tuple[int, str, str, str, str, int, str, int, int]
"""(ordinal, key, class, name, state, retired, attributes, version, since)."""

RelationshipRow = tuple[int, int, int, int, str, str | None, int]
"""(id, type code, source, target, key, attributes, since)."""

_decode = msgspec.json.Decoder(dict[str, Value]).decode
encode_json: Final = msgspec.json.Encoder(order="sorted").encode

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def attributes_text(attributes: Mapping[str, Value | None]) -> str:
    """Attributes, or a patch of them, as the JSON text that is stored."""
    return encode_json(attributes).decode()


def attributes_of(text: str | None) -> Attributes:
    """Attributes from their stored text."""
    return _decode(text) if text else {}


def nodes_of(rows: Iterable[NodeRow], ids: NodeIds) -> list[Node]:
    """Nodes from their rows."""
    return [
        Node(
            ordinal=row[0],
            id=ids.id_of(row[0]),
            key=row[1],
            class_name=row[2],
            name=row[3],
            state=row[4],
            retired=bool(row[5]),
            attributes=_decode(row[6]),
            version=row[7],
            since=row[8],
        )
        for row in rows
    ]


def relationships_of(rows: Iterable[RelationshipRow], types: Mapping[int, str]) -> list[Relationship]:
    """Relationships from their rows."""
    return [
        Relationship(
            id=row[0],
            type=types[row[1]],
            source=row[2],
            target=row[3],
            key=row[4],
            attributes=attributes_of(row[5]),
            since=row[6],
        )
        for row in rows
    ]


@lru_cache(maxsize=64)
def microseconds(moment: str) -> int:
    """A canonical instant as microseconds since 1970."""
    return (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND if moment else 0


@lru_cache(maxsize=64)
def moment(since_1970: int) -> str:
    """Microseconds since 1970 as a canonical instant."""
    return instant(_EPOCH + since_1970 * _MICROSECOND) if since_1970 else ""
