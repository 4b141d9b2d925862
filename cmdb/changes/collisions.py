"""Which changes get in each other's way: windows that overlap on the same CIs, services or people.

Two changes whose windows overlap collide

- on a CI that both touch, or that one touches while the other has an impact on it,
- on a service that both have an impact on,
- on a person who is to implement both.

`cmdb.changes.joint` finds what only two changes together take down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cmdb.changes.meetings import MOST_PAIRS, Entries, added_up, meetings, numbers_of, sorted_once, stops
from cmdb.changes.spans import Span
from cmdb.projection.columns import Int32s, Int64s

_Ints = TypeVar("_Ints", Int32s, Int64s)


@dataclass(frozen=True, eq=False, slots=True)
class Work:
    """A change as far as others may be in its way: what it touches and what fails by it (ordinals, in any order)."""

    key: str
    window: Span
    touches: Int32s
    impacts: Int32s
    services: Int32s
    implementers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collision:
    """What two changes, of which `first` begins first, have in common; ordinals are sorted."""

    first: str
    second: str
    cis: tuple[int, ...]
    services: tuple[int, ...]
    implementers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Lists:
    """The list of work i is `value[start[i]:start[i + 1]]`, sorted, without repetition."""

    start: Int64s
    value: Int32s

    @cached_property
    def work(self) -> Int32s:
        """The work of each value."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))

    @cached_property
    def entries(self) -> Entries:
        """The same by value."""
        return Entries(self.value.astype(np.int64), self.work)

    @cached_property
    def by_value(self) -> tuple[Int32s, Int32s]:
        """Values, sorted, and the work of each; sorting both as one number is quicker than sorting places."""
        key = np.sort(self.value.astype(np.int64) << 32 | self.work)
        return (key >> 32).astype(np.int32), (key & 0xFFFF_FFFF).astype(np.int32)

    def of(self, works: Int32s) -> tuple[Int32s, Int32s]:
        """The lists of some works, one after the other, and the work of each value; O(values)."""
        begin = self.start[works]
        length = self.start[works + 1] - begin
        return self.value[numbers_of(begin, length)], np.repeat(works, length)

    def with_any(self, values: Int32s) -> Int32s:
        """The works that have one of these; O(values · log n + what is found) after a first O(n log n)."""
        value, work = self.by_value
        begin = np.searchsorted(value, values, "left")
        return np.unique(work[numbers_of(begin, np.searchsorted(value, values, "right") - begin)])


@dataclass(frozen=True, eq=False)
class Board:
    """Works in the order in which they begin, as columns. `impacts` leaves out what the work touches itself."""

    works: tuple[Work, ...]
    begin: Int64s
    end: Int64s
    touches: Lists
    impacts: Lists
    services: Lists
    implementers: Lists
    people: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.works)

    @cached_property
    def stop(self) -> Int64s:
        """See `cmdb.changes.meetings`."""
        return stops(self.begin, self.end)

    def numbers(self, implementers: Iterable[str]) -> Int32s:
        """Numbers of those people who implement anything here, sorted."""
        return np.array(sorted({self.people[name] for name in implementers if name in self.people}), dtype=np.int32)

    def during(self, window: Span) -> Int32s:
        """Works whose window overlaps; O(works)."""
        return np.flatnonzero((self.begin < window.end) & (self.end > window.begin)).astype(np.int32)


def board_of(works: Iterable[Work]) -> Board:
    """The works as columns; O(n log n) for n CIs, services and implementers named."""
    ordered = tuple(sorted(works, key=lambda work: (work.window, work.key)))
    people: dict[str, int] = {}
    numbered = [
        np.array([people.setdefault(name, len(people)) for name in work.implementers], dtype=np.int32)
        for work in ordered
    ]
    touches = _lists([work.touches for work in ordered])
    return Board(
        ordered,
        np.array([work.window.begin for work in ordered], dtype=np.int64),
        np.array([work.window.end for work in ordered], dtype=np.int64),
        touches,
        _lists([work.impacts for work in ordered], without=touches),
        _lists([work.services for work in ordered]),
        _lists(numbered),
        people,
    )


