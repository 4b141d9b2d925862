"""What must hold in a model beyond the shape of its parts: names that exist, rules that fit together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graph_schema.errors import ModelProblem, did_you_mean
from graph_schema.metamodel import (
    FIXED_FIELDS,
    Attribute,
    AttributeType,
    Lifecycle,
    Model,
    NamingRule,
    NodeClass,
    RelationshipType,
)
from graph_schema.yaml_tree import Path

DEEPEST_LINEAGE: Final = 16
_LONGEST_PATTERN: Final = 500
_NUMERIC: Final = frozenset({AttributeType.INTEGER, AttributeType.DECIMAL, AttributeType.DURATION})
_PATTERNED: Final = frozenset(
    {AttributeType.STRING, AttributeType.TEXT, AttributeType.VERSION, AttributeType.URL, AttributeType.EMAIL}
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a model are written: (file, line) by path, `("classes", "Server", "parent")`."""

    known: Mapping[Path, tuple[str, int]]
    otherwise: str = "model"

    def problem(self, path: Path, message: str, remedy: str = "") -> ModelProblem:
        """A problem at `path`, or at the nearest thing around it."""
        while path and path not in self.known:
            path = path[:-1]
        file, line = self.known.get(path, (self.otherwise, 0))
        return ModelProblem(file, line, message, remedy)


def problems_of(model: Model, places: Places) -> list[ModelProblem]:
    """Everything wrong with a model, in no particular order. O(resolved attributes)."""
    found = list(_structure(model, places))
    if found:
        return found  # inheritance cannot be resolved before these are mended
    return [
        *_lifecycles(model, places),
        *_classes(model, places),
        *_types(model, places),
        *_shared(model, places),
    ]


# --- names that must exist before anything can be resolved ------------------------------------------------


def _structure(model: Model, places: Places) -> Iterator[ModelProblem]:
    yield from _twice(places, "classes", (c.name for c in model.classes))
    yield from _twice(places, "relationship_types", (t.name for t in model.relationship_types))
    yield from _twice(places, "lifecycles", (lifecycle.name for lifecycle in model.lifecycles))
    classes = {c.name: c for c in model.classes}
    lifecycles = {lifecycle.name for lifecycle in model.lifecycles}
    for c in model.classes:
        if c.parent is not None and c.parent not in classes:
            yield _unknown(places, ("classes", c.name, "parent"), "class", c.parent, classes)
        if c.lifecycle is not None and c.lifecycle not in lifecycles:
            yield _unknown(places, ("classes", c.name, "lifecycle"), "lifecycle", c.lifecycle, lifecycles)
        yield from _cyclic(classes, c, places)
        names = [a.name for a in c.attributes]
        yield from _twice(places, "classes", names, c.name, "attributes")
    for t in model.relationship_types:
        for end in sorted({name for ends in t.ends for name in (ends.source, ends.target)} - classes.keys()):
            yield _unknown(places, ("relationship_types", t.name, "ends"), "class", end, classes)
        yield from _twice(places, "relationship_types", [a.name for a in t.attributes], t.name, "attributes")


def _twice(places: Places, section: str, names: Iterable[str], *below: str) -> Iterator[ModelProblem]:
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
        yield places.problem((section, *below, name), f"`{name}` is defined twice", "rename or remove one of them")


def _unknown(places: Places, path: Path, what: str, name: str, known: Iterable[str]) -> ModelProblem:
    return places.problem(path, f"there is no {what} `{name}`", did_you_mean(name, known))


def _cyclic(classes: Mapping[str, NodeClass], start: NodeClass, places: Places) -> Iterator[ModelProblem]:
    path, current = [start.name], start
    while current.parent is not None and current.parent in classes:
        current = classes[current.parent]
        path.append(current.name)
        if current.name == start.name:
            message = f"`{start.name}` inherits from itself: {' → '.join(path)}"
            yield places.problem(("classes", start.name, "parent"), message, "give one of them another parent")
            return
        if len(path) > DEEPEST_LINEAGE:
            if len(set(path)) == len(path):
                message = f"`{start.name}` has more than {DEEPEST_LINEAGE - 1} ancestors"
                yield places.problem(("classes", start.name, "parent"), message, "flatten the inheritance")
            return


# --- lifecycles -------------------------------------------------------------------------------------------


def _lifecycles(model: Model, places: Places) -> Iterator[ModelProblem]:
    for lifecycle in model.lifecycles:
        at: Path = ("lifecycles", lifecycle.name)
        yield from _twice(places, "lifecycles", [s.name for s in lifecycle.states], lifecycle.name, "states")
        known = lifecycle.by_name
        for state in lifecycle.initial:
            if state not in known:
                yield _unknown(places, (*at, "initial"), "state", state, known)
            elif known[state].final:
                remedy = "start in a state that is not final"
                yield places.problem((*at, "initial"), f"`{state}` is final, so nothing can begin there", remedy)
        if not lifecycle.initial:
            yield places.problem(at, f"lifecycle `{lifecycle.name}` has no initial state", "write `initial: [state]`")
        yield from _transitions(lifecycle, places)


