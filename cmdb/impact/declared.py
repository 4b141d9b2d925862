"""What is said of needs: rules of types, traits of dependencies, declarations of CIs; and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

import numpy as np

from cmdb.impact.needs import ALL, PoolNeed
from cmdb.projection.columns import Int32s, Int64s
from graph_schema.metamodel import Need, Strength

_V = TypeVar("_V")

ALONE: Final = -1
"""The label of a dependency that is a pool of its own."""

_FIRST_TYPE: Final = -2


def type_label(code: int) -> int:
    """The label of the pool that the edges of a type form, by the type's code; the inverse of itself."""
    return _FIRST_TYPE - code


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What a relationship type, known by its code, means for failure."""

    name: str
    strength: Strength = Strength.HARD
    need: Need = Need.EACH


@dataclass(frozen=True, slots=True)
class EdgeTraits:
    """Pool and weight of those dependencies that have one: row i is about `relationship[i]`, each at most once.

    `pool` indexes `names`, -1 for none; `weight` is 1 where nothing is said.
    """

    relationship: Int64s
    pool: Int32s
    weight: Int64s
    names: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str | None, int]] = ()) -> EdgeTraits:
        """From `(relationship, pool, weight)`; O(rows)."""
        number: dict[str, int] = {}
        codes = [-1 if pool is None else number.setdefault(pool, len(number)) for _, pool, _ in rows]
        return cls(
            np.array([relationship for relationship, _, _ in rows], dtype=np.int64),
            np.array(codes, dtype=np.int32),
            np.array([weight for _, _, weight in rows], dtype=np.int64),
            tuple(number),
        )


@dataclass(frozen=True, slots=True)
class PoolDeclaration:
    """What CI `owner` says of its pool `name`."""

    owner: int
    name: str
    need: PoolNeed = ALL
    strength: Strength = Strength.HARD


class WarningKind(StrEnum):
    """What is odd about a structure, without harm to anybody else."""

    SELF_EDGE = "self_edge"
    VOID_EDGE = "void_edge"
    NEED_EXCEEDS_MEMBERS = "need_exceeds_members"
    EMPTY_POOL = "empty_pool"


@dataclass(frozen=True, slots=True)
class EdgeWarning:
    """A dependency that counts for nothing: of a CI on itself, or with an end that is not present."""

    kind: WarningKind
    relationship: int
    dependent: int
    provider: int


@dataclass(frozen=True, slots=True)
class PoolWarning:
    """A declared pool without members, or one that asks for `need` of a smaller `total` and is taken as all."""

    kind: WarningKind
    owner: int
    pool: str
    need: int
    total: int


class PoolNames:
    """Names by number. Structures made from each other add to the same, and never take away."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._numbers = {name: number for number, name in enumerate(self._names)}

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int) -> str:
        return self._names[number]

    def number(self, name: str) -> int:
        """Its number, a new one at need."""
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number


@dataclass(frozen=True, slots=True)
class PerOwner(Generic[_V]):
    """What there is about each of some owners; later words laid over what was said at first."""

    first: Mapping[int, tuple[_V, ...]]
    later: Mapping[int, tuple[_V, ...]]

    def of(self, owner: int) -> tuple[_V, ...]:
        """About this one."""
        found = self.later.get(owner)
        return self.first.get(owner, ()) if found is None else found

    def but(self, later: Mapping[int, tuple[_V, ...]]) -> PerOwner[_V]:
        """With other words about some; O(all that came later)."""
        return PerOwner(self.first, {**self.later, **later})

    def __iter__(self) -> Iterator[_V]:
        for owner, said in self.first.items():
            if owner not in self.later:
                yield from said
        for said in self.later.values():
            yield from said


class Owned(Protocol):
    """What is about one CI."""

    @property
    def owner(self) -> int:
        """Its ordinal."""
        ...


_O = TypeVar("_O", bound=Owned)


def by_owner(said: Iterable[_O]) -> dict[int, tuple[_O, ...]]:
    """The same by CI, in order."""
    found: dict[int, list[_O]] = {}
    for one in said:
        found.setdefault(one.owner, []).append(one)
    return {owner: tuple(some) for owner, some in found.items()}
