"""The loops that touch every edge, in two makes with equal answers: compiled (numba), vectorised (numpy)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, Protocol

from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.kernels.choosing import Makes
from cmdb.projection.rows import Rows


class Spread(NamedTuple):
    """Who is reached: level d is `order[ends[d - 1]:ends[d]]`, sorted; level 0 is the sources."""

    order: Int32s
    ends: Int32s


class Trail(NamedTuple):
    """For each of `Spread.order` the neighbour one step back and the relationship to it; -1 for sources."""

    via: Int32s
    relationship: Int64s


class Kernels(Protocol):
    """What a projection asks of a make. Arrays are those of `Rows`; threads may call at the same time."""

    def sort_into_rows(self, owners: Int32s, neighbours: Int32s, nodes: int) -> tuple[Rows, Int32s]:
        """Rows of `nodes` owners, edge i being (owners[i], neighbours[i]), and the places; O(V + E)."""
        ...

    def append_edges(
        self, rows: Rows, owners: Int32s, neighbours: Int32s, edges: Int32s, place: Int32s, begin: int
    ) -> int:
        """See `cmdb.projection.rows.append_edges`."""
        ...

    def remove_edges(self, rows: Rows, owners: Int32s, edges: Int32s, place: Int32s) -> None:
        """See `cmdb.projection.rows.remove_edges`."""
        ...

    def find_edges(
        self,
        providers: Rows,
        dependents: Rows,
        relationship: Int64s,
        wanted: Int64s,
        dependent: Int32s,
        provider: Int32s,
        found: Int32s,
    ) -> None:
        """See `cmdb.projection.rows.find_edges`."""
        ...

    def spread(self, rows: Rows, nodes: int, sources: Int32s, goal: int) -> Spread:
        """Breadth first from `sources` (sorted, distinct), to the level of `goal` if that is not negative."""
        ...

    def trail(self, rows: Rows, nodes: int, spread: Spread, relationship: Int64s) -> Trail:
        """The way back: the smallest neighbour one step nearer, by its smallest relationship."""
        ...


KernelChoice = Callable[[int], Kernels]
"""Which make suits a graph of so many nodes."""


@cache
def _compiled() -> Kernels:
    from cmdb.projection.kernels.compiled import CompiledKernels  # noqa: PLC0415 - takes half a second

    return CompiledKernels()


@cache
def _vectorised() -> Kernels:
    from cmdb.projection.kernels.vectorised import VectorisedKernels  # noqa: PLC0415 - its twin is lazy too

    return VectorisedKernels()


_MAKES = Makes(_compiled, _vectorised)
kernel_choice, configured_choice = _MAKES.named, _MAKES.configured
"""The choice of a name, and of `CMDB_KERNELS`; see `Makes`."""
