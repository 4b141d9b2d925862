"""How much of a pool is needed: the words people write for it, and the weight they come to. Exact throughout."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Final

from cmdb.errors import Invalid, Problem
from graph_schema.metamodel import Strength

HEAVIEST: Final = 10**12
"""The largest weight of one member: five million of them still add up within 64 bits."""

_REMEDY = 'write all, any, an integer from 0, a share such as "60%" (0 to 100) or a quorum such as "quorum:51%"'
_REDUNDANCY_REMEDY = "write pool=need, with ,soft after it where losing the pool only weakens"
_SHARE = re.compile(r"(quorum:)?([0-9]{1,20}(?:\.[0-9]{1,20})?)%", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,20}", re.ASCII)


class Measure(Enum):
    """In which terms a need is put."""

    ALL = "all"
    ANY = "any"
    COUNT = "count"
    SHARE = "share"
    QUORUM = "quorum"


@dataclass(frozen=True, slots=True)
class PoolNeed:
    """A need as it was written; `amount` is a weight for a count, hundredths for a share and a quorum."""

    measure: Measure
    amount: Fraction = Fraction(0)

    def weight(self, total: int) -> int:
        """What members must weigh together for the pool to be met, of `total` in all: 0 to `total`."""
        match self.measure:
            case Measure.ALL:
                wanted = total
            case Measure.ANY:
                wanted = min(1, total)
            case Measure.COUNT:
                wanted = int(self.amount)
            case Measure.SHARE:
                wanted = ceil(self.amount * total / 100)
            case Measure.QUORUM:
                wanted = total - ceil(self.amount * total / 100) + 1
        return min(wanted, total)

    def exceeds(self, total: int) -> bool:
        """Whether a count asks for more than there is, so that it is taken as all."""
        return self.measure is Measure.COUNT and self.amount > total


ALL: Final = PoolNeed(Measure.ALL)
ANY: Final = PoolNeed(Measure.ANY)


@dataclass(frozen=True, slots=True)
class Redundancy:
    """One entry of a CI's `redundancy`: what it says of its pool of that name."""

    pool: str
    need: PoolNeed
    strength: Strength


def parse_need(value: object, where: str = "") -> PoolNeed:
    """A need from `all`, `any`, an integer from 0, `"x%"` (0 to 100) or `"quorum:x%"` (above 0, to 100).

    Decimals are taken exactly. Raises `Invalid`, naming `where`, for anything else: another word, a fraction, a
    truth value, a number as text.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return PoolNeed(Measure.COUNT, Fraction(value))
    if value == "all":
        return ALL
    if value == "any":
        return ANY
    if isinstance(value, str) and (found := _SHARE.fullmatch(value)):
        amount = Fraction(found[2])
        least_is_zero = found[1] is None
        if amount <= 100 and (amount or least_is_zero):
            return PoolNeed(Measure.SHARE if least_is_zero else Measure.QUORUM, amount)
    raise _refused(f"{_shown(value)} is no need", where, _REMEDY)


def parse_strength(value: object, where: str = "") -> Strength:
    """`hard` or `soft`. Raises `Invalid`, naming `where`, for anything else."""
    for strength in Strength:
        if value == strength.value:
            return strength
    raise _refused(f"{_shown(value)} is no strength", where, "write hard or soft")


def parse_weight(value: object, where: str = "") -> int:
    """An integer from 1 to `HEAVIEST`. Raises `Invalid`, naming `where`, for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= HEAVIEST:
        return value
    raise _refused(f"{_shown(value)} is no weight", where, f"write an integer from 1 to {HEAVIEST}")


def parse_redundancy(entries: Iterable[str], where: str = "") -> tuple[Redundancy, ...]:
    """The entries `pool=need[,hard|,soft]` of a CI's `redundancy`, in order.

    Raises `Invalid`, naming `where`, for an entry of another form and for a pool that is declared twice.
    """
    declared: dict[str, Redundancy] = {}
    for entry in entries:
        pool, equals, rest = entry.partition("=")
        need, comma, strength = rest.partition(",")
        if not equals or not pool:
            raise _refused(f"{_shown(entry)} declares no pool", where, _REDUNDANCY_REMEDY)
        if pool in declared:
            raise _refused(f"pool {_shown(pool)} is declared twice", where, "keep one of the entries")
        declared[pool] = Redundancy(
            pool,
            parse_need(int(need) if _COUNT.fullmatch(need) else need, where),
            parse_strength(strength, where) if comma else Strength.HARD,
        )
    return tuple(declared.values())


def _refused(message: str, where: str, remedy: str) -> Invalid:
    place = f"{where}: " if where else ""
    return Invalid(place + message, remedy=remedy, problems=(Problem(message, where=where, remedy=remedy),))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
