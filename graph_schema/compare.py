"""What separates two models, and whether data written under the first still fits the second.

A change is *additive* if all that was valid stays valid and means the same; otherwise it is *breaking*.
Classes are compared as resolved, and a difference is told once, at the highest class that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from graph_schema.metamodel import (
    Attribute,
    AttributeType,
    Frozen,
    Lifecycle,
    Model,
    NodeClass,
    RelationshipType,
)

_Named = TypeVar("_Named", bound=Frozen)


class Effect(StrEnum):
    """What a change does to data that is already there."""

    ADDITIVE = "additive"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference: its subject (`attribute Server.fqdn`), what differs, and why it breaks if it does."""

    subject: str
    what: str
    effect: Effect = Effect.ADDITIVE
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.effect}: {self.subject} {self.what}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences between two models, sorted by subject; empty for equal ones."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that need a data migration."""
        return tuple(change for change in self.changes if change.effect is Effect.BREAKING)

    @property
    def additive(self) -> tuple[Change, ...]:
        """The changes that need none."""
        return tuple(change for change in self.changes if change.effect is Effect.ADDITIVE)


def compare(before: Model, after: Model) -> Comparison:
    """The differences from `before` to `after`. O(size of both, resolved)."""
    changes = {
        *_areas(before, after),
        *_lifecycles(before, after),
        *_classes(before, after),
        *_types(before, after),
    }
    return Comparison(tuple(sorted(changes)))


def _breaks(subject: str, what: str, reason: str) -> Change:
    return Change(subject, what, Effect.BREAKING, reason)


def _members(
    kind: str,
    before: dict[str, _Named],
    after: dict[str, _Named],
    differences: Callable[[_Named, _Named], Iterator[Change]],
) -> Iterator[Change]:
    """Added, removed and changed members of one section."""
    for name in before.keys() - after.keys():
        yield _breaks(f"{kind} {name}", "is removed", "what was recorded with it would have no definition")
    for name in after.keys() - before.keys():
        yield Change(f"{kind} {name}", "is added")
    for name in before.keys() & after.keys():
        yield from differences(before[name], after[name])


def _wording(subject: str, before: Frozen, after: Frozen, *fields: str) -> Iterator[Change]:
    for field in fields:
        if getattr(before, field) != getattr(after, field):
            yield Change(subject, f"has another {field.replace('_', ' ')}")


# --- areas and lifecycles ----------------------------------------------------------------------------------


def _areas(before: Model, after: Model) -> Iterator[Change]:
    old, new = ({area.name: area for area in model.areas} for model in (before, after))
    for name in old.keys() ^ new.keys():
        yield Change(f"area {name}", "is added" if name in new else "is removed")
    for name in old.keys() & new.keys():
        yield from _wording(f"area {name}", old[name], new[name], "label")


def _lifecycles(before: Model, after: Model) -> Iterator[Change]:
    return _members("lifecycle", before.lifecycle_by_name, after.lifecycle_by_name, _lifecycle)


def _lifecycle(before: Lifecycle, after: Lifecycle) -> Iterator[Change]:
    subject = f"lifecycle {before.name}"
    old, new = before.by_name, after.by_name
    for state in old.keys() - new.keys():
        yield _breaks(subject, f"loses the state {state}", "nodes may be in it")
    for state in new.keys() - old.keys():
        yield Change(subject, f"gains the state {state}")
    for state in old.keys() & new.keys():
        if old[state].final is not new[state].final:
            word = "final" if new[state].final else "no longer final"
            yield _breaks(subject, f"makes {state} {word}", "nodes in it would be retired, or come back")
        yield from _wording(f"{subject}, state {state},", old[state], new[state], "label")
    yield from _ways(subject, before, after)


def _ways(subject: str, before: Lifecycle, after: Lifecycle) -> Iterator[Change]:
    old, new = ({(a, b) for a, ends in x.transitions.items() for b in ends} for x in (before, after))
    for start, end in old - new:
        if {start, end} <= after.by_name.keys():
            yield _breaks(subject, f"forbids {start} → {end}", "planned work may rely on it")
    for start, end in new - old:
        yield Change(subject, f"allows {start} → {end}")
    for state in set(before.initial) - set(after.initial):
        yield _breaks(subject, f"lets nothing begin in {state}", "imports may create nodes there")
    for state in set(after.initial) - set(before.initial):
        yield Change(subject, f"lets nodes begin in {state}")
    if before.initial[:1] != after.initial[:1]:
        yield Change(subject, f"begins in {after.initial[0]} by default, not in {before.initial[0]}")


# --- classes -----------------------------------------------------------------------------------------------


