from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cmdb.errors import Invalid, Usage
from cmdb.projection import (
    Batch,
    DependencyColumns,
    Direction,
    KernelChoice,
    Projection,
    Reach,
    configured_choice,
    kernel_choice,
)
from tests.projection.graphs import NUMBA, NUMPY, Edge, Twin, batches, twins, walked

DIRECTIONS = tuple(Direction)
both_kernels = pytest.mark.parametrize("kernels", [NUMBA, NUMPY], ids=["numba", "numpy"])


def assert_same_columns(left: DependencyColumns, right: DependencyColumns) -> None:
    assert left.relationship.tolist() == right.relationship.tolist()
    assert left.dependent.tolist() == right.dependent.tolist()
    assert left.provider.tolist() == right.provider.tolist()
    assert left.type_code.tolist() == right.type_code.tolist()


def assert_same_reach(left: Reach, right: Reach) -> None:
    assert left.ordinals.tolist() == right.ordinals.tolist()
    assert left.ends.tolist() == right.ends.tolist()
    assert (left.via is None) == (right.via is None)
    if left.via is not None and left.via_edge is not None and right.via is not None:
        assert right.via_edge is not None
        assert left.via.tolist() == right.via.tolist()
        assert left.via_edge.tolist() == right.via_edge.tolist()


def assert_explains(reach: Reach, graph: nx.MultiDiGraph[int], sources: list[int]) -> None:
    """Reach, order, distances and every path agree with networkx."""
    walk = walked(graph, reach.direction)
    distance = {node: int(d) for node, d in nx.multi_source_dijkstra_path_length(walk, set(sources)).items()}
    assert list(zip(reach.distance.tolist(), reach.ordinals.tolist(), strict=True)) == sorted(
        (d, node) for node, d in distance.items()
    )
    for node, steps in distance.items():
        path = reach.path_to(node)
        assert path is not None
        assert len(path) == steps
        for hop in path:
            assert graph.has_edge(hop.dependent, hop.provider, key=hop.relationship)
        for hop, after in pairwise(path):
            assert hop.provider == after.dependent
        if path:
            dependents = reach.direction is Direction.DEPENDENTS
            hit, source = path[0].dependent, path[-1].provider
            assert (hit if dependents else source) == node
            assert (source if dependents else hit) in sources
            last = path[0] if dependents else path[-1]
            step_back = last.provider if dependents else last.dependent
            assert (step_back, last.relationship) == min(
                (near, key) for near, _, key in walk.in_edges(node, keys=True) if distance.get(near) == len(path) - 1
            )
    assert all(reach.path_to(node) is None for node in graph if node not in distance)


@given(twins(), st.data())
def test_both_kernels_answer_like_networkx(twin: Twin, data: st.DataObject) -> None:
    sources = sorted(data.draw(st.sets(st.sampled_from(sorted(twin.present)), max_size=3)))
    compiled, vectorised = twin.projection(NUMBA), twin.projection(NUMPY)
    for direction in DIRECTIONS:
        reach = compiled.reach(sources, direction, want_path=True)
        if sources:
            assert_explains(reach, twin.graph(), sources)
        else:
            assert len(reach) == 0
        assert_same_reach(reach, vectorised.reach(sources, direction, want_path=True))
        bare = compiled.reach(sources, direction)
        assert bare.ordinals.tolist() == reach.ordinals.tolist()
        with pytest.raises(ValueError, match="want_path"):
            bare.path_to(0)


@given(twins(), st.data())
def test_shortest_path_is_a_shortest_chain_of_dependencies(twin: Twin, data: st.DataObject) -> None:
    end = st.sampled_from(sorted(twin.present))
    dependent, provider = data.draw(end), data.draw(end)
    path = twin.projection(NUMBA).shortest_path(dependent, provider)
    assert path == twin.projection(NUMPY).shortest_path(dependent, provider)
    reach = twin.projection(NUMPY).reach([dependent], Direction.PROVIDERS, want_path=True)
    assert path == reach.path_to(provider)
    graph = twin.graph()
    if path is None:
        assert not nx.has_path(graph, dependent, provider)
    else:
        assert len(path) == nx.single_source_dijkstra_path_length(graph, dependent)[provider]


