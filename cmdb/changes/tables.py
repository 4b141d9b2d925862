"""Steps in a table: from where to where, past which hurdles, and what is written; for all records that go step by step.

What is not in a table is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from cmdb.changeset import Patch
from cmdb.errors import Problem, Refused


class Staged(Protocol):
    """A record that stands somewhere."""

    @property
    def key(self) -> str:
        """What people call it."""
        ...

    @property
    def stage(self) -> StrEnum:
        """Where it stands."""
        ...


class Wanted(Protocol):
    """A step that somebody wants to take."""

    @property
    def action(self) -> StrEnum:
        """Which one."""
        ...

    @property
    def actor(self) -> str:
        """Who."""
        ...


R = TypeVar("R", bound=Staged)
A = TypeVar("A", bound=Wanted)
S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """Where a record goes, and what it says afterwards."""

    after: S
    patch: Patch


@dataclass(frozen=True, slots=True)
class Rule(Generic[R, A, S]):
    """One step: the stages that it may be taken from, where it leads, its hurdles, and what it writes."""

    before: frozenset[S]
    after: S
    passing: tuple[Callable[[R, A], Iterator[Problem]], ...]
    patch: Callable[[R, A], Patch] = lambda record, asked: {}


def pass_all(rule: Rule[R, A, S], record: R, asked: A, *, see: str) -> None:
    """Raises Refused with everything that stands against a step; `see` is where to look on."""
    problems = [] if asked.actor.strip() else [Problem("nobody is named as the actor", remedy="say who with --as NAME")]
    if record.stage not in rule.before:
        known = ", ".join(sorted(stage.value for stage in rule.before))
        problems.append(
            Problem(f"is {record.stage.value}; {asked.action.value} is for one that is {known}", record.key)
        )
    else:
        problems += [problem for hurdle in rule.passing for problem in hurdle(record, asked)]
    if problems:
        raise Refused(
            f"{asked.action.value.replace('_', ' ')} {record.key}: {problems[0].message}",
            remedy=problems[0].remedy or see,
            problems=tuple(problems),
        )
