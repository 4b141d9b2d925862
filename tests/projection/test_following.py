"""The projection that follows a store: at every revision it is what loading it anew would give."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.errors import Failed
from cmdb.ledger import Commit
from cmdb.projection import Direction, KernelChoice, Projection
from cmdb.projection.following import KEPT, Follower
from cmdb.store.port import Store
from graph_schema.metamodel import Dependency, DependentEnd, Model
from tests import strategies
from tests.projection.graphs import NUMBA, NUMPY, walked
from tests.reference.book import Book
from tests.reference.graph import State
from tests.reference.model import MODEL
from tests.store.places import SQLITE, opened

both_kernels: Final = pytest.mark.parametrize("kernels", [NUMBA, NUMPY], ids=["numba", "numpy"])

fewer: Final = settings(max_examples=max(10, settings().max_examples // 3))
"""Each example writes a store."""

REVERSED: Final = Model.model_validate(
    MODEL.model_dump()
    | {
        "version": "2",
        "relationship_types": [
            t.model_copy(update={"dependency": Dependency(dependent=DependentEnd.TO)}).model_dump()
            for t in MODEL.relationship_types
        ],
    }
)
"""The model for tests, with every relationship read as a dependency of its target on its source."""


def dependencies(state: State) -> list[tuple[int, int, int, int]]:
    """(relationship, dependent, provider, type code) of each relationship that means a dependency."""
    assert state.model is not None
    rows: list[tuple[int, int, int, int]] = []
    for code, kind in enumerate(state.model.dependency_types):
        assert kind.dependency is not None
        forwards = kind.dependency.dependent is DependentEnd.FROM
        rows += [
            (r.id, r.source, r.target, code) if forwards else (r.id, r.target, r.source, code)
            for r in state.relationships.values()
            if r.type == kind.name
        ]
    return sorted(rows)


def graph_of(state: State) -> nx.MultiDiGraph[int]:
    """Live nodes and their dependencies, dependent to provider."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(n.ordinal for n in state.nodes.values() if not n.retired)
    graph.add_edges_from((dependent, provider) for _, dependent, provider, _ in dependencies(state))
    return graph


def held(projection: Projection) -> list[tuple[int, int, int, int]]:
    """What `dependencies` gives, of a projection."""
    edges = projection.edges()
    columns = (edges.relationship, edges.dependent, edges.provider, edges.type_code)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def reaches_like(projection: Projection, state: State) -> None:
    """Every live node reaches what networkx says, both ways, as far away as it says."""
    graph = graph_of(state)
    for direction in Direction:
        walk = walked(graph, direction)
        for source in graph.nodes:
            found = projection.reach([source], direction)
            distances = dict(zip(found.ordinals.tolist(), found.distance.tolist(), strict=True))
            assert distances == dict(nx.single_source_shortest_path_length(walk, source))


def equals(projection: Projection, state: State, revision: int) -> None:
    """A projection of the present is that of a state."""
    assert projection.revision == revision
    assert held(projection) == dependencies(state)
    assert projection.nodes == len(state.nodes)
    assert present(projection) == live(state)
    reaches_like(projection, state)


def present(projection: Projection) -> set[int]:
    return {ordinal for ordinal in range(projection.nodes) if projection.is_present(ordinal)}


def live(state: State) -> set[int]:
    return {node.ordinal for node in state.nodes.values() if not node.retired}


@asynccontextmanager
async def a_store(commits: list[Commit], folder: str | Path) -> AsyncGenerator[Store]:
    async with opened(f"{SQLITE}{Path(folder) / 'store.db'}") as store:
        for commit in commits:
            await store.commit(commit)
        yield store


@both_kernels
@fewer
@given(book=strategies.histories(), data=st.data())
def test_a_follower_is_at_every_step_what_a_fresh_one_is(
    kernels: KernelChoice, book: Book, data: st.DataObject
) -> None:
    commits = book.reference.commits
    begun = data.draw(st.integers(1, len(commits)), label="loaded at")
    steps = data.draw(st.lists(st.integers(1, 3), max_size=len(commits)), label="commits between questions")

    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_store(commits[:begun], folder) as store:
                follower = Follower(store, kernels=kernels)
                equals(await follower.current(), book.reference.at(begun), begun)
                at = begun
                for step in [*steps, len(commits)]:
                    for commit in commits[at : at + step]:
                        await store.commit(commit)
                    at = min(at + step, len(commits))
                    now = await follower.current()
                    equals(now, book.reference.at(at), at)
                    assert held(now) == held(await Follower(store, kernels=kernels).current())

    asyncio.run(check())


@both_kernels
@fewer
@given(book=strategies.histories())
def test_as_of_a_revision_it_is_the_graph_of_then(kernels: KernelChoice, book: Book) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_store(book.reference.commits, folder) as store:
                follower = Follower(store, kernels=kernels)
                for revision in range(1, len(book.reference.commits) + 1):
                    past = await follower.as_of(revision)
                    assert past.revision == revision
                    assert held(past) == dependencies(book.reference.at(revision))
                    assert present(past) == live(book.reference.at(revision))
                    reaches_like(past, book.reference.at(revision))
                equals(await follower.as_of(None), book.reference.now, book.reference.head.revision)

    asyncio.run(check())


