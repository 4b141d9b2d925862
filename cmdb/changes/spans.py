"""Stretches of time as columns: what they cover together, what they leave free, what they have in common.

Times are microseconds since 1970-01-01 UTC; every stretch is half-open: what ends at noon and what begins at noon do
not meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from cmdb.projection.columns import Int64s
from graph_schema.values import instant

MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """From `begin` up to, and without, `end`."""

    begin: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether there is a moment in both."""
        return self.begin < other.end and other.begin < self.end

    def holds(self, other: Span) -> bool:
        """Whether all of the other lies in this one."""
        return self.begin <= other.begin and other.end <= self.end


def micros(moment: datetime) -> int:
    """A moment that has a time zone, as microseconds."""
    return (moment - _EPOCH) // MICROSECOND


def moment_of(at: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def text_of(at: int) -> str:
    """The canonical text of the moment."""
    return instant(moment_of(at))


@dataclass(frozen=True, eq=False)
class Spans:
    """Stretches in order, none of which is empty, overlaps another or ends where another begins."""

    begin: Int64s
    end: Int64s

    def __len__(self) -> int:
        return len(self.begin)

    def __iter__(self) -> Iterator[Span]:
        return map(Span, self.begin.tolist(), self.end.tolist())

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """What they cover together."""
        rows = list(spans)
        return cls.covering(
            np.array([span.begin for span in rows], dtype=np.int64),
            np.array([span.end for span in rows], dtype=np.int64),
        )

    @classmethod
    def covering(cls, begin: Int64s, end: Int64s) -> Spans:
        """What stretches in any order cover together; empty ones count for nothing. O(n log n)."""
        order = np.argsort(begin, kind="stable")
        order = order[begin[order] < end[order]]
        begin, reach = begin[order], np.maximum.accumulate(end[order])
        opens = np.ones(len(begin), dtype=np.bool_)
        opens[1:] = begin[1:] > reach[:-1]
        closes = np.ones(len(begin), dtype=np.bool_)
        closes[:-1] = opens[1:]
        return cls(begin[opens], reach[closes])

    def together(self, other: Spans) -> Spans:
        """What one or both cover; O(n log n)."""
        return Spans.covering(np.concatenate([self.begin, other.begin]), np.concatenate([self.end, other.end]))

    def left_of(self, whole: Span) -> Spans:
        """What these leave of the whole; O(n)."""
        begin = np.concatenate([[whole.begin], np.maximum(self.end, whole.begin)])
        end = np.concatenate([np.minimum(self.begin, whole.end), [whole.end]])
        return Spans.covering(begin, end)

    def hold(self, span: Span) -> bool:
        """Whether all of it is covered; O(log n)."""
        at = int(np.searchsorted(self.begin, span.begin, "right")) - 1
        return at >= 0 and span.end <= int(self.end[at])
