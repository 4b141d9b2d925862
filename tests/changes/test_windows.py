"""Windows mean the instants that a person in the zone means; what no clock shows, or shows twice, is told."""

# ruff: noqa: DTZ001 - what the clocks of a place show has no zone of its own

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cmdb.changes.spans import Span, Spans, micros, moment_of, text_of
from cmdb.changes.windows import LONGEST, Showing, Window, named_zone, on_the_clocks, read_window
from cmdb.errors import Invalid
from graph_schema.values import instant

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
ZONES = [BERLIN, SHANGHAI, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"]


def refused(start: str, end: str, zone: str = BERLIN, now: datetime = NOW) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_window(start, end, zone, now=now)
    return caught.value


def test_local_times_become_instants() -> None:
    window = read_window("2026-07-01T22:00", "2026-07-02 02:30:15", SHANGHAI, now=NOW)
    assert window == Window("2026-07-01T14:00:00.000000Z", "2026-07-01T18:30:15.000000Z", SHANGHAI)
    assert window.local() == ("2026-07-01T22:00:00+08:00", "2026-07-02T02:30:15+08:00")
    assert window.span == Span(micros(datetime(2026, 7, 1, 14, tzinfo=UTC)), window.span.begin + 16_215_000_000)


@given(
    st.datetimes(datetime(2026, 1, 2), datetime(2037, 1, 1)),
    st.timedeltas(timedelta(microseconds=1), LONGEST - timedelta(days=2)),
    st.sampled_from(ZONES),
)
def test_a_window_tells_the_times_it_was_written_in(start: datetime, length: timedelta, zone: str) -> None:
    end, rules = start + length, ZoneInfo(zone)
    assume(all(on_the_clocks(local, rules).showing is Showing.ONCE for local in (start, end)))
    window = read_window(start.isoformat(), end.isoformat(), zone, now=NOW)
    assert [datetime.fromisoformat(text).replace(tzinfo=None) for text in window.local()] == [start, end]
    assert window.start == instant(start.replace(tzinfo=rules))


@given(st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)), st.sampled_from(ZONES))
def test_the_clocks_show_what_they_are_said_to(local: datetime, zone: str) -> None:
    rules = ZoneInfo(zone)
    clocks = on_the_clocks(local, rules)
    shown = [moment_of(at).astimezone(rules).replace(tzinfo=None) for at in (clocks.first, clocks.last)]
    if clocks.showing is Showing.NEVER:
        assert clocks.from_local <= local < clocks.to_local
        jump = moment_of(clocks.first)
        assert jump.astimezone(rules).replace(tzinfo=None) == clocks.to_local
        before = (jump - timedelta(seconds=1)).astimezone(rules).replace(tzinfo=None)
        assert before == clocks.from_local - timedelta(seconds=1)
    else:
        assert shown == [local, local]
        assert (clocks.first < clocks.last) == (clocks.showing is Showing.TWICE)


def test_every_quarter_hour_around_the_jumps_is_shown_as_often_as_the_clocks_show_it() -> None:
    for zone, days in ((BERLIN, ("2026-03-29", "2026-10-25")), ("Australia/Lord_Howe", ("2026-04-05", "2026-10-04"))):
        rules = ZoneInfo(zone)
        for day in days:
            midnight = datetime.fromisoformat(day)
            around = [midnight.replace(tzinfo=UTC) + timedelta(minutes=15 * step) for step in range(-96, 192)]
            shown = [moment.astimezone(rules).replace(tzinfo=None) for moment in around]
            for step in range(96):
                local = midnight + timedelta(minutes=15 * step)
                assert on_the_clocks(local, rules).showing.value == shown.count(local)


def test_a_time_that_the_clocks_skip_is_refused_with_those_around_it() -> None:
    error = refused("2026-03-29T02:30", "2026-03-29T05:00")
    assert [problem.where for problem in error.problems] == ["start"]
    assert "does not exist in Europe/Berlin" in error.message
    assert "from 2026-03-29 02:00:00 to 2026-03-29 03:00:00" in error.message
    assert error.remedy == "write a time before 2026-03-29T02:00:00, or from 2026-03-29T03:00:00 on"


def test_a_day_that_the_clocks_skip_is_refused_too() -> None:
    error = refused("2011-12-30T12:00", "2011-12-31T12:00", "Pacific/Apia", datetime(2011, 1, 1, tzinfo=UTC))
    assert "from 2011-12-30 00:00:00 to 2011-12-31 00:00:00" in error.message


def test_a_window_may_lie_over_a_jump() -> None:
    window = read_window("2026-03-29T01:00", "2026-03-29T04:00", BERLIN, now=NOW)
    assert window.span.end - window.span.begin == 2 * 3_600_000_000


def test_a_time_that_the_clocks_show_twice_needs_its_offset() -> None:
    error = refused("2026-10-25T02:30", "2026-10-25T05:00")
    assert error.remedy == "write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"
    first = read_window("2026-10-25T02:30+02:00", "2026-10-25T05:00", BERLIN, now=NOW)
    second = read_window("2026-10-25T02:30+01:00", "2026-10-25T05:00", BERLIN, now=NOW)
    assert (first.start, second.start) == ("2026-10-25T00:30:00.000000Z", "2026-10-25T01:30:00.000000Z")


