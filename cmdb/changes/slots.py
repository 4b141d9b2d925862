"""The next times at which a change is in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

import numpy as np

from cmdb.changes.calendars import Calendar, closed_times
from cmdb.changes.collisions import Board
from cmdb.changes.spans import MICROSECOND, Span, Spans
from cmdb.errors import Invalid
from cmdb.projection.columns import Int32s

STEP: Final = timedelta(minutes=15)
"""Slots begin at whole quarters of an hour, unless the caller says otherwise."""

MOST_SLOTS: Final = 10_000
"""Slots that may be asked for at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Wish:
    """A change that looks for a time: how long it takes, what it touches, what fails by it, and who does it.

    A work of its own `key` is not in its way, so that a change can be moved. Raises `Invalid` for a duration that is not
    longer than nothing.
    """

    key: str
    duration: timedelta
    touches: Int32s
    impacts: Int32s
    services: Int32s
    implementers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.duration <= timedelta():
            raise Invalid(f"a change cannot take {self.duration}", remedy="give a duration, such as PT2H")


def free_slots(
    board: Board,
    wish: Wish,
    calendars: Sequence[Calendar],
    within: Span,
    *,
    count: int = 10,
    step: timedelta = STEP,
) -> tuple[Span, ...]:
    """The first `count` slots within a time, none of which overlaps another; fewer where there are no more.

    In a slot the wish collides with no work on the board, none of what it touches is frozen, and all of it that has
    maintenance windows is within them. It begins at a multiple of `step` since 1970, as early as it can.

    Raises `Invalid` for a count outside 1 to `MOST_SLOTS`, a step that is not longer than nothing, and as
    `calendars.occurrences`. O(who shares anything with the wish + days of the calendars + count).
    """
    if not 1 <= count <= MOST_SLOTS:
        raise Invalid(f"{count} slots are asked for", remedy=f"ask for 1 to {MOST_SLOTS}")
    if step <= timedelta():
        raise Invalid(f"slots cannot be {step} apart", remedy="give a step such as PT15M")
    taken = busy_times(board, wish).together(closed_times(within, np.unique(wish.touches), calendars))
    length, apart = wish.duration // MICROSECOND, step // MICROSECOND
    return tuple(islice(_slots(taken.left_of(within), length, apart), count))


def busy_times(board: Board, wish: Wish) -> Spans:
    """When works are under way that the wish would collide with; O(who shares anything with it)."""
    touches = np.unique(wish.touches)
    works = np.unique(
        np.concatenate(
            [
                board.touches.with_any(np.union1d(touches, wish.impacts)),
                board.impacts.with_any(touches),
                board.services.with_any(np.unique(wish.services)),
                board.implementers.with_any(board.numbers(wish.implementers)),
            ]
        )
    )
    works = works[[board.works[int(at)].key != wish.key for at in works]]
    return Spans.covering(board.begin[works], board.end[works])


def _slots(free: Spans, length: int, apart: int) -> Iterator[Span]:
    for span in free:
        begin = -(-span.begin // apart) * apart
        while begin + length <= span.end:
            yield Span(begin, begin + length)
            begin = -(-(begin + length) // apart) * apart
