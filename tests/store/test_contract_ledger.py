"""The contract: the ledger is a chain that only grows, and shows when somebody meddled with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from cmdb.errors import Conflict
from cmdb.filters import Compare, IsA, Lookup
from cmdb.ledger import EMPTY, Commit, broken_links, reopen, seal
from cmdb.nodes import NodeIds
from cmdb.store.port import Store
from graph_schema.metamodel import Model
from graph_schema.reader import shipped_model
from tests.reference.book import ESTATE, Book
from tests.reference.model import MODEL, attribute
from tests.store.pair import Pair, agree, agree_wholly, all_nodes, found, listed


async def _stream(commits: Sequence[Commit]) -> AsyncIterator[Commit]:
    for commit in commits:
        yield commit


async def _written(pair: Pair, commits: int = 4) -> list[Commit]:
    await pair.commit()
    for number in range(1, commits):
        pair.book.node(name=f"n{number}")
        await pair.commit()
    return await listed(pair.store.commits())


async def test_an_empty_store_answers_with_nothing(store: Store) -> None:
    assert await store.head() == EMPTY
    assert await listed(store.commits()) == []
    assert await store.ids() is None
    assert await store.model() is None
    assert await store.revision_at("9999-12-31T23:59:59.999999Z") == 0
    counters = await store.counters()
    assert (counters.ordinal, counters.relationship) == (0, Pair(store).reference.counters().relationship)
    assert await store.nodes([0]) == []
    assert await store.history(0) == []
    assert await all_nodes(store) == []
    assert await store.sources() == []


async def test_a_store_says_where_it_is(store: Store) -> None:
    assert "://" in store.url


async def test_commits_come_back_as_they_went_in(pair: Pair) -> None:
    commits = await _written(pair)
    assert commits == pair.reference.commits
    assert [commit.body for commit in commits] == [commit.body for commit in pair.reference.commits]
    assert await pair.store.head() == pair.reference.head
    assert await pair.store.ids() == NodeIds(ESTATE)


async def test_commits_are_given_after_one_revision_until_another(pair: Pair) -> None:
    await _written(pair, 5)
    for after, until, expected in [(2, None, [3, 4, 5]), (0, 2, [1, 2]), (1, 3, [2, 3]), (5, None, []), (3, 3, [])]:
        assert [c.revision async for c in pair.store.commits(after, until)] == expected


async def test_headers_are_looked_up_by_revision(pair: Pair) -> None:
    commits = await _written(pair)
    expected = {revision: commits[revision - 1].header for revision in (1, 3, 4)}
    assert await pair.store.headers([4, 1, 3, 99, 0, 3]) == expected
    assert await pair.store.headers([]) == {}


async def test_a_commit_on_an_older_head_is_a_conflict_and_changes_nothing(pair: Pair) -> None:
    commits = await _written(pair)
    fork = Book()
    fork.commit()
    fork.node(name="fork")
    stale = fork.commit()
    for refused in (stale, commits[-1], commits[0]):
        with pytest.raises(Conflict):
            await pair.store.commit(refused)
        await agree_wholly(pair.store, pair.reference)


@pytest.mark.parametrize("wrong", [{"revision": 9}, {"previous": "f" * 64}, {"revision": 4}])
async def test_a_commit_must_fit_in_revision_and_hash(pair: Pair, wrong: dict[str, int | str]) -> None:
    await _written(pair)
    head = pair.reference.head
    pair.book.node()
    fitting = pair.book.commit()
    assert (fitting.header.revision, fitting.header.previous) == (5, head.hash)
    with pytest.raises(Conflict):
        await pair.store.commit(seal(msgspec.structs.replace(fitting.header, **wrong), fitting.effects))
    assert await pair.store.head() == head
    await pair.store.commit(fitting)
    await agree(pair.store, pair.reference)


async def test_the_first_commit_must_begin_the_chain(pair: Pair) -> None:
    first = pair.book.commit()
    for wrong in ({"previous": "f" * 64}, {"revision": 2}, {"revision": 0}):
        with pytest.raises(Conflict):
            await pair.store.commit(seal(msgspec.structs.replace(first.header, **wrong), first.effects))
    assert await pair.store.head() == EMPTY
    await pair.store.commit(first)
    await agree(pair.store, pair.reference)


async def test_a_whole_chain_verifies(pair: Pair) -> None:
    await _written(pair)
    assert await broken_links(pair.store.commits(), await pair.store.head()) == []


async def test_an_altered_entry_is_found(pair: Pair) -> None:
    commits, head = await _written(pair), await pair.store.head()
    body = commits[2].body.replace(b'"n2"', b'"N2"')
    assert body != commits[2].body
    altered = [*commits[:2], reopen(commits[2].header, body, commits[2].hash), *commits[3:]]
    assert [broken.revision for broken in await broken_links(_stream(altered), head)] == [3]


@pytest.mark.parametrize("said", ["actor", "authority", "reason"])
async def test_an_altered_header_is_found(pair: Pair, said: str) -> None:
    commits, head = await _written(pair), await pair.store.head()
    header = msgspec.structs.replace(commits[1].header, **{said: "somebody else"})
    altered = [commits[0], msgspec.structs.replace(commits[1], header=header), *commits[2:]]
    assert [broken.revision for broken in await broken_links(_stream(altered), head)] == [2]


async def test_an_altered_entry_with_a_new_hash_breaks_the_next_link(pair: Pair) -> None:
    commits, head = await _written(pair), await pair.store.head()
    forged = seal(msgspec.structs.replace(commits[1].header, actor="somebody else"), commits[1].effects)
    found = await broken_links(_stream([commits[0], forged, *commits[2:]]), head)
    assert [broken.revision for broken in found] == [3]


@pytest.mark.parametrize("gone", [0, 1, 3])
async def test_a_removed_entry_is_found(pair: Pair, gone: int) -> None:
    commits, head = await _written(pair), await pair.store.head()
    assert await broken_links(_stream([*commits[:gone], *commits[gone + 1 :]]), head)


async def test_reordered_and_repeated_entries_are_found(pair: Pair) -> None:
    commits, head = await _written(pair), await pair.store.head()
    first, second, third, fourth = commits
    assert await broken_links(_stream([first, third, second, fourth]), head)
    assert await broken_links(_stream([first, second, second, third, fourth]), head)
    assert await broken_links(_stream([*commits, fourth]), head)


async def test_an_instant_is_the_newest_revision_that_was_there(pair: Pair) -> None:
    await pair.commit()
    for minutes in (1, 0, 5, 0, 0):
        pair.book.node()
        await pair.commit(minutes)
    times = [commit.header.time for commit in pair.reference.commits]
    assert times[1] == times[2] < times[3] == times[5]
    between = times[2].replace("13:", "14:")
    for instant in [*times, between, "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]:
        assert await pair.store.revision_at(instant) == pair.reference.revision_at(instant)
    assert await pair.store.revision_at(times[1]) == 3


async def test_a_model_is_in_force_from_its_commit_on(pair: Pair) -> None:
    await pair.commit()
    pair.book.node(attributes={"count": 1})
    await pair.commit()
    larger = _with_attribute(MODEL, "Server", "colour")
    pair.book.install(larger)
    pair.book.node(attributes={"colour": "red"})
    await pair.commit()
    assert await pair.store.model() == larger
    assert [await pair.store.model(revision) for revision in range(4)] == [None, MODEL, MODEL, larger]
    await agree_wholly(pair.store, pair.reference)
    assert await pair.store.having("colour", ["red"]) == pair.reference.having("colour", ["red"])


async def test_an_attribute_that_is_indexed_later_or_no_longer_is_found_alike(pair: Pair) -> None:
    await pair.commit()
    pair.book.node(attributes={"count": 3, "price": "9.5", "active": True, "note": "before"})
    pair.book.node(attributes={"count": -1, "price": "10", "active": False, "tags": ("before",)})
    pair.book.node(attributes={"serial": "before"})
    await pair.commit()
    for indexed in (True, False, True):
        pair.book.install(_indexing(MODEL, indexed=indexed))
        pair.book.change(0, attributes={"count": 4 if indexed else None})
        pair.book.node(attributes={"count": 3, "note": "before"})
        await pair.commit()
        for where in (
            Compare("count", Lookup.EQ, 3),
            Compare("count", Lookup.IN, (4, -1)),
            Compare("count", Lookup.LT, 4),
            Compare("price", Lookup.EQ, "10"),
            Compare("price", Lookup.LT, "10"),
            Compare("active", Lookup.EQ, False),
            Compare("note", Lookup.STARTS_WITH, "bef"),
            Compare("serial", Lookup.EQ, "before"),
            Compare("tags", Lookup.HAS, "before"),
        ):
            for as_of in (None, *range(pair.reference.head.revision + 1)):
                expected = pair.reference.find(where, as_of=as_of)
                assert (where, as_of, await found(pair.store, where, as_of=as_of)) == (where, as_of, expected)
    await agree_wholly(pair.store, pair.reference)


def _indexing(model: Model, *, indexed: bool) -> Model:
    """The model with all its attributes indexed, or none."""
    classes = [
        c.model_dump() | {"attributes": [a.model_dump() | {"indexed": indexed, "unique": False} for a in c.attributes]}
        for c in model.classes
    ]
    return Model.model_validate(model.model_dump() | {"classes": classes})


def _with_attribute(model: Model, class_name: str, name: str) -> Model:
    added = attribute(name, model.attributes["Server"]["serial"].type, indexed=True, searchable=True)
    classes = tuple(
        c.model_copy(update={"attributes": (*c.attributes, added)}) if c.name == class_name else c
        for c in model.classes
    )
    return Model.model_validate(model.model_dump() | {"version": "2", "classes": [c.model_dump() for c in classes]})


async def test_the_shipped_model_can_be_in_force(store: Store) -> None:
    model = shipped_model()
    pair = Pair(store, Book(model))
    concrete = sorted(c.name for c in model.classes if not c.abstract)
    for class_name in concrete:
        pair.book.node(class_name, f"a {class_name}")
    for kind, pairs in sorted(model.joinable.items()):
        source, target = min(pairs)
        pair.book.link(concrete.index(source), concrete.index(target), kind)
    await pair.commit()
    assert await store.model() == model
    await agree(store, pair.reference)
    assert await store.count_by_class() == dict.fromkeys(concrete, 1)
    for where in (IsA(c.name) for c in model.classes if c.abstract):
        assert await found(store, where) == pair.reference.find(where)
