"""The estate that figures are measured on is what it says it is."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from benchmarks.estate import EDGES_PER_NODE, KINDS, TYPES, Estate, generate
from cmdb.projection import Direction, Projection
from tests.projection.graphs import NUMPY

SIZE = 10_000


@pytest.fixture(scope="module")
def estate() -> Estate:
    return generate(SIZE)


def test_a_seed_gives_the_same_estate_and_another_seed_another(estate: Estate) -> None:
    again, other = generate(SIZE), generate(SIZE, seed=1)
    for name in ("relationship", "dependent", "provider", "type_code"):
        assert np.array_equal(getattr(again.dependencies, name), getattr(estate.dependencies, name))
    assert np.array_equal(again.kind_of, estate.kind_of)
    assert not np.array_equal(other.dependencies.provider, estate.dependencies.provider)


def test_records_say_the_same_as_the_columns(estate: Estate) -> None:
    nodes, relationships = list(estate.nodes()), list(estate.relationships())
    assert len({name for _, name, _ in nodes}) == len(nodes) == SIZE
    assert {kind for kind, _, _ in nodes} == {kind.name for kind in KINDS}
    assert [name for _, name, _ in nodes[:50]] == [estate.name_of(ordinal) for ordinal in range(50)]
    assert len(set(relationships)) == len(relationships) == EDGES_PER_NODE * SIZE
    columns = estate.dependencies
    assert relationships[-1] == (
        TYPES[columns.type_code[-1]],
        int(columns.dependent[-1]),
        int(columns.provider[-1]),
    )


def test_links_run_down_the_tiers_with_few_rings_and_steep_popularity(estate: Estate) -> None:
    columns = estate.dependencies
    tier = np.array([kind.tier for kind in KINDS])[estate.kind_of]
    assert (tier[columns.dependent] <= tier[columns.provider]).all()
    graph = nx.DiGraph(list(zip(columns.dependent.tolist(), columns.provider.tolist(), strict=True)))
    rings = [ring for ring in nx.strongly_connected_components(graph) if len(ring) > 1]
    assert 1 <= sum(map(len, rings)) <= SIZE // 100
    fan_in = np.sort(np.bincount(columns.provider, minlength=SIZE))
    assert fan_in[-SIZE // 100 :].sum() > len(columns) // 10


def test_the_wide_source_reaches_about_half_and_the_narrow_one_little(estate: Estate) -> None:
    projection = Projection.from_columns(estate.dependencies, SIZE, 1, kernels=NUMPY)
    assert 0.4 < len(projection.reach([estate.wide_source], Direction.DEPENDENTS)) / SIZE < 0.65
    assert 1 < len(projection.reach([estate.narrow_source], Direction.DEPENDENTS)) < SIZE // 10


def test_an_estate_too_small_to_be_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        generate(10)
