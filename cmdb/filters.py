"""The one filter grammar: lists, queries, audits and baseline scopes are all written in it.

Logic is two-valued: a comparison with an attribute that is absent is false, whatever the look-up, and `Not` turns that
round; ask for absence with `Lookup.EXISTS`. Text is compared code point by code point, case and all; for words whatever
their case there is the full-text search. `matches` is the meaning; the stores' compilers must agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

import msgspec

from cmdb.nodes import Node
from graph_schema.metamodel import Attribute, AttributeType, Model
from graph_schema.values import Scalar, Value


class Lookup(StrEnum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    HAS = "has"
    EXISTS = "exists"


class Direction(StrEnum):
    """Which way a relationship is followed from a node: out of it, into it."""

    OUT = "out"
    IN = "in"


FIELDS: Final[dict[str, AttributeType]] = {
    "key": AttributeType.STRING,
    "class": AttributeType.STRING,
    "name": AttributeType.STRING,
    "state": AttributeType.STRING,
    "version": AttributeType.INTEGER,
    "since": AttributeType.INTEGER,
    "ordinal": AttributeType.INTEGER,
    "retired": AttributeType.BOOLEAN,
}
"""The fields every node has, beside its attributes."""

NUMERIC: Final = frozenset({AttributeType.INTEGER, AttributeType.DURATION, AttributeType.DECIMAL})


class Compare(msgspec.Struct, frozen=True, tag_field="is", tag="compare"):
    """A field or attribute compared with a value (`in`: with a tuple; `exists`: with true or false)."""

    field: str
    lookup: Lookup
    value: Value


class IsA(msgspec.Struct, frozen=True, tag_field="is", tag="is_a"):
    """The node's class is this one or below it."""

    class_name: str


class Related(msgspec.Struct, frozen=True, tag_field="is", tag="related"):
    """Some relationship of this type leads, in this direction, to a node that the inner filter accepts."""

    type: str
    direction: Direction
    where: Filter | None = None


class And(msgspec.Struct, frozen=True, tag_field="is", tag="and"):
    """All of them hold; of none, true."""

    items: tuple[Filter, ...]


class Or(msgspec.Struct, frozen=True, tag_field="is", tag="or"):
    """At least one of them holds; of none, false."""

    items: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True, tag_field="is", tag="not"):
    """It does not hold."""

    item: Filter


Filter = Compare | IsA | Related | And | Or | Not

LIVE: Final = Compare("retired", Lookup.EQ, False)
"""What lists show unless they are asked for more."""

Neighbours = Callable[[Node, str, Direction], Iterable[Node]]
"""The nodes that relationships of a type lead to from a node, in a direction."""


def attribute_named(model: Model, name: str) -> Attribute | None:
    """The attribute of this name (one name has one type in all classes), or None."""
    return next((a[name] for a in model.attributes.values() if name in a), None)


def field_type(model: Model, field: str) -> AttributeType | None:
    """The type that a filter's field is compared as, or None when the model knows no such field."""
    if field in FIELDS:
        return FIELDS[field]
    attribute = attribute_named(model, field)
    return attribute.type if attribute else None


FARTHEST: Final = 4
"""Relationships that a filter may follow one after the other; what lies farther is a question of reach."""


def faults(model: Model, where: Filter, steps: int = FARTHEST) -> list[str]:
    """What is wrong with a filter under this model, in words; empty when it can be asked."""
    match where:
        case And(items) | Or(items):
            return [fault for item in items for fault in faults(model, item, steps)]
        case Not(item):
            return faults(model, item, steps)
        case IsA(name):
            return [] if name in model.class_by_name else [f"there is no class {name}"]
        case Related() if steps == 0:
            return [f"it follows more than {FARTHEST} relationships one after the other"]
        case Related(type_name, _, inner):
            unknown = [] if type_name in model.type_by_name else [f"there is no relationship type {type_name}"]
            return unknown + (faults(model, inner, steps - 1) if inner else [])
        case Compare():
            return _compare_faults(model, where)


