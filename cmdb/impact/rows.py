"""From parts to the rows that the engine walks."""

from __future__ import annotations

import numpy as np

from cmdb.impact.kernels import Make, Members, Rows
from cmdb.impact.pooling import Parts, Pools, narrowed
from cmdb.projection.columns import DependencyColumns, Int32s, Int64s


def rows_of(columns: DependencyColumns, members: Members, pools: Pools, parts: Parts, nodes: int, make: Make) -> Rows:
    """The rows of `nodes` providers; edges and pools go by their places in what is given. O(nodes + parts)."""
    order, start = make.group(_key(columns.provider.take(parts.direct), nodes, 3) + parts.run, 3 * nodes)
    edge = parts.direct.take(order)
    keys = _key(members.provider.take(parts.counted), nodes, 2) + pools.soft.take(parts.pool)
    counted_order, counted_start = make.group(keys, 2 * nodes)
    member, pool = parts.counted.take(counted_order), parts.pool.take(counted_order)

    header = np.zeros((nodes, 8), dtype=np.int32)
    for column in range(3):
        header[:, column] = start[column:-1:3]
    header[:, 3] = start[3::3]
    header[:, 4], header[:, 5], header[:, 6] = counted_start[:-1:2], counted_start[1::2], counted_start[2::2]
    return Rows(
        header,
        columns.dependent.take(edge),
        edge,
        pools.columns.owner.take(pool),
        pool << 1,
        narrowed(members.weight.take(member), small=pools.columns.slack.dtype == np.int16),
        members.edge.take(member),
    )


def _key(provider: Int32s, nodes: int, runs: int) -> Int32s | Int64s:
    """Where the first of a provider's runs is counted."""
    return provider * np.int32(runs) if nodes * runs <= np.iinfo(np.int32).max else provider * np.int64(runs)
