"""Free slots are the first times, one after the other, that nothing speaks against."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changes.calendars import Purpose, frozen, outside_maintenance, read_calendar
from cmdb.changes.collisions import Work, board_of
from cmdb.changes.slots import MOST_SLOTS, Wish, free_slots
from cmdb.changes.spans import Span
from cmdb.errors import Invalid
from tests.changes.works import between, column, works

HOUR = 3_600_000_000
CALENDARS = [
    read_calendar("noon", Purpose.FREEZE, "1970-01-01T12:00", "1970-01-01T13:00", "UTC", rule="FREQ=DAILY"),
    read_calendar(
        "evenings",
        Purpose.MAINTENANCE,
        "1970-01-01T18:00",
        "1970-01-02T02:00",
        "UTC",
        rule="FREQ=DAILY",
        scope=column(1, 2),
    ),
    read_calendar("one night", Purpose.MAINTENANCE, "1970-01-02T00:00", "1970-01-02T06:00", "UTC", scope=column(2)),
]


def in_hours(some: list[Work]) -> list[Work]:
    """The same with hours in place of microseconds."""
    return [
        Work(w.key, Span(w.window.begin * HOUR, w.window.end * HOUR), w.touches, w.impacts, w.services, w.implementers)
        for w in some
    ]


def one_by_one(some: list[Work], wish: Wish, within: Span, count: int, step: int) -> list[Span]:
    """Every start tried, the earliest taken, then those after its end."""
    length = wish.duration // timedelta(microseconds=1)
    found: list[Span] = []
    for begin in range(-(-within.begin // step) * step, within.end, step):
        slot = Span(begin, begin + length)
        work = Work(wish.key, slot, wish.touches, wish.impacts, wish.services, wish.implementers)
        if (
            slot.end <= within.end
            and len(found) < count
            and not (found and slot.overlaps(found[-1]))
            and not any(between(work, other) for other in some)
            and not frozen(slot, wish.touches, CALENDARS)
            and not outside_maintenance(slot, wish.touches, CALENDARS)
        ):
            found.append(slot)
    return found


@given(
    works(latest=40).map(in_hours),
    works(most=1),
    st.integers(1, 9),
    st.integers(0, 20),
    st.integers(0, 60),
    st.integers(1, 12),
    st.sampled_from([30, 60, 180]),
)
def test_slots_are_found_as_if_one_by_one(
    some: list[Work], like: list[Work], half_hours: int, begin: int, hours: int, count: int, minutes: int
) -> None:
    nothing = column()
    of = like[0] if like else Work("other", Span(0, 1), nothing, nothing, nothing)
    for key in (of.key, "new"):
        wish = Wish(key, timedelta(minutes=30 * half_hours), of.touches, of.impacts, of.services, of.implementers)
        within = Span(begin * HOUR + 1, (begin + hours) * HOUR)
        step = timedelta(minutes=minutes)
        found = free_slots(board_of(some), wish, CALENDARS, within, count=count, step=step)
        assert list(found) == one_by_one(some, wish, within, count, minutes * 60_000_000)


def test_a_change_may_be_moved_over_its_own_window() -> None:
    mine = Work("a", Span(0, HOUR), column(5), column(), column())
    wish = Wish("a", timedelta(hours=1), column(5), column(), column())
    assert free_slots(board_of([mine]), wish, (), Span(0, 3 * HOUR), count=1) == (Span(0, HOUR),)


def test_no_slot_is_an_answer() -> None:
    always = Work("a", Span(0, 99 * HOUR), column(5), column(), column())
    wish = Wish("b", timedelta(hours=1), column(), column(5), column())
    assert free_slots(board_of([always]), wish, (), Span(HOUR, 90 * HOUR)) == ()


def test_what_cannot_be_asked_is_refused() -> None:
    board, within = board_of([]), Span(0, HOUR)
    wish = Wish("a", timedelta(hours=1), column(), column(), column())
    for count in (0, -1, MOST_SLOTS + 1):
        with pytest.raises(Invalid):
            free_slots(board, wish, (), within, count=count)
    with pytest.raises(Invalid):
        free_slots(board, wish, (), within, step=timedelta())
    with pytest.raises(Invalid):
        Wish("a", timedelta(), column(), column(), column())
    wish = Wish("a", timedelta(hours=1), column(1), column(), column())
    with pytest.raises(Invalid):
        free_slots(board, wish, CALENDARS, Span(0, 10_000 * 24 * HOUR))


def test_slots_do_not_care_about_the_order_of_what_is_touched() -> None:
    busy = Work("a", Span(0, HOUR), column(3), column(), column())
    slots = {
        free_slots(
            board_of([busy]),
            Wish("b", timedelta(minutes=20), np.array(cis, dtype=np.int32), column(), column()),
            CALENDARS,
            Span(0, 40 * HOUR),
        )
        for cis in ([1, 3], [3, 1], [3, 3, 1])
    }
    assert len(slots) == 1
