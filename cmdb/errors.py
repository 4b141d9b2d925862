"""What can go wrong, as values with a code.

Each door maps a code once (CLI exit code, GraphQL problem, HTTP status).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ErrorCode(StrEnum):
    """The closed set of failures a caller can tell apart."""

    FAILED = "failed"
    USAGE = "usage"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    CONFLICT = "conflict"
    INVALID = "invalid"
    UNREACHABLE = "unreachable"


EXIT: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.FAILED: 1,
    ErrorCode.USAGE: 2,
    ErrorCode.NOT_FOUND: 3,
    ErrorCode.REFUSED: 4,
    ErrorCode.CONFLICT: 5,
    ErrorCode.INVALID: 6,
    ErrorCode.UNREACHABLE: 7,
}
"""What each failure means to the shell; 0 is done, 130 interrupted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    `subject` is the object it is about (a key, a file, an attribute), `where` its place in the input
    (`estate.yaml:12`, `operation 3`), `remedy` what to do next; both may be empty.
    """

    message: str
    subject: str = ""
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        about = f"{self.subject}: " if self.subject else ""
        advice = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{about}{self.message}{advice}"


class CmdbError(Exception):
    """Base of every expected failure: says what, and where known, what to do."""

    code = ErrorCode.FAILED

    def __init__(self, message: str, *, remedy: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.problems = problems


class Failed(CmdbError):
    """Something outside the caller's input went wrong (a tool is missing, a file cannot be written)."""


class Usage(CmdbError):
    """The caller asked in a way that cannot be understood."""

    code = ErrorCode.USAGE


class NotFound(CmdbError):
    """The object asked for is not there."""

    code = ErrorCode.NOT_FOUND


class Refused(CmdbError):
    """Rights or the gate say no."""

    code = ErrorCode.REFUSED


class Conflict(CmdbError):
    """Somebody else wrote first, or the object is not in the version that the caller expected."""

    code = ErrorCode.CONFLICT


class Invalid(CmdbError):
    """The input breaks a rule of the model; `problems` lists every one of them."""

    code = ErrorCode.INVALID


class StoreUnreachable(CmdbError):
    """The store does not answer, or went away while answering."""

    code = ErrorCode.UNREACHABLE
