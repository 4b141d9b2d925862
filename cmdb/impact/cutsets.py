"""Pairs whose loss together takes a service down, though neither does alone: minimal cut sets of order 2."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from cmdb.impact.kernels.bits import bit_loops
from cmdb.impact.spof import AT_ONCE, Sweep, check_present
from cmdb.impact.structure import Structure
from cmdb.impact.underlying import underlying
from cmdb.projection.columns import Int32s, Int64s

NEAREST: Final = 2_000
SECONDS: Final = 10.0


class Bound(Enum):
    """What ended the search."""

    NONE = "none"
    CANDIDATES = "candidates"
    TIME = "time"


@dataclass(frozen=True, eq=False)
class CutPairs:
    """Pairs of CIs that take `service` down together and not one by one, as of `revision`.

    `first[i]` and `second[i]` are a pair, the nearer first; pairs come in the order of the farther one's distance. Of
    all `candidates`, those that the service stands on and that do not take it down alone, every pair of the nearest
    `examined` was tried; what `bound` says kept the others out.
    """

    revision: int
    service: int
    first: Int32s
    second: Int32s
    candidates: int
    examined: int
    bound: Bound

    @property
    def complete(self) -> bool:
        """Whether no pair was left out."""
        return self.bound is Bound.NONE

    def __len__(self) -> int:
        """How many there are."""
        return len(self.first)


def cut_pairs(
    structure: Structure,
    service: int,
    *,
    among: Int32s | None = None,
    nearest: int = NEAREST,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> CutPairs:
    """The pairs for one service, of the CIs `among` (anybody else's loss is not thought of; None is everybody).

    At most `nearest` candidates are tried, for about as many `seconds` by the `clock`. O(candidates² · needs above them /
    64). Raises `Invalid` for a CI that is not present.
    """
    top = np.array([service], dtype=np.int32)
    check_present(structure, top)
    below = underlying(structure, top)
    sweep = Sweep(below, bit_loops(structure.make))
    places = np.arange(len(below.ordinal), dtype=np.int32)
    places = places[places != below.top[0]]
    if among is not None:
        places = places[np.isin(below.ordinal[places], among)]
    alone = np.zeros(len(places), dtype=bool)
    for at in range(0, len(places), AT_ONCE):
        part = places[at : at + AT_ONCE]
        _, fallen = sweep.tops_down(part, np.arange(len(part), dtype=np.int32), len(part))
        alone[at : at + AT_ONCE] = fallen.any(axis=0)
    places = places[~alone]
    candidates = len(places)
    places = places[np.lexsort((below.ordinal[places], below.distance[places]))[:nearest]]

    bound = Bound.NONE if len(places) == candidates else Bound.CANDIDATES
    total, begun = len(places) * (len(places) - 1) // 2, clock()
    firsts, seconds_found = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int32)]
    tried = 0
    while tried < total:
        if clock() - begun > seconds:
            bound = Bound.TIME
            break
        near, far = _pairs(tried, min(tried + AT_ONCE, total))
        failing = np.concatenate([places[near], places[far]])
        bit = np.tile(np.arange(len(near), dtype=np.int32), 2)
        order = np.argsort(failing, kind="stable")
        _, fallen = sweep.tops_down(failing[order], bit[order], len(near))
        hit = np.flatnonzero(fallen.any(axis=0))
        firsts.append(below.ordinal[places[near[hit]]])
        seconds_found.append(below.ordinal[places[far[hit]]])
        tried += len(near)
    examined = len(places) if tried == total else int(_pairs(tried, tried + 1)[1][0])
    return CutPairs(
        structure.revision,
        service,
        np.concatenate(firsts),
        np.concatenate(seconds_found),
        candidates,
        examined,
        bound,
    )


def _pairs(begin: int, end: int) -> tuple[Int64s, Int64s]:
    """Numbers `begin` to `end` of the pairs (0, 1), (0, 2), (1, 2), (0, 3) and so on."""
    number = np.arange(begin, end, dtype=np.int64)
    far = ((1 + np.sqrt(1 + 8 * number.astype(np.float64))) / 2).astype(np.int64)
    far -= far * (far - 1) // 2 > number
    far += far * (far + 1) // 2 <= number
    return number - far * (far - 1) // 2, far
