"""How fast a failure spreads: our reach beside other people's traversals, and beside what memory allows.

The source is the estate's oldest library; about half of the estate needs it. Every peer gets a graph of its own that
already points the way the walk goes, built outside the measured time, and is asked by its fastest documented call.

**The random-access bound.** A breadth-first search over compressed sparse rows cannot but touch, in an order that it
learns only as it goes, each visited node's row header, the beginning of each visited row, and for each edge the mark of
the node at its other end. The bound is a loop that touches as many lines of the same arrays, at random but known in
advance: headers and row beginnings of the visited nodes in a shuffled order, with the same prefetch, and one mark in a
bit set of the same size per edge, the edges' ends being independent random nodes that are read sequentially. It queues
nothing, sorts nothing and decides nothing. `edges alone` is the second half of it: marks without rows, which would do
for a graph whose visited rows lie side by side in the order of the visit.
"""
# The compiler and the peers come without type information, so what passes through them is not known to a checker:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportCallIssue=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import apsw
import igraph
import networkx as nx
import numba
import numpy as np
import rustworkx

from benchmarks.estate import SIZES, Estate, generate
from benchmarks.result import Goal, Result, at_least, at_most, cost, faster, median_ms, medians_ms
from cmdb.impact import reached
from cmdb.projection import Batch, DependencyColumns, Direction, Projection, kernel_choice
from cmdb.projection.kernels.compiled import prefetch

_REPEATS = {"10k": 51, "100k": 31, "1m": 15}
_SLOW_REPEATS = 5
_SINGLE_EDGES = 2_000
_GOALS_HOLD_FROM = 1_000_000


Peer = tuple[Callable[[], int], tuple[str, Callable[[], object]] | None]
"""A count of what is reached, and the same walk with the way back, by name."""


def run(size: str, repeats: int = 0) -> list[Result]:
    """Medians of `repeats` runs each (beside peers: of 5), in milliseconds."""
    repeats = repeats or _REPEATS[size]
    estate = generate(SIZES[size])
    projection = _projection(estate)
    return [
        *_against_memory(estate, projection, repeats),
        *_against_peers(estate, projection, repeats),
        *_upkeep(estate, projection),
    ]


def _projection(estate: Estate) -> Projection:
    return Projection.from_columns(estate.dependencies, estate.size, 1, kernels=kernel_choice("numba"))


def _against_memory(estate: Estate, projection: Projection, repeats: int) -> Iterator[Result]:
    visited = projection.reach([estate.wide_source], Direction.DEPENDENTS).ordinals
    fan_in = np.bincount(estate.dependencies.provider, minlength=estate.size).astype(np.int32)
    edges = int(fan_in[visited].sum())
    header = np.stack([np.cumsum(fan_in) - fan_in, fan_in], axis=1).astype(np.int32)
    random = np.random.default_rng(1)
    nodes = random.permutation(visited)
    row = np.zeros(len(estate.dependencies) + 1, dtype=np.int32)
    ends = random.integers(0, estate.size, edges).astype(np.int32)
    marks = np.zeros(estate.size // 64 + 1, dtype=np.uint64)

    ours, marking, rows = medians_ms(
        [
            lambda: projection.reach([estate.wide_source], Direction.DEPENDENTS),
            lambda: _mark(ends, marks),
            lambda: _touch_rows(header, row, nodes),
        ],
        repeats,
    )
    note = f"{len(visited):,} of {estate.size:,} CIs, {edges:,} edges"
    yield cost("reach", ours, "random-access bound", marking + rows, "ms", _goal(estate, at_most(1.5)), note)
    yield cost("reach", ours, "edges alone", marking, "ms", note="see the module for both bounds")
    plain = Projection.from_columns(estate.dependencies, estate.size, 1, kernels=kernel_choice("numpy"))
    without = median_ms(lambda: plain.reach([estate.wide_source], Direction.DEPENDENTS), _SLOW_REPEATS)
    yield faster("reach", ours, "ours on numpy alone", without, "ms")


@numba.njit(nogil=True)
def _mark(ends, marks):  # noqa: ANN001, ANN202 - compiled for what it gets
    for i in range(len(ends)):
        node = np.uint64(ends[i])
        marks[node >> np.uint64(6)] |= np.uint64(1) << (node & np.uint64(63))


@numba.njit(nogil=True)
def _touch_rows(header, row, nodes):  # noqa: ANN001, ANN202 - compiled for what it gets
    touched = 0
    for i in range(len(nodes)):
        if i + 16 < len(nodes):
            prefetch(header, nodes[i + 16])
            prefetch(row, header[nodes[i + 8], 0])
        touched += row[header[nodes[i], 0]] + header[nodes[i], 1]
    return touched


def _against_peers(estate: Estate, projection: Projection, repeats: int) -> Iterator[Result]:
    wide = (estate.wide_source,)
    hits = len(reached(projection, wide))
    ask = (lambda: reached(projection, wide, paths=False), lambda: reached(projection, wide))
    for name, make, goal in (
        ("rustworkx descendants", _rustworkx, at_least(25)),
        ("igraph subcomponent", _igraph, None),
        ("networkx descendants", _networkx, at_least(100)),
        ("SQLite recursive query", _sqlite, None),
    ):
        count, with_paths = make(estate)
        found = count()
        if found != hits:
            raise AssertionError(f"{name} reaches {found} CIs, we reach {hits}")
        ours, theirs = medians_ms([ask[0], count], _SLOW_REPEATS)
        yield faster("reach", ours, name, theirs, "ms", goal and _goal(estate, goal))
        if with_paths is not None:
            what, walk = with_paths
            ours, theirs = medians_ms([ask[1], walk], _SLOW_REPEATS)
            yield faster("reach with paths", ours, what, theirs, "ms")
    narrow = (estate.narrow_source,)
    few = len(reached(projection, narrow))
    small = median_ms(lambda: reached(projection, narrow), 5 * repeats)
    yield Result("reach with paths, a rack", small, "ms", note=f"{few:,} CIs")


def _rustworkx(estate: Estate) -> Peer:
    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(estate.size))
    graph.add_edges_from_no_data(_onward(estate))
    source = estate.wide_source
    return (
        lambda: len(rustworkx.descendants(graph, source)) + 1,
        ("rustworkx bfs_successors", lambda: rustworkx.bfs_successors(graph, source)),
    )


