"""From a query's text to a document that may be executed: parsed, measured and checked once for each text, then remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
)
from graphql.execution.collect_fields import FragmentDetails
from strawberry.schema.schema import validate_document

from api.graphql.composing import NO_VARIABLES, Selections
from api.graphql.limits import MOST_TOKENS, Measured, check_text
from cmdb.errors import Usage

REMEMBERED: Final = 256
"""Texts whose documents are kept."""
_SIZES: Final = 16


@dataclass(frozen=True, eq=False)
class Prepared:
    """An operation of a document, and what is wrong with it by a schema.

    `selections` serve every request; they are None where directives may make them depend on variables.
    """

    measured: Measured
    operation: OperationDefinitionNode
    errors: Sequence[GraphQLError]
    selections: Selections | None
    _within: set[frozenset[tuple[str, int]]] = field(default_factory=set["frozenset[tuple[str, int]]"], init=False)

    @property
    def document(self) -> DocumentNode:
        """What is executed."""
        return self.measured.document

    def check_rows(self, variables: Mapping[str, object]) -> None:
        """Raise Usage when it may read too many rows with these variables, of which only the numbers matter."""
        numbers = frozenset((name, value) for name, value in variables.items() if isinstance(value, int))
        if numbers not in self._within:
            self.measured.check_rows(self.operation, variables)
            if len(self._within) == _SIZES:
                self._within.clear()
            self._within.add(numbers)


class Documents:
    """The documents that were asked of one schema last."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.prepared = lru_cache(maxsize=REMEMBERED)(self._prepared)

    def _prepared(self, query: str, name: str | None) -> Prepared:
        """See `Prepared`. Raises as `operation_in`."""
        measured, operation = _measured(query), operation_in(query, name)
        errors = validate_document(self._schema, measured.document, tuple(specified_rules))
        fragments = {name: FragmentDetails(fragment) for name, fragment in measured.fragments.items()}
        steady = "@" not in query
        selections = Selections(self._schema, operation, fragments, NO_VARIABLES) if steady else None
        return Prepared(measured, operation, errors, selections)


def operation_in(query: str, name: str | None) -> OperationDefinitionNode:
    """The operation of a text that is meant. Raises Usage if there is none or too much of it, GraphQLError for syntax."""
    check_text(query)
    operation = get_operation_ast(_measured(query).document, name)
    if operation is None:
        raise Usage(
            "the query has no operation" if name is None else f"the query has no operation {name}",
            remedy="write one, or name one of several in `operationName`",
        )
    return operation


@lru_cache(maxsize=REMEMBERED)
def _measured(query: str) -> Measured:
    try:
        measured = Measured(parse(query, max_tokens=MOST_TOKENS))
        measured.check_shape()
    except RecursionError:
        raise Usage("the query nests too deeply", remedy="ask in steps") from None
    return measured
