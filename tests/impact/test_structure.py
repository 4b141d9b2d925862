from __future__ import annotations

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one
from concurrent.futures import ThreadPoolExecutor
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact.kernels import MakeChoice
from cmdb.impact.needs import ANY, HEAVIEST
from cmdb.impact.propagation import ImpactHit, Propagation
from cmdb.impact.states import State, WhatIf
from cmdb.impact.structure import (
    EdgeTraits,
    EdgeWarning,
    PoolDeclaration,
    PoolWarning,
    Structure,
    TypeRule,
    WarningKind,
    build_structure,
)
from cmdb.projection import DependencyColumns
from graph_schema.metamodel import Strength
from tests.impact.cases import NUMBA, NUMPY, Asked
from tests.impact.graphs import random_case

MAKES = {"numba": NUMBA, "numpy": NUMPY}
RULES = (TypeRule("needs"), TypeRule("uses", Strength.SOFT))

makes = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def built(edges: list[tuple[int, int, int, int]], nodes: int, make: MakeChoice = NUMPY) -> Structure:
    return build_structure(DependencyColumns.of(edges), np.ones(nodes, dtype=bool), RULES, make=make)


@given(st.integers(0, 2**32))
def test_components_are_those_of_networkx_dependents_first(seed: int) -> None:
    case = random_case(Random(seed), "x")
    for make in (NUMBA, NUMPY):
        structure = Asked(case, make).structure
        graph: nx.DiGraph[int] = nx.DiGraph()
        pools, edges = structure.pools, structure.edges
        graph.add_nodes_from(range(structure.nodes))
        for edge in range(len(edges.columns)):
            pool = int(edges.pool[edge])
            soft = structure.rules[int(edges.columns.type_code[edge])].strength is Strength.SOFT
            if not (soft if pool < 0 else pools.soft[pool] or not pools.need[pool]):
                graph.add_edge(int(edges.columns.dependent[edge]), int(edges.columns.provider[edge]))
        order, ends = structure.graph.footing.components
        found = [part.tolist() for part in np.split(order, ends[:-1])]
        assert sorted(map(sorted, found)) == sorted(sorted(part) for part in nx.strongly_connected_components(graph))
        place = {ordinal: number for number, part in enumerate(found) for ordinal in part}
        assert all(place[dependent] <= place[provider] for dependent, provider in graph.edges)


@makes
def test_columns_in_any_order_and_strange_ends_are_understood(make: MakeChoice) -> None:
    structure = built([(9, 0, 1, 0), (3, 1, 2, 0), (5, 1, 1, 0), (7, 0, 8, 0), (8, -1, 0, 0)], 3, make)
    assert list(structure.warnings()) == [
        EdgeWarning(WarningKind.SELF_EDGE, 5, 1, 1),
        EdgeWarning(WarningKind.VOID_EDGE, 7, 0, 8),
        EdgeWarning(WarningKind.VOID_EDGE, 8, -1, 0),
    ]
    impact = Propagation(structure).impact(WhatIf({2: State.DOWN}))
    assert [(hit.ordinal, hit.state, hit.distance) for hit in impact.hits()] == [
        (2, State.DOWN, 0),
        (1, State.DOWN, 1),
        (0, State.DOWN, 2),
    ]
    path = impact.path_to(0)
    assert path is not None
    assert [hop.relationship for hop in path] == [9, 3]


@makes
def test_a_graph_without_edges_and_one_without_nodes(make: MakeChoice) -> None:
    assert Propagation(built([], 1, make)).impact(WhatIf({0: State.DOWN})).down.tolist() == [0]
    assert len(Propagation(built([], 0, make)).impact(WhatIf({}))) == 0


def test_bad_structures_are_refused() -> None:
    columns, present = DependencyColumns.of([(1, 0, 1, 0)]), np.ones(2, dtype=bool)
    with pytest.raises(Invalid, match="type codes up to 0"):
        build_structure(columns, present, [])
    for weight in (0, -3, HEAVIEST + 1):
        with pytest.raises(Invalid, match=f"relationship 1 has weight {weight}"):
            build_structure(columns, present, RULES, traits=EdgeTraits.of([(1, None, weight)]))
    with pytest.raises(Invalid, match="pool 'p' of CI 0 is declared twice"):
        build_structure(columns, present, RULES, declarations=[PoolDeclaration(0, "p"), PoolDeclaration(0, "p", ANY)])


def test_a_pool_that_nobody_is_in_is_a_warning() -> None:
    columns, present = DependencyColumns.of([(1, 0, 1, 0)]), np.ones(2, dtype=bool)
    structure = build_structure(columns, present, RULES, declarations=[PoolDeclaration(0, "p", ANY)])
    assert list(structure.warnings()) == [PoolWarning(WarningKind.EMPTY_POOL, 0, "p", 0, 0)]


@makes
def test_a_chain_has_no_end_that_is_too_deep(make: MakeChoice) -> None:
    length = 2_000
    chain = built([(i, i + 1, i, 0) for i in range(length)], length + 1, make)
    impact = Propagation(chain).impact(WhatIf({0: State.DOWN}))
    assert len(impact.down) == length + 1
    assert impact.distances.tolist() == list(range(length + 1))
    path = impact.path_to(length)
    assert path is not None
    assert len(path) == length


@makes
def test_rings_that_stand_on_rings_fall_one_after_the_other(make: MakeChoice) -> None:
    rings = 300
    edges = [(ci, ci, ci ^ 1, 0) for ci in range(2 * rings)]
    edges += [(2 * rings + ci, ci, ci - 2, 0) for ci in range(2, 2 * rings)]
    structure = built(edges, 2 * rings, make)
    assert structure.graph.footing.presumed.all()
    assert len(Propagation(structure).close(np.array([0], dtype=np.int32))) == 2 * rings


@makes
def test_many_threads_may_ask_at_the_same_time(make: MakeChoice) -> None:
    random = Random(1)
    nodes = 100
    edges = [(i, random.randrange(nodes), random.randrange(nodes), random.randint(0, 1)) for i in range(3 * nodes)]
    pools: list[tuple[int, str | None, int]] = [(i, f"p{i % 2}", 1) for i in range(0, 3 * nodes, 2)]
    declarations = [PoolDeclaration(owner, name, ANY) for owner in range(nodes) for name in ("p0", "p1")]
    structure = build_structure(
        DependencyColumns.of(edges),
        np.ones(nodes, dtype=bool),
        RULES,
        traits=EdgeTraits.of(pools),
        declarations=declarations,
        make=make,
    )
    propagation = Propagation(structure)
    questions = [WhatIf({ci: State.DOWN}, {(ci * 7 + 1) % nodes: State.DEGRADED}) for ci in range(nodes)]

    def ask(question: WhatIf) -> list[ImpactHit]:
        return list(propagation.impact(question).hits())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, questions)) == [ask(question) for question in questions]
