"""The filter grammar as GraphQL input, and its way into `cmdb.filters`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry.utils.str_converters import to_snake_case

from api.graphql.scalars import AnyValue, taken
from cmdb.errors import Problem, Usage
from cmdb.filters import FIELDS, And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related, attribute_named, faults
from graph_schema.metamodel import Attribute, AttributeType, Label, Model
from graph_schema.values import Scalar, Value, normalise

_TEXTUAL: Final = frozenset({Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH})
_AS_GIVEN: Final = frozenset(
    {AttributeType.STRING, AttributeType.TEXT, AttributeType.ENUM, AttributeType.VERSION, AttributeType.BOOLEAN}
)
_FIELD_NAMES: Final = {"className": "class"}


@strawberry.input(description="Some relationship of this type leads to a node that the inner filter accepts.")
class RelatedInput:
    """See `cmdb.filters.Related`."""

    type: str
    direction: Direction = Direction.OUT
    where: FilterInput | None = None


@strawberry.input(
    name="FilterInput",
    description="What is given must all hold. `field` takes look-ups beside it; it is named as in answers (`cpuCount`) "
    "or as in the model (`cpu_count`). A comparison with an absent attribute is false, whatever the look-up.",
)
class FilterInput:
    """See `cmdb.filters`."""

    all_of: list[FilterInput] | None = strawberry.field(name="AND", default=None)
    any_of: list[FilterInput] | None = strawberry.field(name="OR", default=None)
    none_of: FilterInput | None = strawberry.field(name="NOT", default=None)
    is_a: str | None = strawberry.field(default=None, description="The class is this one or below it.")
    related: RelatedInput | None = None
    field: str | None = None
    eq: AnyValue | None = None
    ne: AnyValue | None = None
    lt: AnyValue | None = None
    lte: AnyValue | None = None
    gt: AnyValue | None = None
    gte: AnyValue | None = None
    in_: list[AnyValue] | None = strawberry.field(name="in", default=None)
    contains: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    has: AnyValue | None = strawberry.field(default=None, description="A list holds this value.")
    exists: bool | None = None


def to_filter(model: Model, where: FilterInput) -> Filter:
    """The filter that an input means. Raises Usage with all that does not fit the model."""
    found = _filter(model, where)
    if wrong := faults(model, found):
        raise Usage(f"the filter does not fit the model: {wrong[0]}", problems=tuple(Problem(w) for w in wrong))
    return found


def field_named(name: str) -> str:
    """The name in the model of a field that may be given as in answers."""
    return _FIELD_NAMES.get(name) or (name if name.islower() else to_snake_case(name))


def _filter(model: Model, where: FilterInput) -> Filter:
    items: list[Filter] = _comparisons(model, where)
    if where.all_of is not None:
        items.append(And(tuple(_filter(model, item) for item in where.all_of)))
    if where.any_of is not None:
        items.append(Or(tuple(_filter(model, item) for item in where.any_of)))
    if where.none_of is not None:
        items.append(Not(_filter(model, where.none_of)))
    if where.is_a is not None:
        items.append(IsA(where.is_a))
    if where.related is not None:
        inner = where.related.where
        items.append(
            Related(where.related.type, where.related.direction, None if inner is None else _filter(model, inner))
        )
    return items[0] if len(items) == 1 else And(tuple(items))


def _comparisons(model: Model, where: FilterInput) -> list[Filter]:
    given: dict[Lookup, object] = {
        lookup: value
        for lookup in Lookup
        if (value := getattr(where, "in_" if lookup is Lookup.IN else lookup.value)) is not None
    }
    if where.field is None:
        if given:
            raise Usage(f"the filter has `{next(iter(given))}` but no `field`", remedy="name the field to look at")
        return []
    if not given:
        raise Usage(f"the filter names the field {where.field} and no look-up", remedy="add one, like `exists: true`")
    name = field_named(where.field)
    attribute = _comparable(model, name)
    return [Compare(name, lookup, _value(attribute, lookup, taken(value))) for lookup, value in given.items()]


def _comparable(model: Model, name: str) -> Attribute | None:
    """How values of a field are read: as its attribute's, without its bounds."""
    if name in FIELDS:
        return Attribute(name="value", type=FIELDS[name], label=Label(en=name, zh=name))
    attribute = attribute_named(model, name)
    loose = {"many": False, "minimum": None, "maximum": None, "pattern": None, "values": ()}
    return None if attribute is None else attribute.model_copy(update=loose)


def _value(attribute: Attribute | None, lookup: Lookup, raw: Value) -> Value:
    if isinstance(raw, tuple):
        return tuple(_scalar(attribute, lookup, item) for item in raw)
    return _scalar(attribute, lookup, raw)


def _scalar(attribute: Attribute | None, lookup: Lookup, raw: Scalar) -> Scalar:
    if attribute is None or attribute.type in _AS_GIVEN or lookup is Lookup.EXISTS or lookup in _TEXTUAL:
        return raw
    try:
        value = normalise(attribute, raw)
    except ValueError as error:
        raise Usage(f"the filter compares {attribute.name} with a value that does not fit: {error}") from None
    return raw if isinstance(value, tuple) else value
