"""What a benchmark hands back, and how it takes time."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio (or, without a peer, our figure) is to reach."""

    limit: float
    at_least: bool

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def met_by(self, value: float) -> bool:
        """Whether the value reaches it."""
        return value >= self.limit if self.at_least else value <= self.limit


def at_least(limit: float) -> Goal:
    """More is better."""
    return Goal(limit, at_least=True)


def at_most(limit: float) -> Goal:
    """Less is better."""
    return Goal(limit, at_least=False)


@dataclass(frozen=True, slots=True)
class Result:
    """One figure of ours, in `unit`, and where there is a peer, its figure for the same work in the same session.

    `ratio` says what the goal says: `faster` makes it "so many times as fast as the peer", `cost` "so many times what
    the peer takes". `note` is what a reader must know to believe the figure.
    """

    name: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return self.goal and self.goal.met_by(self.ours if self.ratio is None else self.ratio)


def faster(
    name: str, ours: float, peer: str, theirs: float, unit: str, goal: Goal | None = None, note: str = ""
) -> Result:
    """Our time beside a peer's, as a factor of speed."""
    return Result(name, ours, unit, peer, theirs, theirs / ours, goal, note)


def cost(
    name: str, ours: float, peer: str, theirs: float, unit: str, goal: Goal | None = None, note: str = ""
) -> Result:
    """Our time beside a peer's, as a multiple of it."""
    return Result(name, ours, unit, peer, theirs, ours / theirs, goal, note)


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of `repeats` runs; see `medians_ms`."""
    return medians_ms([work], repeats)[0]


def medians_ms(works: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median milliseconds of each work in `repeats` rounds, after one that does not count.

    Each round runs all works one after the other, so that a machine that is busy for a while is busy for all. Garbage
    is collected before, not between.
    """
    taken: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for work, times in zip(works, taken, strict=True):
                begun = time.perf_counter()
                work()
                times.append(time.perf_counter() - begun)
    finally:
        gc.enable()
    return [statistics.median(times) * 1e3 for times in taken]
