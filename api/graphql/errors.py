"""Errors as clients see them: what, where, which code, what to do next; never how the inside looks."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec
from graphql import GraphQLError

from cmdb.errors import CmdbError, ErrorCode, Usage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """An error in GraphQL's form, and its code."""

    code: ErrorCode
    shown: dict[str, object]


def told(error: Exception) -> Told:
    """An error as it is told. One that nobody expected is logged, and only that it happened is told."""
    cause = _cause(error)
    found = CmdbError("the server failed", remedy="its log says why")
    if isinstance(cause, RecursionError):
        found = Usage("the query nests too deeply", remedy="ask in steps")
    elif isinstance(cause, CmdbError):
        found = cause
    elif isinstance(cause, GraphQLError):
        found = Usage(cause.message)
    else:
        _log.error("a request failed", exc_info=cause)
    return Told(found.code, {"message": found.message, **_place(error), "extensions": _extensions(found)})


def _cause(error: Exception) -> BaseException:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _place(error: Exception) -> dict[str, object]:
    place: dict[str, object] = {}
    if isinstance(error, GraphQLError):
        if error.locations:
            place["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
        if error.path is not None:
            place["path"] = list(error.path)
    return place


def _extensions(error: CmdbError) -> dict[str, object]:
    found: dict[str, object] = {"code": error.code.value}
    if error.remedy:
        found["remedy"] = error.remedy
    if error.problems:
        found["problems"] = [msgspec.to_builtins(problem) for problem in error.problems]
    return found
