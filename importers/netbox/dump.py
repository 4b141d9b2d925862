"""Reads a dump of Django objects (a JSON array, or an object a line) one object at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from cmdb.reconciliation.claims import RowError, Where
from importers.text import MEBIBYTE, Bounds, Note, Reader, Rejected, encoding_of, not_text, rejected

BOUNDS: Final = Bounds(file=MEBIBYTE * MEBIBYTE, line=None)
LARGEST_OBJECT: Final = 4 * MEBIBYTE
"""Characters of one object."""

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: `dcim.device`, its number, its fields; the sheet of `where` is the model, the row the number."""

    model: str
    pk: int
    fields: Fields
    where: Where


def entries(path: Path, note: Note = lambda _: None) -> Iterator[Entry | RowError]:
    """The objects of a dump in their order; those without a number (natural keys) are passed over.

    An object that cannot be used is an error; after text that is no JSON nothing more is read. Raises nothing but
    OSError. Memory is O(largest object).
    """
    try:
        with Reader(path, BOUNDS, note) as reader:
            yield from _entries(_Window(reader))
    except Rejected as rejection:
        yield rejection.error


def _entries(window: _Window) -> Iterator[Entry | RowError]:
    while window.skip():
        where, value = window.where(), window.take()
        model, pk, fields = value.get("model"), value.get("pk"), value.get("fields")
        if not isinstance(model, str) or not isinstance(fields, dict):
            message = f"object {window.count} has no `model` or no `fields`"
            yield RowError(where=where, message=message, remedy="export with `manage.py dumpdata`")
        elif isinstance(pk, int) and not isinstance(pk, bool):
            known = cast("Fields", fields)
            yield Entry(model, pk, known, Where(where.file, max(pk, 0), model[:100]))


_BETWEEN: Final = re.compile(r"[\s,]*")


class _Window:
    """The part of the text that is looked at: at most one object and a piece."""

    def __init__(self, reader: Reader) -> None:
        self.count = 0
        self._reader = reader
        head = reader.read()
        self._encoding, skip = encoding_of(head)
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        self._text = ""
        self._at = 0
        self._row = 1
        self._counted = 0
        self._ended = False
        self._bytes = skip
        self._decode(head[skip:])
        self._json = json.JSONDecoder(parse_constant=_no_constant)

    def skip(self) -> bool:
        """Goes to the next object; False at the end."""
        while True:
            found = _BETWEEN.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                character = self._text[self._at]
                if character not in "[]":
                    return True
                if (character == "[") != (self.count == 0):
                    return False
                self._at += 1
                if character == "]":
                    return False
            elif not self._more():
                return False

    def where(self) -> Where:
        """The line of the present place."""
        self._row += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return Where(self._reader.file, self._row)

    def take(self) -> dict[str, object]:
        """The object here. Raises Rejected when there is none, or when it is too large."""
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at <= LARGEST_OBJECT and self._double():
                    continue
                raise self._fault(error.msg if self._ended else "an object is too large, or never ends") from None
            except (ValueError, RecursionError):
                raise self._fault("a number is too long, or values are nested too deep") from None
            if not isinstance(value, dict):
                raise self._fault("there is a value that is no object")
            self.count += 1
            self._at = end
            return cast("dict[str, object]", value)

    def _double(self) -> bool:
        """Reads until what remains is twice as long, so that an object is looked at O(log of its size) times."""
        wanted = 2 * (len(self._text) - self._at)
        grown = False
        while len(self._text) - self._at < wanted and self._more():
            grown = True
        return grown

    def _more(self) -> bool:
        if self._ended:
            return False
        self._row += self._text.count("\n", self._counted, self._at)
        self._text, self._at, self._counted = self._text[self._at :], 0, 0
        self._decode(self._reader.read())
        return True

    def _decode(self, piece: bytes) -> None:
        pending = len(self._decoder.getstate()[0])
        try:
            self._text += self._decoder.decode(piece, not piece)
        except UnicodeDecodeError as error:
            at = self._bytes - pending + error.start
            raise rejected(*not_text(self._reader.file, self.where().row, at, self._encoding)) from None
        self._bytes += len(piece)
        self._ended = not piece

    def _fault(self, reason: str) -> Rejected:
        message = f"object {self.count + 1} of the dump cannot be read: {reason}"
        return rejected(self.where(), message, "export it again with `manage.py dumpdata`; do not edit it by hand")


def _no_constant(name: str) -> float:
    raise ValueError(name)
