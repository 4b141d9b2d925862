"""A limit of time: how far an engine goes before it asks again, and where it had to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from cmdb.impact.kernels import Bits, InTime, Stage
from cmdb.impact.kernels.sets import listed, without
from cmdb.projection.columns import Int32s

_AT_FIRST: Final = 512
_AT_MOST: Final = 16_384
_EVERYBODY: Final = int(np.iinfo(np.int64).max) // 2


class Limit:
    """Of one question. `cut` is the stage at which time ran out, from which on nothing goes on."""

    def __init__(self, in_time: InTime | None) -> None:
        self._in_time = in_time
        self._at_once = _EVERYBODY if in_time is None else _AT_FIRST
        self.cut: Stage | None = None

    def goes_on(self, stage: Stage) -> bool:
        """Whether there is time for more of a stage."""
        if self.cut is None and self._in_time is not None and not self._in_time():
            self.cut = stage
        return self.cut is None

    def budgets(self, stage: Stage) -> Iterator[int]:
        """How many CIs to walk before time is looked at again, as long as there is some: few at first, then more."""
        while self.goes_on(stage):
            yield self._at_once
            if self._at_once < _AT_MOST:
                self._at_once *= 2


def with_the_rest(order: Int32s, ends: Int32s, sources: Int32s, hits: Bits) -> tuple[Int32s, Int32s]:
    """The levels of distance that were worked out, the sources at least, and behind them all other hits, sorted."""
    if not len(ends) and len(sources):
        order, ends = np.sort(sources), np.array([len(sources)], dtype=np.int32)
    return np.concatenate([order, listed(without(hits, order))]), ends
