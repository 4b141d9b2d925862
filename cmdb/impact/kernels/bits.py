"""Many failures at once, one bit for each: what the loops work on, and their two makes with equal answers."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Protocol

from cmdb.impact.kernels import Bits, Bools, Make
from cmdb.impact.kernels.vectorised import VectorisedMake
from cmdb.projection.columns import Int32s, Int64s


class Needs(NamedTuple):
    """Hard needs among some CIs that hold all their own providers. CIs go by place, providers before dependents.

    Strongly connected components are neighbours: c has the places `ends[c - 1]` to `ends[c]`. CI v cannot do without
    any of `provider[start[v]:start[v + 1]]`, and has the pools `pool_start[v]` to `pool_start[v + 1]`; pool p fails
    when `member[member_start[p]:member_start[p + 1]]` of more than `slack[p]` weight are down.
    """

    ends: Int32s
    presumed: Bools
    start: Int32s
    provider: Int32s
    pool_start: Int32s
    member_start: Int32s
    member: Int32s
    weight: Int64s
    slack: Int64s


class BitLoops(Protocol):
    """What falls under up to so many scenarios, each a bit of a row of words."""

    def mark(self, needs: Needs, failing: Int32s, slot: Int32s) -> tuple[int, int]:
        """Give whoever can fall a row: `slot[v]`, -1 for the others; how many rows, and how many CIs a ring has at most.

        `failing` are places, sorted. Who cannot but fall with one other CI shares its row. O(V + E).
        """
        ...

    def spread(self, needs: Needs, failing: Int32s, bit: Int32s, slot: Int32s, rows: Bits) -> None:
        """Set bit b in the row of v if v is down when all `failing[i]` with `bit[i] == b` are.

        `rows` has the rows that `mark` counted, one more, and one more for each CI of the largest ring. O(E · words),
        within rings once for each look.
        """
        ...


def bit_loops(make: Make) -> BitLoops:
    """The loops of the same make."""
    return _plain() if isinstance(make, VectorisedMake) else _compiled()


@cache
def _compiled() -> BitLoops:
    from cmdb.impact.kernels.bits_compiled import CompiledBits  # noqa: PLC0415 - takes half a second

    return CompiledBits()


@cache
def _plain() -> BitLoops:
    from cmdb.impact.kernels.bits_plain import PlainBits  # noqa: PLC0415 - its twin is lazy too

    return PlainBits()
