"""Which of two makes of the same loops: compiled (numba) or vectorised (numpy)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Generic, Literal, TypeVar

from cmdb.errors import Usage

_M = TypeVar("_M")

WORTH_COMPILING = 20_000
"""Nodes from which on compiled kernels win over the half second that importing a compiler takes."""

KernelName = Literal["auto", "numba", "numpy"]


@dataclass(frozen=True, slots=True)
class Makes(Generic[_M]):
    """Where to get each make. A choice between them takes the nodes of a graph, and gives the make for so many."""

    compiled: Callable[[], _M]
    vectorised: Callable[[], _M]

    def named(self, name: KernelName) -> Callable[[int], _M]:
        """Always numba, always numpy, or (`auto`) numba where it is installed and the graph is worth it."""
        match name:
            case "numba":
                return lambda nodes: self.compiled()
            case "numpy":
                return lambda nodes: self.vectorised()
            case "auto":
                return self._best

    def configured(self, environment: Mapping[str, str] = os.environ) -> Callable[[int], _M]:
        """The choice that `CMDB_KERNELS` names; `auto` when unset. Raises `Usage` for any other word."""
        name = environment.get("CMDB_KERNELS", "") or "auto"
        if name not in ("auto", "numba", "numpy"):
            raise Usage(f"CMDB_KERNELS is {name!r}", remedy="set it to auto, numba or numpy")
        return self.named(name)

    def _best(self, nodes: int) -> _M:
        return self.compiled() if nodes >= WORTH_COMPILING and _has_numba() else self.vectorised()


@cache
def _has_numba() -> bool:
    return find_spec("numba") is not None
