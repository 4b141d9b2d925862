"""Cursors: where a page ended, as opaque text that every store reads alike.

A cursor holds its sort, so that one that was made for another order is refused rather than misread.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from cmdb.errors import Usage
from cmdb.store.port import Sort
from graph_schema.values import Scalar

_REMEDY: Final = "start again without a cursor"


class _Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    field: str
    descending: bool
    value: Scalar | None
    ordinal: int


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
