"""What a model asks of the nodes of one class, made ready for very many of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cmdb.secrets import suspicious
from cmdb.writing.values import LONGEST_NAME, ValueCheck
from graph_schema.metamodel import Model
from graph_schema.values import Value


@dataclass(frozen=True, slots=True, eq=False)
class ClassCheck:
    """A class that nodes can have. `required` leaves out what is observed; `initial` and `states` are of its lifecycle."""

    name: str
    code: str
    attributes: Mapping[str, ValueCheck]
    observed: frozenset[str]
    required: tuple[str, ...]
    unique: tuple[str, ...]
    initial: tuple[str, ...]
    states: frozenset[str]
    identification: tuple[tuple[str, ...], ...]
    naming: re.Pattern[str] | None

    def plain(self, name: str | None, attributes: Mapping[str, object]) -> dict[str, Value] | None:
        """Attributes in canonical form where neither they nor the name need a closer look; None says nothing.

        Whether an attribute is observed or missing is left to the caller.
        """
        if not name or name.isspace() or len(name) > LONGEST_NAME or not name.isprintable() or suspicious(name):
            return None
        if self.naming is not None and not self.naming.fullmatch(name):
            return None
        values: dict[str, Value] = {}
        known = self.attributes
        for attribute, raw in attributes.items():
            check = known.get(attribute)
            value = check.passing(raw) if check is not None else None
            if value is None:
                return None
            values[attribute] = value
        return values


def class_checks(model: Model, checks: Mapping[str, Mapping[str, ValueCheck]]) -> dict[str, ClassCheck]:
    """The classes that nodes can have, by name; `checks` are those of each class's attributes."""
    return {
        c.name: ClassCheck(
            name=c.name,
            code=c.code,
            attributes=checks[c.name],
            observed=frozenset(name for name, check in checks[c.name].items() if check.observed),
            required=required_among(checks[c.name]),
            unique=tuple(name for name, check in checks[c.name].items() if check.attribute.unique),
            initial=model.lifecycle_of[c.name].initial,
            states=frozenset(model.lifecycle_of[c.name].by_name),
            identification=model.identification_of[c.name],
            naming=model.naming_pattern_of.get(c.name),
        )
        for c in model.classes
        if not c.abstract and c.code is not None
    }


def required_among(checks: Mapping[str, ValueCheck]) -> tuple[str, ...]:
    """The attributes that whoever writes must give; observed ones come from discovery."""
    return tuple(name for name, check in checks.items() if check.attribute.required and not check.observed)
