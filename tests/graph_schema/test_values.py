"""Values have one form per type: normalising twice changes nothing, and bad input gives a ValueError only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.metamodel import Attribute, AttributeType, Label
from graph_schema.values import LONGEST_TEXT, normalise
from tests.graph_schema.models import attribute_named

KINDS = st.sampled_from(AttributeType)


def plain(kind: AttributeType, *, many: bool = False, pattern: str | None = None) -> Attribute:
    return Attribute(name="x", type=kind, many=many, pattern=pattern, label=Label(en="x", zh="x"))


hostile_text = st.text(st.characters(), max_size=20) | st.sampled_from(
    [
        "", " ", "\x00", "\ud800", "٣", "１２", "1e400", "-0", "+5", "1_000", "NaN", "Infinity", "9" * 40, "1" * 5_000,
        "P", "PT", "P1D", "PT99999999999999H", "10.0.0.0/8", "10.0.0.1/8", "::1", "::ffff:1.2.3.4", "fe80::1%eth0",
        "0x10", "2026-02-30", "2026-01-01T00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
        "20260101", "2026-W01-1", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e", "a@b", "A@B.example", "x://y", "a;b;;c",
        "'; DROP TABLE node; --", "$(reboot)", "{{7*7}}", "\u202eabc", "x" * (LONGEST_TEXT + 1),
    ]
)  # fmt: skip
raw_values = st.one_of(
    hostile_text,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
    st.binary(max_size=4),
    st.lists(hostile_text, max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@given(KINDS, st.booleans(), raw_values, st.data())
def test_normalising_twice_is_normalising_once(
    kind: AttributeType, many: bool, raw: object, data: st.DataObject
) -> None:
    attribute = data.draw(attribute_named("x", kind, many=many))
    try:
        value = normalise(attribute, raw)
    except ValueError:
        return
    assert normalise(attribute, value) == value


@given(KINDS, raw_values)
def test_a_value_is_text_a_whole_number_or_a_flag(kind: AttributeType, raw: object) -> None:
    try:
        value = normalise(plain(kind), raw)
    except ValueError:
        return
    assert isinstance(value, str | int | bool)
    if isinstance(value, str):
        assert value.encode("utf-8").decode("utf-8") == value
        assert len(value) <= LONGEST_TEXT
    elif not isinstance(value, bool):
        assert -(2**63) <= value < 2**63


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (AttributeType.STRING, 42, "42"),
        (AttributeType.TEXT, "one\r\ntwo", "one\ntwo"),
        (AttributeType.INTEGER, " 042 ", 42),
        (AttributeType.INTEGER, 3.0, 3),
        (AttributeType.DECIMAL, "+1.500", "1.5"),
        (AttributeType.DECIMAL, "1E3", "1000"),
        (AttributeType.DECIMAL, "-0.0", "0"),
        (AttributeType.BOOLEAN, "是", True),
        (AttributeType.BOOLEAN, "No", False),
        (AttributeType.DATE, datetime(2026, 1, 31), "2026-01-31"),  # noqa: DTZ001 - a date has no zone
        (AttributeType.DATE, date(2026, 1, 31), "2026-01-31"),
        (AttributeType.DATETIME, "2026-01-31T17:00:00+08:00", "2026-01-31T09:00:00.000000Z"),
        (AttributeType.DATETIME, datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        (AttributeType.DURATION, "P1DT2H", 93_600),
        (AttributeType.DURATION, timedelta(minutes=5), 300),
        (AttributeType.DURATION, "90", 90),
        (AttributeType.IP, "2001:0DB8::0001", "2001:db8::1"),
        (AttributeType.CIDR, "10.1.2.3/8", "10.0.0.0/8"),
        (AttributeType.MAC, "001A.2B3C.4D5E", "00:1a:2b:3c:4d:5e"),
    ],
)
def test_canonical_forms(kind: AttributeType, raw: object, value: object) -> None:
    assert normalise(plain(kind), raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        (AttributeType.INTEGER, "1.5", "expected a whole number"),
        (AttributeType.INTEGER, True, "expected a whole number"),
        (AttributeType.INTEGER, 2**63, "does not fit 64 bits"),
        (AttributeType.DECIMAL, "NaN", "not a finite decimal number"),
        (AttributeType.DATETIME, "2026-01-31T17:00:00", "no time zone"),
        (AttributeType.DATE, "31.01.2026", "expected a date like 2026-01-31"),
        (AttributeType.DURATION, "PT", "expected a duration like PT4H"),
        (AttributeType.IP, "10.0.0.0/8", "expected an IP address"),
        (AttributeType.MAC, "00:1a:2b", "expected a MAC address"),
        (AttributeType.EMAIL, "someone", "expected an e-mail address"),
        (AttributeType.STRING, "a\x00b", "control characters"),
        (AttributeType.STRING, "\ud800", "broken Unicode"),
        (AttributeType.TEXT, "x" * (LONGEST_TEXT + 1), "are too long"),
        (AttributeType.STRING, None, "expected text"),
    ],
)
def test_what_is_refused_says_what_was_expected(kind: AttributeType, raw: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normalise(plain(kind), raw)


def test_a_list_is_taken_from_text_with_semicolons() -> None:
    assert normalise(plain(AttributeType.INTEGER, many=True), " 1; 2;;3 ") == (1, 2, 3)


def test_a_pattern_must_match_the_whole_value() -> None:
    with pytest.raises(ValueError, match="does not match the pattern"):
        normalise(plain(AttributeType.STRING, pattern="[a-z]+"), "web\n".strip() + "1")
