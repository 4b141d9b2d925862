"""Collisions are those of every two works compared, none more and none less, however many meet at one CI."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changes.collisions import Collision, Work, all_collisions, board_of, collisions_of
from cmdb.changes.meetings import Entries, meetings, stops
from cmdb.changes.spans import Span
from cmdb.errors import Invalid
from tests.changes.works import between, column, works


@given(works())
def test_all_collisions_are_those_of_every_pair(some: list[Work]) -> None:
    wanted = {found for pair in combinations(some, 2) if (found := between(*pair))}
    collisions = all_collisions(board_of(some))
    found = list(collisions)
    assert set(found) == wanted
    assert len(found) == len(wanted) == len(collisions)
    counts = zip(collisions.cis.tolist(), collisions.services.tolist(), collisions.implementers.tolist(), strict=True)
    assert list(counts) == [(len(c.cis), len(c.services), len(c.implementers)) for c in found]


@given(works(), st.integers(0, 11))
def test_collisions_of_one_are_those_with_every_other(some: list[Work], at: int) -> None:
    board = board_of(some)
    for work in some[at : at + 1]:
        wanted = {found for other in some if (found := between(work, other))}
        assert set(collisions_of(board, work)) == wanted
        others = board_of([other for other in some if other is not work])
        assert set(collisions_of(others, work)) == wanted


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=20).map(sorted),
    st.lists(st.sets(st.integers(0, 4)), min_size=20, max_size=20),
    st.lists(st.sets(st.integers(0, 4)), min_size=20, max_size=20),
)
def test_meetings_are_counted_by_group(
    windows: list[tuple[int, int]], earlier: list[set[int]], later: list[set[int]]
) -> None:
    begin = np.array([start for start, _ in windows], dtype=np.int64)
    end = begin + np.array([length for _, length in windows], dtype=np.int64)
    works = len(windows)
    found = meetings(_entries(earlier[:works]), _entries(later[:works]), stops(begin, end))
    assert list(zip(found.first.tolist(), found.second.tolist(), found.groups.tolist(), strict=True)) == [
        (one, other, len(earlier[one] & later[other]))
        for one, other in combinations(range(works), 2)
        if begin[other] < end[one] and earlier[one] & later[other]
    ]


def test_a_hub_is_searched_beside_itself_in_time_only() -> None:
    """A hundred thousand works at one CI, two at a time: pairs of neighbours, worked out in parts."""
    hub, many = column(0), 100_000
    board = board_of(Work(f"{at:06}", Span(2 * at, 2 * at + 3), hub, column(), column()) for at in range(many))
    found = all_collisions(board)
    assert np.array_equal(found.first, np.arange(many - 1))
    assert np.array_equal(found.second, np.arange(1, many))
    assert np.array_equal(found.cis, np.ones(many - 1))


def test_two_works_that_share_more_than_is_laid_out_at_once() -> None:
    """Three works with 1.5 million CIs in common: the rows of each pair are cut, and added up again."""
    estate = np.arange(1_500_000, dtype=np.int32)
    board = board_of(Work(key, Span(0, 9), estate, column(), column()) for key in "abc")
    found = all_collisions(board)
    assert (found.first.tolist(), found.second.tolist()) == ([0, 0, 1], [1, 2, 2])
    assert found.cis.tolist() == [1_500_000] * 3


def test_a_long_window_among_short_ones() -> None:
    year = Work("year", Span(0, 10_000), column(1), column(), column(7))
    short = [Work(f"w{at:05}", Span(at, at + 1), column(2), column(at % 3), column()) for at in range(10_000)]
    found = all_collisions(board_of([year, *short]))
    assert len(found) == 3_333
    assert {*found.first.tolist()} == {0} or found.cis.tolist() == [1] * len(found)


def test_windows_that_touch_do_not_collide_and_nobody_is_in_two_places() -> None:
    morning = Work("a", Span(0, 10), column(1), column(), column(), ("ann", "bo"))
    noon = Work("b", Span(10, 20), column(1), column(), column(), ("ann",))
    later = Work("c", Span(19, 30), column(2), column(), column(), ("ann",))
    assert list(all_collisions(board_of([morning, noon, later]))) == [Collision("b", "c", (), (), ("ann",))]


def test_more_pairs_than_anybody_looks_at_are_refused() -> None:
    """Three thousand works at once on one CI are four and a half million pairs."""
    board = board_of(Work(f"{at:04}", Span(0, 1), column(0), column(), column()) for at in range(3_000))
    with pytest.raises(Invalid, match="more than 4,000,000 pairs") as caught:
        all_collisions(board, most=4_000_000)
    assert caught.value.remedy
    assert len(all_collisions(board, most=4_498_500)) == 4_498_500


def test_nothing_collides_with_nothing() -> None:
    assert len(all_collisions(board_of([]))) == 0
    assert collisions_of(board_of([]), Work("a", Span(0, 1), column(1), column(), column())) == ()


def _entries(groups: list[set[int]]) -> Entries:
    rows = [(group, work) for work, some in enumerate(groups) for group in some]
    return Entries(
        np.array([group for group, _ in rows], dtype=np.int64), np.array([work for _, work in rows], dtype=np.int32)
    )
