"""Who meets whom: works that are in one group while their windows overlap, all pairs of them and no others.

Works are numbered in the order in which their windows begin, so those that begin while work x lasts are the numbers from
x + 1 up to, and without, `stop[x]`, and every pair of overlapping windows is found once: from the one that begins first.
Within a group, whose works are sorted, they stand side by side. So a group of a hundred thousand works costs the pairs
that overlap in it, not its square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.errors import Invalid
from cmdb.projection.columns import Int32s, Int64s

_AT_ONCE: Final = 1 << 21
"""Rows that are laid out at once, give or take the works of one group."""

MOST_PAIRS: Final = 50_000_000
"""Pairs that are handed back; nobody looks at more, and they would take gigabytes."""

_ROOM_PER_ROW: Final = 4
"""Counters for pairs that may or may not meet, for each row, up to which counting beats sorting."""


@dataclass(frozen=True, eq=False)
class Entries:
    """Work `work[i]` is in group `group[i]`; no row stands twice."""

    group: Int64s
    work: Int32s

    @classmethod
    def joined(cls, *parts: Entries) -> Entries:
        """Those of all parts, the groups of which are kept apart."""
        step = len(parts)
        return cls(
            np.concatenate([part.group * step + at for at, part in enumerate(parts)]),
            np.concatenate([part.work for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Meetings:
    """Works `first[i]` < `second[i]` overlap and share `groups[i]` groups; pairs are sorted."""

    first: Int32s
    second: Int32s
    groups: Int64s

    def __len__(self) -> int:
        return len(self.first)


def stops(begin: Int64s, end: Int64s) -> Int64s:
    """For windows sorted by their beginning, where those that begin later than each ends start."""
    return np.searchsorted(begin, end, "left").astype(np.int64)


def meetings(earlier: Entries, later: Entries, stop: Int64s, most: int = MOST_PAIRS) -> Meetings:
    """All pairs of which the one that begins first is among `earlier`, and the other among `later`, in one group.

    Raises `Invalid` when more than `most` are found, before they are more than memory holds.
    O(n log n) for n entries, and the groups that all pairs share, added up.
    """
    works = max(1, len(stop))
    key = np.sort(later.group * works + later.work)
    probe = np.sort(earlier.group * works + earlier.work)
    work = probe % works
    begin = np.searchsorted(key, probe, "right")
    length = np.searchsorted(key, probe - work + stop[work], "left") - begin
    meets = np.flatnonzero(length > 0)
    meets = meets[np.argsort(work[meets], kind="stable")]
    found: list[tuple[Int64s, Int64s]] = []
    for some in _counted(work[meets], begin[meets], length[meets], key % works, stop):
        found.append(some)
        if sum(len(pairs) for pairs, _ in found) > most:
            raise Invalid(
                f"more than {most:,} pairs meet while they overlap",
                remedy="ask about a shorter time, or about one at a time",
            )
    pair = np.concatenate([pairs for pairs, _ in found]) if found else np.empty(0, np.int64)
    count = np.concatenate([counts for _, counts in found]) if found else np.empty(0, np.int64)
    pair, count = added_up(pair, count)
    return Meetings((pair // works).astype(np.int32), (pair % works).astype(np.int32), count)


def encounters(entries: Entries, stop: Int64s) -> Iterator[tuple[Int64s, Int64s]]:
    """Every two entries of one group whose works overlap, by their places, the earlier work first; some at a time.

    The entries are sorted by group, and in each by work. O(n log n) for n entries, and the groups that all pairs share.
    """
    works = max(1, len(stop))
    key = entries.group * works + entries.work
    after = np.arange(1, len(key) + 1)
    end = np.searchsorted(key, entries.group * works + stop[entries.work], "left")
    length = np.maximum(end - after, 0)
    for low, high in _portions(length):
        size = length[low:high]
        yield np.repeat(after[low:high] - 1, size), numbers_of(after[low:high], size)


def added_up(key: Int64s, amount: Int64s) -> tuple[Int64s, Int64s]:
    """Each key once, sorted, with all its amounts; quick where most keys are in order."""
    order = np.argsort(key, kind="stable")
    key, amount = key[order], amount[order]
    begins = np.flatnonzero(np.diff(key, prepend=-1)) if len(key) else np.empty(0, np.int64)
    return key[begins], np.add.reduceat(amount, begins) if len(begins) else amount


def sorted_once(key: Int64s) -> Int64s:
    """Each key once, sorted; none is negative."""
    key = np.sort(key)
    return key[np.diff(key, prepend=-1) != 0]


def numbers_of(begin: Int64s, length: Int64s) -> Int64s:
    """The numbers of stretches, one after the other: `length[i]` of them from `begin[i]` on; O(numbers)."""
    before = np.cumsum(length) - length
    return np.repeat(begin - before, length) + np.arange(int(length.sum()))


def _counted(
    work: Int64s, begin: Int64s, length: Int64s, later: Int64s, stop: Int64s
) -> Iterator[tuple[Int64s, Int64s]]:
    """Pairs, as `work * works + later`, with how often they meet, in order but for what a cut divides."""
    works = len(stop)
    for low, high in _portions(length):
        size = length[low:high]
        slot = numbers_of(begin[low:high], size)
        first, second = np.repeat(work[low:high], size), later[slot]
        here = np.arange(int(work[low]), int(work[high - 1]) + 1)
        room = stop[here] - here - 1
        if int(room.sum()) > _ROOM_PER_ROW * len(slot):
            yield added_up(first * works + second, np.ones(len(slot), dtype=np.int64))
            continue
        shift = np.cumsum(room) - room - here - 1
        count = np.bincount(shift[first - here[0]] + second)
        met = np.flatnonzero(count)
        first = np.searchsorted(shift + here + 1, met, "right") - 1
        yield here[first] * works + met - shift[first], count[met]


def _portions(length: Int64s) -> Iterator[tuple[int, int]]:
    """Bounds of stretches that are laid out together, so that none but a single large one is more than `_AT_ONCE`, about."""
    ends = np.cumsum(length)
    cuts = np.searchsorted(ends, np.arange(_AT_ONCE, int(length.sum()), _AT_ONCE), "left") + 1
    bounds = np.unique(np.concatenate([np.zeros(1, np.int64), cuts, np.full(1, len(length))]))
    yield from zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
