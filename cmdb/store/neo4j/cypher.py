"""Names in Cypher: the labels of this store, and the only way a name from a model gets into a statement.

Statements are literal strings. What varies in their text (a class, a relationship type, an attribute) goes through
`name`, which lets through nothing but plain identifiers, quoted; what varies in their data is a parameter.

Labels and properties of the store's own beside the natural graph begin with an underscore, which no class and no
attribute can have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, LiteralString, cast

from cmdb.errors import Invalid
from cmdb.filters import Direction
from graph_schema.metamodel import Kind

KIND_LABEL: Final[dict[Kind, LiteralString]] = {Kind.CI: "CI", Kind.RECORD: "Record"}
"""The second label of a node, after `Node`; the third is its class."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def name(identifier: str) -> LiteralString:
    """A class, type or attribute as it stands in a statement, in backticks. Raises Invalid for anything but a name."""
    if not _IDENTIFIER.fullmatch(identifier):
        raise Invalid(f"{identifier!r} is not the name of a class, relationship type or attribute")
    return cast("LiteralString", f"`{identifier}`")


def bounded(value: object) -> object:
    """The value, with numbers beyond Neo4j's 64 bits as infinite: they compare alike with every number it has."""
    if isinstance(value, list | tuple):
        return [bounded(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return inf if value > 0 else -inf
    return value


class Parameters:
    """The values of one statement, named `p0`, `p1`, … beside those that are given a name."""

    def __init__(self, **named: object) -> None:
        self.values = named

    def add(self, value: object) -> LiteralString:
        """The expression for a parameter that holds this value."""
        named = f"p{len(self.values)}"
        self.values[named] = bounded(value)
        return "$" + name(named)


def of_types(types: Iterable[str] | None) -> LiteralString:
    """What stands in a relationship pattern for one of these types; nothing for None."""
    return "" if types is None else ":" + "|".join([name(t) for t in sorted(types)])


def edge(direction: Direction, variable: LiteralString, types: Iterable[str] | None) -> LiteralString:
    """A relationship pattern to the right of a node: out of it or into it."""
    inside = variable + of_types(types)
    return f"-[{inside}]->" if direction is Direction.OUT else f"<-[{inside}]-"
