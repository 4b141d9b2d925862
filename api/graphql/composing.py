"""Plain values of a selection, completed by one function that is composed for it.

A selection is plain where every field under it is read off its source and nothing is asked of a resolver. The function has
the meaning of the standard algorithm: the same collected fields, the same coercion of leaves. Anything it cannot do (a
resolver, an argument, a null where there must be none) is `NotPlain`, and left to the standard algorithm, errors and all.
"""
# graphql-core and Strawberry hand sources and types on as `Any`; what passes through here is theirs to check:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    FieldNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField
from strawberry.types.object_type import StrawberryObjectDefinition

from api.graphql.nodes import ATTRIBUTE, NODE_FIELDS, Node
from api.graphql.reading import Shown

Complete = Callable[[object], object]

NO_VARIABLES: Final = VariableValues({}, {})

_AS_THEY_ARE: Final = frozenset({GraphQLString.name, GraphQLID.name, GraphQLBoolean.name})
_DEFINITION: Final = "strawberry-definition"


class NotPlain(Exception):
    """Some part of the selection, or some value, is for the standard algorithm."""


class Selections:
    """What the fields of an operation come to below each type, and the functions composed of them.

    Variables decide about @skip and @include and nothing else, so without directives this serves every request. Types are
    known by their identity, as the schema keeps them.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDetails],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = dict(fragments)
        self._variables = variables
        self._root: GroupedFieldSet | None = None
        self._below: dict[tuple[str, int], tuple[FieldDetailsList, CollectedFields]] = {}
        self._composed: dict[tuple[int, int], tuple[FieldDetailsList, Complete]] = {}
        self._read: dict[tuple[str, int], tuple[FieldDetailsList, Complete | None]] = {}

    def root(self, fields: GroupedFieldSet) -> GroupedFieldSet:
        """The fields of the operation itself: those that it was first executed with, which all others are known by."""
        self._root = fields if self._root is None else self._root
        return self._root

    def below(self, kind: GraphQLObjectType, fields: FieldDetailsList) -> CollectedFields:
        """The fields that these select of a type."""
        key = (kind.name, id(fields))
        if key not in self._below:
            collected = collect_subfields(self._schema, self._fragments, self._variables, self._operation, kind, fields)
            self._below[key] = (fields, collected)
        return self._below[key][1]

    def completing(self, kind: GraphQLOutputType, fields: FieldDetailsList) -> Complete:
        """What completes a value of a type with these fields, or raises NotPlain."""
        key = (id(kind), id(fields))
        known = self._composed.get(key)
        if known is None:
            try:
                known = (fields, self._compose(kind, fields))
            except NotPlain:
                known = (fields, _refuse)
            self._composed[key] = known
        return known[1]

    def reading(self, kind: GraphQLObjectType, fields: FieldDetailsList) -> Complete | None:
        """What reads and completes one field, where others beside it are not plain; None if it is not plain itself."""
        key = (kind.name, id(fields))
        if key not in self._read:
            self._read[key] = (fields, self._read_alone(kind, fields))
        return self._read[key][1]

    def _read_alone(self, kind: GraphQLObjectType, fields: FieldDetailsList) -> Complete | None:
        row, name = _Row(), fields[0].node.name.value
        try:
            row.add(name, *self._field(kind, name, fields), of_node=_is_node(kind))
        except NotPlain:
            return None
        read = row.composed()
        return lambda source: read(source)[name]

    def _compose(self, kind: GraphQLOutputType, fields: FieldDetailsList) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return _required(self._compose_nullable(kind.of_type, fields))
        return _optional(self._compose_nullable(kind, fields))

    def _compose_nullable(self, kind: GraphQLOutputType, fields: FieldDetailsList) -> Complete:
        if isinstance(kind, GraphQLList):
            each = self._compose(kind.of_type, fields)
            return lambda values: [each(value) for value in values]  # pyright: ignore[reportGeneralTypeIssues]  # a list, by its type
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, fields)
        if isinstance(kind, GraphQLInterfaceType) and _is_node(kind):
            return self._node(fields)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType | GraphQLNonNull):
            raise NotPlain
        return _leaf(kind)

    def _node(self, fields: FieldDetailsList) -> Complete:
        """Nodes are told apart by their class."""
        by_class: dict[str, Complete] = {}
        alike = _reads_alike(fields)

        def complete(value: object) -> object:
            if not isinstance(value, Shown):
                raise NotPlain
            class_name = "" if alike else value.node.class_name
            found = by_class.get(class_name)
            if found is None:
                runtime = self._schema.get_type(value.view.reading.names.types[value.node.class_name])
                if not isinstance(runtime, GraphQLObjectType):
                    raise NotPlain
                found = by_class[class_name] = self._object(runtime, fields)
            return found(value)

        return complete

    def _object(self, kind: GraphQLObjectType, fields: FieldDetailsList) -> Complete:
        of_node = _is_node(kind)
        row = _Row()
        for response_name, details in self.below(kind, fields).grouped_field_set.items():
            name = details[0].node.name.value
            row.template[response_name] = kind.name if name == "__typename" else None
            if name == "__typename":
                continue
            row.add(response_name, *self._field(kind, name, details), of_node=of_node)
        return row.composed()

    def _field(self, kind: GraphQLObjectType, name: str, details: FieldDetailsList) -> tuple[str, Complete]:
        """The attribute that a field is read off, and what completes it."""
        known = kind.fields.get(name)
        read = None if known is None else known.extensions.get(_DEFINITION)
        if known is None or known.args or not isinstance(read, StrawberryField) or not read.is_basic_field:
            raise NotPlain
        return read.python_name, self._compose(known.type, details)


def _is_node(kind: GraphQLObjectType | GraphQLInterfaceType) -> bool:
    definition = kind.extensions.get(_DEFINITION)
    return isinstance(definition, StrawberryObjectDefinition) and issubclass(definition.origin, Node)


def _reads_alike(fields: FieldDetailsList) -> bool:
    """Whether a selection on an interface asks nothing that depends on the type: no fragment, no name of the type."""
    selections = [
        one for details in fields if details.node.selection_set for one in details.node.selection_set.selections
    ]
    return all(isinstance(one, FieldNode) and one.name.value != "__typename" for one in selections)


@dataclass
class _Row:
    """The parts of an object, sorted by the way they are read; what needs no look is read by C in one go."""

    template: dict[str, object] = field(default_factory=dict[str, object])
    required: dict[str, str] = field(default_factory=dict[str, str])
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    others: list[tuple[str, Complete, Complete]] = field(default_factory=list[tuple[str, Complete, Complete]])

    def add(self, response_name: str, python_name: str, complete: Complete, *, of_node: bool) -> None:
        """A field, and how its value is completed."""
        place = f"node.{python_name}" if of_node and python_name in NODE_FIELDS else python_name
        if of_node and python_name.startswith(ATTRIBUTE):
            attribute = python_name.removeprefix(ATTRIBUTE)
            if complete is _same:
                self.attributes[response_name] = attribute
            else:
                self.others.append((response_name, _attribute_reader(attribute), complete))
        elif complete is _present:
            self.required[response_name] = place
        else:
            self.others.append((response_name, attrgetter(place), complete))

    def composed(self) -> Callable[[object], dict[str, object]]:
        """One function for the object."""
        template, others = self.template, tuple(self.others)
        required, read = tuple(self.required), _reader_of_all(tuple(self.required.values()))
        shown, attributes = tuple(self.attributes), tuple(self.attributes.values())

        def complete(source: object) -> dict[str, object]:
            row = template.copy()
            if required:
                values = read(source)
                if None in values:
                    raise NotPlain
                row.update(zip(required, values, strict=True))
            if attributes:
                known = source.node.attributes  # pyright: ignore[reportAttributeAccessIssue]  # a node's source is Shown
                row.update(zip(shown, map(known.get, attributes), strict=True))
            for name, read_one, complete_one in others:
                row[name] = complete_one(read_one(source))
            return row

        return complete


def _reader_of_all(places: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    if len(places) == 1:
        read = attrgetter(places[0])
        return lambda source: (read(source),)
    return attrgetter(*places) if places else lambda _source: ()


def _attribute_reader(name: str) -> Complete:
    return lambda source: source.node.attributes.get(name)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownLambdaType]  # a node's source is Shown


def _required(complete: Complete) -> Complete:
    if complete is _same:
        return _present

    def checked(value: object) -> object:
        if value is None:
            raise NotPlain
        return complete(value)

    return checked


def _optional(complete: Complete) -> Complete:
    return complete if complete is _same else lambda value: None if value is None else complete(value)


def _leaf(kind: GraphQLLeafType) -> Complete:
    if kind.name in _AS_THEY_ARE:
        return _same
    if isinstance(kind, GraphQLEnumType):
        return _Named(kind).__getitem__

    whole = kind.name == GraphQLInt.name

    def coerced(value: object) -> object:
        if whole and type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
            return value
        try:
            return kind.coerce_output_value(value)
        except (GraphQLError, TypeError, ValueError) as error:
            raise NotPlain from error

    return coerced


class _Named(dict[object, object]):
    """The names of an enum's values, those that were asked for."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, value: object) -> object:
        try:
            self[value] = self._kind.coerce_output_value(value)
        except (GraphQLError, TypeError, ValueError) as error:
            raise NotPlain from error
        return self[value]


def _same(value: object) -> object:
    return value


def _present(value: object) -> object:
    if value is None:
        raise NotPlain
    return value


def _refuse(_value: object) -> object:
    raise NotPlain
