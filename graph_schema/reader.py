"""Reads a model from a folder of YAML files; every fault names file, line and remedy.

A file has `area`, and any of `version`, `attributes`, `lifecycles`, `classes`, `relationship_types`. The
attributes at the top of a file are the shared vocabulary: a class uses one by naming it, and may refine it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from graph_schema.checks import Places, problems_of
from graph_schema.errors import ModelError, ModelProblem, did_you_mean
from graph_schema.metamodel import (
    Area,
    Attribute,
    Dependency,
    Frozen,
    Label,
    Lifecycle,
    Model,
    NamingRule,
    NodeClass,
    RelationshipType,
    State,
)
from graph_schema.yaml_tree import LARGEST_FILE, Path, Plain, Tree, parse

MOST_FILES: Final = 200
"""Files a model may have."""

_SECTIONS: Final = frozenset({"area", "version", "attributes", "lifecycles", "classes", "relationship_types"})
_Part = TypeVar("_Part", bound=Frozen)
_Table = dict[str, Plain]


def read_model(folder: FilePath) -> Model:
    """The model written in the `*.yaml` files of `folder`. Raises ModelError with all problems found."""
    if not folder.is_dir():
        raise ModelError([ModelProblem(str(folder), 0, "there is no such folder", "name a folder of *.yaml files")])
    return _read(folder)


def read_model_files(files: Sequence[tuple[str, bytes]]) -> Model:
    """The model that files make up, by name and content, in any order. Raises ModelError with all problems found."""
    return _made_of([(name, partial(bytes, content)) for name, content in sorted(files)], "the model")


@cache
def shipped_model() -> Model:
    """The model that comes with the product."""
    return _read(resources.files("graph_schema") / "classes")


def _read(folder: Traversable) -> Model:
    files = sorted((f for f in folder.iterdir() if f.name.endswith((".yaml", ".yml"))), key=lambda f: f.name)
    return _made_of([(file.name, partial(_content, file)) for file in files], str(folder))


def _made_of(files: Sequence[tuple[str, Callable[[], bytes]]], whole: str) -> Model:
    if not files or len(files) > MOST_FILES:
        message = f"{len(files)} YAML files are here; a model has 1 to {MOST_FILES}"
        raise ModelError([ModelProblem(whole, 0, message)])
    draft = _Draft()
    for name, content in files:
        try:
            draft.add(parse(name, content()))
        except ModelError as error:
            draft.problems += error.problems
        except OSError as error:
            draft.problems.append(ModelProblem(name, 0, f"the file cannot be read: {error.strerror}"))
    return draft.model()


def _content(file: Traversable) -> bytes:
    with file.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


@dataclass(slots=True)
class _Draft:
    """What the files said so far, still plain, with the place of everything."""

    sections: dict[str, _Table] = field(
        default_factory=lambda: {"attributes": {}, "lifecycles": {}, "classes": {}, "relationship_types": {}}
    )
    areas: dict[str, Area] = field(default_factory=dict[str, Area])
    area_of: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    versions: list[str] = field(default_factory=list[str])
    known: dict[Path, tuple[str, int]] = field(default_factory=dict[Path, tuple[str, int]])
    problems: list[ModelProblem] = field(default_factory=list[ModelProblem])

    @property
    def places(self) -> Places:
        return Places(self.known)

    # --- gathering -----------------------------------------------------------------------------------------

    def add(self, tree: Tree) -> None:
        """Take in one file."""
        if not isinstance(tree.value, dict):
            self._report_in(tree, (), "the file holds no mapping", f"begin with one of {', '.join(sorted(_SECTIONS))}")
            return
        for word in tree.value.keys() - _SECTIONS:
            self._report_in(tree, (word,), f"unknown word `{word}`", did_you_mean(word, _SECTIONS))
        area = self._area(tree, tree.value.get("area"))
        if (version := tree.value.get("version")) is not None:
            self.versions.append(str(version))
        for section in self.sections:
            self._gather(tree, section, tree.value.get(section), area)

    def _area(self, tree: Tree, written: Plain) -> str:
        at: Path = ("area", tree.file)
        self.known |= {
            (*at, *path[1:]): (tree.file, line) for path, line in tree.lines.items() if path[:1] == ("area",)
        }
        self.known.setdefault(at, (tree.file, 1))
        area = self._part(Area, written if isinstance(written, dict) else {}, at)
        if area is None:
            return ""
        if self.areas.setdefault(area.name, area) != area:
            self._report(at, f"area `{area.name}` has another label elsewhere", "give both files the same label")
        return area.name

    def _gather(self, tree: Tree, section: str, entries: Plain, area: str) -> None:
        if entries is None:
            return
        if not isinstance(entries, dict):
            self._report_in(tree, (section,), f"`{section}` must map names to definitions", "write `Name: …` below it")
            return
        mine = entries.keys() - self.sections[section].keys()
        self.known |= {
            path: (tree.file, line)
            for path, line in tree.lines.items()
            if path[:1] == (section,) and (len(path) == 1 or path[1] in mine)
        }
        for name, entry in entries.items():
            if name not in mine:
                file, line = self.known[section, name]
                message = f"`{name}` is defined a second time"
                self._report_in(tree, (section, name), message, f"{file}:{line} defines it already")
                continue
            self.sections[section][name] = entry
            self.area_of[section, name] = area

    def _report_in(self, tree: Tree, path: Path, message: str, remedy: str) -> None:
        self.problems.append(ModelProblem(tree.file, tree.line(path), message, remedy))

    def _report(self, path: Path, message: str, remedy: str = "") -> None:
        self.problems.append(self.places.problem(path, message, remedy))

    # --- building ------------------------------------------------------------------------------------------

    def model(self) -> Model:
        """The model of all files, checked; or ModelError."""
        if len(self.versions) != 1 and not self.problems:
            message = f"{len(self.versions)} files give the model's version"
            self.problems.append(ModelProblem("model", 0, message, "write `version: 1.0.0` in exactly one file"))
        lifecycles = [part for name, entry in self._entries("lifecycles") if (part := self._lifecycle(name, entry))]
        classes = [part for name, entry in self._entries("classes") if (part := self._class(name, entry))]
        types = [part for name, entry in self._entries("relationship_types") if (part := self._type(name, entry))]
        if self.problems:
            raise ModelError(self.problems)
        model = Model(
            version=self.versions[0],
            areas=tuple(sorted(self.areas.values(), key=lambda area: (area.order, area.name))),
            lifecycles=tuple(lifecycles),
            classes=tuple(_with_kind(classes)),
            relationship_types=tuple(types),
        )
        problems = problems_of(model, self.places)
        if problems:
            raise ModelError(problems)
        return model

    def _entries(self, section: str) -> Iterator[tuple[str, _Table]]:
        for name, entry in self.sections[section].items():
            if isinstance(entry, dict):
                yield name, entry
            else:
                self._report((section, name), f"`{name}` has no definition", "write its fields below it, indented")

    def _lifecycle(self, name: str, entry: _Table) -> Lifecycle | None:
        at: Path = ("lifecycles", name)
        states = self._table(entry.get("states"), (*at, "states"))
        written: list[State | None] = []
        transitions: _Table = {}
        for state, fields in states.items():
            table = self._table(fields, (*at, "states", state))
            transitions[state] = table.pop("next", [])
            written.append(self._part(State, {"name": state, **table}, (*at, "states", state)))
        if None in written:
            return None
        kept = {key: value for key, value in entry.items() if key != "states"}
        return self._part(Lifecycle, {**kept, "name": name, "transitions": transitions}, at, states=written)

    def _class(self, name: str, entry: _Table) -> NodeClass | None:
        at: Path = ("classes", name)
        attributes = self._attributes(entry.get("attributes"), at)
        fields: _Table = {**entry, "name": name, "area": self.area_of["classes", name]}
        return self._part(NodeClass, fields, at, attributes=attributes)

    def _type(self, name: str, entry: _Table) -> RelationshipType | None:
        at: Path = ("relationship_types", name)
        attributes = self._attributes(entry.get("attributes"), at)
        fields: _Table = {**entry, "name": name, "area": self.area_of["relationship_types", name]}
        return self._part(RelationshipType, fields, at, attributes=attributes, ends=self._ends(entry.get("ends"), at))

    def _ends(self, written: Plain, at: Path) -> list[dict[str, str]]:
        """`Server -> Rack` as a pair of ends; several in a list."""
        pairs: list[dict[str, str]] = []
        for position, text in enumerate(written if isinstance(written, list) else [written]):
            source, arrow, target = str(text).partition("->")
            if arrow and source.strip() and target.strip():
                pairs.append({"source": source.strip(), "target": target.strip()})
            else:
                self._report((*at, "ends", position), f"`{text}` is no pair of ends", "write `ends: [Class -> Class]`")
        return pairs

    def _attributes(self, written: Plain, at: Path) -> list[Attribute]:
        found: list[Attribute] = []
        for name, fields in self._table(written, (*at, "attributes")).items():
            own = self._table(fields, (*at, "attributes", name))
            vocabulary = self.sections["attributes"]
            if "type" not in own and name not in vocabulary:
                remedy = did_you_mean(name, vocabulary) or "give it a `type` and `label`, or define it in `attributes:`"
                self._report((*at, "attributes", name), f"attribute `{name}` is not defined", remedy)
                continue
            shared = self._table(vocabulary.get(name), ("attributes", name)) if "type" not in own else {}
            attribute = self._attribute(name, {**shared, **own}, (*at, "attributes", name))
            if attribute is not None:
                found.append(attribute)
        return found

    def _attribute(self, name: str, fields: _Table, at: Path) -> Attribute | None:
        values = fields.get("values")
        if isinstance(values, dict):
            fields = {**fields, "values": list(values), "value_labels": values}
        return self._part(Attribute, {**fields, "name": name}, at, fallback=("attributes", name))

    def _table(self, written: Plain, at: Path) -> _Table:
        if isinstance(written, dict):
            return dict(written)
        if written is not None:
            self._report(at, f"`{at[-1]}` must map names to definitions", "write `name: …` below it, indented")
        return {}

    def _part(
        self,
        kind: type[_Part],
        fields: Mapping[str, object],
        at: Path,
        *,
        fallback: Path = (),
        **built: object,
    ) -> _Part | None:
        try:
            return kind.model_validate({**fields, **built})
        except ValidationError as error:
            for detail in error.errors():
                self._report(self._place(at, fallback, detail), *_in_words(kind, detail))
            return None

    def _place(self, at: Path, fallback: Path, detail: ErrorDetails) -> Path:
        """Where the fault is written: in the part itself, else in the vocabulary it was taken from."""
        inside = tuple("values" if step == "value_labels" else step for step in detail["loc"])
        here = inside[:1] and (*at, inside[0]) in self.known
        return (*(at if here or (*fallback, *inside[:1]) not in self.known else fallback), *inside)


def _with_kind(classes: Iterable[NodeClass]) -> Iterator[NodeClass]:
    """The classes with the kind of their nearest ancestor that gives one, where they do not give one themselves."""
    by_name = {c.name: c for c in classes}
    kinds = {c.name: c.kind for c in by_name.values() if "kind" in c.model_fields_set or c.parent not in by_name}
    for c in by_name.values():
        line: dict[str, NodeClass] = {}
        above = c
        while above.name not in kinds and above.name not in line and above.parent in by_name:
            line[above.name] = above
            above = by_name[above.parent]
        kinds |= dict.fromkeys(line, kinds.get(above.name, above.kind))
        yield c if c.kind is kinds[c.name] else c.model_copy(update={"kind": kinds[c.name]})


_WORDS_OF: Final[dict[str, type[Frozen]]] = {
    "label": Label,
    "inverse": Label,
    "description": Label,
    "owner": Label,
    "version_numbering": Label,
    "naming": NamingRule,
    "dependency": Dependency,
}
_FIELDS_BY_HAND: Final = frozenset({"name", "area", "value_labels", "transitions"})


def _in_words(kind: type[Frozen], detail: ErrorDetails) -> tuple[str, str]:
    """A pydantic error as (message, remedy)."""
    loc = detail["loc"]
    word = str(loc[-1]) if loc else ""
    if detail["type"] == "missing":
        owner = f"`{loc[-2]}`" if len(loc) > 1 else f"this {_spoken(kind)}"
        return f"{owner} has no `{word}`", f"add `{word}:`"
    if detail["type"] == "extra_forbidden":
        inner = next((_WORDS_OF[str(step)] for step in reversed(loc[:-1]) if str(step) in _WORDS_OF), kind)
        known = inner.model_fields.keys() - _FIELDS_BY_HAND
        return f"unknown word `{word}`", did_you_mean(word, known)
    if detail["type"] == "enum":
        expected = detail.get("ctx", {}).get("expected", "")
        words = str(expected).replace("'", "").replace(" or ", ", ").split(", ")
        return f"`{detail['input']}` is no {word}", did_you_mean(str(detail["input"]), words)
    shown = str(detail["input"])
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    return f"`{word}` cannot be `{shown}`", _remedy(detail)


def _remedy(detail: ErrorDetails) -> str:
    if detail["type"] == "string_type":
        return "write text; put numbers and true/false in quotes"
    if detail["type"] == "string_pattern_mismatch":
        return f"write text that matches {detail.get('ctx', {}).get('pattern', '')}"
    if detail["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        return "write its fields below it, indented (a label has `en` and `zh`)"
    return detail["msg"].replace("Input should", "it should")


def _spoken(kind: type[Frozen]) -> str:
    words: dict[type[Frozen], str] = {NodeClass: "class", RelationshipType: "relationship type"}
    return words.get(kind, kind.__name__.lower())
