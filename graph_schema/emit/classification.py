"""The classification of configuration items: a table of classes, for people to read, print and approve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from graph_schema.metamodel import Attribute, Kind, Label, Lifecycle, Model, NamingRule

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Row:
    """One concrete class: everything that holds for it, inherited or its own."""

    area: str
    class_name: str
    code: str
    kind: Kind
    label: Label
    description: Label
    level: int | None
    owner: Label | None
    lifecycle: Lifecycle
    naming: NamingRule | None
    named_like_all: bool
    """Whether the naming rule is that of the root class."""
    version_numbering: Label | None
    identification: tuple[tuple[str, ...], ...]
    common: tuple[Attribute, ...]
    """Attributes of the root class, which every class of this kind has."""
    special: tuple[Attribute, ...]
    """The other attributes."""


def classification(model: Model) -> tuple[Row, ...]:
    """A row for each concrete class, by area in the model's order, then level, then code."""
    areas = {area.name: position for position, area in enumerate(model.areas)}
    rows = [_row(model, name) for name, c in model.class_by_name.items() if not c.abstract]
    return tuple(sorted(rows, key=lambda row: (areas.get(row.area, len(areas)), row.level or 0, row.code)))


def _row(model: Model, name: str) -> Row:
    c = model.class_by_name[name]
    root = model.lineage[name][-1]
    attributes = model.attributes[name].values()
    common = model.attributes[root].keys() if root != name else frozenset[str]()
    return Row(
        area=c.area,
        class_name=name,
        code=c.code or "",
        kind=c.kind,
        label=c.label,
        description=c.description,
        level=model.level_of[name],
        owner=model.owner_of[name],
        lifecycle=model.lifecycle_of[name],
        naming=model.naming_of[name],
        named_like_all=model.naming_of[name] is model.naming_of[root],
        version_numbering=model.version_numbering_of[name],
        identification=model.identification_of[name],
        common=tuple(a for a in attributes if a.name in common),
        special=tuple(a for a in attributes if a.name not in common),
    )


# --- as Markdown -------------------------------------------------------------------------------------------

_HEADINGS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("Code", "Class", "What it is", "Level", "Owner", "Naming", "Version numbering", "Attributes"),
    "zh": ("代码", "类别", "说明", "层级", "负责角色", "命名规则", "版本编号", "属性"),
}
_TITLES: Final[dict[Language, str]] = {"en": "Configuration item classification", "zh": "配置项分类表"}
_KINDS: Final[dict[Language, dict[Kind, str]]] = {
    "en": {Kind.CI: "All configuration items", Kind.RECORD: "All records"},
    "zh": {Kind.CI: "所有配置项", Kind.RECORD: "所有记录"},
}
_NOTES: Final[dict[Language, tuple[str, str, str]]] = {
    "en": ("Model {}.", "have: {}.", "Lifecycle: {}."),
    "zh": ("模型版本 {}。", "共有属性：{}。", "生命周期：{}。"),
}


def classification_markdown(model: Model, language: Language = "en") -> str:
    """The table as a Markdown document, a section per area, in English or Chinese."""
    rows = classification(model)
    lines = [f"# {_TITLES[language]}", "", _NOTES[language][0].format(model.version), ""]
    for kind in Kind:
        lines += _common(rows, kind, language)
    for area in model.areas:
        within = [row for row in rows if row.area == area.name]
        if within:
            headings = _HEADINGS[language]
            lines += [f"## {_in(area.label, language)}", "", _line(headings), _line(["---"] * len(headings))]
            lines += [_line(_cells(row, language)) for row in within] + [""]
    return "\n".join(lines)


def _common(rows: tuple[Row, ...], kind: Kind, language: Language) -> list[str]:
    first = next((row for row in rows if row.kind is kind and row.common), None)
    if first is None:
        return []
    _, attributes, lifecycle = _NOTES[language]
    gap = " " if language == "en" else ""
    names = _listed([_attribute(a, language) for a in first.common], language)
    states = " · ".join(_in(state.label, language) for state in first.lifecycle.states)
    return [f"**{_KINDS[language][kind]}**{gap}{attributes.format(names)}", lifecycle.format(states), ""]


def _cells(row: Row, language: Language) -> list[str]:
    naming = ""
    if row.naming is not None:
        rule = _in(row.naming.description, language) or f"`{row.naming.pattern}`"
        naming = rule if row.named_like_all else f"{rule} `{row.naming.example}`"
    return [
        row.code,
        f"{_in(row.label, language)} (`{row.class_name}`)",
        _in(row.description, language),
        "" if row.level is None else str(row.level),
        _in(row.owner, language),
        naming,
        _in(row.version_numbering, language),
        _listed([_attribute(a, language) for a in row.special], language),
    ]


def _attribute(attribute: Attribute, language: Language) -> str:
    return f"{_in(attribute.label, language)} ({attribute.unit})" if attribute.unit else _in(attribute.label, language)


def _listed(words: list[str], language: Language) -> str:
    return (", " if language == "en" else "、").join(words)


def _in(label: Label | None, language: Language) -> str:
    if label is None:
        return ""
    return label.en if language == "en" else label.zh


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
