"""Lists of plain rows, completed without the executor's detour through a resolver for every field of every row.

A selection is plain where every field under it is read off its source and nothing is asked of a resolver. Such a list
is completed by one function, composed for its selection once per request, with the meaning of the standard algorithm:
the same collected fields, the same coercion of leaves. Anything it cannot do (a resolver, an argument, a null where
there must be none) hands the whole list back to the standard algorithm, errors and all.
"""
# graphql-core and Strawberry hand sources and types on as `Any`; what passes through here is theirs to check:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLID,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLString,
    GraphQLUnionType,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField
from strawberry.types.object_type import StrawberryObjectDefinition

from api.graphql.nodes import ATTRIBUTE, NODE_FIELDS, Node
from api.graphql.reading import Shown

Complete = Callable[[object], object]

_AS_THEY_ARE: Final = frozenset({GraphQLString.name, GraphQLID.name, GraphQLBoolean.name})
_DEFINITION: Final = "strawberry-definition"


class NotPlain(Exception):
    """Some part of the selection, or some value, is for the standard algorithm."""


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor with a shorter way for plain lists."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._composed: dict[tuple[str, int], tuple[FieldDetailsList, Complete]] = {}

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: object,
        position_context: object,
    ) -> AwaitableOrValue[list[object]]:
        """Complete a list, the short way if it can be done."""
        if isinstance(result, list):
            try:
                return list(map(self._complete(return_type.of_type, field_details_list, info), result))
            except NotPlain:
                self._composed[str(return_type.of_type), id(field_details_list)] = (field_details_list, _refuse)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)  # pyright: ignore[reportArgumentType]  # anything may be in a list

    def _complete(self, kind: GraphQLOutputType, fields: FieldDetailsList, info: GraphQLResolveInfo) -> Complete:
        key = (str(kind), id(fields))
        known = self._composed.get(key)
        if known is None:
            try:
                known = (fields, self._compose(kind, fields, info))
            except NotPlain:
                known = (fields, _refuse)
            self._composed[key] = known
        return known[1]

    def _compose(self, kind: GraphQLOutputType, fields: FieldDetailsList, info: GraphQLResolveInfo) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return _required(self._compose_nullable(kind.of_type, fields, info))
        return _optional(self._compose_nullable(kind, fields, info))

    def _compose_nullable(
        self, kind: GraphQLOutputType, fields: FieldDetailsList, info: GraphQLResolveInfo
    ) -> Complete:
        if isinstance(kind, GraphQLList):
            each = self._compose(kind.of_type, fields, info)
            return lambda values: [each(value) for value in values]  # pyright: ignore[reportGeneralTypeIssues]  # a list, by its type
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, fields, info)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return self._abstract(kind, fields, info)
        if isinstance(kind, GraphQLNonNull):
            raise NotPlain
        return _leaf(kind)

    def _abstract(self, kind: GraphQLAbstractType, fields: FieldDetailsList, info: GraphQLResolveInfo) -> Complete:
        """Nodes are told apart by their class; other abstract values are left to the standard algorithm."""
        by_class: dict[str, Complete] = {}

        def complete(value: object) -> object:
            if not isinstance(value, Shown):
                raise NotPlain
            class_name = value.node.class_name
            found = by_class.get(class_name)
            if found is None:
                runtime = self.schema.get_type(value.view.reading.names.types[class_name])
                if not isinstance(runtime, GraphQLObjectType):
                    raise NotPlain
                found = by_class[class_name] = self._object(runtime, fields, info)
            return found(value)

        return complete

    def _object(self, kind: GraphQLObjectType, fields: FieldDetailsList, info: GraphQLResolveInfo) -> Complete:
        parts: list[tuple[str, Complete, Complete]] = []
        definition = kind.extensions.get(_DEFINITION)
        of_node = isinstance(definition, StrawberryObjectDefinition) and issubclass(definition.origin, Node)
        for response_name, details in self.collect_subfields(kind, fields).grouped_field_set.items():
            name = details[0].node.name.value
            if name == "__typename":
                parts.append((response_name, _constant(kind.name), _same))
                continue
            known = kind.fields.get(name)
            read = None if known is None else known.extensions.get(_DEFINITION)
            if known is None or known.args or not isinstance(read, StrawberryField) or not read.is_basic_field:
                raise NotPlain
            parts.append(
                (response_name, _reader(read.python_name, of_node=of_node), self._compose(known.type, details, info))
            )
        return lambda source: {name: complete(read(source)) for name, read, complete in parts}


def _reader(name: str, *, of_node: bool) -> Complete:
    """What `api.graphql.nodes.read_field` does, decided beforehand."""
    if of_node and name.startswith(ATTRIBUTE):
        attribute = name.removeprefix(ATTRIBUTE)
        return lambda source: source.node.attributes.get(attribute)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownLambdaType]  # a node's source is Shown
    return attrgetter(f"node.{name}" if of_node and name in NODE_FIELDS else name)


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
    return _same if kind.name in _AS_THEY_ARE else kind.coerce_output_value


def _constant(value: object) -> Complete:
    return lambda _source: value


def _same(value: object) -> object:
    return value


def _present(value: object) -> object:
    if value is None:
        raise NotPlain
    return value


def _refuse(_value: object) -> object:
    raise NotPlain
