"""Measures of a month are what counting says, in the months of a zone; targets are met or not, exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changes.kpis import ChangeRow, Kpi, Measure, kpis_by_month, read_targets, shipped_targets
from cmdb.changes.months import MOST_MONTHS
from cmdb.changes.record import Kind
from cmdb.changes.spans import micros, moment_of
from cmdb.errors import Invalid

SHIPPED = (resources.files("cmdb.changes") / "kpis.yaml").read_text(encoding="utf-8")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOUR = 3_600_000_000


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def month_of(changes: list[ChangeRow], month: str = "2026-03", refusals: tuple[int, ...] = ()) -> dict[Measure, Kpi]:
    (found,) = kpis_by_month(changes, refusals, month, month, SHANGHAI, NOW)
    return {kpi.measure: kpi for kpi in found.kpis}


instants = st.integers(at("2025-12-20T00:00"), at("2026-04-10T00:00"))
some_changes = st.lists(
    st.builds(
        ChangeRow,
        kind=st.sampled_from(Kind),
        submitted=instants,
        ended=st.none() | instants,
        succeeded=st.booleans(),
        closed=st.none() | instants,
        reapprovals=st.integers(0, 3),
        review_due=st.none() | st.dates(date(2025, 12, 20), date(2026, 4, 10)),
        reviewed=st.none() | instants,
    ),
    max_size=12,
)


@given(some_changes, st.lists(instants, max_size=6), st.sampled_from(["Asia/Shanghai", "America/New_York"]), instants)
def test_months_are_counted_one_by_one(changes: list[ChangeRow], refusals: list[int], zone: str, now: int) -> None:
    clocks = ZoneInfo(zone)
    found = kpis_by_month(changes, refusals, "2025-12", "2026-04", clocks, moment_of(now))
    last = moment_of(now).astimezone(clocks)
    months = ["2025-12", "2026-01", "2026-02", "2026-03", "2026-04"]
    assert [month.month for month in found] == [month for month in months if month <= f"{last:%Y-%m}"]
    for month in found:

        def local(instant: int) -> str:
            return f"{moment_of(instant).astimezone(clocks):%Y-%m}"

        def within(instant: int | None, name: str = month.month) -> bool:
            return instant is not None and local(instant) == name and instant < now

        def by_then(instant: int | None, name: str = month.month) -> bool:
            return instant is not None and local(instant) <= name and instant < now

        over = min(last.date(), (datetime.fromisoformat(f"{month.month}-28") + timedelta(days=4)).date().replace(day=1))
        ended = [change for change in changes if within(change.ended)]
        lead = sorted(Fraction((change.ended or 0) - change.submitted, HOUR) for change in ended)
        known = [change for change in changes if by_then(change.submitted)]
        wanted = {
            Measure.SUCCESS_RATE: Fraction(100 * sum(c.succeeded for c in ended), len(ended)) if ended else None,
            Measure.EMERGENCY_SHARE: Fraction(100 * [c.kind for c in ended].count(Kind.EMERGENCY), len(ended))
            if ended
            else None,
            Measure.UNAUTHORISED_REFUSED: sum(map(within, refusals)),
            Measure.BACKLOG: len([c for c in known if not by_then(c.closed)]),
            Measure.LEAD_TIME_MEDIAN: next((v for n, v in enumerate(lead, 1) if 2 * n >= len(lead)), None),
            Measure.LEAD_TIME_90: next((v for n, v in enumerate(lead, 1) if 10 * n >= 9 * len(lead)), None),
            Measure.REAPPROVALS: sum(c.reapprovals for c in ended),
            Measure.OVERDUE_REVIEWS: len(
                [c for c in known if c.review_due and c.review_due < over and not by_then(c.reviewed)]
            ),
        }
        assert {kpi.measure: kpi.value for kpi in month.kpis} == wanted


def test_a_month_begins_where_the_zone_says() -> None:
    early = ChangeRow(Kind.NORMAL, at("2026-02-27T00:00"), at("2026-02-28T15:59"), succeeded=True)
    late = ChangeRow(Kind.EMERGENCY, at("2026-02-28T10:00"), at("2026-02-28T16:00"), succeeded=False)
    march = month_of([early, late])
    assert march[Measure.SUCCESS_RATE].value == 0
    assert march[Measure.SUCCESS_RATE].of == 1
    assert march[Measure.EMERGENCY_SHARE].value == 100
    assert march[Measure.LEAD_TIME_MEDIAN].value == 6


def test_targets_are_met_exactly() -> None:
    good = ChangeRow(Kind.NORMAL, at("2026-03-01T00:00"), at("2026-03-06T00:00"), succeeded=True)
    bad = ChangeRow(Kind.EMERGENCY, at("2026-03-01T00:00"), at("2026-03-06T00:00"), succeeded=False)
    met = month_of([good] * 19 + [bad])
    assert (met[Measure.SUCCESS_RATE].value, met[Measure.SUCCESS_RATE].met) == (95, True)
    assert (met[Measure.EMERGENCY_SHARE].value, met[Measure.EMERGENCY_SHARE].met) == (5, True)
    assert (met[Measure.LEAD_TIME_MEDIAN].value, met[Measure.LEAD_TIME_MEDIAN].met) == (120, True)
    missed = month_of([good] * 18 + [bad])
    assert (missed[Measure.SUCCESS_RATE].value, missed[Measure.SUCCESS_RATE].met) == (Fraction(1800, 19), False)
    assert month_of([], refusals=(at("2026-03-05T00:00"),))[Measure.UNAUTHORISED_REFUSED].met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    nothing = month_of([])
    for measure in (Measure.SUCCESS_RATE, Measure.EMERGENCY_SHARE, Measure.LEAD_TIME_MEDIAN, Measure.LEAD_TIME_90):
        assert (nothing[measure].value, nothing[measure].met) == (None, None)
    assert (nothing[Measure.BACKLOG].value, nothing[Measure.BACKLOG].met) == (0, True)


def test_months_that_have_not_begun_are_left_out() -> None:
    assert [m.month for m in kpis_by_month([], (), "2026-11", "2027-02", SHANGHAI, NOW)] == ["2026-11", "2026-12"]
    assert kpis_by_month([], (), "2027-01", "2027-02", SHANGHAI, NOW) == ()


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-13", "2026-13"), ("2026-03", "2026-02"), ("03/2026", "2026-03"), ("9999-01", "9999-02"), ("", "2026-01")],
)
def test_what_is_no_month_is_refused(first: str, last: str) -> None:
    with pytest.raises(Invalid) as caught:
        kpis_by_month([], (), first, last, SHANGHAI, NOW)
    assert caught.value.remedy


def test_months_are_bounded() -> None:
    with pytest.raises(Invalid, match=f"{MOST_MONTHS + 1} months"):
        kpis_by_month([], (), "1970-01", f"{1970 + MOST_MONTHS // 12}-01", SHANGHAI, NOW)


@pytest.mark.parametrize(
    ("old", "new", "at_line", "wanted"),
    [
        ("  backlog:", "  backlogs:", "  backlogs:", "`measures.backlogs` cannot be"),
        ("    at_least: 95", "    at_least: 95\n    at_most: 99", "  success_rate:", "has `at_least` and `at_most`"),
        ("    at_least: 95", "    at_leest: 95", "    at_leest: 95", "unknown word"),
        ("    at_least: 95", "    at_least: many", "    at_least: many", "cannot be 'many'"),
        ("    at_least: 95", "    at_least: -1", "    at_least: -1", "cannot be -1"),
        ("    at_least: 95", "    at_least: NaN", "    at_least: NaN", "cannot be 'NaN'"),
        ("version: 1.0.0\n", "", "measures:", "`version` is missing"),
    ],
)
def test_a_slip_in_the_targets_is_told_with_its_line(old: str, new: str, at_line: str, wanted: str) -> None:
    text = SHIPPED.replace(old, new, 1)
    with pytest.raises(Invalid) as caught:
        read_targets("kpis.yaml", text.encode())
    line = text[: text.index(at_line)].count("\n") + 1
    assert any(p.where == f"kpis.yaml:{line}" and wanted in p.message for p in caught.value.problems), (
        caught.value.problems
    )


def test_a_measure_without_a_target_is_shown_all_the_same() -> None:
    targets = read_targets("mine.yaml", SHIPPED.replace("    at_least: 95\n", "").replace("1.0.0", "1.1.0").encode())
    change = ChangeRow(Kind.NORMAL, at("2026-03-01T00:00"), at("2026-03-02T00:00"), succeeded=True)
    (month,) = kpis_by_month([change], (), "2026-03", "2026-03", SHANGHAI, NOW, targets)
    assert month.version == "1.1.0"
    assert (month.kpis[0].value, month.kpis[0].met) == (100, None)
    assert targets.measures.keys() == shipped_targets().measures.keys()


def test_a_missing_measure_is_told() -> None:
    start, end = SHIPPED.index("  backlog:"), SHIPPED.index("  lead_time_median:")
    with pytest.raises(Invalid, match="`backlog` is missing"):
        read_targets("kpis.yaml", (SHIPPED[:start] + SHIPPED[end:]).encode())
