"""From a query's text to a document that may be executed: parsed and measured once for each text, then remembered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from graphql import DocumentNode, OperationDefinitionNode, get_operation_ast, parse
from strawberry.extensions import SchemaExtension

from api.graphql.limits import MOST_TOKENS, Measured, check_text
from cmdb.errors import Usage

REMEMBERED: Final = 256
"""Texts whose documents are kept."""


def operation_in(query: str, name: str | None) -> OperationDefinitionNode:
    """The operation of a text that is meant. Raises Usage if there is none or too much of it, GraphQLError for syntax."""
    operation = get_operation_ast(_prepared(query).document, name)
    if operation is None:
        raise Usage(
            "the query has no operation" if name is None else f"the query has no operation {name}",
            remedy="write one, or name one of several in `operationName`",
        )
    return operation


class Prepared(SchemaExtension):
    """Gives Strawberry the remembered document, and holds a query to its limits before it is executed."""

    def on_parse(self) -> Iterator[None]:
        """Before parsing."""
        self.execution_context.graphql_document = _document(self.execution_context.query)
        yield

    def on_execute(self) -> Iterator[None]:
        """Before executing."""
        context = self.execution_context
        query = context.query or ""
        variables: dict[str, object] = dict(context.variables or {})
        _prepared(query).check_rows(operation_in(query, context.operation_name), variables)
        yield


def _document(query: str | None) -> DocumentNode:
    return _prepared(query or "").document


def _prepared(query: str) -> Measured:
    check_text(query)
    return _measured(query)


@lru_cache(maxsize=REMEMBERED)
def _measured(query: str) -> Measured:
    try:
        measured = Measured(parse(query, max_tokens=MOST_TOKENS))
        measured.check_shape()
    except RecursionError:
        raise Usage("the query nests too deeply", remedy="ask in steps") from None
    return measured
