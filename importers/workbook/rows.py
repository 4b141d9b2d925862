"""Rows of a workbook become claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cmdb.reconciliation.claims import ClaimEnd, Item, Known, Raw, RowError, Where
from cmdb.secrets import quoted
from graph_schema.metamodel import Attribute, AttributeType, Model
from importers.claiming import Claims, suggestion
from importers.workbook.columns import Columns, Vocabulary, relationship_attribute
from importers.workbook.sheets import Row, Sheet


class Book:
    """What a workbook has said so far: memory is O(rows), a few texts each."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._claims = Claims(model)
        self._words = Vocabulary(model)
        self._rows: dict[str, Where] = {}
        self._by_name: dict[str, str] = {}

    def nodes(self, sheet: Sheet) -> Iterator[Item]:
        """Claims about the nodes of one class."""
        class_name = self._words.class_name(sheet.name)
        if class_name is None:
            remedy = (
                self._words.class_like(sheet.name) or "name it by a class, or begin its name with _ to leave it out"
            )
            message = f"the sheet {quoted(sheet.name)} is named by no class"
            yield RowError(where=sheet.where, message=message, remedy=remedy)
            return
        columns: Columns | None = None
        for row in sheet.rows:
            if isinstance(row, RowError):
                yield row
            elif columns is not None:
                if any(cell is not None for cell in row.cells):
                    yield from self._node(row, columns, class_name)
            else:
                for found in self._words.node_columns(row, class_name):
                    if isinstance(found, RowError):
                        yield found
                    else:
                        columns = found
                if columns is None:
                    return

    def relationships(self, sheet: Sheet) -> Iterator[Item]:
        """Claims about relationships; all nodes must have been read before."""
        columns: Columns | None = None
        seen: dict[tuple[str, str, str, str], Where] = {}
        for row in sheet.rows:
            if isinstance(row, RowError):
                yield row
            elif columns is not None:
                if any(cell is not None for cell in row.cells):
                    yield from self._relationship(row, columns, seen)
            else:
                for found in self._words.relationship_columns(row):
                    if isinstance(found, RowError):
                        yield found
                    else:
                        columns = found
                if columns is None:
                    return

    def _node(self, row: Row, columns: Columns, class_name: str) -> Iterator[Item]:
        name = _text(row, columns, "name")
        if name is None:
            yield RowError(where=row.where, message="the row has no name", remedy="fill in the column `name`")
            return
        key = _text(row, columns, "key") or f"{class_name}:{name}"
        if key in self._rows:
            message = f"the row for {quoted(key)} stands here again; first at {self._rows[key]}"
            remedy = "keep one of them, or give each a reference of its own in the column `key`"
            yield RowError(where=row.where, message=message, remedy=remedy)
            return
        self._rows[key] = row.where
        for alias in (f"{class_name}:{name}", name):
            self._by_name[alias] = key if self._by_name.get(alias, key) == key else ""
        attributes: dict[str, Raw] = {}
        yield from self._attributes(row, columns, attributes)
        yield from self._claims.node(row.where, class_name, key, name, attributes, _text(row, columns, "state"))

    def _relationship(self, row: Row, columns: Columns, seen: dict[tuple[str, str, str, str], Where]) -> Iterator[Item]:
        given = {name: _text(row, columns, name) for name in ("type", "from", "to", "key")}
        missing = [name for name in ("type", "from", "to") if given[name] is None]
        if missing:
            message = f"the row has no {' and no '.join(missing)}"
            yield RowError(where=row.where, message=message, remedy="fill it in, or take the row away")
            return
        kind = self._words.type_name(given["type"] or "")
        if kind is None:
            remedy = self._words.type_like(given["type"] or "") or "see the list in the template"
            message = f"there is no relationship type {quoted(given['type'])}"
            yield RowError(where=row.where, message=message, remedy=remedy)
            return
        ends = [self._end(row.where, given["from"] or ""), self._end(row.where, given["to"] or "")]
        source, target = ends
        if isinstance(source, RowError) or isinstance(target, RowError):
            yield from (end for end in ends if isinstance(end, RowError))
            return
        pair = (kind, str(source), str(target), given["key"] or "")
        if pair in seen:
            message = f"the same relationship stands here again; first at {seen[pair]}"
            yield RowError(where=row.where, message=message, remedy="keep one, or tell them apart by the column `key`")
            return
        seen[pair] = row.where
        attributes: dict[str, Raw] = {}
        yield from self._attributes(row, columns, attributes)
        for name in [n for n in attributes if not relationship_attribute(self._model.type_by_name[kind], n)]:
            del attributes[name]
            message = f"relationships of type {kind} have no attribute {quoted(name)}"
            yield RowError(where=row.where, message=message, remedy="empty this cell")
        yield from self._claims.relationship(row.where, kind, source, target, given["key"] or "", attributes)

    def _end(self, where: Where, text: str) -> ClaimEnd | RowError:
        if text in self._rows:
            return text
        word, separator, name = text.partition(":")
        class_name = self._words.class_name(word) if separator else None
        alias = f"{class_name}:{name.strip()}" if class_name else text
        if alias in self._by_name:
            if key := self._by_name[alias]:
                return key
            message = f"there are several rows for {quoted(text)}"
            return RowError(where=where, message=message, remedy="refer to one of them by its column `key`")
        if class_name or _KEY.fullmatch(text):
            return Known(alias)
        remedy = suggestion(text, self._by_name) or "add its row, write `Class:name`, or use the key of what is there"
        return RowError(where=where, message=f"{quoted(text)} is no row of this workbook", remedy=remedy)

    def _attributes(self, row: Row, columns: Columns, attributes: dict[str, Raw]) -> Iterator[RowError]:
        for at, attribute in columns.attributes.items():
            value = row.cells[at] if at < len(row.cells) else None
            if isinstance(value, str) and value in _SPREADSHEET_ERRORS:
                message = f"the cell of {quoted(attribute.name)} holds the error {value}"
                yield RowError(where=row.where, message=message, remedy="correct the formula, or paste its value")
            elif value is None:
                continue
            elif isinstance(value, float) and attribute.type is AttributeType.VERSION:
                message = f"{quoted(attribute.name)} is the number {value}; a version like 3.10 loses its end this way"
                yield RowError(where=row.where, message=message, remedy="format the cell as text", warning=True)
                attributes[attribute.name] = str(value)
            else:
                attributes[attribute.name] = _raw(value, attribute)


_KEY: Final = re.compile(r"[A-Z][A-Z0-9]{1,5}-\d{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPREADSHEET_ERRORS: Final = frozenset(
    {"#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#GETTING_DATA", "#SPILL!"}
)
_NUMBERS: Final = frozenset({AttributeType.INTEGER, AttributeType.DECIMAL, AttributeType.DURATION})


def _raw(value: str | float, attribute: Attribute) -> Raw:
    """Numbers that a spreadsheet makes of text become text again, and dates become moments where one is asked for."""
    if isinstance(value, bool):
        return value
    if attribute.type is AttributeType.DATETIME and isinstance(value, str) and _DATE.fullmatch(value):
        return f"{value}T00:00:00Z"
    return value if attribute.type in _NUMBERS or attribute.type is AttributeType.BOOLEAN else str(value)


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _text(row: Row, columns: Columns, name: str) -> str | None:
    at = columns.fixed.get(name)
    value = row.cells[at] if at is not None and at < len(row.cells) else None
    return None if value is None else str(value)
