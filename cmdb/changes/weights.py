"""Files that people tune: read strictly, so that a slip of the pen is told with its line and counts for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from cmdb.errors import Invalid, Problem
from graph_schema.errors import ModelError
from graph_schema.metamodel import Frozen
from graph_schema.yaml_tree import Path, parse

Points = Annotated[int, Field(strict=True, ge=0, le=100)]
"""Whole points of a hundred."""

Version = Annotated[str, Field(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}$")]
"""Of a file: an answer names it, so that it can be told by which weights it was given."""


class Strict(Frozen):
    """A part of such a file. `faults` says what a single field cannot know."""

    def faults(self) -> Iterator[tuple[Path, str, str]]:
        """Where, what, and what to write instead."""
        return iter(())


_S = TypeVar("_S", bound=Strict)


def read_weights(kind: type[_S], file: str, content: bytes) -> _S:
    """The content of a YAML file. Raises `Invalid`, with a problem at `file:line` for each fault. O(length)."""
    try:
        tree = parse(file, content)
    except ModelError as error:
        found = [Problem(p.message, where=f"{p.file}:{p.line}", remedy=p.remedy) for p in error.problems]
        raise _refused(found) from None
    try:
        value = kind.model_validate(tree.value)
    except ValidationError as error:
        found = [
            Problem(message, where=f"{file}:{tree.line(path)}", remedy=remedy)
            for detail in error.errors()
            for path, message, remedy in [_in_words(detail)]
        ]
        raise _refused(found) from None
    found = [
        Problem(message, where=f"{file}:{tree.line(path)}", remedy=remedy) for path, message, remedy in value.faults()
    ]
    if found:
        raise _refused(found)
    return value


def shipped(kind: type[_S], file: str) -> _S:
    """The weights that come with the product."""
    return read_weights(kind, file, (resources.files("cmdb.changes") / file).read_bytes())


def _in_words(detail: ErrorDetails) -> tuple[Path, str, str]:
    path = tuple(step for step in detail["loc"] if step != "[key]")
    word = f"`{'.'.join(map(str, path))}`"
    if detail["type"] == "missing":
        return path, f"{word} is missing", f"add `{path[-1]}:`"
    if detail["type"] == "extra_forbidden":
        return path, f"unknown word {word}", "take it out, or mend its spelling"
    return path, f"{word} cannot be {detail['input']!r:.60}", detail["msg"].replace("Input should", "it should")


def _refused(problems: list[Problem]) -> Invalid:
    return Invalid(f"the weights cannot be used: {problems[0]}", remedy=problems[0].remedy, problems=tuple(problems))
