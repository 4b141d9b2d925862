"""The product's own export: one JSON object a line, a node or a relationship; ends are ids.

The id of a node in the export is its source key. An end that is written as a key or `Class:name` means a node that
is known already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cmdb.reconciliation.claims import (
    ClaimEnd,
    Item,
    Known,
    NodeClaim,
    Progress,
    Raw,
    RelationshipClaim,
    RowError,
    Where,
)
from cmdb.secrets import looks_like_secret, suspicious
from graph_schema.metamodel import Model
from importers.claiming import LONGEST_NAME, concrete, unknown, without_secrets
from importers.text import MEBIBYTE, Bounds, Note, Reader, Rejected, head_of, progress_of

BOUNDS: Final = Bounds(file=MEBIBYTE * MEBIBYTE, line=4 * MEBIBYTE)


class Ndjson:
    """Importer of exports: `*.ndjson`, plain or compressed with gzip or Zstandard."""

    name = "ndjson"

    def recognises(self, path: Path) -> bool:
        """By the first characters of the file: an object with `node` or `relationship` as its first member."""
        return path.is_file() and _START.match(head_of(path)) is not None

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims line by line, in the order of the files. Memory is O(longest line)."""
        note = progress_of(list(paths), progress)
        for path in paths:
            yield from _File(str(path), model).items(path, note)


class _Node(msgspec.Struct, gc=False):
    id: str
    class_name: str = msgspec.field(name="class")
    name: str
    state: str | None = None
    attributes: dict[str, Raw] = {}


class _Relationship(msgspec.Struct, gc=False):
    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    key: str = ""
    attributes: dict[str, Raw] = {}


class _Line(msgspec.Struct, gc=False):
    node: _Node | None = None
    relationship: _Relationship | None = None


_DECODER: Final = msgspec.json.Decoder(_Line)
_START: Final = re.compile(rb'\s*\{\s*"(?:node|relationship)"\s*:\s*\{')
_REFERENCE: Final = re.compile(r"[A-Z][A-Z0-9]{1,5}-\d{1,18}|[A-Z][A-Za-z0-9]{0,63}:.*", re.DOTALL)
_AFTER_CAPITALS: Final = "["
"""What is not below it is no reference."""
_SAMPLE: Final = "aB3dE5gH7jK9mN1pQ2rS4tU6"
"""A value that is a secret under every name that can make one."""
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _File:
    """The way through one file, piece by piece."""

    def __init__(self, file: str, model: Model) -> None:
        self._file = file
        self._row = 0
        self._classes = frozenset(concrete(model))
        self._types = frozenset(model.type_by_name)
        self._plain_names: set[str] = set()

    def items(self, path: Path, note: Note) -> Iterator[Item]:
        try:
            with Reader(path, BOUNDS, note) as reader:
                rest: list[bytes] = []
                while piece := reader.read():
                    whole, end, tail = piece.rpartition(b"\n")
                    if end:
                        yield from self._piece(b"".join((*rest, whole)))
                        rest = []
                    rest.append(tail)
                if last := b"".join(rest):
                    yield from self._piece(last)
        except Rejected as rejection:
            yield rejection.error

    def _piece(self, piece: bytes) -> list[Item]:
        """Whole lines. They are decoded at once, and one by one only when something is wrong with one of them."""
        found: list[Item] = []
        try:
            decoded = _DECODER.decode_lines(piece)
        except _FAULTS:
            decoded = []
        if len(decoded) == piece.count(b"\n") + 1:
            self._lines(decoded, found)
            return found
        for text in piece.split(b"\n"):
            self._row += 1
            if text.strip():
                self._one(text, found)
        return found

    def _one(self, text: bytes, found: list[Item]) -> None:
        if self._row == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        try:
            line = _DECODER.decode(text)
        except _FAULTS as error:
            reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            message = f"the line cannot be read: {reason}"
            found.append(self._error(message, "write one object of the export format a line"))
            return
        self._line(line, found)

    def _lines(self, decoded: list[_Line], found: list[Item]) -> None:
        """Lines one after the other; most say that a relationship is there, and no more."""
        types, file, row = self._types, self._file, self._row
        for line in decoded:
            row += 1
            link = line.relationship
            if link is None or line.node is not None or link.attributes or link.type not in types:
                self._row = row
                self._line(line, found)
                continue
            source, target = link.source, link.target
            found.append(
                RelationshipClaim(
                    type=link.type,
                    source=_end(source) if source < _AFTER_CAPITALS else source,
                    target=_end(target) if target < _AFTER_CAPITALS else target,
                    key=link.key,
                    where=Where(file, row),
                )
            )
        self._row = row

    def _line(self, line: _Line, found: list[Item]) -> None:
        if line.node is not None and line.relationship is None:
            self._node(line.node, found)
        elif line.relationship is not None and line.node is None:
            self._relationship(line.relationship, found)
        else:
            message = "the line has not exactly one of `node` and `relationship`"
            found.append(self._error(message, "put each on a line of its own"))

    def _node(self, node: _Node, found: list[Item]) -> None:
        where = Where(self._file, self._row)
        if node.class_name not in self._classes:
            found.append(unknown(where, "class", node.class_name, self._classes))
            return
        if not node.id or not node.name or len(node.id) > LONGEST_NAME or len(node.name) > LONGEST_NAME:
            message = f"a node needs an id and a name of 1 to {LONGEST_NAME} characters"
            found.append(self._error(message, "give it both"))
            return
        if suspicious(node.name) and (reason := looks_like_secret("", node.name)):
            found.append(self._error(f"the name of the node {reason}", "give it a name that is no secret"))
            return
        if node.attributes and self._may_hold_secrets(node.attributes):
            found += without_secrets(where, node.attributes)
        found.append(
            NodeClaim(
                source_key=node.id,
                class_name=node.class_name,
                name=node.name,
                state=node.state,
                attributes=node.attributes,
                where=where,
            )
        )

    def _relationship(self, line: _Relationship, found: list[Item]) -> None:
        where = Where(self._file, self._row)
        if line.type not in self._types:
            found.append(unknown(where, "relationship type", line.type, self._types))
            return
        if line.attributes and self._may_hold_secrets(line.attributes):
            found += without_secrets(where, line.attributes)
        found.append(
            RelationshipClaim(
                type=line.type,
                source=_end(line.source),
                target=_end(line.target),
                key=line.key,
                attributes=line.attributes,
                where=where,
            )
        )

    def _may_hold_secrets(self, attributes: dict[str, Raw]) -> bool:
        """Whether the slow look is needed. Names are few, so each is judged once; most values are short."""
        for name, value in attributes.items():
            if name not in self._plain_names:
                if looks_like_secret(name, _SAMPLE):
                    return True
                self._plain_names.add(name)
            if isinstance(value, str):
                if suspicious(value):
                    return True
            elif isinstance(value, list):
                return True
        return False

    def _error(self, message: str, remedy: str) -> RowError:
        return RowError(where=Where(self._file, self._row), message=message, remedy=remedy)


def _end(reference: str) -> ClaimEnd:
    return Known(reference) if reference < _AFTER_CAPITALS and _REFERENCE.fullmatch(reference) else reference
