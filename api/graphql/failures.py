"""Why nothing was written: failures as values that the schema knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable
from typing import Final, TypeVar

import strawberry

from cmdb.errors import CmdbError, Conflict, Invalid, NotFound, Problem, Refused, Usage


@strawberry.type(description="One thing that is wrong with an input.")
class WriteProblem:
    """See `cmdb.errors.Problem`."""

    message: str
    subject: str
    where: str
    remedy: str


@strawberry.interface(description="Nothing was written: why, and what to do next.")
class WriteFailure:
    """See `cmdb.errors.CmdbError`."""

    message: str
    remedy: str
    problems: list[WriteProblem]


@strawberry.type(description="The operations break rules of the model; `problems` has all of them.")
class InvalidWrite(WriteFailure):
    """From Invalid and Usage."""


@strawberry.type(description="Something is not in the version that was expected, or somebody else keeps writing first.")
class ConflictingWrite(WriteFailure):
    """From Conflict."""


@strawberry.type(description="Rights or the gate say no.")
class RefusedWrite(WriteFailure):
    """From Refused."""


@strawberry.type(description="A reference leads to nothing.")
class MissingReference(WriteFailure):
    """From NotFound."""


T = TypeVar("T")

Failure = InvalidWrite | ConflictingWrite | RefusedWrite | MissingReference

_FAILURES: Final[tuple[tuple[type[CmdbError], type[Failure]], ...]] = (
    (NotFound, MissingReference),
    (Invalid, InvalidWrite),
    (Usage, InvalidWrite),
    (Conflict, ConflictingWrite),
    (Refused, RefusedWrite),
)


async def attempted(doing: Awaitable[T]) -> T | Failure:
    """What came of it, or why nothing was written; raises an error that the schema does not know."""
    try:
        return await doing
    except CmdbError as error:
        return _failure_of(error)


def _failure_of(error: CmdbError) -> Failure:
    made = next((made for kind, made in _FAILURES if isinstance(error, kind)), None)
    if made is None:
        raise error
    problems = [WriteProblem(**dataclasses.asdict(problem)) for problem in error.problems or (Problem(error.message),)]
    return made(message=error.message, remedy=error.remedy, problems=problems)
