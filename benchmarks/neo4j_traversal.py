"""Neo4j's own walk beside ours: the same question to its Cypher and to a projection of the same store.

*By Cypher* is what the product asks where the graph is too large for one machine: level by level where types differ in
which of their ends depends, one `VarLengthExpand(Pruning,BFS)` where they agree. Ours is the projection that every API
process keeps. Both answers are compared before anything is timed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from benchmarks import stores
from benchmarks.estate import TYPES
from benchmarks.result import Result, faster, medians_ms
from cmdb.impact import reached
from cmdb.projection.following import Follower
from cmdb.store.neo4j.server import ToolMissing
from cmdb.store.neo4j.traversal import Towards, reachable
from cmdb.store.neo4j.traversal import reached as reached_by_levels

_REPEATS: Final = 3


def run(size: str) -> list[Result]:
    """Medians of three runs each, in milliseconds; at most 200,000 CIs and a million relationships."""
    with asyncio.Runner() as runner:
        try:
            return list(_measured(runner, size))
        except ToolMissing as missing:
            return [Result("reach", float("nan"), "ms", note=f"not measured: {missing.message}")]


def _measured(runner: asyncio.Runner, size: str) -> Iterator[Result]:
    content = stores.neo4j_estate(size)
    opened = stores.aged_neo4j(size)
    store, _ = runner.run(opened.__aenter__())
    try:
        projection = runner.run(Follower(store).current())
        for name, source in (("half of the estate", content.wide_source), ("a rack", content.narrow_source)):
            sources = (source,)
            ours = sorted(reached(projection, sources).ordinals.tolist())
            by_levels = runner.run(reached_by_levels(store, [source], Towards.DEPENDENTS, None))
            walked = runner.run(reachable(store, [source], Towards.DEPENDENTS, TYPES))
            if not ours == sorted(by_levels.ordinals.tolist()) == walked.tolist():
                raise AssertionError(f"the answers differ: {len(ours)}, {len(by_levels.ordinals)}, {len(walked)}")
            mine, levels, walk = medians_ms(
                [
                    lambda sources=sources: reached(projection, sources, paths=False),
                    lambda source=source: runner.run(reached_by_levels(store, [source], Towards.DEPENDENTS, None)),
                    lambda source=source: runner.run(reachable(store, [source], Towards.DEPENDENTS, TYPES)),
                ],
                _REPEATS,
            )
            note = f"{len(ours):,} of {content.size:,} CIs"
            yield faster(f"reach, {name}", mine, "by Cypher, level by level", levels, "ms", note=note)
            yield faster(f"reach, {name}", mine, "by Cypher, one walk", walk, "ms", note=f"{len(TYPES)} types")
    finally:
        runner.run(opened.__aexit__(None, None, None))
