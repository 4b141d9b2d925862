"""The executor of graphql-core and Strawberry with a shorter way for plain values, and less to find out twice.

What is plain (see `composing`) is completed without a resolver being asked for every field of every row; all else, and
whatever turns out not to be plain, goes the standard way.
"""
# graphql-core and Strawberry hand sources and types on as `Any`; what passes through here is theirs to check:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from graphql import (
    ExecutionResult,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    execute,
)
from graphql.execution.collect_fields import CollectedFields, DeferUsage, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.graphql.composing import NotPlain, Selections
from api.graphql.preparing import Prepared
from api.graphql.reading import Reading


async def executed(
    schema: GraphQLSchema, prepared: Prepared, variables: Mapping[str, object], reading: Reading
) -> ExecutionResult:
    """What an operation comes to, or why a document cannot be executed. Raises Usage where it may read too many rows."""
    if prepared.errors:
        return ExecutionResult(None, list(prepared.errors))
    prepared.check_rows(variables)
    name = prepared.operation.name
    result = execute(
        schema,
        prepared.document,
        context_value=reading,
        variable_values=dict(variables),
        operation_name=name and name.value,
        executor_class=PlainExecutor,
        selections=prepared.selections,
    )
    return result if isinstance(result, ExecutionResult) else await result


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Of one request; `selections` are kept by its document where they serve every request."""

    def __init__(self, *args: object, selections: Selections | None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._selections = selections or Selections(self.schema, self.operation, self.fragments, self.variable_values)

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: object,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        new_defer_usages: Sequence[DeferUsage],
    ) -> AwaitableOrValue[dict[str, object]]:
        """With the fields that selections are known by."""
        fields = self._selections.root(grouped_field_set)
        return super().execute_collected_root_fields(root_type, root_value, fields, serially, new_defer_usages)

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """See `Selections.below`."""
        return self._selections.below(return_type, field_details_list)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: object,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: object,
    ) -> object:
        """Execute a field, the short way if it can be done."""
        read = self._selections.reading(parent_type, field_details_list)
        if read is not None:
            with suppress(Exception):  # what goes wrong goes wrong the standard way again, which says where
                return read(source)
        return super().execute_field(parent_type, source, field_details_list, path, position_context)  # pyright: ignore[reportArgumentType]  # as it came

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
                return list(map(self._selections.completing(return_type.of_type, field_details_list), result))
            except NotPlain:
                pass
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)  # pyright: ignore[reportArgumentType]  # anything may be in a list

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: object,
        position_context: object,
    ) -> AwaitableOrValue[dict[str, object]]:
        """Complete an object, the short way if it can be done."""
        try:
            return self._selections.completing(return_type, field_details_list)(result)  # pyright: ignore[reportReturnType]  # an object's is a mapping
        except NotPlain:
            return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)  # pyright: ignore[reportArgumentType]  # as it came
