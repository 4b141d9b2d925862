"""Looks into YAML that may hold anything: a value of the wrong kind is noted as a row error, and read as empty."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.reconciliation.claims import RowError, Where
from importers.yaml_source import Yaml, YamlList, YamlMap


class Look:
    """Typed access to the values of one file; collects what was not as it should be until `errors` takes it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._errors: list[RowError] = []

    def where(self, row: int) -> Where:
        """The place of a line of this file."""
        return Where(self._file, row)

    def errors(self) -> Iterator[RowError]:
        """What was noted since the last call, once."""
        found, self._errors = self._errors, []
        yield from found

    def note(self, row: int, message: str, remedy: str, *, warning: bool = False) -> None:
        """Notes an error, or a warning."""
        self._errors.append(RowError(where=self.where(row), message=message, remedy=remedy, warning=warning))

    def mapping(self, parent: YamlMap, key: str) -> YamlMap:
        """The mapping under `key`; empty when there is none."""
        row = parent.rows.get(key, parent.row)
        return self.as_mapping(parent.get(key), row, f"`{key}`")

    def as_mapping(self, value: Yaml, row: int, what: str) -> YamlMap:
        """`value` as a mapping; empty when it is None."""
        if isinstance(value, YamlMap):
            return value
        if value is not None:
            self.note(row, f"{what} is {_kind(value)}, not a mapping", "write it as `name: value` lines")
        return YamlMap(row)

    def listing(self, parent: YamlMap, key: str) -> YamlList:
        """The list under `key`; empty when there is none."""
        value = parent.get(key)
        if isinstance(value, YamlList):
            return value
        row = parent.rows.get(key, parent.row)
        if value is not None:
            self.note(row, f"`{key}` is {_kind(value)}, not a list", "write it as lines that start with `-`")
        return YamlList(row)

    def mappings(self, parent: YamlMap, key: str) -> Iterator[YamlMap]:
        """The mappings in the list under `key`."""
        found = self.listing(parent, key)
        for value, row in zip(found, found.rows, strict=True):
            if value is not None:
                yield self.as_mapping(value, row, f"an element of `{key}`")

    def texts(self, parent: YamlMap, key: str) -> Iterator[tuple[str, int]]:
        """The texts in the list under `key`, or the only one, with their lines."""
        value = parent.get(key)
        if isinstance(value, str):
            yield value, parent.rows[key]
            return
        found = self.listing(parent, key)
        for element, row in zip(found, found.rows, strict=True):
            if isinstance(element, str):
                yield element, row
            elif element is not None:
                self.note(row, f"an element of `{key}` is {_kind(element)}, not text", "write a text")

    def names(self, parent: YamlMap, key: str) -> Iterator[tuple[str, int]]:
        """Names with their lines, from a list of texts or from the keys of a mapping."""
        value = parent.get(key)
        if isinstance(value, YamlMap):
            yield from value.rows.items()
        else:
            yield from self.texts(parent, key)

    def text(self, parent: YamlMap, key: str) -> str | None:
        """The text under `key`."""
        value = parent.get(key)
        if value is None or isinstance(value, str):
            return value
        self.note(parent.rows.get(key, parent.row), f"`{key}` is {_kind(value)}, not text", "write a text")
        return None

    def count(self, parent: YamlMap, key: str) -> int | None:
        """The whole number, not negative, under `key`."""
        text = self.text(parent, key)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        if "$" not in text:
            self.note(parent.rows.get(key, parent.row), f"`{key}` is no whole number", "write digits only")
        return None


def _kind(value: Yaml) -> str:
    return "a mapping" if isinstance(value, YamlMap) else "a list" if isinstance(value, YamlList) else "text"