def _classes(before: Model, after: Model) -> Iterator[Change]:
    def resolved(name: str) -> set[tuple[str, Change]]:
        return set(_inherited(name, before, after))

    yield from _members("class", before.class_by_name, after.class_by_name, lambda b, a: _class(b, a, before, after))
    both = before.class_by_name.keys() & after.class_by_name.keys()
    differences = {name: resolved(name) for name in both}
    for name in both:
        parents = {model.class_by_name[name].parent for model in (before, after)}
        told = set[tuple[str, Change]]().union(*(differences.get(parent or "", set()) for parent in parents))
        for part, change in differences[name] - told:
            owner = f"attribute {name}.{part}" if part else f"class {name}"
            yield Change(owner, change.what, change.effect, change.reason)


def _class(old: NodeClass, new: NodeClass, before: Model, after: Model) -> Iterator[Change]:
    subject = f"class {old.name}"
    if old.code != new.code and old.code is not None:
        yield _breaks(subject, f"has the code {new.code}, not {old.code}", "keys already given begin with the old one")
    if old.kind is not new.kind:
        yield _breaks(subject, f"is of kind {new.kind}, not {old.kind}", "other rules of control apply to its nodes")
    if old.abstract is not new.abstract:
        if new.abstract:
            yield _breaks(subject, "becomes abstract", "its nodes would have no class")
        else:
            yield Change(subject, "becomes concrete")
    if old.parent != new.parent:
        lost = [a for a in before.lineage[old.name] if a not in after.lineage[new.name]]
        what = f"has the parent {new.parent}, not {old.parent}"
        reason = f"questions about {', '.join(lost)} would no longer find it"
        yield _breaks(subject, what, reason) if lost else Change(subject, what)
    yield from _wording(subject, old, new, "area", "label", "description")


def _inherited(name: str, before: Model, after: Model) -> Iterator[tuple[str, Change]]:
    """Differences in what a class has or inherits, as (attribute or "", change without subject)."""
    for attribute, change in _attributes(before.attributes[name], after.attributes[name]):
        yield attribute, change
    for change in _rules(name, before, after):
        yield "", change


def _rules(name: str, before: Model, after: Model) -> Iterator[Change]:
    old, new = before.identification_of[name], after.identification_of[name]
    if new[: len(old)] != old:
        yield _breaks("", "is identified by other rules", "what is recorded may not be recognised again")
    elif new != old:
        yield Change("", "is identified by further rules")
    yield from _naming(name, before, after)
    first, second = before.lifecycle_of.get(name), after.lifecycle_of.get(name)
    if first and second and first.name != second.name:
        lost = sorted(first.by_name.keys() - second.by_name.keys())
        what = f"has the lifecycle {second.name}, not {first.name}"
        yield _breaks("", what, f"nodes may be in {', '.join(lost)}") if lost else Change("", what)
    for word, of in (
        ("level", Model.level_of),
        ("owner", Model.owner_of),
        ("version numbering", Model.version_numbering_of),
    ):
        if of.__get__(before)[name] != of.__get__(after)[name]:
            yield Change("", f"has another {word}")


def _naming(name: str, before: Model, after: Model) -> Iterator[Change]:
    old, new = before.naming_of[name], after.naming_of[name]
    if (old.pattern if old else None) != (new.pattern if new else None):
        if new is None:
            yield Change("", "has no naming rule any more")
        else:
            yield _breaks("", f"is named by the pattern {new.pattern}", "names already given may not match")
    elif old != new:
        yield Change("", "has another wording of its naming rule")


# --- attributes --------------------------------------------------------------------------------------------

_AS_TEXT: Final = frozenset(
    {
        AttributeType.STRING,
        AttributeType.ENUM,
        AttributeType.URL,
        AttributeType.EMAIL,
        AttributeType.VERSION,
    }
)


def _attributes(old: dict[str, Attribute], new: dict[str, Attribute]) -> Iterator[tuple[str, Change]]:
    for name in old.keys() - new.keys():
        yield name, _breaks("", "is removed", "values already recorded would have no definition")
    for name in new.keys() - old.keys():
        if new[name].required:
            yield name, _breaks("", "is added and required", "nodes already recorded do not have it")
        else:
            yield name, Change("", "is added")
    for name in old.keys() & new.keys():
        for change in _attribute(old[name], new[name]):
            yield name, change