def _transitions(lifecycle: Lifecycle, places: Places) -> Iterator[ModelProblem]:
    known = lifecycle.by_name
    for before, afters in lifecycle.transitions.items():
        at: Path = ("lifecycles", lifecycle.name, "states", before, "next")
        if before not in known:
            yield _unknown(places, at, "state", before, known)
        for after in afters:
            if after not in known:
                yield _unknown(places, at, "state", after, known)
    for state in lifecycle.states:
        at = ("lifecycles", lifecycle.name, "states", state.name)
        nexts = [s for s in lifecycle.transitions.get(state.name, ()) if s in known]
        if state.final and nexts:
            yield places.problem(at, f"`{state.name}` is final but leads on", "remove `next` or `final`")
        if not state.final and not any(known[s].final for s in _reachable(lifecycle, state.name)):
            remedy = "add a transition towards a final state: retiring leads there"
            yield places.problem(at, f"from `{state.name}` no final state can be reached", remedy)


def _reachable(lifecycle: Lifecycle, start: str) -> set[str]:
    """The known states that `start` leads to in any number of steps."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for state in lifecycle.transitions.get(ahead.pop(), ()):
            if state in lifecycle.by_name and state not in found:
                found.add(state)
                ahead.append(state)
    return found


# --- classes ----------------------------------------------------------------------------------------------


def _classes(model: Model, places: Places) -> Iterator[ModelProblem]:
    owners: dict[str, str] = {}
    for c in model.classes:
        at: Path = ("classes", c.name)
        if c.parent is not None and model.class_by_name[c.parent].kind is not c.kind:
            yield places.problem((*at, "kind"), f"`{c.name}` is not of its parent's kind", "leave `kind` to the root")
        if c.code is not None and (other := owners.setdefault(c.code, c.name)) != c.name:
            message = f"`{c.name}` and `{other}` both have the code {c.code}"
            yield places.problem((*at, "code"), message, "keys are made of codes; choose another one")
        yield from _concrete(model, c, places)
        yield from _identification(model, c, places)
        if c.naming is not None:
            yield from _naming(c.naming, (*at, "naming"), places)
        for attribute in c.attributes:
            yield from _attribute(attribute, (*at, "attributes", attribute.name), places)
            yield from _refinement(model, c, attribute, places)


def _concrete(model: Model, c: NodeClass, places: Places) -> Iterator[ModelProblem]:
    at: Path = ("classes", c.name)
    if c.abstract and c.code is not None:
        yield places.problem((*at, "code"), f"`{c.name}` is abstract and needs no code", "remove `code`")
    if not c.abstract and c.code is None:
        yield places.problem(at, f"class `{c.name}` has no code", "write `code: ABC`, or `abstract: true`")
    if not c.abstract and c.name not in model.lifecycle_of:
        remedy = f"write `lifecycle:` here or in an ancestor ({', '.join(model.lifecycle_by_name)})"
        yield places.problem(at, f"class `{c.name}` has no lifecycle", remedy)


def _identification(model: Model, c: NodeClass, places: Places) -> Iterator[ModelProblem]:
    at: Path = ("classes", c.name, "identification")
    known = model.attributes[c.name]
    for rule in c.identification:
        if not rule:
            yield places.problem(at, "an identification rule is empty", "name the attributes that tell two apart")
        for name in rule:
            if name != "name" and name not in known:
                yield _unknown(places, at, f"attribute of `{c.name}` called", name, {*known, "name"})
            elif name in known and known[name].many:
                remedy = "identify by single values"
                yield places.problem(at, f"`{name}` is a list and cannot identify a `{c.name}`", remedy)


def _naming(rule: NamingRule, at: Path, places: Places) -> Iterator[ModelProblem]:
    fault = _bad_pattern(rule.pattern)
    if fault:
        yield places.problem((*at, "pattern"), fault, "write a Python regular expression")
    elif not re.fullmatch(rule.pattern, rule.example):
        message = f"the example `{rule.example}` does not match the pattern {rule.pattern}"
        yield places.problem((*at, "example"), message, "correct one of the two")


def _refinement(model: Model, c: NodeClass, attribute: Attribute, places: Places) -> Iterator[ModelProblem]:
    inherited = model.attributes[c.parent].get(attribute.name) if c.parent is not None else None
    if inherited is None:
        return
    for fault in _loosened(inherited, attribute):
        at: Path = ("classes", c.name, "attributes", attribute.name)
        message = f"`{c.name}.{attribute.name}` {fault}, against `{c.parent}`"
        yield places.problem(at, message, "a class may narrow what it inherits, never widen it")


def _loosened(wide: Attribute, narrow: Attribute) -> Iterator[str]:
    if (wide.type, wide.many) != (narrow.type, narrow.many):
        yield "has another type"
    if wide.control is not narrow.control:
        yield f"is {narrow.control}"
    for flag, lost in ((wide.required, not narrow.required), (wide.unique, not narrow.unique)):
        if flag and lost:
            yield "is no longer required or unique"
    if wide.values and not set(narrow.values) <= set(wide.values):
        yield "allows more values"
    if wide.pattern is not None and wide.pattern != narrow.pattern:
        yield "has another pattern"
    if wide.minimum is not None and (narrow.minimum is None or narrow.minimum < wide.minimum):
        yield "allows smaller numbers"
    if wide.maximum is not None and (narrow.maximum is None or narrow.maximum > wide.maximum):
        yield "allows larger numbers"
    if wide.sensitive and not narrow.sensitive:
        yield "is no longer sensitive"


# --- relationship types and attributes --------------------------------------------------------------------


def _types(model: Model, places: Places) -> Iterator[ModelProblem]:
    for t in model.relationship_types:
        at: Path = ("relationship_types", t.name)
        if not t.ends:
            yield places.problem(at, f"relationship type `{t.name}` joins nothing", "write `ends: [Class -> Class]`")
        for attribute in t.attributes:
            yield from _attribute(attribute, (*at, "attributes", attribute.name), places)
        yield from _bounds(t, places)


def _bounds(t: RelationshipType, places: Places) -> Iterator[ModelProblem]:
    for word, bound in (("from_max", t.from_max), ("to_max", t.to_max)):
        if bound is not None and bound < 1:
            at: Path = ("relationship_types", t.name, word)
            yield places.problem(at, f"`{word}` of `{t.name}` is {bound}", "at least 1, or leave it out")


def _attribute(attribute: Attribute, at: Path, places: Places) -> Iterator[ModelProblem]:
    name = attribute.name
    if name in FIXED_FIELDS:
        yield places.problem(at, f"`{name}` is a field that every node has", "choose another name")
    if (attribute.type is AttributeType.ENUM) != bool(attribute.values):
        remedy = "write `type: enum` and `values: [one, two]` together"
        yield places.problem(at, f"`{name}` has values without being an enum, or the reverse", remedy)
    if attribute.value_labels and set(attribute.value_labels) != set(attribute.values):
        yield places.problem(at, f"`{name}` labels other values than it has", "label each value")
    for value in sorted(v for v, count in Counter(attribute.values).items() if count > 1):
        yield places.problem(at, f"`{name}` lists the value `{value}` twice", "remove one")
    if attribute.pattern is not None:
        yield from _pattern(attribute, attribute.pattern, at, places)
    if (attribute.minimum, attribute.maximum) != (None, None) and attribute.type not in _NUMERIC:
        yield places.problem(at, f"`{name}` is no number and can have no range", "remove `minimum` and `maximum`")
    if attribute.minimum is not None and attribute.maximum is not None and attribute.minimum > attribute.maximum:
        yield places.problem(at, f"the range of `{name}` is empty", "swap `minimum` and `maximum`")
    if attribute.unique and attribute.many:
        yield places.problem(at, f"`{name}` is a list and cannot be unique", "remove `unique` or `many`")


def _pattern(attribute: Attribute, pattern: str, at: Path, places: Places) -> Iterator[ModelProblem]:
    if attribute.type not in _PATTERNED:
        remedy = f"patterns are for {', '.join(sorted(_PATTERNED))}"
        yield places.problem((*at, "pattern"), f"a {attribute.type} takes no pattern", remedy)
    fault = _bad_pattern(pattern)
    if fault:
        yield places.problem((*at, "pattern"), fault, "write a Python regular expression")


def _bad_pattern(pattern: str) -> str:
    if len(pattern) > _LONGEST_PATTERN:
        return f"the pattern has more than {_LONGEST_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"the pattern {pattern} cannot be read: {error}"
    return ""


def _shared(model: Model, places: Places) -> Iterator[ModelProblem]:
    """Stores index attributes by name alone, so a name has one type in the whole model."""
    first: dict[str, tuple[str, Attribute]] = {}
    for section, owner, attribute in _all_attributes(model):
        other, seen = first.setdefault(attribute.name, (owner, attribute))
        if (seen.type, seen.many) != (attribute.type, attribute.many):
            mine, theirs = _type_name(attribute), _type_name(seen)
            message = f"`{attribute.name}` is {mine} in `{owner}` but {theirs} in `{other}`"
            at: Path = (section, owner, "attributes", attribute.name)
            yield places.problem(at, message, "use one type for a name, or another name")


def _type_name(attribute: Attribute) -> str:
    return f"a list of {attribute.type}" if attribute.many else f"{attribute.type}"


def _all_attributes(model: Model) -> Iterator[tuple[str, str, Attribute]]:
    for c in model.classes:
        for attribute in c.attributes:
            yield "classes", c.name, attribute
    for t in model.relationship_types:
        for attribute in t.attributes:
            yield "relationship_types", t.name, attribute
