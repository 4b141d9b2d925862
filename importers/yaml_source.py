"""YAML from strangers: documents one by one, every value with its line, no types guessed, no bombs.

Scalars stay as they are written (`3.10`, `22:22`, `no` are text); only an unquoted `null`, `~` or nothing is None.
Tags are ignored. Aliases share one value, and are counted as if they were written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from cmdb.reconciliation.claims import RowError, Where
from importers.text import MEBIBYTE, Bounds, Note, Reader, Rejected, rejected

BOUNDS: Final = Bounds(file=64 * MEBIBYTE, line=MEBIBYTE)
DEEPEST: Final = 64
"""Levels of nesting, aliases included."""
ALIAS_ALLOWANCE: Final = 100_000
"""Values that aliases may stand for, besides ten times the values that are written."""


class YamlMap(dict[str, "Yaml"]):
    """A mapping; `row` is its line, `rows` the line of each key."""

    __slots__ = ("row", "rows")

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row
        self.rows: dict[str, int] = {}


class YamlList(list["Yaml"]):
    """A sequence; `row` is its line, `rows` the line of each element."""

    __slots__ = ("row", "rows")

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row
        self.rows: list[int] = []


Yaml = str | None | YamlMap | YamlList


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, and the line that it starts at."""

    value: Yaml
    row: int


def documents(path: Path, note: Note = lambda _: None, bounds: Bounds = BOUNDS) -> Iterator[Document | RowError]:
    """The documents of a YAML (or JSON) file in their order; what is wrong with one comes before it.

    A duplicate key is an error and its first value stays. A syntax error, a byte that is no text, nesting deeper
    than DEEPEST and aliases that stand for too much end the file. Raises nothing but OSError. Memory is O(largest
    document).
    """
    try:
        with Reader(path, bounds, note) as reader:
            try:
                yield from _documents(reader)
            except yaml.YAMLError as error:
                raise _syntax_error(reader, error) from None
    except Rejected as rejection:
        yield rejection.error


def _documents(reader: Reader) -> Iterator[Document | RowError]:
    loader = yaml.CSafeLoader(reader)  # the scanner and parser only: no value is constructed by it
    try:
        builder = _Builder(reader.file)
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(reader.file)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield from builder.errors
                yield builder.document()
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                builder.take(event)
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Built:
    """A value with what it costs: its line, the values in it when aliases are written out, its height."""

    value: Yaml
    row: int
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come; of a mapping also the key that waits for its value, and its merges."""

    built: _Built
    anchor: str | None
    key: str | None = None
    key_row: int = 0
    merges: list[YamlMap] = field(default_factory=list[YamlMap])


class _Builder:
    """Puts one document together from parser events, with a stack of its own, so nesting costs no recursion."""

    def __init__(self, file: str) -> None:
        self.errors: list[RowError] = []
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._written = 0
        self._root = _Built(None, 1)

    def document(self) -> Document:
        return Document(self._root.value, self._root.row)

    def take(self, event: yaml.Event) -> None:
        row = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.ScalarEvent():
                value = None if event.implicit[0] and event.value in _NULLS else str(event.value)
                built = _Built(value, row)
                if event.anchor is not None:
                    self._anchors[event.anchor] = built
                self._add(built)
            case yaml.AliasEvent():
                self._add(self._aliased(str(event.anchor), row))
            case yaml.CollectionStartEvent():
                mapping = isinstance(event, yaml.MappingStartEvent)
                if event.anchor is not None:
                    self._anchors[event.anchor] = None
                self._stack.append(_Open(_Built(YamlMap(row) if mapping else YamlList(row), row), event.anchor))
                if len(self._stack) > DEEPEST:
                    raise self._too_deep(row)
            case _:
                self._close()

    def _close(self) -> None:
        ended = self._stack.pop()
        if isinstance(ended.built.value, YamlMap):
            _merge(ended.built.value, ended.merges)
        if ended.anchor is not None:
            self._anchors[ended.anchor] = ended.built
        self._add(ended.built)

    def _add(self, built: _Built) -> None:
        self._written += 1
        if not self._stack:
            self._root = built
            return
        top = self._stack[-1]
        container = top.built
        container.size += built.size
        container.height = max(container.height, built.height + 1)
        if container.size > ALIAS_ALLOWANCE + 10 * self._written:
            raise rejected(
                Where(self._file, built.row),
                "aliases repeat so much that the document would be more than ten times its size",
                "write out what is meant, or repeat less",
            )
        if len(self._stack) + built.height > DEEPEST:
            raise self._too_deep(built.row)
        if isinstance(container.value, YamlList):
            container.value.append(built.value)
            container.value.rows.append(built.row)
        elif isinstance(container.value, YamlMap):
            self._add_to_mapping(top, container.value, built)

    def _add_to_mapping(self, top: _Open, mapping: YamlMap, built: _Built) -> None:
        if top.key is None:
            if isinstance(built.value, YamlMap | YamlList):
                self._error(built.row, "a key is a list or a mapping", "use text as the key")
                top.key = f"line {built.row}"
            else:
                top.key = built.value or ""
                mapping.rows.setdefault(top.key, built.row)
            top.key_row = built.row
            return
        key, top.key = top.key, None
        if key == "<<":
            del mapping.rows[key]
            top.merges += self._merged(built)
        elif key in mapping:
            again = f"the key {_shown(key)} stands here again; first in line {mapping.rows[key]}"
            self._error(top.key_row, again, "keep one of them")
        else:
            mapping[key] = built.value

    def _merged(self, built: _Built) -> list[YamlMap]:
        values = built.value if isinstance(built.value, YamlList) else [built.value]
        if not all(isinstance(value, YamlMap) for value in values):
            self._error(built.row, "`<<` merges something that is no mapping", "let it point to a mapping")
        return [value for value in values if isinstance(value, YamlMap)]

    def _aliased(self, anchor: str, row: int) -> _Built:
        where = Where(self._file, row)
        if anchor not in self._anchors:
            raise rejected(where, f"there is no anchor {_shown(anchor)} above", "define it before its use")
        built = self._anchors[anchor]
        if built is None:
            raise rejected(where, f"the anchor {_shown(anchor)} contains itself", "write out what is meant")
        return _Built(built.value, row, built.size, built.height)

    def _error(self, row: int, message: str, remedy: str) -> None:
        self.errors.append(RowError(where=Where(self._file, row), message=message, remedy=remedy))

    def _too_deep(self, row: int) -> Rejected:
        return rejected(
            Where(self._file, row), f"values are nested deeper than {DEEPEST} levels", "flatten the document"
        )


_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


def _merge(mapping: YamlMap, merges: list[YamlMap]) -> None:
    for merged in merges:
        for key, value in merged.items():
            if key not in mapping:
                mapping[key] = value
                mapping.rows[key] = merged.rows[key]


def _syntax_error(reader: Reader, error: yaml.YAMLError) -> Rejected:
    remedy = "correct the YAML at this place"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where = Where(reader.file, error.problem_mark.line + 1)
        return rejected(where, f"this is no YAML: {error.problem or error.context or 'unexpected text'}", remedy)
    position = getattr(error, "position", None)
    reason = str(getattr(error, "reason", None) or "unexpected bytes")
    place = f" at byte {position} of the file" if isinstance(position, int) else ""
    return rejected(
        Where(reader.file, reader.row),
        f"this is no text that YAML allows{place}: {reason}",
        "save the file as UTF-8 without control characters",
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
