"""The loops that touch every edge, in two makes with equal answers: compiled (numba), vectorised (numpy)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Literal, NamedTuple, Protocol

from cmdb.errors import Usage
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.rows import Rows

WORTH_COMPILING = 20_000
"""Nodes from which on compiled kernels win over the half second that importing a compiler takes."""


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


KernelName = Literal["auto", "numba", "numpy"]


class KernelChoice(Protocol):
    """Which make suits a graph of so many nodes."""

    def __call__(self, nodes: int) -> Kernels:
        """The make for so many."""
        ...


def kernel_choice(name: KernelName) -> KernelChoice:
    """Always numba, always numpy, or (`auto`) numba where it is installed and the graph is worth it."""
    match name:
        case "numba":
            return lambda nodes: _compiled()
        case "numpy":
            return lambda nodes: _vectorised()
        case "auto":
            return lambda nodes: _compiled() if nodes >= WORTH_COMPILING and _has_numba() else _vectorised()


def configured_choice(environment: Mapping[str, str] = os.environ) -> KernelChoice:
    """The choice that `CMDB_KERNELS` names; `auto` when unset. Raises `Usage` for any other word."""
    name = environment.get("CMDB_KERNELS", "") or "auto"
    if name not in ("auto", "numba", "numpy"):
        raise Usage(f"CMDB_KERNELS is {name!r}", remedy="set it to auto, numba or numpy")
    return kernel_choice(name)


@cache
def _has_numba() -> bool:
    return find_spec("numba") is not None


@cache
def _compiled() -> Kernels:
    from cmdb.projection.kernels.compiled import CompiledKernels  # noqa: PLC0415 - takes half a second

    return CompiledKernels()


@cache
def _vectorised() -> Kernels:
    from cmdb.projection.kernels.vectorised import VectorisedKernels  # noqa: PLC0415 - its twin is lazy too

    return VectorisedKernels()
