"""Finds out what the columns and sheets of a workbook mean: by name, by code, or by a label in either language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cmdb.reconciliation.claims import RowError
from cmdb.secrets import quoted
from graph_schema.metamodel import Attribute, Model, RelationshipType
from importers.claiming import suggestion
from importers.workbook.sheets import Row

FIXED_OF_NODES: Final[Mapping[str, tuple[str, ...]]] = {
    "key": ("key", "reference", "编号"),
    "name": ("name", "名称"),
    "state": ("state", "状态"),
}
FIXED_OF_RELATIONSHIPS: Final[Mapping[str, tuple[str, ...]]] = {
    "type": ("type", "relationship", "关系类型"),
    "from": ("from", "source", "起点"),
    "to": ("to", "target", "终点"),
    "key": ("key", "键"),
}
RELATIONSHIPS_SHEET: Final = "Relationships"
INSTRUCTIONS_SHEET: Final = "Instructions"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fixed columns and the attributes stand, counted from 0."""

    fixed: Mapping[str, int]
    attributes: Mapping[int, Attribute]


class Vocabulary:
    """The names by which a workbook may call what the model has. O(model) to make, O(1) to ask."""

    def __init__(self, model: Model) -> None:
        self._model = model
        concrete = [c for c in model.classes if not c.abstract]
        self._classes = _by_word((c.name, (c.label.zh, c.label.en, c.code or "", c.name)) for c in concrete)
        self._types = _by_word((t.name, (t.label.zh, t.label.en, t.name)) for t in model.relationship_types)

    def class_name(self, text: str) -> str | None:
        """The class that is called this."""
        return self._classes.get(plain(text))

    def type_name(self, text: str) -> str | None:
        """The relationship type that is called this."""
        return self._types.get(plain(text))

    def class_like(self, text: str) -> str:
        """A question about classes that are nearly called this; may be empty."""
        return suggestion(text, (c.name for c in self._model.classes if not c.abstract))

    def type_like(self, text: str) -> str:
        """A question about relationship types that are nearly called this; may be empty."""
        return suggestion(text.upper(), self._model.type_by_name)

    def node_columns(self, header: Row, class_name: str) -> Iterator[Columns | RowError]:
        """The columns of a class's sheet, after what is wrong with the header."""
        return _columns(header, FIXED_OF_NODES, self._model.attributes[class_name].values(), ("name",))

    def relationship_columns(self, header: Row) -> Iterator[Columns | RowError]:
        """The columns of the sheet of relationships."""
        attributes = {a.name: a for t in self._model.relationship_types for a in t.attributes}
        return _columns(header, FIXED_OF_RELATIONSHIPS, attributes.values(), ("type", "from", "to"))


def is_relationships(sheet: str) -> bool:
    """Whether a sheet of this name holds relationships."""
    return plain(sheet) in {"relationships", "relationship", "关系"}


def is_for_people(sheet: str) -> bool:
    """Whether a sheet of this name is not for import."""
    return plain(sheet) in {"instructions", "说明", "readme"} or sheet.startswith("_")


def plain(text: str) -> str:
    """A name without case, spaces, the mark of what is required, and a unit in parentheses."""
    return re.sub(r"[\s_]+|\*$", "", re.sub(r"[(\[（].*$", "", text[:200]).casefold())


def _by_word(names: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """What each word means; where two things share one, the word that stands later in its list wins."""
    ranked = sorted((rank, plain(word), name) for name, words in names for rank, word in enumerate(words) if word)
    return {word: name for _, word, name in ranked}


def _columns(
    header: Row, fixed: Mapping[str, tuple[str, ...]], attributes: Iterable[Attribute], needed: tuple[str, ...]
) -> Iterator[Columns | RowError]:
    of_fixed = {plain(word): name for name, words in fixed.items() for word in words}
    of_attributes: dict[str, Attribute] = {}
    for attribute in attributes:
        for word in (attribute.name, attribute.label.en, attribute.label.zh):
            of_attributes.setdefault(plain(word), attribute)
    found: dict[str, int] = {}
    places: dict[int, Attribute] = {}
    taken: dict[str, int] = {}
    for at, cell in enumerate(header.cells):
        if cell is None:
            continue
        word = plain(str(cell))
        known = of_fixed.get(word)
        attribute = None if known else of_attributes.get(word)
        name = known or (attribute.name if attribute else "")
        if not name:
            yield _unknown(header, str(cell), [*fixed, *(a.name for a in of_attributes.values())])
        elif name in taken:
            message = f"the columns {taken[name] + 1} and {at + 1} are both {quoted(name)}"
            yield RowError(where=header.where, message=message, remedy="keep one of them")
        elif known:
            found[known] = taken[name] = at
        elif attribute:
            places[at], taken[name] = attribute, at
    missing = [name for name in needed if name not in found]
    if missing:
        message = f"the first row has no column {' and no column '.join(quoted(name) for name in missing)}"
        yield RowError(where=header.where, message=message, remedy="write the columns' names into the first row")
    else:
        yield Columns(found, places)


def _unknown(header: Row, cell: str, known: list[str]) -> RowError:
    remedy = suggestion(cell.lower().replace(" ", "_"), dict.fromkeys(known)) or "take it away, or see the template"
    return RowError(where=header.where, message=f"there is no attribute {quoted(cell)}", remedy=remedy)


def relationship_attribute(kind: RelationshipType, name: str) -> bool:
    """Whether relationships of this type have this attribute."""
    return any(attribute.name == name for attribute in kind.attributes)
