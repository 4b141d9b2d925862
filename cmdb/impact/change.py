"""What a change says about who needs whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cmdb.impact.declared import PoolDeclaration


class Kept(Enum):
    """What is said of a trait that stays as it is."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency that comes to be."""

    relationship: int
    dependent: int
    provider: int
    type_code: int
    pool: str | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """A dependency that comes to an end."""

    relationship: int
    dependent: int


@dataclass(frozen=True, slots=True)
class Altered:
    """A dependency that gets another pool or weight."""

    relationship: int
    dependent: int
    pool: str | Kept | None = KEPT
    weight: int | Kept = KEPT


@dataclass(frozen=True, slots=True)
class StructureChange:
    """What is different at `revision`: each CI and each dependency stands in it once at most.

    `declared` gives, for some CIs, everything that they say of their pools from now on. Of a CI that is `retired`,
    dependencies may stay: they count for nothing.
    """

    revision: int
    added: Sequence[int] = ()
    retired: Sequence[int] = ()
    linked: Sequence[Dependency] = ()
    unlinked: Sequence[Ended] = ()
    altered: Sequence[Altered] = ()
    declared: Mapping[int, Sequence[PoolDeclaration]] = field(default_factory=dict[int, Sequence[PoolDeclaration]])

    def __len__(self) -> int:
        """Steps."""
        parts = (self.added, self.retired, self.linked, self.unlinked, self.altered, self.declared)
        return sum(map(len, parts))
