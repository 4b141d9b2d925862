from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact import Hit, reached
from cmdb.projection import DependencyColumns, Direction, Hop, Projection
from tests.projection.graphs import NUMBA, NUMPY, Twin, twins, walked

WEB, APP, DB, VM, HOST, LONELY = range(6)
SHOP = DependencyColumns.of(
    [(10, WEB, APP, 0), (11, APP, DB, 1), (12, APP, VM, 2), (13, DB, VM, 2), (14, VM, HOST, 3), (15, WEB, DB, 1)]
)


def test_a_failed_host_reaches_everything_above_it() -> None:
    answer = reached(Projection.from_columns(SHOP, 6, 7, kernels=NUMPY), (HOST,))
    assert answer.complete
    assert answer.revision == 7
    assert list(answer.hits()) == [Hit(HOST, 0), Hit(VM, 1), Hit(APP, 2), Hit(DB, 2), Hit(WEB, 3)]
    assert list(answer.hits(1, 2)) == [Hit(VM, 1), Hit(APP, 2)]
    assert answer.path_to(WEB) == (Hop(10, WEB, APP), Hop(12, APP, VM), Hop(14, VM, HOST))
    assert answer.path_to(HOST) == ()
    assert answer.path_to(LONELY) is None


def test_what_a_service_needs_reads_from_the_service_down() -> None:
    projection = Projection.from_columns(SHOP, 6, 7, kernels=NUMPY)
    answer = reached(projection, (WEB,), Direction.PROVIDERS)
    assert list(answer.hits()) == [Hit(WEB, 0), Hit(APP, 1), Hit(DB, 1), Hit(VM, 2), Hit(HOST, 3)]
    assert answer.path_to(HOST) == (Hop(10, WEB, APP), Hop(12, APP, VM), Hop(14, VM, HOST))


@given(twins(), st.data())
def test_answers_equal_networkx_whatever_the_kernels(twin: Twin, data: st.DataObject) -> None:
    sources = tuple(data.draw(st.sets(st.sampled_from(sorted(twin.present)), min_size=1, max_size=4)))
    for direction in Direction:
        walk = walked(twin.graph(), direction)
        wanted = nx.multi_source_dijkstra_path_length(walk, set(sources))
        for kernels in (NUMBA, NUMPY):
            answer = reached(twin.projection(kernels), sources, direction, paths=False)
            assert {hit.ordinal: hit.distance for hit in answer.hits()} == wanted
            assert len(answer) == len(wanted)


def test_an_answer_outlives_later_changes() -> None:
    projection = Projection.from_columns(SHOP, 6, 7, kernels=NUMPY)
    answer = reached(projection, (DB,))
    projection.unlink(15, WEB, DB)
    projection.unlink(11, APP, DB)
    assert answer.path_to(WEB) == (Hop(15, WEB, DB),)
    assert len(reached(projection, (DB,))) == 1


@pytest.mark.parametrize("sources", [(), (1, 1)])
def test_each_source_is_named_once(sources: tuple[int, ...]) -> None:
    projection = Projection.from_columns(SHOP, 7, 7, kernels=NUMPY)
    with pytest.raises(Invalid, match=r"twice|nothing is asked"):
        reached(projection, sources)


def test_a_source_that_is_not_there_is_refused() -> None:
    projection = Projection.from_columns(SHOP, 7, 7, retired=[6], kernels=NUMPY)
    for stranger in (6, 7, -1):
        with pytest.raises(Invalid, match=f"no present node: {stranger}"):
            reached(projection, (stranger,))
