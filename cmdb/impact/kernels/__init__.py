"""The loops of the failure engine, in two makes with equal answers: compiled (numba), vectorised (numpy)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cmdb.projection.columns import Int16s, Int32s, Int64s
from cmdb.projection.kernels.choosing import Makes

Bits = NDArray[np.uint64]
"""A set of ordinals: bit `ordinal & 63` of word `ordinal >> 6`."""

Bools = NDArray[np.bool_]

Weights = Int16s | Int64s
"""Weights that add up: 16 bits wide where that holds every pool's total, so that counters stay near."""

HARD, SOFT, IDLE = 0, 1, 2
"""What an edge in the direct part of a row does: fails its owner, weakens it, neither (nothing is needed)."""


class Rows(NamedTuple):
    """Whom each CI supports. `header[u]` bounds six runs of slots: the row of provider u.

    Columns 0 to 3 bound the hard, soft and idle runs of the direct part: `target[slot]` cannot do without u.
    Columns 4 to 6 bound the hard and soft runs of the counted part: u weighs `weight[slot]` in the pool
    `code[slot] >> 1` of `counted[slot]`; the lowest bit of the code says that a loss may leave a ring hanging.
    `edge` and `counted_edge` give the dependency.
    """

    header: Int32s
    target: Int32s
    edge: Int32s
    counted: Int32s
    code: Int32s
    weight: Weights
    counted_edge: Int32s


class Members(NamedTuple):
    """The other way: members of pool p are `provider[start[p]:start[p + 1]]`, sorted, with their weights."""

    start: Int32s
    provider: Int32s
    weight: Int64s
    edge: Int32s


class PoolColumns(NamedTuple):
    """What the engine needs to know of each pool, by number.

    `slack` is total minus need. `even` is -1 for a pool that cannot lose its heaviest member; else the weight of
    each member, or 0 where they differ. No member of any pool weighs more than `heaviest`.
    """

    owner: Int32s
    slack: Weights
    even: Weights
    heaviest: int


class Components(NamedTuple):
    """Strongly connected components over hard needs: c is `order[ends[c - 1]:ends[c]]`, dependents before providers."""

    order: Int32s
    ends: Int32s


@dataclass(frozen=True, eq=False)
class Footing:
    """What the structure pass finds.

    `ring[u]` is the number of u's component among those of two or more CIs, or -1; these have the CIs
    `ring_member[ring_start[r]:ring_start[r + 1]]`. `rank` is smaller for who needs than for who is needed, and equal
    within a ring.
    """

    presumed: Bools
    ring: Int32s
    ring_start: Int32s
    ring_member: Int32s
    rank: Int64s
    find_components: Callable[[], Components]

    @cached_property
    def components(self) -> Components:
        """All components; O(V + E) at first where the structure was made by changing another."""
        return self.find_components()


class Graph(NamedTuple):
    """All that the engine walks over, for `nodes` ordinals."""

    nodes: int
    rows: Rows
    members: Members
    pools: PoolColumns
    footing: Footing


class Faults(NamedTuple):
    """Who fails: sorted ordinals; nobody stands in both."""

    down: Int32s
    degraded: Int32s


InTime = Callable[[], bool]
"""Whether there is time to go on; asked between waves, every few thousand CIs at most."""


class Stage(IntEnum):
    """What a question is worked out by, one after the other: where time runs out, the rest is left out.

    States under the context; who is down then; who is degraded; who is at risk; how far away they are; who is reached
    beside them.
    """

    CONTEXT = 0
    DOWN = 1
    DEGRADED = 2
    AT_RISK = 3
    DISTANCE = 4
    SPARED = 5


class Outcome(NamedTuple):
    """States before and after, and what became of whom.

    `was_down`, `was_ill` (down or degraded), `is_down`, `is_ill` are sets; `before_degraded` those degraded
    before; `down` and `degraded` those that got worse, `at_risk` those that lost a pool's spare: `unspared`
    pools did. Level d of the distances is `order[ends[d - 1]:ends[d]]`, sorted; the other columns are in no order.

    At the stage `cut`, if any, time ran out. Whoever is listed is as bad as it says at least; more may be. Hits whose
    distance is not known stand sorted at the end of `order`, in no level. Without the whole context there are no hits.
    """

    was_down: Bits
    was_ill: Bits
    is_down: Bits
    is_ill: Bits
    before_down: Int32s
    before_degraded: Int32s
    down: Int32s
    degraded: Int32s
    at_risk: Int32s
    unspared: Int32s
    order: Int32s
    ends: Int32s
    cut: Stage | None = None


class Engine(Protocol):
    """A graph made ready for questions; many threads may ask at the same time."""

    def outcome(
        self, context: Faults, scenario: Faults, assumed: Int32s, *, distances: bool, in_time: InTime | None = None
    ) -> Outcome:
        """States under the context, then with the scenario on top; O(nodes / 64 + what is touched).

        `assumed` stay up whatever happens. Without `distances`, what is at risk and how far away is not worked out.
        """
        ...

    def reach(self, sources: Int32s, in_time: InTime | None = None) -> Bits | None:
        """The sources and everything above them over all edges; O(nodes / 64 + edges of what is reached).

        None where time runs out.
        """
        ...


class Make(Protocol):
    """Where a structure gets its loops."""

    def group(self, keys: Int32s | Int64s, count: int) -> tuple[Int32s, Int32s]:
        """Positions sorted by key (0 to `count` - 1), equal ones in order, and where each key begins; O(n)."""
        ...

    def components(self, rows: Rows, nodes: int) -> Components:
        """See `Components`; O(V + E)."""
        ...

    def needs(self, rows: Rows, nodes: int, pools: int) -> Int32s:
        """How many hard needs each CI has, a pool of more than an edge counted once; O(V + E)."""
        ...

    def presumed(self, rows: Rows, unmet: Int32s, missing: Weights) -> Bools:
        """Who stands only on a ring, where `unmet[u]` hard needs and pools of u are to be met at first.

        `missing[p]` is the weight that pool p lacks. O(V + E) for each ring within a ring.
        """
        ...

    def engine(self, graph: Graph) -> Engine:
        """Ready for questions; O(V + P)."""
        ...

    def relay(
        self, rows: Rows, providers: Int32s, fresh: Rows, dead: tuple[Bits, Bits], begin: tuple[int, int]
    ) -> None:
        """See `relaying.relay`; O(slots of these rows)."""
        ...

    def arrange(
        self,
        rows: Rows,
        needs: tuple[Int32s, Int32s],
        begin: int,
        ring: Int32s,
        rank: Int64s,
        room: tuple[Bools, Int32s],
    ) -> tuple[int, int, int]:
        """See `relaying.arrange`; O(dependents between the ranks of a need's ends)."""
        ...


MakeChoice = Callable[[int], Make]
"""Which make suits a graph of so many nodes."""


@cache
def _compiled() -> Make:
    from cmdb.impact.kernels.compiled import CompiledMake  # noqa: PLC0415 - takes half a second

    return CompiledMake()


@cache
def _vectorised() -> Make:
    from cmdb.impact.kernels.vectorised import VectorisedMake  # noqa: PLC0415 - its twin is lazy too

    return VectorisedMake()


_MAKES = Makes(_compiled, _vectorised)
make_choice, configured_make = _MAKES.named, _MAKES.configured
"""The choice of a name, and of `CMDB_KERNELS`; see `Makes`."""
