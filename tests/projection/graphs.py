"""Graphs, histories of changes and networkx twins for the tests of projection and impact."""

from __future__ import annotations

from dataclasses import dataclass, field

import networkx as nx
from hypothesis import strategies as st

from cmdb.projection import Batch, DependencyColumns, Direction, KernelChoice, Projection, kernel_choice

NUMBA, NUMPY = kernel_choice("numba"), kernel_choice("numpy")

Edge = tuple[int, int, int, int]


@dataclass
class Twin:
    """What a projection ought to hold, in plain Python."""

    present: set[int] = field(default_factory=set)
    nodes: int = 0
    edges: dict[int, Edge] = field(default_factory=dict)
    next_relationship: int = 1
    revision: int = 1

    def graph(self) -> nx.MultiDiGraph[int]:
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(revision=self.revision)
        graph.add_nodes_from(sorted(self.present))
        for relationship, dependent, provider, code in sorted(self.edges.values()):
            graph.add_edge(dependent, provider, key=relationship, type_code=code)
        return graph

    def columns(self) -> DependencyColumns:
        return DependencyColumns.of(sorted(self.edges.values()))

    def projection(self, kernels: KernelChoice) -> Projection:
        absent = sorted(set(range(self.nodes)) - self.present)
        return Projection.from_columns(self.columns(), self.nodes, self.revision, retired=absent, kernels=kernels)


@st.composite
def twins(draw: st.DrawFn, most_nodes: int = 12, most_edges: int = 40) -> Twin:
    """Small graphs: self-loops, parallel edges, rings, lonely and retired nodes; ids in no order of the ends."""
    nodes = draw(st.integers(1, most_nodes))
    retired = draw(st.sets(st.integers(0, nodes - 1), max_size=nodes - 1))
    twin = Twin(set(range(nodes)) - retired, nodes)
    end = st.sampled_from(sorted(twin.present))
    for dependent, provider, code in draw(st.lists(st.tuples(end, end, st.integers(0, 3)), max_size=most_edges)):
        twin.edges[twin.next_relationship] = (twin.next_relationship, dependent, provider, code)
        twin.next_relationship += draw(st.integers(1, 3))
    return twin


@st.composite
def batches(draw: st.DrawFn, twin: Twin) -> Batch:
    """A change that fits, already made to the twin."""
    added = [twin.nodes + 1 + i for i in range(draw(st.integers(0, 3)))] if draw(st.booleans()) else []
    twin.present.update(added)
    twin.nodes = max([twin.nodes, *(ordinal + 1 for ordinal in added)])
    leaving = set(draw(st.lists(st.sampled_from(sorted(twin.edges)), max_size=15)) if twin.edges else [])
    present = sorted(twin.present)
    retired = draw(st.sets(st.sampled_from(present), max_size=2)) if len(present) > 3 else set[int]()
    leaving |= {key for key, edge in twin.edges.items() if retired & {edge[1], edge[2]}}
    unlinked = [twin.edges.pop(key) for key in sorted(leaving)]
    end = st.sampled_from(sorted(twin.present - retired))
    linked: list[Edge] = []
    for dependent, provider in draw(st.lists(st.tuples(end, end), max_size=25)):
        linked.append((twin.next_relationship, dependent, provider, twin.next_relationship % 5))
        twin.next_relationship += 1
    twin.edges |= {edge[0]: edge for edge in linked}
    twin.present -= retired
    twin.revision += 1
    return Batch(twin.revision, added, DependencyColumns.of(linked), DependencyColumns.of(unlinked), sorted(retired))


def walked(graph: nx.MultiDiGraph[int], direction: Direction) -> nx.MultiDiGraph[int]:
    """The graph with its edges turned the way a traversal goes."""
    return graph.reverse(copy=False) if direction is Direction.DEPENDENTS else graph
