"""Whether nodes and relationships obey the model: names, attributes, keys. Pure; problems come as (message, remedy)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.changeset import Patch
from cmdb.nodes import Attributes
from cmdb.secrets import looks_like_secret, suspicious
from cmdb.writing.class_check import class_checks, required_among
from cmdb.writing.values import LONGEST_NAME, ValueCheck
from graph_schema.metamodel import Attribute, AttributeType, Label, Model
from graph_schema.values import Value, normalise

T = TypeVar("T")

_TEXT: Final = Attribute(name="name", type=AttributeType.STRING, label=Label(en="Name", zh="名称"))


class Checked(msgspec.Struct, Generic[T], frozen=True):
    """A value in canonical form, as far as it could be made, and what was wrong with it."""

    value: T
    problems: tuple[tuple[str, str], ...]


class Checks:
    """The checks that a model asks for, by class and by relationship type. Made once for a model, used for every value."""

    def __init__(self, model: Model) -> None:
        self.model = model
        made: dict[int, ValueCheck] = {}

        def checks(attributes: Mapping[str, Attribute]) -> dict[str, ValueCheck]:
            return {name: made.get(id(a)) or made.setdefault(id(a), ValueCheck(a)) for name, a in attributes.items()}

        self.of_class = {name: checks(attributes) for name, attributes in model.attributes.items()}
        self.of_type = {t.name: checks({a.name: a for a in t.attributes}) for t in model.relationship_types}
        self.required_of_class = {name: required_among(checks) for name, checks in self.of_class.items()}
        self.required_of_type = {name: required_among(checks) for name, checks in self.of_type.items()}
        self.unique_of_class = {
            name: tuple(n for n, check in checks.items() if check.attribute.unique)
            for name, checks in self.of_class.items()
        }
        self.unique = frozenset(name for names in self.unique_of_class.values() for name in names)
        self.concrete = class_checks(model, self.of_class)
        self.simple_types = frozenset(
            t.name
            for t in model.relationship_types
            if t.from_max is None and t.to_max is None and not self.required_of_type[t.name]
        )
        self.no_attributes: Attributes = {}
        self._joinable: tuple[tuple[str, ...], npt.NDArray[np.bool_]] | None = None
        self._type_places = {t.name: place for place, t in enumerate(model.relationship_types)}
        self._any_of_name = {name: check for known in self.of_class.values() for name, check in known.items()}

    def as_unique(self, name: str, raw: Value | None) -> str | int | None:
        """The canonical form that a value of a unique attribute is looked up by; None for none, or one that is no value."""
        try:
            value = None if raw is None else self._any_of_name[name].canonical(raw)
        except ValueError:
            return None
        return value if isinstance(value, str | int) else None

    def joinable(self, classes: tuple[str, ...]) -> tuple[npt.NDArray[np.bool_], Mapping[str, int]]:
        """Whether a type joins two classes, by their places in `classes`; and the place of each type."""
        if self._joinable is None or self._joinable[0] != classes:
            place = {name: number for number, name in enumerate(classes)}
            table = np.zeros((len(self._type_places), len(classes), len(classes)), dtype=np.bool_)
            below = {name: [place[c] for c in concrete] for name, concrete in self.model.descendants.items()}
            for kind in self.model.relationship_types:
                for ends in kind.ends:
                    table[self._type_places[kind.name]][np.ix_(below[ends.source], below[ends.target])] = True
            self._joinable = classes, table
        return self._joinable[1], self._type_places

    def name(self, class_name: str, name: str | None) -> Checked[str]:
        """A node's name under its class's naming rule."""
        if name is None or not name.strip():
            return Checked("", (("has no name", "every node needs one"),))
        problems = text_problems("its name", name)
        pattern = self.model.naming_pattern_of.get(class_name)
        rule = self.model.naming_of[class_name]
        if pattern is not None and rule is not None and not pattern.fullmatch(name):
            problems = (*problems, ("its name breaks the naming rule of its class", f"name it like {rule.example}"))
        return Checked(name, problems)


def checked_attributes(known: Mapping[str, ValueCheck], patch: Patch) -> Checked[Patch]:
    """A patch in canonical form."""
    problems: list[tuple[str, str]] = []
    values: Patch = {}
    for name, raw in patch.items():
        check = known.get(name)
        if check is None:
            problems.append((f"has no attribute {name!r}", f"it has {', '.join(sorted(known)) or 'none'}"))
        elif check.observed:
            problems.append((f"{name} is observed: it follows discovery", "leave it out; sources claim it"))
        elif raw is None:
            values[name] = None
        else:
            value = check.known(raw)
            if value is None:
                value = _checked_value(check, raw, problems)
            values[name] = value
    return Checked(values, tuple(problems))


def unmet(required: tuple[str, ...], attributes: Attributes) -> tuple[tuple[str, str], ...]:
    """What is said about required attributes that are missing."""
    return tuple((f"{name} is required", "give it a value") for name in required if name not in attributes)


def text_problems(what: str, text: str) -> tuple[tuple[str, str], ...]:
    """What is wrong with a name or key, called `what`."""
    if len(text) > LONGEST_NAME:
        return ((f"{what} has {len(text)} characters", f"at most {LONGEST_NAME} fit"),)
    if suspicious(text) and (reason := looks_like_secret("", text)):
        return ((f"{what} looks like a secret ({reason})", "store where the secret is kept, never the secret"),)
    if text.isprintable():
        return ()
    try:
        normalise(_TEXT, text)
    except ValueError as error:
        return ((f"{what}: {error}", "correct it"),)
    return ()


def _checked_value(check: ValueCheck, raw: Value, problems: list[tuple[str, str]]) -> Value | None:
    if reason := check.secret(raw):
        problems.append(
            (
                f"{check.attribute.name} looks like a secret ({reason})",
                "store where the secret is kept, never the secret",
            )
        )
        return None
    try:
        return check.canonical(raw)
    except ValueError as error:
        problems.append((f"{check.attribute.name}: {error}", "correct the value"))
        return None
