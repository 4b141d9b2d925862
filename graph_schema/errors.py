"""What is wrong with a model, as values that say where and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class ModelProblem:
    """One fault of a model. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        advice = f"\n    {self.remedy}" if self.remedy else ""
        return f"{place}: {self.message}{advice}"


class ModelError(Exception):
    """A model that cannot be used; holds all its problems, in the order of files and lines."""

    def __init__(self, problems: Iterable[ModelProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the closest known word, or the known words when they are few."""
    words = sorted(known)
    close = difflib.get_close_matches(word[:64], words, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"write one of {', '.join(words)}" if 0 < len(words) <= 16 else ""
