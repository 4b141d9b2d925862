"""The words a model is written in: attribute, lifecycle, class, relationship type, and the model itself.

Everything is frozen. `Model` resolves inheritance once, on first use, so that look-ups are O(1) afterwards.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FIXED_FIELDS: Final = frozenset(
    {
        "id",
        "ordinal",
        "key",
        "class",
        "kind",
        "name",
        "state",
        "retired",
        "version",
        "since",
        "created",
        "search_text",
    }
)
"""Fields every node has; no attribute may take one of these names."""

AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
ClassName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=64)]
TypeName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
ClassCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,5}$")]


class Frozen(BaseModel):
    """Base of all values here: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Frozen):
    """A text for people, in English and Chinese."""

    en: str
    zh: str


class Kind(StrEnum):
    """What a node is: a configuration item or a record of a process."""

    CI = "ci"
    RECORD = "record"


class AttributeType(StrEnum):
    """The types an attribute value can have; see `graph_schema.values` for the canonical form of each."""

    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    ENUM = "enum"
    URL = "url"
    IP = "ip"
    CIDR = "cidr"
    MAC = "mac"
    EMAIL = "email"
    VERSION = "version"


class Control(StrEnum):
    """Whether an attribute needs a change to be altered or follows discovery."""

    CONTROLLED = "controlled"
    OBSERVED = "observed"


class Attribute(Frozen):
    """One attribute of a class or relationship type. `many` makes it a list of its type."""

    name: AttributeName
    type: AttributeType
    label: Label
    description: Label | None = None
    many: bool = False
    required: bool = False
    unique: bool = False
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    values: tuple[str, ...] = ()
    value_labels: dict[str, Label] = {}
    unit: str | None = None
    control: Control = Control.CONTROLLED
    indexed: bool = False
    searchable: bool = False
    sensitive: bool = False


class Area(Frozen):
    """A part of the model that people look at together; a file of the shipped model."""

    name: AttributeName
    label: Label
    order: int = 0
    """Where it stands among the areas, in lists for people."""


class State(Frozen):
    """A state of a lifecycle. A final state is where `retire` leads; such a node supports nobody."""

    name: AttributeName
    label: Label
    final: bool = False


class Lifecycle(Frozen):
    """States and allowed transitions; whatever is not allowed is denied."""

    name: str
    initial: tuple[str, ...]
    """States a new node may be created in; the first is the default."""
    states: tuple[State, ...]
    transitions: dict[str, tuple[str, ...]]

    @cached_property
    def by_name(self) -> dict[str, State]:
        """The states by their name."""
        return {state.name: state for state in self.states}

    def allows(self, before: str, after: str) -> bool:
        """Whether a node may go from `before` to `after`; staying is always allowed."""
        return before == after or after in self.transitions.get(before, ())

    def final_from(self, state: str) -> tuple[str, ...]:
        """The final states that `state` may lead to at once, in the order of the model."""
        return tuple(s for s in self.transitions.get(state, ()) if self.by_name[s].final)


class NamingRule(Frozen):
    """How nodes of a class are named: a pattern that a name must match whole, and an example that does."""

    pattern: str
    example: str
    description: Label | None = None


class NodeClass(Frozen):
    """A class as written: own attributes only; `Model.attributes` adds the inherited ones."""

    name: ClassName
    code: ClassCode | None = None
    kind: Kind = Kind.CI
    parent: ClassName | None = None
    abstract: bool = False
    area: str
    label: Label
    description: Label
    attributes: tuple[Attribute, ...] = ()
    lifecycle: str | None = None
    identification: tuple[tuple[str, ...], ...] = ()
    naming: NamingRule | None = None
    version_numbering: Label | None = None
    level: Annotated[int, Field(ge=1, le=9)] | None = None
    owner: Label | None = None


class DependentEnd(StrEnum):
    """Which end of a relationship needs the other."""

    FROM = "from"
    TO = "to"


class Strength(StrEnum):
    """Whether losing the provider passes the failure on (hard) or weakens it by one level (soft)."""

    HARD = "hard"
    SOFT = "soft"


class Need(StrEnum):
    """Whether every edge of this type is needed, or they form one pool of which one is enough."""

    EACH = "each"
    ANY = "any"


class Dependency(Frozen):
    """What a relationship means for failure: which end depends, how strongly, on each or any edge."""

    dependent: DependentEnd
    strength: Strength = Strength.HARD
    need: Need = Need.EACH


class Ends(Frozen):
    """A pair of classes that a relationship type may join; their descendants are included."""

    source: ClassName
    target: ClassName


class RelationshipType(Frozen):
    """A typed, directed edge. `from_max`/`to_max` bound how many edges of this type leave/reach one node."""

    name: TypeName
    label: Label
    inverse: Label
    description: Label
    area: str
    ends: tuple[Ends, ...]
    from_max: int | None = None
    to_max: int | None = None
    attributes: tuple[Attribute, ...] = ()
    dependency: Dependency | None = None