def _igraph(estate: Estate) -> Peer:
    columns = estate.dependencies
    graph = igraph.Graph(n=estate.size, edges=np.stack([columns.provider, columns.dependent], axis=1), directed=True)
    source = estate.wide_source
    return (
        lambda: len(graph.subcomponent(source, mode="out")),
        ("igraph bfs", lambda: graph.bfs(source, mode="out")),
    )


def _networkx(estate: Estate) -> Peer:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(estate.size))
    graph.add_edges_from(_onward(estate))
    source = estate.wide_source
    return (
        lambda: len(nx.descendants(graph, source)) + 1,
        ("networkx bfs_predecessors", lambda: dict(nx.bfs_predecessors(graph, source))),
    )


def _sqlite(estate: Estate) -> Peer:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE needed (provider INTEGER, dependent INTEGER, PRIMARY KEY (provider, dependent)) WITHOUT ROWID"
    )
    with connection:
        connection.executemany("INSERT OR IGNORE INTO needed VALUES (?, ?)", sorted(_onward(estate)))
    query = """
        WITH RECURSIVE reached(ordinal) AS (
            VALUES (?) UNION SELECT needed.dependent FROM reached JOIN needed ON needed.provider = reached.ordinal
        ) SELECT count(*) FROM reached"""
    return lambda: connection.execute(query, (estate.wide_source,)).fetchall()[0][0], None


def _goal(estate: Estate, goal: Goal) -> Goal | None:
    """Goals are set for a million CIs; small graphs fit into caches and pay for the call."""
    return goal if estate.size >= _GOALS_HOLD_FROM else None


def _onward(estate: Estate) -> list[tuple[int, int]]:
    columns = estate.dependencies
    return list(zip(columns.provider.tolist(), columns.dependent.tolist(), strict=True))


def _upkeep(estate: Estate, projection: Projection) -> Iterator[Result]:
    build = median_ms(lambda: _projection(estate), 5)
    yield Result("build from columns", build, "ms", note=f"{len(projection):,} edges, both directions")
    yield Result(
        "memory", projection.memory_bytes / 1e6, "MB", goal=at_most(250 * estate.size / 1e6), note="both directions"
    )
    random = np.random.default_rng(2)
    count = len(projection) // 50
    batch = DependencyColumns(
        np.arange(count) + 10**9,
        random.integers(0, estate.size, count).astype(np.int32),
        random.integers(0, estate.size, count).astype(np.int32),
        np.zeros(count, np.int16),
    )
    first = (batch.relationship, batch.dependent, batch.provider)
    singles = list(zip(*(column[:_SINGLE_EDGES].tolist() for column in first), strict=True))
    for name, change, edges in (
        ("link, one by one", lambda: [projection.link(*edge, 0) for edge in singles], len(singles)),
        ("unlink, one by one", lambda: [projection.unlink(*edge) for edge in singles], len(singles)),
        ("link, in one batch", lambda: projection.apply(Batch(1, linked=batch)), count),
        ("unlink, in one batch", lambda: projection.apply(Batch(1, unlinked=batch)), count),
    ):
        begun = time.perf_counter()
        change()
        yield Result(name, (time.perf_counter() - begun) / edges * 1e6, "µs/edge", note=f"{edges:,} edges, one run")
