"""A risk is the sum of its parts, each of which says what it counted; a slip in the weights is told with its line."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changes.record import Kind
from cmdb.changes.risk import (
    Fact,
    Importance,
    Risk,
    RiskFacts,
    RiskPart,
    ServiceHit,
    read_risk_weights,
    risk_of,
    shipped_weights,
)
from cmdb.errors import Invalid

SHIPPED = (resources.files("cmdb.changes") / "risk.yaml").read_text(encoding="utf-8")

keys = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=8).map(tuple)
facts = st.builds(
    RiskFacts,
    kind=st.sampled_from(Kind),
    touches=st.integers(0, 200),
    services=st.lists(
        st.builds(ServiceHit, st.sampled_from("uvwxyz"), st.sampled_from(Importance), st.booleans()), max_size=6
    ).map(tuple),
    redundancy_lost=keys,
    single_points=keys,
    failed_changes=keys,
    incidents=keys,
    collisions=keys,
    has_test_plan=st.booleans(),
    has_back_out_plan=st.booleans(),
)


def part(risk: Risk, name: str) -> RiskPart:
    (found,) = (part for part in risk.parts if part.name == name)
    return found


@given(facts)
def test_a_score_is_the_sum_of_its_parts(some: RiskFacts) -> None:
    risk = risk_of(some)
    assert risk.score == sum(part.points for part in risk.parts)
    assert 0 <= risk.score <= 100
    assert sum(part.most for part in risk.parts) == 100
    for found in risk.parts:
        assert found.points == min(found.most, sum(fact.points for fact in found.facts))
        assert found.label.en
        assert found.label.zh
        assert all(fact.count == len(fact.keys) for fact in found.facts if fact.keys)
    assert risk.version == "1.0.0"


@given(facts, facts)
def test_more_of_anything_is_never_less_risky(some: RiskFacts, others: RiskFacts) -> None:
    more = replace(
        some,
        touches=some.touches + others.touches,
        redundancy_lost=some.redundancy_lost + others.redundancy_lost,
        single_points=some.single_points + others.single_points,
        failed_changes=some.failed_changes + others.failed_changes,
        incidents=some.incidents + others.incidents,
        collisions=some.collisions + others.collisions,
        has_test_plan=False,
        has_back_out_plan=False,
    )
    for was, now in zip(risk_of(some).parts, risk_of(more).parts, strict=True):
        assert now.points >= was.points


def test_what_was_counted_is_told() -> None:
    risk = risk_of(
        RiskFacts(
            Kind.MAJOR,
            21,
            services=(
                ServiceHit("SVC-2", Importance.CRITICAL, down=True),
                ServiceHit("SVC-1", Importance.LOW, down=False),
                ServiceHit("SVC-2", Importance.CRITICAL, down=False),
            ),
            redundancy_lost=("HCL-1", "HCL-1"),
            failed_changes=("CHG-1",),
            incidents=("INC-2", "INC-1"),
            has_back_out_plan=True,
        )
    )
    impact, history = part(risk, "impact"), part(risk, "history")
    assert (impact.points, impact.facts) == (
        16,
        (Fact("critical_service_down", 1, 15, ("SVC-2",)), Fact("low_service_degraded", 1, 1, ("SVC-1",))),
    )
    assert (history.points, history.facts) == (
        9,
        (Fact("failed_change", 1, 5, ("CHG-1",)), Fact("incident", 2, 4, ("INC-1", "INC-2"))),
    )
    points = {found.name: found.points for found in risk.parts}
    assert points == {
        "impact": 16,
        "redundancy": 2,
        "single_points": 0,
        "history": 9,
        "size": 6,
        "kind": 6,
        "tests": 5,
        "back_out": 0,
        "collisions": 0,
    }
    assert part(risk, "size").facts == (Fact("touched", 21, 6),)
    assert part(risk, "tests").label.zh == "缺少测试计划"
    assert (risk.score, risk.level, risk.level_label.en) == (44, "medium", "Medium")


def test_a_small_standard_change_is_no_risk_and_the_worst_is_all_of_it() -> None:
    none = RiskFacts(Kind.STANDARD, 1, has_test_plan=True, has_back_out_plan=True)
    assert (risk_of(none).score, risk_of(none).level) == (0, "low")
    many = tuple(f"X-{number}" for number in range(50))
    hit = tuple(ServiceHit(key, Importance.CRITICAL, down=True) for key in many)
    worst = risk_of(RiskFacts(Kind.EMERGENCY, 999, hit, many, many, many, many, many))
    assert (worst.score, worst.level) == (100, "very_high")


def test_other_weights_give_another_score_and_their_version() -> None:
    text = SHIPPED.replace("version: 1.0.0", "version: 2.1.0").replace("emergency: 10", "emergency: 1")
    weights = read_risk_weights("mine.yaml", text.encode())
    urgent = RiskFacts(Kind.EMERGENCY, 1, has_test_plan=True, has_back_out_plan=True)
    assert (risk_of(urgent, weights).score, risk_of(urgent, weights).version) == (1, "2.1.0")
    assert risk_of(urgent, shipped_weights()).score == 10


@pytest.mark.parametrize(
    ("old", "new", "at", "wanted"),
    [
        ("    most: 30", "    mots: 30", "    mots: 30", "unknown word `parts.impact.mots`"),
        ("    most: 30", "    mots: 30", "  impact:", "`parts.impact.most` is missing"),
        ("    most: 30", "    most: 31", "parts:", "add up to 101"),
        ("    most: 30", "    most: -1", "    most: -1", "`parts.impact.most` cannot be -1"),
        ("    most: 30", "    most: 1e9", "    most: 1e9", "cannot be '1e9'"),
        ("    most: 30", "    most: true", "    most: true", "cannot be True"),
        ("    most: 30", '    most: "30"', '    most: "30"', "cannot be '30'"),
        ("    most: 30", "    most: 30\n    most: 30", "    most: 30\n    most: 30", "stands here a second time"),
        ("{from: 0, ", "{from: 1, ", "  - {from: 1, ", "first level begins above 0"),
        ("{from: 50, ", "{from: 20, ", "  - {from: 20, ", "levels must go up"),
        ("{touches: 5, points: 3}", "{touches: 5, points: 0}", "      - {touches: 5, points: 0}", "steps must go up"),
        ("version: 1.0.0", "version: one", "version: one", "`version` cannot be 'one'"),
        ("    standard: 0\n", "", "  kind:", "`parts.kind.standard` is missing"),
        (
            "en: High, zh: 高",
            "en: High",
            "  - {from: 50, name: high, label: {en: High}",
            "`levels.2.label.zh` is missing",
        ),
        ("tests:", "&x tests:", "  &x tests:", "a key must be a plain word"),
    ],
)
def test_a_slip_in_the_weights_is_told_with_its_line(old: str, new: str, at: str, wanted: str) -> None:
    text = SHIPPED.replace(old, new, 1)
    with pytest.raises(Invalid) as caught:
        read_risk_weights("risk.yaml", text.encode())
    line = text[: text.index(at) + len(at)].count("\n") + 1
    assert any(
        problem.where == f"risk.yaml:{line}" and wanted in problem.message and problem.remedy
        for problem in caught.value.problems
    ), caught.value.problems


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"x" * (2 << 20), b"a: &a [*a]", b"{" * 99])
def test_what_is_no_file_of_weights_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_risk_weights("risk.yaml", content)
    assert caught.value.problems


def test_a_change_cannot_touch_less_than_nothing() -> None:
    with pytest.raises(Invalid):
        risk_of(RiskFacts(Kind.NORMAL, -1))