@fewer
@given(strategies.histories())
def test_the_roster_counts_nodes_by_class(book: Book) -> None:
    commits = book.reference.commits

    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_store(commits[:2], folder) as store:
                follower = Follower(store, kernels=NUMPY)
                for commit in [None, *commits[2:]]:
                    if commit is not None:
                        await store.commit(commit)
                    roster = await follower.roster()
                    nodes = list(book.reference.at((await store.head()).revision).nodes.values())
                    ordinals = np.array([n.ordinal for n in nodes], dtype=np.int32)
                    assert len(roster) == len(nodes)
                    assert roster.count(ordinals) == Counter(n.class_name for n in nodes)
                    assert roster.count(ordinals[:1]) == {nodes[0].class_name: 1}
                    assert roster.count(ordinals[:0]) == {}
                    of_servers = roster.of_classes(ordinals, frozenset({"Server", "Ticket", "NoSuch"}))
                    assert of_servers.tolist() == [n.class_name in {"Server", "Ticket"} for n in nodes]

    asyncio.run(check())


def chain(length: int) -> Book:
    """A founded estate, and in the second revision so many servers, each running on the one before it."""
    book = Book()
    book.commit()
    for number in range(length):
        book.node(name=f"n{number}")
        if number:
            book.link(number, number - 1, "RUNS_ON")
    book.commit()
    return book


async def test_commits_of_others_are_seen(tmp_path: Path) -> None:
    book = chain(4)
    async with a_store(book.reference.commits, tmp_path) as store, a_store([], tmp_path) as other:
        follower, another = Follower(store), Follower(other)
        equals(await follower.current(), book.reference.now, 2)
        equals(await another.current(), book.reference.now, 2)
        for writer in (other, store, other):
            book.node()
            book.link(0, len(book.coming.nodes) - 1, "RUNS_ON")
            await writer.commit(book.commit())
            equals(await follower.current(), book.reference.now, book.reference.head.revision)
        equals(await another.current(), book.reference.now, 5)


async def test_what_comes_and_goes_between_two_questions_leaves_no_trace(tmp_path: Path) -> None:
    book = chain(4)
    async with a_store(book.reference.commits, tmp_path) as store:
        follower = Follower(store)
        await follower.current()
        brief = book.node(name="brief")
        edge = book.link(brief, 0, "RUNS_ON")
        await store.commit(book.commit())
        book.unlink(edge)
        again = book.link(brief, 0, "RUNS_ON")
        await store.commit(book.commit())
        book.relink(again, {"port": 1})
        await store.commit(book.commit())
        book.retire(brief)
        book.change(0, name="renamed")
        await store.commit(book.commit())
        equals(await follower.current(), book.reference.now, 6)


async def test_a_new_model_is_taken_in(tmp_path: Path) -> None:
    book = chain(4)
    book.link(3, 0, "CONNECTED_TO", attributes={"speed": 1})
    book.commit()
    async with a_store(book.reference.commits, tmp_path) as store:
        follower = Follower(store)
        before = await follower.current()
        assert before.reach([0], Direction.DEPENDENTS).ordinals.tolist() == [0, 1, 2, 3]
        book.node()
        await store.commit(book.commit())
        book.install(REVERSED)
        await store.commit(book.commit())
        book.node()
        book.link(4, 5, "CONNECTED_TO", attributes={"speed": 1})
        await store.commit(book.commit())
        after = await follower.current()
        equals(after, book.reference.now, 6)
        assert after.reach([0], Direction.DEPENDENTS).ordinals.tolist() == [0]
        assert (await follower.roster()).count(np.arange(6, dtype=np.int32)) == {"Server": 6}
        old = await follower.as_of(4)
        assert held(old) == dependencies(book.reference.at(4))
        book.unlink(0)
        await store.commit(book.commit())
        equals(await follower.current(), book.reference.now, 7)


async def test_projections_of_the_past_are_kept_for_a_while(tmp_path: Path) -> None:
    book = chain(3)
    for _ in range(KEPT):
        book.node()
        book.commit()
    async with a_store(book.reference.commits, tmp_path) as store:
        follower = Follower(store)
        first = await follower.as_of(2)
        assert await follower.as_of(2) is first
        for revision in range(3, 3 + KEPT):
            await follower.as_of(revision)
        assert await follower.as_of(2) is not first
        assert held(await follower.as_of(2)) == held(first)


async def test_an_empty_store_has_no_projection(tmp_path: Path) -> None:
    async with a_store([], tmp_path) as store:
        follower = Follower(store)
        for question in (follower.current, follower.roster):
            with pytest.raises(Failed, match="empty"):
                await question()
        await store.commit(chain(0).reference.commits[0])
        assert len(await follower.current()) == 0


@both_kernels
async def test_every_answer_given_while_others_write_is_that_of_one_revision(
    tmp_path: Path, kernels: KernelChoice
) -> None:
    book = chain(40)
    known = len(book.reference.commits)
    for number in range(25):
        new = book.node()
        book.link(new, number, "RUNS_ON")
        book.unlink(number)
        book.link(number + 1, new, "RUNS_ON")
        book.commit()
    commits = book.reference.commits
    answers: list[tuple[int, dict[int, int]]] = []
    done = asyncio.Event()

    async def write(store: Store) -> None:
        for commit in commits[known:]:
            await store.commit(commit)
            await asyncio.sleep(0)
        done.set()

    async def ask(follower: Follower) -> None:
        last = False
        while not last:
            last = done.is_set()
            projection = await follower.current()
            found = await asyncio.to_thread(projection.reach, [0], Direction.DEPENDENTS)
            answers.append((found.revision, dict(zip(found.ordinals.tolist(), found.distance.tolist(), strict=True))))
            await asyncio.sleep(0)

    async with a_store(commits[:known], tmp_path) as store, a_store([], tmp_path) as writer:
        follower = Follower(store, kernels=kernels)
        await asyncio.gather(write(writer), *(ask(follower) for _ in range(12)))

    expected = {
        revision: dict(nx.single_source_shortest_path_length(graph_of(book.reference.at(revision)).reverse(), 0))
        for revision in {revision for revision, _ in answers}
    }
    assert all(answer == expected[revision] for revision, answer in answers)
    assert book.reference.head.revision in expected
