"""The order of deployment, held to what networkx says of the same graph."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.projection.columns import DependencyColumns
from cmdb.releases import DeploymentStep, deployment_steps, in_order

NODES = 12
EDGES = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=30)
ITEMS = st.sets(st.integers(0, NODES - 1), max_size=NODES)


def steps(edges: list[tuple[int, int]], items: Iterable[int]) -> tuple[DeploymentStep, ...]:
    """The order, where a node's key is its number turned round, so that ties do not go by ordinal."""
    needs = DependencyColumns.of((number, dependent, provider, 0) for number, (dependent, provider) in enumerate(edges))
    return deployment_steps({item: f"K-{NODES - item:03}" for item in items}, needs)


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
@given(EDGES, ITEMS)
def test_each_item_comes_once_after_all_it_needs_and_rings_go_together(
    kernels: str, edges: list[tuple[int, int]], items: set[int]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CMDB_KERNELS", kernels)
        found = steps(edges, items)
    assert sorted(item for step in found for item in step.items) == sorted(items)
    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    graph.add_nodes_from(range(NODES))
    place = {item: number for number, step in enumerate(found) for item in step.items}
    for one in items:
        for other in items - {one}:
            needs, is_needed = nx.has_path(graph, one, other), nx.has_path(graph, other, one)
            assert (place[one] == place[other]) == (needs and is_needed)
            if needs and not is_needed:
                assert place[other] < place[one]
    heights: list[int] = []
    for number, step in enumerate(found):
        before = {place[item] for item in items if nx.has_path(graph, step.items[0], item)} - {number}
        heights.append(max((heights[other] + 1 for other in before), default=0))
    assert heights == sorted(heights)


@given(EDGES, ITEMS, st.data())
def test_the_order_does_not_hang_on_how_the_graph_is_read(
    edges: list[tuple[int, int]], items: set[int], data: st.DataObject
) -> None:
    otherwise = data.draw(st.permutations(sorted(items)))
    assert steps(edges, items) == steps(list(reversed(edges)), dict.fromkeys(otherwise))


def test_what_is_not_deployed_joins_what_is_and_ties_go_by_key() -> None:
    assert [step.items for step in steps([(0, 1), (1, 2)], {0, 2})] == [(2,), (0,)]
    assert [step.items for step in steps([(0, 1), (1, 2), (2, 0)], {0, 2})] == [(2, 0)]
    assert [step.items for step in steps([], {3, 4, 5})] == [(5,), (4,), (3,)]


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [(number, number + 1) for number in range(20_000)]
    needs = DependencyColumns.of((number, dependent, provider, 0) for number, (dependent, provider) in enumerate(chain))
    assert [step.items for step in deployment_steps({0: "A-1", 20_000: "B-1"}, needs)] == [(20_000,), (0,)]


def test_changes_come_with_the_first_item_of_theirs() -> None:
    order = (DeploymentStep((1,)), DeploymentStep((2, 3)), DeploymentStep((4,)))
    touched = {"CHG-4": [4], "CHG-3": [3], "CHG-2": [2, 4], "CHG-1": [], "CHG-5": [1, 4]}
    assert in_order(touched, order) == ("CHG-5", "CHG-3", "CHG-2", "CHG-4", "CHG-1")
