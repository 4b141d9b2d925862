"""How risky a change is: points of a hundred, part by part, each with what it was given for.

The weights stand in `risk.yaml`; the score is the sum of the parts, all of them whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from pydantic import Field

from cmdb.changes.record import Kind
from cmdb.changes.weights import Points, Strict, Version, read_weights, shipped
from cmdb.errors import Invalid
from graph_schema.metamodel import Label
from graph_schema.yaml_tree import Path

WHOLE: Final = 100
"""Points that all parts together may give."""

_FILE: Final = "risk.yaml"


class Importance(StrEnum):
    """How much harm the loss of a service does; unknown where nobody said."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ServiceHit:
    """A service that a change takes `down`, or else degrades."""

    key: str
    importance: Importance
    down: bool


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What is known of a change, by keys. What one list names twice counts once.

    `redundancy_lost` are CIs that a pool of theirs no longer spares, `single_points` those whose loss alone has come to
    take down a service; `failed_changes` and `incidents` were on the CIs it touches, no longer ago than the weights say;
    `collisions` are other changes.
    """

    kind: Kind
    touches: int
    services: tuple[ServiceHit, ...] = ()
    redundancy_lost: tuple[str, ...] = ()
    single_points: tuple[str, ...] = ()
    failed_changes: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    collisions: tuple[str, ...] = ()
    has_test_plan: bool = False
    has_back_out_plan: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """What a part counted: so many of `what`, by key where they have one, and the points for it before the limit."""

    what: str
    count: int
    points: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskPart:
    """Points that a part gives, of the `most` it can, and the facts they were given for."""

    name: str
    label: Label
    points: int
    most: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    """The score, 0 to 100, which is the sum of its parts; what it is called; and the version of the weights."""

    score: int
    level: str
    level_label: Label
    version: str
    parts: tuple[RiskPart, ...]


def risk_of(facts: RiskFacts, weights: RiskWeights | None = None) -> Risk:
    """The risk of a change by the weights, those that are shipped if none are given; O(facts).

    Raises `Invalid` for a negative number of CIs.
    """
    if facts.touches < 0:
        raise Invalid(f"a change cannot touch {facts.touches} CIs")
    weights = weights or shipped_weights()
    parts = tuple(_parts(facts, weights.parts))
    score = sum(part.points for part in parts)
    level = next(level for level in reversed(weights.levels) if level.begin <= score)
    return Risk(score, level.name, level.label, weights.version, parts)


# --- the weights -----------------------------------------------------------------------------------------------------


class Weight(Strict):
    """A part: what people call it, and the most that it gives."""

    label: Label
    most: Points


class ByImportance(Strict):
    """Points for each service."""

    critical: Points
    high: Points
    medium: Points
    low: Points
    unknown: Points

    def of(self, importance: Importance) -> int:
        """For one of this importance."""
        match importance:
            case Importance.CRITICAL:
                return self.critical
            case Importance.HIGH:
                return self.high
            case Importance.MEDIUM:
                return self.medium
            case Importance.LOW:
                return self.low
            case Importance.UNKNOWN:
                return self.unknown


class ImpactWeight(Weight):
    """For services that are hit."""

    down: ByImportance
    degraded: ByImportance


class CountedWeight(Weight):
    """For each of something."""

    each: Points


class HistoryWeight(Weight):
    """For what went wrong before, as many days back as are counted."""

    days: int = Field(strict=True, ge=1, le=36_500)
    failed_change: Points
    incident: Points


class SizeStep(Strict):
    """Points from so many CIs on."""

    touches: int = Field(strict=True, ge=1)
    points: Points


class SizeWeight(Weight):
    """For how many CIs are touched."""

    steps: tuple[SizeStep, ...]

    def faults(self) -> Iterator[tuple[Path, str, str]]:
        """Steps go up."""
        for at, (step, last) in enumerate(zip(self.steps[1:], self.steps, strict=False), 1):
            if step.touches <= last.touches or step.points < last.points:
                yield ("steps", at), "steps must go up", "write them by growing `touches`, with no fewer `points`"


class KindWeight(Weight):
    """For the kind of change."""

    standard: Points
    normal: Points
    major: Points
    emergency: Points

    def of(self, kind: Kind) -> int:
        """For this one."""
        match kind:
            case Kind.STANDARD:
                return self.standard
            case Kind.NORMAL:
                return self.normal
            case Kind.MAJOR:
                return self.major
            case Kind.EMERGENCY:
                return self.emergency


class PartWeights(Strict):
    """All parts."""

    impact: ImpactWeight
    redundancy: CountedWeight
    single_points: CountedWeight
    history: HistoryWeight
    size: SizeWeight
    kind: KindWeight
    tests: Weight
    back_out: Weight
    collisions: CountedWeight

    def by_name(self) -> Iterator[tuple[str, Weight]]:
        """Each part, in order."""
        for name in PartWeights.model_fields:
            part: object = getattr(self, name)
            if isinstance(part, Weight):
                yield name, part

    def faults(self) -> Iterator[tuple[Path, str, str]]:
        """The parts add up, and each is right in itself."""
        total = sum(part.most for _, part in self.by_name())
        if total != WHOLE:
            yield (), f"the `most` of all parts add up to {total}", f"let them add up to {WHOLE}"
        for name, part in self.by_name():
            for path, message, remedy in part.faults():
                yield (name, *path), message, remedy


class Level(Strict):
    """What a score is called from so many points on."""

    begin: Points = Field(alias="from")
    name: str = Field(min_length=1, max_length=40)
    label: Label


class RiskWeights(Strict):
    """The whole file."""

    version: Version
    levels: tuple[Level, ...] = Field(min_length=1)
    parts: PartWeights

    def faults(self) -> Iterator[tuple[Path, str, str]]:
        """Levels cover all scores, and the parts are right."""
        if self.levels[0].begin:
            yield ("levels", 0), "the first level begins above 0", "let it begin with `from: 0`"
        for at, (level, last) in enumerate(zip(self.levels[1:], self.levels, strict=False), 1):
            if level.begin <= last.begin:
                yield ("levels", at), "levels must go up", "write them by growing `from`"
        for path, message, remedy in self.parts.faults():
            yield ("parts", *path), message, remedy


def read_risk_weights(file: str, content: bytes) -> RiskWeights:
    """Weights from YAML. Raises `Invalid` with the line of each fault: unknown or missing words, parts not worth 100."""
    return read_weights(RiskWeights, file, content)


@cache
def shipped_weights() -> RiskWeights:
    """Those of `risk.yaml`."""
    return shipped(RiskWeights, _FILE)


# --- counting --------------------------------------------------------------------------------------------------------


def _parts(facts: RiskFacts, weights: PartWeights) -> Iterator[RiskPart]:
    found: dict[str, Iterable[Fact]] = {
        "impact": _services(facts, weights.impact),
        "redundancy": [_named("redundancy_lost", facts.redundancy_lost, weights.redundancy.each)],
        "single_points": [_named("single_point", facts.single_points, weights.single_points.each)],
        "history": [
            _named("failed_change", facts.failed_changes, weights.history.failed_change),
            _named("incident", facts.incidents, weights.history.incident),
        ],
        "size": [Fact("touched", facts.touches, _size(facts.touches, weights.size))],
        "kind": [Fact(facts.kind.value, 1, weights.kind.of(facts.kind))],
        "tests": [] if facts.has_test_plan else [Fact("no_test_plan", 1, weights.tests.most)],
        "back_out": [] if facts.has_back_out_plan else [Fact("no_back_out_plan", 1, weights.back_out.most)],
        "collisions": [_named("collision", facts.collisions, weights.collisions.each)],
    }
    for name, weight in weights.by_name():
        kept = tuple(fact for fact in found[name] if fact.count)
        points = min(weight.most, sum(fact.points for fact in kept))
        yield RiskPart(name, weight.label, points, weight.most, kept)


def _services(facts: RiskFacts, weight: ImpactWeight) -> Iterator[Fact]:
    """By state and importance, the worst first; who is down is not degraded as well."""
    fallen = {hit.key for hit in facts.services if hit.down}
    for down, word, points in ((True, "down", weight.down), (False, "degraded", weight.degraded)):
        for importance in Importance:
            hits = [hit for hit in facts.services if hit.down is down and hit.importance is importance]
            keys = [hit.key for hit in hits if down or hit.key not in fallen]
            yield _named(f"{importance}_service_{word}", keys, points.of(importance))


def _size(touches: int, weight: SizeWeight) -> int:
    return max((step.points for step in weight.steps if step.touches <= touches), default=0)


def _named(what: str, keys: Iterable[str], each: int) -> Fact:
    once = tuple(sorted(set(keys)))
    return Fact(what, len(once), len(once) * each, once)
