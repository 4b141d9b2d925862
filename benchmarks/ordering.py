"""In which order a thousand items are deployed, which together need all of the estate or nearly so.

The peer finds the strongly connected components of the same dependencies, in Rust, and leaves it at that: which step an item
is in, and what only joins items that are deployed, comes on top for us.
"""

from __future__ import annotations

from random import Random
from typing import Final

import rustworkx

from benchmarks import stores
from benchmarks.result import Result, cost, medians_ms
from cmdb.releases import deployment_steps

_ITEMS: Final = 1_000
_REPEATS: Final = 3


def run(size: str) -> list[Result]:
    """Seconds for the order of items from anywhere, of which many need each other by way of others."""
    estate = stores.estate(size)
    needs = estate.dependencies
    keys = {ordinal: f"K-{ordinal:07}" for ordinal in Random(6).sample(range(estate.size), _ITEMS)}
    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * estate.size)
    graph.extend_from_edge_list(list(zip(needs.dependent.tolist(), needs.provider.tolist(), strict=True)))
    ours, theirs = medians_ms(
        [lambda: deployment_steps(keys, needs), lambda: rustworkx.strongly_connected_components(graph)], _REPEATS
    )
    note = f"{_ITEMS:,} items, {len(needs):,} dependencies"
    return [cost("order of deployment", ours / 1e3, "rustworkx, components alone", theirs / 1e3, "s", note=note)]
