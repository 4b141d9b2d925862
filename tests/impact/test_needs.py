from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact.needs import (
    ALL,
    ANY,
    HEAVIEST,
    Measure,
    PoolNeed,
    Redundancy,
    parse_need,
    parse_redundancy,
    parse_strength,
    parse_weight,
)
from graph_schema.metamodel import Strength


@pytest.mark.parametrize(
    ("need", "total", "weight"),
    [
        ("all", 7, 7),
        ("any", 7, 1),
        ("any", 0, 0),
        (0, 7, 0),
        (3, 7, 3),
        (8, 7, 7),
        ("50%", 3, 2),
        ("50%", 4, 2),
        ("7%", 100, 7),
        ("33.4%", 3, 2),
        ("0.000000001%", 3, 1),
        ("0%", 3, 0),
        ("100%", 3, 3),
        ("quorum:51%", 2, 1),
        ("quorum:50%", 2, 2),
        ("quorum:100%", 5, 1),
        ("quorum:0.1%", 5, 5),
        ("60%", 10**18 + 1, 6 * 10**17 + 1),
    ],
)
def test_a_need_comes_to_a_weight(need: int | str, total: int, weight: int) -> None:
    assert parse_need(need).weight(total) == weight


@pytest.mark.parametrize(
    "need",
    [
        "",
        "most",
        "ALL",
        "2",
        " all",
        -1,
        1.5,
        True,
        None,
        "-5%",
        "101%",
        "100.01%",
        "5 %",
        "1e1%",
        "٥%",
        "%",
        "1.%",
        "quorum:0%",
        "quorum:0.0%",
        "quorum:101%",
        "quorum:all",
        "9" * 60 + "%",
        "x" * 10_000,
    ],
)
def test_what_is_no_need_is_refused_with_its_place(need: object) -> None:
    with pytest.raises(Invalid, match=r"^pool web: .* is no need$") as refused:
        parse_need(need, "pool web")
    assert refused.value.remedy
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("weight", [0, -1, 0.5, True, "1", None, HEAVIEST + 1])
def test_what_is_no_weight_is_refused(weight: object) -> None:
    with pytest.raises(Invalid, match="is no weight"):
        parse_weight(weight, "edge 3")


def test_weights_and_strengths() -> None:
    assert (parse_weight(1), parse_weight(HEAVIEST)) == (1, HEAVIEST)
    assert (parse_strength("hard"), parse_strength("soft")) == (Strength.HARD, Strength.SOFT)
    with pytest.raises(Invalid, match="is no strength"):
        parse_strength("firm")


def test_only_a_count_can_exceed_what_there_is() -> None:
    assert parse_need(3).exceeds(2)
    assert not parse_need(2).exceeds(2)
    assert not any(parse_need(need).exceeds(0) for need in ("all", "any", "100%", "quorum:1%"))


@given(st.integers(0, 100), st.integers(1, 10**15))
def test_a_share_is_rounded_up_and_a_quorum_fails_with_that_share(percent: int, total: int) -> None:
    share = parse_need(f"{percent}%").weight(total)
    assert share - 1 < Fraction(percent * total, 100) <= share
    if percent:
        assert parse_need(f"quorum:{percent}%").weight(total) == total - share + 1


def test_redundancy_is_read_entry_by_entry() -> None:
    assert parse_redundancy(["web=any", "db node=2,soft", "x=quorum:51%,hard", "a,b=60.5%"]) == (
        Redundancy("web", ANY, Strength.HARD),
        Redundancy("db node", PoolNeed(Measure.COUNT, Fraction(2)), Strength.SOFT),
        Redundancy("x", PoolNeed(Measure.QUORUM, Fraction(51)), Strength.HARD),
        Redundancy("a,b", PoolNeed(Measure.SHARE, Fraction("60.5")), Strength.HARD),
    )
    assert parse_redundancy([]) == ()
    assert parse_redundancy(["a=all"])[0].need == ALL


@pytest.mark.parametrize("entries", [["web"], ["=any"], ["web=most"], ["web=any,firm"], ["web=any,"], ["a=1", "a=2"]])
def test_redundancy_that_cannot_be_read_is_refused(entries: list[str]) -> None:
    with pytest.raises(Invalid, match=r"^SRV-000001: "):
        parse_redundancy(entries, "SRV-000001")
