from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cmdb.projection import Batch, DependencyColumns, Direction, KernelChoice, Projection
from cmdb.projection.lock import ReadersWriterLock
from tests.projection.graphs import NUMBA, NUMPY

PATIENCE = 120


@pytest.mark.parametrize("kernels", [NUMBA, NUMPY], ids=["numba", "numpy"])
def test_readers_see_whole_commits_only(kernels: KernelChoice) -> None:
    """Each commit ends one chain from node 0 and makes another; a torn one would be short, long or mixed."""
    length, chains = 40, 6
    commits = 150 if kernels is NUMBA else 60

    def chain(revision: int) -> DependencyColumns:
        nodes = [0, *range(1 + revision % chains * length, 1 + (revision % chains + 1) * length)]
        first = revision * length
        return DependencyColumns.of((first + i, nodes[i + 1], nodes[i], 0) for i in range(length))

    projection = Projection.from_columns(chain(0), 1 + chains * length, 0, kernels=kernels)
    done = threading.Event()

    def read() -> int:
        asked = 0
        while not done.is_set() or not asked:
            with projection.reading():
                reach = projection.reach([0], Direction.DEPENDENTS, want_path=True)
                path = projection.shortest_path(int(reach.ordinals[-1]), 0)
                edges = projection.edges()
            wanted = chain(reach.revision)
            assert reach.ordinals.tolist() == [0, *wanted.dependent.tolist()]
            assert edges.relationship.tolist() == wanted.relationship.tolist()
            assert path is not None
            assert [hop.relationship for hop in path] == wanted.relationship.tolist()[::-1]
            asked += 1
        return asked

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        try:
            for revision in range(1, commits + 1):
                projection.apply(Batch(revision, linked=chain(revision), unlinked=chain(revision - 1)))
        finally:
            done.set()
        assert all(reader.result(PATIENCE) > 0 for reader in readers)
    assert projection.revision == commits


def test_a_writer_goes_before_later_readers() -> None:
    lock = ReadersWriterLock()
    order: list[str] = []
    writer_waits, first_reads = threading.Event(), threading.Event()

    def write() -> None:
        writer_waits.set()
        with lock.writing():
            order.append("writer")

    def read_later() -> None:
        with lock.reading():
            order.append("later reader")

    with lock.reading():
        writer = threading.Thread(target=write)
        writer.start()
        assert writer_waits.wait(PATIENCE)
        while not lock.writer_is_waiting:
            first_reads.wait(0.001)
        reader = threading.Thread(target=read_later)
        reader.start()
        with lock.reading():
            order.append("the same reader again")
    writer.join(PATIENCE)
    reader.join(PATIENCE)
    assert order == ["the same reader again", "writer", "later reader"]


def test_a_reader_cannot_turn_writer() -> None:
    lock = ReadersWriterLock()
    with lock.reading(), pytest.raises(RuntimeError, match="finished reading"), lock.writing():
        pass
    with lock.writing(), lock.reading(), lock.writing():
        pass


def test_a_writer_that_fails_lets_go() -> None:
    lock = ReadersWriterLock()
    with pytest.raises(KeyError), lock.writing():
        raise KeyError
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: lock.reading().__enter__()).result(PATIENCE) is None
