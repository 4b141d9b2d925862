"""YAML as plain values with the line of each, safe to read from anybody.

Built from parser events, so that nothing is expanded or constructed: aliases, tags, duplicate keys, deep
nesting and large files are refused. Plain `true`, `false`, `null` and whole numbers become values, everything
else stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from graph_schema.errors import ModelError, ModelProblem

LARGEST_FILE: Final = 1 << 20
"""Bytes one file of a model may have."""

_DEEPEST: Final = 12
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_WHOLE_NUMBER = re.compile(r"^-?(0|[1-9][0-9]{0,17})$")

Plain = str | int | bool | None | list["Plain"] | dict[str, "Plain"]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed file: its value, and the line of every key and item by path."""

    file: str
    value: Plain
    lines: dict[Path, int] = field(default_factory=dict[Path, int])

    def line(self, path: Path) -> int:
        """The line of what stands at `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(file: str, content: bytes) -> Tree:
    """Read one YAML document. Raises ModelError with the first fault. O(length)."""
    if len(content) > LARGEST_FILE:
        raise ModelError([ModelProblem(file, 0, f"the file has more than {LARGEST_FILE} bytes", "split it by area")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ModelError([ModelProblem(file, line, "the text is not UTF-8", "save the file as UTF-8")]) from None
    try:
        return _Builder(file, yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problem = ModelProblem(file, line, f"the character {error.character!r} is not allowed", "remove it")
        raise ModelError([problem]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        message = f"this is not YAML: {error.problem or error.context}"
        raise ModelError([ModelProblem(file, line, message, "check the indentation and quotes here")]) from None


class _Builder:
    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self._file = file
        self._events = events
        self._lines: dict[Path, int] = {}

    def document(self) -> Tree:
        value: Plain = None
        seen = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._fault(event, "a second document starts here", "keep one document per file")
                seen = True
                value = self._value(next(self._events), ())
        return Tree(self._file, value, self._lines)

    def _value(self, event: yaml.Event, path: Path) -> Plain:
        self._lines.setdefault(path, _line(event))
        if len(path) > _DEEPEST:
            raise self._fault(event, f"nested deeper than {_DEEPEST} levels", "a model needs far fewer")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._fault(event, "anchors and aliases are not used in models", "write the value out")
        if getattr(event, "tag", None) is not None:
            raise self._fault(event, "tags (`!…`) are not used in models", "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    @staticmethod
    def _scalar(event: yaml.ScalarEvent) -> Plain:
        if not event.implicit[0]:
            return event.value
        if event.value in _WORDS:
            return _WORDS[event.value]
        return int(event.value) if _WHOLE_NUMBER.match(event.value) else event.value

    def _sequence(self, path: Path) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Plain]:
        entries: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
                raise self._fault(event, "a key must be a plain word", "write `word: value`")
            key = event.value
            if key in entries:
                first = self._lines[(*path, key)]
                raise self._fault(event, f"`{key}` stands here a second time", f"line {first} has it already")
            self._lines[(*path, key)] = _line(event)
            entries[key] = self._value(next(self._events), (*path, key))
        return entries

    def _fault(self, event: yaml.Event, message: str, remedy: str) -> ModelError:
        return ModelError([ModelProblem(self._file, _line(event), message, remedy)])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
