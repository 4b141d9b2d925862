"""Cursors: where a page ended, as opaque text that every store reads alike.

A cursor holds its sort, so that one that was made for another order is refused rather than misread.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from cmdb.errors import Usage
from cmdb.filters import FIELDS, field_type
from cmdb.store.port import Sort
from graph_schema.metamodel import AttributeType, Model
from graph_schema.values import Scalar

_REMEDY: Final = "start again without a cursor"


class _Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    field: str
    descending: bool
    value: Scalar | None
    ordinal: int


_LARGEST: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Place).decode


def encode(sort: Sort, value: Scalar | None, ordinal: int) -> str:
    """The cursor of a row: its canonical value in the field sorted by (None: absent), and its ordinal."""
    place = _encode(_Place(field=sort.field, descending=sort.descending, value=value, ordinal=ordinal))
    return urlsafe_b64encode(place).decode("ascii").rstrip("=")


def decode(sort: Sort, text: str) -> tuple[Scalar | None, int]:
    """The value and ordinal in a cursor. Raises Usage when it is damaged or belongs to another sort."""
    try:
        place = _decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.DecodeError) as error:
        raise Usage("the cursor is damaged", remedy=_REMEDY) from error
    if (place.field, place.descending) != (sort.field, sort.descending):
        raise Usage(f"the cursor was made for a list sorted by {place.field!r}, not by {sort.field!r}", remedy=_REMEDY)
    return place.value, place.ordinal


def place_after(model: Model, sort: Sort, text: str) -> tuple[Scalar | None, int]:
    """The value and ordinal in a cursor, which are such as a row can have. Raises Usage as `decode` does."""
    value, ordinal = decode(sort, text)
    absent = value is None and sort.field not in FIELDS
    if not 0 <= ordinal <= _LARGEST or not (absent or _fits(field_type(model, sort.field), value)):
        raise Usage("the cursor names a row that no list can have", remedy=_REMEDY)
    return value, ordinal


def _fits(kind: AttributeType | None, value: Scalar | None) -> bool:
    match kind:
        case AttributeType.BOOLEAN:
            return isinstance(value, bool)
        case AttributeType.INTEGER | AttributeType.DURATION:
            return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST - 1 <= value <= _LARGEST
        case AttributeType.DECIMAL:
            return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
        case _:
            return isinstance(value, str)
