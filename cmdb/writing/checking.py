"""Whether values obey the model: names, attributes, keys. Pure; problems come as (message, remedy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cmdb.changeset import Patch
from cmdb.nodes import Attributes
from cmdb.secrets import looks_like_secret
from graph_schema.metamodel import Attribute, AttributeType, Control, Label, Model
from graph_schema.values import Value, normalise

T = TypeVar("T")

LONGEST_NAME: Final = 255
"""Characters a node's name or a relationship's key may have."""

_TEXT: Final = Attribute(name="name", type=AttributeType.STRING, label=Label(en="Name", zh="名称"))


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """A value in canonical form, as far as it could be made, and what was wrong with it."""

    value: T
    problems: tuple[tuple[str, str], ...]


def checked_name(model: Model, class_name: str, name: str | None) -> Checked[str]:
    """A node's name under its class's naming rule."""
    if name is None or not name.strip():
        return Checked("", (("has no name", "every node needs one"),))
    problems = _text_problems("its name", name)
    pattern = model.naming_pattern_of.get(class_name)
    rule = model.naming_of[class_name]
    if pattern is not None and rule is not None and not pattern.fullmatch(name):
        problems = (
            *problems,
            ("its name breaks the naming rule of its class", f"name it like {rule.example}"),
        )
    return Checked(name, problems)


def checked_key(key: str) -> tuple[tuple[str, str], ...]:
    """What is wrong with a relationship's key."""
    return _text_problems("its key", key)


def checked_attributes(known: Mapping[str, Attribute], patch: Patch) -> Checked[Patch]:
    """A patch in canonical form."""
    problems: list[tuple[str, str]] = []
    values: Patch = {}
    for name, raw in patch.items():
        attribute = known.get(name)
        if attribute is None:
            problems.append((f"has no attribute {name!r}", f"it has {', '.join(sorted(known)) or 'none'}"))
        elif attribute.control is Control.OBSERVED:
            problems.append((f"{name} is observed: it follows discovery", "leave it out; sources claim it"))
        elif raw is None:
            values[name] = None
        else:
            value = _checked_value(attribute, raw)
            values[name] = value.value
            problems.extend(value.problems)
    return Checked(values, tuple(problems))


def unmet(known: Mapping[str, Attribute], attributes: Attributes) -> tuple[tuple[str, str], ...]:
    """The required controlled attributes that are missing."""
    return tuple(
        (f"{name} is required", "give it a value")
        for name, attribute in known.items()
        if attribute.required and attribute.control is Control.CONTROLLED and name not in attributes
    )


def _checked_value(attribute: Attribute, raw: Value) -> Checked[Value | None]:
    texts = raw if isinstance(raw, tuple) else (raw,)
    for text in texts:
        if isinstance(text, str) and (reason := looks_like_secret(attribute.name, text)):
            return Checked(
                None,
                (
                    (
                        f"{attribute.name} looks like a secret ({reason})",
                        "store where the secret is kept, never the secret",
                    ),
                ),
            )
    try:
        value = normalise(attribute, raw)
    except ValueError as error:
        return Checked(None, ((f"{attribute.name}: {error}", "correct the value"),))
    return Checked(value, ())


def _text_problems(what: str, text: str) -> tuple[tuple[str, str], ...]:
    if len(text) > LONGEST_NAME:
        return ((f"{what} has {len(text)} characters", f"at most {LONGEST_NAME} fit"),)
    if reason := looks_like_secret("", text):
        return ((f"{what} looks like a secret ({reason})", "store where the secret is kept, never the secret"),)
    try:
        normalise(_TEXT, text)
    except ValueError as error:
        return ((f"{what}: {error}", "correct it"),)
    return ()