class Model(Frozen):
    """A whole model. Names are unique; parents, lifecycles and ends exist (see `graph_schema.checks`).

    What is resolved is kept with the value, so make a changed model from its fields, not with `model_copy`.
    """

    version: str
    lifecycles: tuple[Lifecycle, ...]
    classes: tuple[NodeClass, ...]
    relationship_types: tuple[RelationshipType, ...]
    areas: tuple[Area, ...] = ()

    @cached_property
    def class_by_name(self) -> dict[str, NodeClass]:
        """Classes by name."""
        return {c.name: c for c in self.classes}

    @cached_property
    def class_by_code(self) -> dict[str, NodeClass]:
        """Classes that have a code, by it."""
        return {c.code: c for c in self.classes if c.code is not None}

    @cached_property
    def type_by_name(self) -> dict[str, RelationshipType]:
        """Relationship types by name."""
        return {t.name: t for t in self.relationship_types}

    @cached_property
    def lifecycle_by_name(self) -> dict[str, Lifecycle]:
        """Lifecycles by name."""
        return {lifecycle.name: lifecycle for lifecycle in self.lifecycles}

    @cached_property
    def lineage(self) -> dict[str, tuple[str, ...]]:
        """For each class: itself, its parent, … up to the root."""

        def climb(name: str) -> tuple[str, ...]:
            parent = self.class_by_name[name].parent
            return (name,) if parent is None else (name, *climb(parent))

        return {c.name: climb(c.name) for c in self.classes}

    @cached_property
    def descendants(self) -> dict[str, tuple[str, ...]]:
        """For each class: the concrete classes below it, itself included if it is concrete; by name."""
        found: dict[str, list[str]] = {c.name: [] for c in self.classes}
        for c in sorted(self.classes, key=lambda c: c.name):
            if not c.abstract:
                for ancestor in self.lineage[c.name]:
                    found[ancestor].append(c.name)
        return {name: tuple(names) for name, names in found.items()}

    @cached_property
    def attributes(self) -> dict[str, dict[str, Attribute]]:
        """For each class: its attributes by name, inherited ones first; a class may refine them."""
        return {
            name: {a.name: a for ancestor in reversed(line) for a in self.class_by_name[ancestor].attributes}
            for name, line in self.lineage.items()
        }

    @cached_property
    def lifecycle_of(self) -> dict[str, Lifecycle]:
        """For each class with a lifecycle (own or inherited): that lifecycle."""
        found: dict[str, Lifecycle] = {}
        for name, line in self.lineage.items():
            named = next((self.class_by_name[a].lifecycle for a in line if self.class_by_name[a].lifecycle), None)
            if named is not None:
                found[name] = self.lifecycle_by_name[named]
        return found

    @cached_property
    def identification_of(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """For each class: its identification rules, the nearest ancestor's that has any."""
        return {
            name: next((r for a in line if (r := self.class_by_name[a].identification)), ())
            for name, line in self.lineage.items()
        }

    @cached_property
    def naming_of(self) -> dict[str, NamingRule | None]:
        """For each class: its naming rule, the nearest ancestor's that has one."""
        return {
            name: next((r for a in line if (r := self.class_by_name[a].naming)), None)
            for name, line in self.lineage.items()
        }

    @cached_property
    def level_of(self) -> dict[str, int | None]:
        """For each class: its level, the nearest ancestor's that has one; 1 is a service."""
        return {
            name: next((level for a in line if (level := self.class_by_name[a].level) is not None), None)
            for name, line in self.lineage.items()
        }

    @cached_property
    def owner_of(self) -> dict[str, Label | None]:
        """For each class: the role that owns it, the nearest ancestor's that has one."""
        return {
            name: next((role for a in line if (role := self.class_by_name[a].owner)), None)
            for name, line in self.lineage.items()
        }

    @cached_property
    def version_numbering_of(self) -> dict[str, Label | None]:
        """For each class: how its versions are numbered, the nearest ancestor's rule that is given."""
        return {
            name: next((rule for a in line if (rule := self.class_by_name[a].version_numbering)), None)
            for name, line in self.lineage.items()
        }

    @cached_property
    def naming_pattern_of(self) -> dict[str, re.Pattern[str]]:
        """The compiled naming patterns of the classes that have one."""
        return {name: re.compile(rule.pattern) for name, rule in self.naming_of.items() if rule is not None}

    @cached_property
    def joinable(self) -> dict[str, frozenset[tuple[str, str]]]:
        """For each relationship type: the (from class, to class) pairs of concrete classes it may join."""
        return {
            t.name: frozenset(
                (source, target)
                for ends in t.ends
                for source in self.descendants[ends.source]
                for target in self.descendants[ends.target]
            )
            for t in self.relationship_types
        }

    @cached_property
    def dependency_types(self) -> tuple[RelationshipType, ...]:
        """The relationship types that mean a dependency, sorted by name."""
        return tuple(sorted((t for t in self.relationship_types if t.dependency), key=lambda t: t.name))

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether class `name` is `ancestor` or below it."""
        return ancestor in self.lineage[name]