@dataclass(frozen=True, eq=False)
class Collisions:
    """All pairs of works that collide, by place in `board.works`, sorted; `cis[i]` is on how many CIs, and so on."""

    board: Board
    first: Int32s
    second: Int32s
    cis: Int64s
    services: Int64s
    implementers: Int64s

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Collision]:
        return map(self.at, range(len(self)))

    def at(self, place: int) -> Collision:
        """One pair."""
        return _between(self.board.works[int(self.first[place])], self.board.works[int(self.second[place])])


def all_collisions(board: Board, most: int = MOST_PAIRS) -> Collisions:
    """Every collision of every two works.

    Raises `Invalid` when more than `most` pairs collide on CIs, on services or on people; nothing is left out.
    O(n log n) for n CIs, services and implementers named, and what all pairs have in common, added up; never the square
    of how many works have something to do with a CI.
    """
    touched, hit = board.touches.entries, board.impacts.entries
    either = Entries(np.concatenate([touched.group, hit.group]), np.concatenate([touched.work, hit.work]))
    found = [
        meetings(Entries.joined(touched, hit), Entries.joined(either, touched), board.stop, most),
        meetings(board.services.entries, board.services.entries, board.stop, most),
        meetings(board.implementers.entries, board.implementers.entries, board.stop, most),
    ]
    works = max(1, len(board))
    keys = [some.first.astype(np.int64) * works + some.second for some in found]
    pair, _ = added_up(np.concatenate(keys), np.concatenate([some.groups for some in found]))
    amounts = [np.zeros(len(pair), dtype=np.int64) for _ in found]
    for key, some, amount in zip(keys, found, amounts, strict=True):
        amount[np.searchsorted(pair, key)] = some.groups
    return Collisions(board, (pair // works).astype(np.int32), (pair % works).astype(np.int32), *amounts)


def collisions_of(board: Board, work: Work) -> tuple[Collision, ...]:
    """What one work collides with, in the order in which the others begin; one of its own key is not in its way.

    O(works, and what those that overlap name).
    """
    around = board.during(work.window)
    touches, everything = np.unique(work.touches), np.union1d(work.touches, work.impacts)
    met = [
        _having(board.touches, around, everything),
        _having(board.impacts, around, touches),
        _having(board.services, around, np.unique(work.services)),
        _having(board.implementers, around, board.numbers(work.implementers)),
    ]
    others = [board.works[int(at)] for at in np.unique(np.concatenate(met))]
    return tuple(
        _between(other, work) if (other.window, other.key) < (work.window, work.key) else _between(work, other)
        for other in others
        if other.key != work.key
    )


def contains(values: _Ints, wanted: _Ints) -> NDArray[np.bool_]:
    """Which of the values are among the wanted, which are sorted; O(values · log wanted)."""
    if not len(wanted):
        return np.zeros(len(values), dtype=np.bool_)
    return wanted[np.minimum(np.searchsorted(wanted, values), len(wanted) - 1)] == values


def _having(lists: Lists, works: Int32s, wanted: Int32s) -> Int32s:
    value, work = lists.of(works)
    return work[contains(value, wanted)]


def _between(one: Work, other: Work) -> Collision:
    cis = np.union1d(
        np.intersect1d(one.touches, np.concatenate([other.touches, other.impacts])),
        np.intersect1d(one.impacts, other.touches),
    )
    return Collision(
        one.key,
        other.key,
        tuple(cis.tolist()),
        tuple(np.intersect1d(one.services, other.services).tolist()),
        tuple(sorted({*one.implementers} & {*other.implementers})),
    )


def _distinct(start: Int64s, value: Int32s, without: Lists | None = None) -> Lists:
    """Lists `value[start[i]:start[i + 1]]`, sorted, each value once, less those of other lists; O(n log n)."""
    owner = np.repeat(np.arange(len(start) - 1, dtype=np.int64), np.diff(start))
    key = sorted_once(owner << 32 | value)
    if without is not None:
        others: Int64s = without.work.astype(np.int64) << 32 | without.value
        key = key[~contains(key, others)]
    begins = np.searchsorted(key, np.arange(len(start), dtype=np.int64) << 32)
    return Lists(begins.astype(np.int64), (key & 0xFFFF_FFFF).astype(np.int32))


def _lists(columns: Sequence[Int32s], without: Lists | None = None) -> Lists:
    start = np.cumsum([0, *map(len, columns)], dtype=np.int64)
    value = np.concatenate(columns) if columns else np.empty(0, np.int32)
    return _distinct(start, value, without)