def _compare_faults(model: Model, where: Compare) -> list[str]:
    known = field_type(model, where.field)
    if known is None:
        return [f"there is no field or attribute {where.field}"]
    attribute = None if where.field in FIELDS else attribute_named(model, where.field)
    many = attribute is not None and attribute.many
    if where.lookup is Lookup.EXISTS:
        return [] if isinstance(where.value, bool) else [f"{where.field} exists: compare with true or false"]
    if many != (where.lookup is Lookup.HAS):
        return [f"{where.field} is {'a list: use `has`' if many else 'no list: `has` does not fit'}"]
    if isinstance(where.value, tuple) != (where.lookup is Lookup.IN):
        return [f"{where.field}: `in` takes a list, every other look-up one value"]
    values = where.value if isinstance(where.value, tuple) else (where.value,)
    return [fault for value in values for fault in _value_faults(where, known, value)]


def _value_faults(where: Compare, known: AttributeType, value: Scalar) -> list[str]:
    textual = {Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH}
    if known is AttributeType.BOOLEAN:
        fits = isinstance(value, bool) and where.lookup in {Lookup.EQ, Lookup.NE, Lookup.IN, Lookup.HAS}
    elif known in {AttributeType.INTEGER, AttributeType.DURATION}:
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole and where.lookup not in textual and -(2**63) <= int(value) < 2**63
    elif known is AttributeType.DECIMAL:
        fits = isinstance(value, str) and where.lookup not in textual
    else:
        fits = isinstance(value, str)
    return [] if fits else [f"{where.field} is of type {known}; `{where.lookup}` {value!r} does not fit"]


def matches(model: Model, where: Filter, node: Node, neighbours: Neighbours) -> bool:
    """Whether a node is accepted. This plain evaluator is the grammar's definition."""
    match where:
        case And(items):
            return all(matches(model, item, node, neighbours) for item in items)
        case Or(items):
            return any(matches(model, item, node, neighbours) for item in items)
        case Not(item):
            return not matches(model, item, node, neighbours)
        case IsA(name):
            return model.is_a(node.class_name, name)
        case Related(type_name, direction, inner):
            found = neighbours(node, type_name, direction)
            return any(inner is None or matches(model, inner, other, neighbours) for other in found)
        case Compare(field, lookup, value):
            return _holds(field_type(model, field), field_value(node, field), lookup, value)


def field_value(node: Node, field: str) -> Value | None:
    """What a node has in a field or attribute; None when the attribute is absent."""
    if field == "class":
        return node.class_name
    if field in FIELDS:
        return getattr(node, field)
    return node.attributes.get(field)


def _holds(kind: AttributeType | None, actual: Value | None, lookup: Lookup, value: Value) -> bool:
    if lookup is Lookup.EXISTS:
        return (actual is not None) == value
    if actual is None:
        return False
    if isinstance(actual, tuple):
        return lookup is Lookup.HAS and value in actual
    if isinstance(value, tuple):
        return actual in value
    if lookup in {Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH}:
        return _text_holds(str(actual), lookup, str(value))
    if lookup is Lookup.EQ or lookup is Lookup.NE:
        return (actual == value) is (lookup is Lookup.EQ)
    return _ORDERS[lookup](_ordered(kind, actual), _ordered(kind, value))


def _text_holds(actual: str, lookup: Lookup, value: str) -> bool:
    if lookup is Lookup.CONTAINS:
        return value in actual
    return actual.startswith(value) if lookup is Lookup.STARTS_WITH else actual.endswith(value)


def _ordered(kind: AttributeType | None, value: Scalar) -> tuple[int | float, str]:
    """Decimals are ordered as double-precision numbers, other numbers exactly, everything else as text."""
    if kind is AttributeType.DECIMAL:
        return (float(value), "")
    return (int(value), "") if kind in NUMERIC else (0, str(value))


_ORDERS: Final[dict[Lookup, Callable[[tuple[int | float, str], tuple[int | float, str]], bool]]] = {
    Lookup.LT: lambda a, b: a < b,
    Lookup.LTE: lambda a, b: a <= b,
    Lookup.GT: lambda a, b: a > b,
    Lookup.GTE: lambda a, b: a >= b,
}
