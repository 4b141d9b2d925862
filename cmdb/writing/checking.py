"""Whether values obey the model: names, attributes, keys. Pure; problems come as (message, remedy)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.changeset import Patch
from cmdb.nodes import Attributes
from cmdb.secrets import looks_like_secret, suspicious
from graph_schema.metamodel import Attribute, AttributeType, Control, Label, Model
from graph_schema.values import LONGEST_TEXT, Value, normalise

T = TypeVar("T")

LONGEST_NAME: Final = 255
"""Characters a node's name or a relationship's key may have."""

_TEXT: Final = Attribute(name="name", type=AttributeType.STRING, label=Label(en="Name", zh="名称"))
_SECRET_UNDER_ANY_NAME: Final = "aB3dE5gH7jK9mN1pQ2rS4tU6"  # noqa: S105 - nobody's
_MOST_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 64


class Checked(msgspec.Struct, Generic[T], frozen=True):
    """A value in canonical form, as far as it could be made, and what was wrong with it."""

    value: T
    problems: tuple[tuple[str, str], ...]


class ValueCheck:
    """Checks values of one attribute. Remembers some texts that passed, since most values of an estate repeat."""

    __slots__ = ("_named_like_secret", "_passed", "_plain_text", "attribute", "observed")

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.observed = attribute.control is Control.OBSERVED
        self._named_like_secret = looks_like_secret(attribute.name, _SECRET_UNDER_ANY_NAME) is not None
        self._passed: dict[str, Value] = {}
        texts = {AttributeType.STRING, AttributeType.TEXT, AttributeType.VERSION}
        self._plain_text = attribute.type in texts and not (attribute.many or attribute.pattern or attribute.values)

    def secret(self, raw: object) -> str | None:
        """Why a value looks like a secret; None when it does not."""
        if isinstance(raw, str):
            if not self._named_like_secret and not suspicious(raw):
                return None
            return looks_like_secret(self.attribute.name, raw)
        if isinstance(raw, list | tuple):
            parts: list[object] = list(raw)  # pyright: ignore[reportUnknownArgumentType]  # each is looked at
            return next((reason for part in parts if (reason := self.secret(part))), None)
        return None

    def known(self, raw: object) -> Value | None:
        """The canonical form of a text that passed before, or that plainly passes; None says nothing."""
        if not isinstance(raw, str):
            return None
        if self._plain_text and not self._named_like_secret and _is_plain(raw) and not suspicious(raw):
            return raw
        return self._passed.get(raw)

    def canonical(self, raw: object) -> Value:
        """The canonical form of a value that is no secret. Raises ValueError, which says what was expected."""
        if self._plain_text and isinstance(raw, str) and _is_plain(raw):
            return raw
        value = normalise(self.attribute, raw)
        if isinstance(raw, str) and len(raw) <= _LONGEST_REMEMBERED and len(self._passed) < _MOST_REMEMBERED:
            self._passed[raw] = value
        return value


class Checks:
    """The checks that a model asks for, by class and by relationship type. Made once for a model, used for every value."""

    def __init__(self, model: Model) -> None:
        self.model = model
        made: dict[int, ValueCheck] = {}

        def checks(attributes: Mapping[str, Attribute]) -> dict[str, ValueCheck]:
            return {name: made.get(id(a)) or made.setdefault(id(a), ValueCheck(a)) for name, a in attributes.items()}

        self.of_class = {name: checks(attributes) for name, attributes in model.attributes.items()}
        self.of_type = {t.name: checks({a.name: a for a in t.attributes}) for t in model.relationship_types}
        self.required_of_class = {name: _required(checks) for name, checks in self.of_class.items()}
        self.required_of_type = {name: _required(checks) for name, checks in self.of_type.items()}
        self.observed_of_class = {
            name: frozenset(n for n, check in checks.items() if check.observed)
            for name, checks in self.of_class.items()
        }
        self.unique_of_class = {
            name: tuple(n for n, check in checks.items() if check.attribute.unique)
            for name, checks in self.of_class.items()
        }
        self.unique = frozenset(name for names in self.unique_of_class.values() for name in names)
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
            for name, number in self._type_places.items():
                for source, target in self.model.joinable[name]:
                    table[number, place[source], place[target]] = True
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


def _is_plain(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST_TEXT


def _required(checks: Mapping[str, ValueCheck]) -> tuple[str, ...]:
    return tuple(name for name, check in checks.items() if check.attribute.required and not check.observed)


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