@given(twins(), st.randoms(use_true_random=False))
def test_answers_do_not_depend_on_the_order_of_arrival(twin: Twin, random: Random) -> None:
    edges = list(twin.edges.values())
    random.shuffle(edges)
    later = Projection.from_columns(DependencyColumns.of(edges[: len(edges) // 2]), twin.nodes, 1, kernels=NUMBA)
    for edge in edges[len(edges) // 2 :]:
        later.link(*edge)
    at_once = Projection.from_columns(twin.columns(), twin.nodes, 1, kernels=NUMBA)
    for source in range(twin.nodes):
        for direction in DIRECTIONS:
            assert_same_reach(
                later.reach([source], direction, want_path=True),
                at_once.reach([source], direction, want_path=True),
            )


@both_kernels
@given(twins())
def test_networkx_gets_the_same_graph(kernels: KernelChoice, twin: Twin) -> None:
    graph, wanted = twin.projection(kernels).to_networkx(), twin.graph()
    assert graph.graph == wanted.graph
    assert list(graph.nodes) == list(wanted.nodes)
    assert list(graph.edges(keys=True, data=True)) == list(wanted.edges(keys=True, data=True))


class Following(RuleBasedStateMachine):
    """Projections of both makes follow random commits and stay what a new one would be."""

    @initialize(twin=twins())
    def start(self, twin: Twin) -> None:
        self.twin = twin
        self.followers = [twin.projection(NUMBA), twin.projection(NUMPY)]

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        batch = data.draw(batches(self.twin))
        for follower in self.followers:
            follower.apply(batch)

    @rule(data=st.data(), copies=st.integers(65, 200))
    def link_many(self, data: st.DataObject, copies: int) -> None:
        """Enough at once for the compiled loop, enough on one row to move it several times."""
        end = st.sampled_from(sorted(self.twin.present))
        dependent, provider, first = data.draw(end), data.draw(end), self.twin.next_relationship
        edges: list[Edge] = [(first + i, dependent, provider, i % 3) for i in range(copies)]
        self.twin.next_relationship += copies
        self.twin.edges |= {edge[0]: edge for edge in edges}
        for follower in self.followers:
            follower.apply(Batch(self.twin.revision, linked=DependencyColumns.of(edges)))

    @precondition(lambda self: len(self.twin.edges) > 100)
    @rule(keep=st.integers(0, 30))
    def unlink_most(self, keep: int) -> None:
        leaving = [self.twin.edges.pop(key) for key in sorted(self.twin.edges)[keep:]]
        for follower in self.followers:
            follower.apply(Batch(self.twin.revision, unlinked=DependencyColumns.of(leaving)))

    @rule(data=st.data())
    def one_by_one(self, data: st.DataObject) -> None:
        end = st.sampled_from(sorted(self.twin.present))
        edge = (self.twin.next_relationship, data.draw(end), data.draw(end), 1)
        self.twin.next_relationship += 1
        self.twin.edges[edge[0]] = edge
        gone = self.twin.edges.pop(data.draw(st.sampled_from(sorted(self.twin.edges))))
        ordinal = self.twin.nodes
        self.twin.nodes += 1
        self.twin.present.add(ordinal)
        for follower in self.followers:
            follower.link(*edge)
            follower.unlink(*gone[:3])
            follower.add_node(ordinal)

    @invariant()
    def same_as_new(self) -> None:
        for follower in self.followers:
            assert follower.revision == self.twin.revision
            assert follower.nodes == self.twin.nodes
            assert len(follower) == len(self.twin.edges)
            assert_same_columns(follower.edges(), self.twin.columns())
            assert [follower.is_present(o) for o in range(self.twin.nodes + 1)] == [
                o in self.twin.present for o in range(self.twin.nodes + 1)
            ]
        fresh = self.twin.projection(NUMPY)
        for source in sorted(self.twin.present)[:4]:
            for direction in DIRECTIONS:
                wanted = fresh.reach([source], direction, want_path=True)
                for follower in self.followers:
                    assert_same_reach(follower.reach([source], direction, want_path=True), wanted)


TestFollowing = Following.TestCase


@both_kernels
def test_a_wide_graph_is_reached_like_networkx(kernels: KernelChoice) -> None:
    """Levels wide enough for every way a kernel has to expand one."""
    random = np.random.default_rng(7)
    nodes, count = 3_000, 15_000
    columns = DependencyColumns(
        random.permutation(count).astype(np.int64),
        random.integers(0, nodes, count).astype(np.int32),
        (nodes * random.random(count) ** 3).astype(np.int32),
        random.integers(0, 9, count).astype(np.int16),
    )
    projection = Projection.from_columns(columns, nodes, 1, kernels=kernels)
    graph = projection.to_networkx()
    for sources in ([0], [2_999], [5, 900, 1_800]):
        for direction in DIRECTIONS:
            assert_explains(projection.reach(sources, direction, want_path=True), graph, sources)


@both_kernels
def test_a_chain_is_reached_to_its_end(kernels: KernelChoice) -> None:
    nodes = 5_000
    ordinals = np.random.default_rng(3).permutation(nodes).astype(np.int32)
    columns = DependencyColumns(np.arange(nodes - 1), ordinals[1:], ordinals[:-1], np.zeros(nodes - 1, np.int16))
    projection = Projection.from_columns(columns, nodes, 1, kernels=kernels)
    reach = projection.reach([int(ordinals[0])], Direction.DEPENDENTS, want_path=True)
    assert reach.ordinals.tolist() == ordinals.tolist()
    path = reach.path_to(int(ordinals[-1]))
    assert path is not None
    assert [hop.relationship for hop in path] == list(range(nodes - 2, -1, -1))


@both_kernels
def test_churn_does_not_make_it_grow(kernels: KernelChoice) -> None:
    projection = Projection.from_columns(DependencyColumns.of(), 50, 0, kernels=kernels)
    relationship, sizes = 0, list[int]()
    for revision in range(1, 61):
        edges = [(relationship + i, i % 50, (i * 7 + revision) % 50, 0) for i in range(500)]
        relationship += len(edges)
        columns = DependencyColumns.of(edges)
        projection.apply(Batch(revision, linked=columns))
        projection.apply(Batch(revision, unlinked=columns))
        sizes.append(projection.memory_bytes)
    assert len(projection) == 0
    assert max(sizes[5:]) <= 2 * max(sizes[:5])


BEFORE = DependencyColumns.of([(1, 0, 1, 0), (2, 1, 2, 0)])


@both_kernels
@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (Batch(4), "revision 5"),
        (Batch(6, added=[1]), "there already: 1"),
        (Batch(6, added=[-1]), "count from 0"),
        (Batch(6, added=[2**40]), "too large"),
        (Batch(6, linked=DependencyColumns.of([(9, 0, 7, 0)])), "no present node: 7"),
        (Batch(6, linked=DependencyColumns.of([(9, 3, 0, 0)])), "no present node: 3"),
        (Batch(6, linked=DependencyColumns.of([(9, -1, 0, 0)])), "no present node: -1"),
        (Batch(6, unlinked=DependencyColumns.of([(9, 0, 1, 0)])), "not in the projection"),
        (Batch(6, unlinked=DependencyColumns.of([(1, 1, 0, 0)])), "not in the projection"),
        (Batch(6, unlinked=DependencyColumns.of([(1, 0, 1, 0), (1, 0, 1, 0)])), "named twice"),
        (Batch(6, unlinked=DependencyColumns.of([(1, 0, 99, 0)])), "no present node: 99"),
        (Batch(6, retired=[1]), "keep dependencies: 1"),
        (Batch(6, retired=[3]), "no present node: 3"),
        (Batch(6, added=[4], retired=[4], linked=DependencyColumns.of([(9, 4, 0, 0)])), "keep dependencies: 4"),
    ],
)
def test_a_batch_that_does_not_fit_changes_nothing(kernels: KernelChoice, batch: Batch, says: str) -> None:
    projection = Projection.from_columns(BEFORE, 4, 5, retired=[3], kernels=kernels)
    with pytest.raises(Invalid, match=says):
        projection.apply(batch)
    assert projection.revision == 5
    assert projection.nodes == 4
    assert_same_columns(projection.edges(), BEFORE)


@both_kernels
def test_questions_about_nodes_that_are_not_there_are_refused(kernels: KernelChoice) -> None:
    projection = Projection.from_columns(BEFORE, 4, 5, retired=[3], kernels=kernels)
    for stranger in (-1, 3, 4, 2**33):
        with pytest.raises(Invalid):
            projection.reach([0, stranger], Direction.DEPENDENTS)
        with pytest.raises(Invalid):
            projection.shortest_path(0, stranger)
        with pytest.raises(Invalid):
            projection.link(9, 0, stranger, 0)
        with pytest.raises(Invalid):
            projection.unlink(1, 0, stranger)


def test_columns_of_unequal_length_and_strange_ends_are_refused() -> None:
    none = DependencyColumns.of()
    with pytest.raises(Invalid, match="length"):
        DependencyColumns(np.arange(2), none.dependent, none.provider, none.type_code)
    with pytest.raises(Invalid, match="no present node: 1"):
        Projection.from_columns(BEFORE, 1, 1)


@both_kernels
def test_an_empty_graph_answers(kernels: KernelChoice) -> None:
    projection = Projection.from_columns(DependencyColumns.of(), 0, 0, kernels=kernels)
    assert len(projection.reach([], Direction.DEPENDENTS)) == 0
    projection.add_node(0)
    assert projection.reach([0], Direction.PROVIDERS, want_path=True).path_to(0) == ()


def test_the_environment_chooses_the_kernels() -> None:
    def name(choice: KernelChoice, nodes: int) -> str:
        return type(choice(nodes)).__name__

    assert name(configured_choice({"CMDB_KERNELS": "numpy"}), 10**6) == "VectorisedKernels"
    assert name(configured_choice({"CMDB_KERNELS": "numba"}), 1) == "CompiledKernels"
    assert name(configured_choice({}), 10) == "VectorisedKernels"
    assert name(kernel_choice("auto"), 10**6) == "CompiledKernels"
    with pytest.raises(Usage, match="'fortran'"):
        configured_choice({"CMDB_KERNELS": "fortran"})


def test_numba_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, cmdb.projection, cmdb.impact; print('numba' in sys.modules, 'networkx' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["False", "False"]
