"""Room at the end of arrays, which structures made from each other share: what stands is never written again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cmdb.impact.tables import Tables
from cmdb.projection.columns import Int32s, Int64s

_C = TypeVar("_C", bound=NDArray[np.generic])
_SMALLEST: Final = 4096


class Group(Enum):
    """Columns that are counted together."""

    DIRECT = "direct slots"
    COUNTED = "counted slots"
    EDGES = "edges"
    NEEDS = "needs of owners"
    POOLS = "pools"
    MEMBERS = "members"


Counts = Mapping[Group, int]


class _Span:
    """What one claim took: everything from `before` on, until the next span."""

    def __init__(self, before: Counts) -> None:
        self.before = before
        self.free = False


class Claim:
    """The right to what a structure wrote, and to what it was made from. Let go of, the room is free again.

    It comes free in the reverse order of claims, so a planned structure that is asked and dropped leaves nothing.
    """

    def __init__(self, room: Room, before: Claim | None = None) -> None:
        self.room = room
        self._before = before

    def take(self, wanted: Counts) -> Claim | None:
        """A claim to as much more, which begins at `room.used` as it was; None where there is too little room."""
        room = self.room
        if any(room.used[group] + count > room.capacity[group] for group, count in wanted.items()):
            return None
        claim, span = Claim(room, self), _Span(room.used)
        room.spans.append(span)
        room.used = {group: count + wanted.get(group, 0) for group, count in room.used.items()}
        weakref.finalize(claim, room.give_back, span)
        return claim


class Room:
    """How much of shared arrays is used, of half as much again and `more`; tables of rows and of needs are copied.

    Whoever claims some holds the `lock` from then on until all is written.
    """

    def __init__(self, used: Counts, more: Counts) -> None:
        self.lock = threading.RLock()
        self.used: Counts = dict(used)
        self.capacity: Counts = {
            group: count + count // 2 + more.get(group, 0) + _SMALLEST for group, count in used.items()
        }
        self.built: Counts = dict(used)
        self.spans: list[_Span] = []
        self.headers: Tables[Int32s] = Tables()
        self.starts: Tables[Int32s] = Tables()
        self.ends: Tables[Int32s] = Tables()
        self.rings: Tables[Int32s] = Tables()
        self.ranks: Tables[Int64s] = Tables()

    def give_back(self, span: _Span) -> None:
        """What was taken last, if nobody wants it any longer, and so on."""
        with self.lock:
            span.free = True
            while self.spans and self.spans[-1].free:
                self.used = self.spans.pop().before

    @property
    def added(self) -> float:
        """The share by which the fullest group of any size has grown since it was laid out."""
        return max((self.used[g] - built) / max(built, _SMALLEST) for g, built in self.built.items())


def roomy(column: _C, capacity: int) -> _C:
    """The same at the beginning of an array of that capacity; O(n), what is not used takes no memory."""
    buffer = np.empty(capacity, dtype=column.dtype)
    buffer[: len(column)] = column
    return cast("_C", buffer[: len(column)])


def appended(column: _C, begin: int, values: NDArray[np.generic]) -> _C:
    """The column, with values at `begin`, in room that is claimed; O(values)."""
    buffer = cast("_C", column.base)
    buffer[begin : begin + len(values)] = values
    return cast("_C", buffer[: begin + len(values)])