def test_an_offset_must_be_that_of_the_zone() -> None:
    error = refused("2026-07-01T10:00+01:00", "2026-07-01T12:00")
    assert "+02:00 from UTC, not +01:00" in error.message
    assert error.remedy == "write 2026-07-01T10:00:00+02:00, or leave the offset out"


def test_an_instant_is_taken_as_it_is() -> None:
    window = read_window("2026-10-25T00:30:00Z", "2026-10-25T05:00Z", BERLIN, now=NOW)
    assert window.start == "2026-10-25T00:30:00.000000Z"


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ("2026-07-01T10:00", "2026-07-01T09:00", "ends before or when it starts"),
        ("2026-07-01T10:00", "2026-07-01T10:00", "ends before or when it starts"),
        ("2025-12-31T10:00", "2026-07-01T09:00", "in the past: now is 2026-01-01T00:00:00.000000Z"),
        ("2026-07-01T10:00", "2026-08-02T10:00", "lasts 32 days, 0:00:00, at most 31 days"),
        ("2026-02-30T10:00", "2026-07-01T09:00", "no day or time of the calendar"),
        ("2026-02-20T25:00", "2026-07-01T09:00", "no day or time of the calendar"),
        ("9999-12-31T23:00", "9999-12-31T23:59", "too far away"),
        ("0001-01-01T00:00", "0001-01-01T01:00", "too far away"),
        ("tomorrow", "2026-07-01T09:00", "no local time"),
        ("2026-07-01", "2026-07-02", "no local time"),
        ("٢٠٢٦-07-01T10:00", "2026-07-01T11:00", "no local time"),
        ("x" * 100_000, "2026-07-01T11:00", "no local time"),
    ],
)
def test_what_cannot_be_is_refused(start: str, end: str, wanted: str) -> None:
    error = refused(start, end)
    assert any(wanted in problem.message for problem in error.problems)
    assert all(problem.remedy for problem in error.problems)
    assert len(str(error)) < 400


def test_all_faults_are_told_at_once() -> None:
    assert [problem.where for problem in refused("yesterday", "2026-03-29T02:30").problems] == ["start", "end"]


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlyn", "", "../etc/passwd", "/etc/passwd", "a\0b", "right/UTC", "localtime", "America", "x" * 9999],
)
def test_a_name_that_is_no_zone_is_refused(zone: str) -> None:
    error = refused("2026-07-01T10:00", "2026-07-01T11:00", zone)
    assert error.remedy
    assert len(error.message) < 120


def test_the_nearest_zone_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        named_zone("Europe/Berlyn")
    assert caught.value.remedy == "did you mean `Europe/Berlin`?"


def test_a_kept_window_is_believed_only_in_canonical_form() -> None:
    with pytest.raises(Invalid):
        Window("2026-07-01T10:00:00Z", "2026-07-01T11:00:00.000000Z", BERLIN)
    with pytest.raises(Invalid):
        Window("2026-07-01T11:00:00.000000Z", "2026-07-01T10:00:00.000000Z", BERLIN)


def test_windows_that_touch_do_not_overlap() -> None:
    early, late = (Window(text_of(at), text_of(at + 10), BERLIN) for at in (0, 10))
    assert not early.overlaps(late)
    assert not late.overlaps(early)
    assert early.overlaps(Window(text_of(9), text_of(12), BERLIN))


# --- stretches -------------------------------------------------------------------------------------------------------

stretches = st.lists(st.builds(Span, st.integers(0, 40), st.integers(0, 40)), max_size=8)


def moments(spans: Spans | list[Span]) -> set[int]:
    return {at for span in spans for at in range(span.begin, span.end)}


@given(stretches, stretches, st.integers(0, 20), st.integers(0, 30))
def test_stretches_are_sets_of_moments(some: list[Span], others: list[Span], begin: int, length: int) -> None:
    one, other, whole = Spans.of(some), Spans.of(others), Span(begin, begin + length)
    assert moments(one) == moments(some)
    assert moments(one.together(other)) == moments(some) | moments(others)
    assert moments(one.left_of(whole)) == set(range(*whole)) - moments(some)
    for found in (one, one.together(other), one.left_of(whole)):
        rows = list(found)
        assert all(span.begin < span.end for span in rows)
        assert all(a.end < b.begin for a, b in pairwise(rows))


@given(stretches, st.integers(0, 40), st.integers(1, 10))
def test_a_stretch_is_held_when_all_its_moments_are(some: list[Span], begin: int, length: int) -> None:
    span = Span(begin, begin + length)
    assert Spans.of(some).hold(span) == (set(range(*span)) <= moments(some))
    assert all(one.overlaps(span) == bool(moments([one]) & set(range(*span))) for one in some if one.begin < one.end)
