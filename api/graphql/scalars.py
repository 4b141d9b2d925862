"""GraphQL scalars for values that its own do not hold."""

from __future__ import annotations

import re
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from graph_schema.metamodel import AttributeType
from graph_schema.values import Scalar, Value

BigInt = NewType("BigInt", int)
Decimal = NewType("Decimal", str)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
Duration = NewType("Duration", int)
AnyValue = NewType("AnyValue", object)

SAFE: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""

_WHOLE: Final = re.compile(r"^-?[0-9]{1,20}$")

OUT_OF_REACH: Final = 2**64
"""No whole number of the graph is this large; longer ones are not worth looking at."""


def shown(value: object) -> object:
    """A value as JSON: whole numbers beyond ±SAFE as text, so that no client loses a digit."""
    if isinstance(value, int):
        return value if -SAFE <= value <= SAFE else str(value)
    if isinstance(value, tuple | list):
        items: tuple[Value, ...] | list[Value] = value  # pyright: ignore[reportUnknownVariableType]  # each is looked at
        return [shown(item) for item in items]
    return value


def _whole(value: object) -> int:
    if isinstance(value, str) and _WHOLE.match(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -OUT_OF_REACH < value < OUT_OF_REACH:
        raise GraphQLError("expected a whole number of 64 bits")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("expected text")
    return value


def taken(value: object) -> Scalar | tuple[Scalar, ...]:
    """A value from JSON or a query: text, a whole number, true or false, or a list of these; decimals become text.

    What was taken already stays as it is.
    """
    if isinstance(value, list | tuple):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]  # each is looked at
        return tuple(_taken_one(item) for item in items)
    return _taken_one(value)


def _taken_one(value: object) -> Scalar:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool | str):
        return value
    return _whole(value)


SCALARS: Final[dict[object, ScalarDefinition]] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of 64 bits: a JSON number up to ±(2^53 - 1), its digits as text beyond.",
        serialize=shown,
        parse_value=_whole,
    ),
    Decimal: strawberry.scalar(
        name="Decimal", description="An exact decimal number as text: `12.5`.", serialize=shown, parse_value=_text
    ),
    Date: strawberry.scalar(name="Date", description="A day: `2026-01-31`.", serialize=shown, parse_value=_text),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC: `2026-01-31T17:00:00.000000Z`.",
        serialize=shown,
        parse_value=_text,
    ),
    Duration: strawberry.scalar(
        name="Duration", description="A length of time in whole seconds.", serialize=shown, parse_value=_whole
    ),
    AnyValue: strawberry.scalar(
        name="Value",
        description="The value of some attribute: text, a BigInt, a Decimal, true or false, or a list of these.",
        serialize=shown,
        parse_value=taken,
    ),
}
"""What Strawberry is told about them."""

SCALAR_OF: Final[dict[AttributeType, object]] = {
    AttributeType.INTEGER: BigInt,
    AttributeType.DECIMAL: Decimal,
    AttributeType.BOOLEAN: bool,
    AttributeType.DATE: Date,
    AttributeType.DATETIME: DateTime,
    AttributeType.DURATION: Duration,
}
"""The GraphQL type of an attribute; the other types are text, enumerations apart."""