def _attribute(old: Attribute, new: Attribute) -> Iterator[Change]:
    if old.type is not new.type:
        widened = old.type in _AS_TEXT and new.type in {AttributeType.STRING, AttributeType.TEXT}
        what = f"is {new.type}, not {old.type}"
        yield Change("", what) if widened else _breaks("", what, "values already recorded may not fit")
    if old.many is not new.many:
        word = "a list" if new.many else "a single value"
        yield _breaks("", f"becomes {word}", "values already recorded have the other shape")
    for flag in ("required", "unique"):
        yield from _tightened(flag, was=getattr(old, flag), now=getattr(new, flag))
    yield from _narrowed(old, new)
    if old.unit != new.unit:
        yield _breaks("", f"is measured in {new.unit}, not {old.unit}", "the same number means something else")
    if old.control is not new.control:
        yield _breaks("", f"is {new.control}, not {old.control}", "its values are kept in another place")
    if old.sensitive is not new.sensitive:
        if new.sensitive:
            yield Change("", "becomes sensitive")
        else:
            yield _breaks("", "is no longer sensitive", "what was protected would be shown")
    for flag in ("indexed", "searchable"):
        if getattr(old, flag) is not getattr(new, flag):
            yield Change("", f"is {'now' if getattr(new, flag) else 'no longer'} {flag}")
    yield from _wording("", old, new, "label", "description", "value_labels")


def _tightened(flag: str, *, was: bool, now: bool) -> Iterator[Change]:
    if now and not was:
        yield _breaks("", f"becomes {flag}", "nodes already recorded may break this")
    elif was and not now:
        yield Change("", f"is no longer {flag}")


def _narrowed(old: Attribute, new: Attribute) -> Iterator[Change]:
    """Differences in which values are allowed."""
    if old.pattern != new.pattern:
        if new.pattern is None:
            yield Change("", "has no pattern any more")
        else:
            yield _breaks("", f"must match {new.pattern}", "values already recorded may not")
    for value in old.values:
        if value not in new.values and new.values:
            yield _breaks("", f"loses the value {value}", "it may be recorded already")
    for value in new.values:
        if value not in old.values and old.values:
            yield Change("", f"gains the value {value}")
    yield from _limit("minimum", old.minimum, new.minimum, lambda now, was: now > was)
    yield from _limit("maximum", old.maximum, new.maximum, lambda now, was: now < was)


def _limit(word: str, was: int | None, now: int | None, narrower: Callable[[int, int], bool]) -> Iterator[Change]:
    if was == now:
        return
    if now is not None and (was is None or narrower(now, was)):
        yield _breaks("", f"has the {word} {now}", "values already recorded may lie outside")
    else:
        yield Change("", f"has the {word} {now}" if now is not None else f"has no {word} any more")


# --- relationship types ------------------------------------------------------------------------------------


def _types(before: Model, after: Model) -> Iterator[Change]:
    def differences(old: RelationshipType, new: RelationshipType) -> Iterator[Change]:
        return _type(old, new, before, after)

    return _members("relationship type", before.type_by_name, after.type_by_name, differences)


def _type(old: RelationshipType, new: RelationshipType, before: Model, after: Model) -> Iterator[Change]:
    subject = f"relationship type {old.name}"
    yield from _ends(subject, before.joinable[old.name], after.joinable[new.name], before, after)
    yield from _bound(subject, "leave", old.from_max, new.from_max)
    yield from _bound(subject, "reach", old.to_max, new.to_max)
    if old.dependency != new.dependency:
        yield _breaks(subject, "means another dependency", "impacts already approved would come out differently")
    old_attributes, new_attributes = ({a.name: a for a in t.attributes} for t in (old, new))
    for name, change in _attributes(old_attributes, new_attributes):
        yield Change(f"attribute {old.name}.{name}", change.what, change.effect, change.reason)
    yield from _wording(subject, old, new, "area", "label", "inverse", "description")


def _bound(subject: str, word: str, was: int | None, now: int | None) -> Iterator[Change]:
    if was == now:
        return
    if now is not None and (was is None or now < was):
        yield _breaks(subject, f"lets at most {now} {word} a node", "more may be recorded already")
    else:
        yield Change(subject, f"lets {'any number' if now is None else f'up to {now}'} {word} a node")


def _ends(
    subject: str,
    old: frozenset[tuple[str, str]],
    new: frozenset[tuple[str, str]],
    before: Model,
    after: Model,
) -> Iterator[Change]:
    kept = before.class_by_name.keys() & after.class_by_name.keys()
    lost = sorted(pair for pair in old - new if set(pair) <= kept)
    gained = sorted(pair for pair in new - old if set(pair) <= kept)
    if lost:
        yield _breaks(subject, f"no longer joins {_some(lost)}", "such relationships may be recorded already")
    if gained:
        yield Change(subject, f"also joins {_some(gained)}")


def _some(pairs: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{source} -> {target}" for source, target in pairs[:3])
    return f"{shown} and {len(pairs) - 3} more pairs" if len(pairs) > 3 else shown
