"""The net of effects on who needs whom: what comes and goes within them leaves no trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.errors import Invalid
from cmdb.impact.change import KEPT, Altered, Dependency, Ended, StructureChange
from cmdb.impact.declared import PoolDeclaration
from cmdb.impact.needs import Redundancy, parse_redundancy
from cmdb.impact.structure import Structure
from cmdb.projection.loading import DependencyCodes, Row
from graph_schema.values import Value

POOL: Final = "pool"
WEIGHT: Final = "weight"
REDUNDANCY: Final = "redundancy"
"""The attributes that say how much of what is needed: of a relationship, and of a CI."""


@dataclass(slots=True)
class NeedsNet:
    """Effects taken in, in their order, as one change."""

    codes: DependencyCodes
    added: list[int] = field(default_factory=list[int])
    retired: list[int] = field(default_factory=list[int])
    linked: dict[int, Dependency] = field(default_factory=dict[int, Dependency])
    unlinked: dict[int, Ended] = field(default_factory=dict[int, Ended])
    altered: dict[int, Altered] = field(default_factory=dict[int, Altered])
    declared: dict[int, tuple[PoolDeclaration, ...]] = field(default_factory=dict[int, tuple[PoolDeclaration, ...]])

    def take(self, effects: Iterable[Effect]) -> None:
        """Take in what concerns needs; O(effects)."""
        for effect in effects:
            match effect:
                case NodeCreated(ordinal=ordinal):
                    self.added.append(ordinal)
                    if REDUNDANCY in effect.attributes:
                        self._declare(ordinal, effect.attributes[REDUNDANCY])
                case NodeChanged(ordinal=ordinal) if REDUNDANCY in effect.after:
                    self._declare(ordinal, effect.after[REDUNDANCY])
                case NodeRetired(ordinal=ordinal):
                    self.retired.append(ordinal)
                case Linked() | Relinked() | Unlinked() if row := self.codes.row(effect):
                    self._take_dependency(effect, row)
                case _:
                    pass

    def change(self, structure: Structure, revision: int) -> StructureChange:
        """What is different from the structure, which stands before the effects. Who is gone declares nothing."""
        gone = set(self.retired)
        gone |= {o for o in self.declared if o < structure.nodes and not structure.present[o]} - set(self.added)
        silent = {o: () for o in gone if o in self.declared or structure.declares(o)}
        return StructureChange(
            revision,
            self.added,
            self.retired,
            tuple(self.linked.values()),
            tuple(self.unlinked.values()),
            tuple(self.altered.values()),
            {**self.declared, **silent},
        )

    def _declare(self, owner: int, value: Value | None) -> None:
        self.declared[owner] = tuple(
            PoolDeclaration(owner, entry.pool, entry.need, entry.strength) for entry in redundancy_of(value)
        )

    def _take_dependency(self, effect: Linked | Relinked | Unlinked, row: Row) -> None:
        dependent = row[1]
        match effect:
            case Linked():
                said = effect.attributes
                self.linked[effect.id] = Dependency(*row, pool_of(said.get(POOL)), weight_of(said.get(WEIGHT)))
            case Relinked() if effect.id in self.linked:
                self.linked[effect.id] = replace(self.linked[effect.id], **_traits(effect.after))
            case Relinked() if _traits(effect.after):
                before = self.altered.get(effect.id, Altered(effect.id, dependent, KEPT, KEPT))
                self.altered[effect.id] = replace(before, **_traits(effect.after))
            case Unlinked():
                self.altered.pop(effect.id, None)
                if self.linked.pop(effect.id, None) is None:
                    self.unlinked[effect.id] = Ended(effect.id, dependent)
            case _:
                pass


def pool_of(value: Value | None) -> str | None:
    """The pool that a relationship names."""
    return None if value is None else str(value)


def weight_of(value: Value | None) -> int:
    """The weight that a relationship has; 1 where it says nothing."""
    return value if isinstance(value, int) else 1


def redundancy_of(value: Value | None) -> tuple[Redundancy, ...]:
    """What a CI says of its pools. An entry that cannot be read leaves all of them needing all they have."""
    try:
        return parse_redundancy(map(str, value)) if isinstance(value, tuple) else ()
    except Invalid:
        return ()


def _traits(after: Mapping[str, Value | None]) -> dict[str, str | int | None]:
    traits: dict[str, str | int | None] = {}
    if POOL in after:
        traits["pool"] = pool_of(after[POOL])
    if WEIGHT in after:
        traits["weight"] = weight_of(after[WEIGHT])
    return traits
