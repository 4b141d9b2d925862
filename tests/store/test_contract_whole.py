"""The contract: the whole graph as streams and columns, one revision from beginning to end, and what comes next."""

from __future__ import annotations

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from cmdb.nodes import Node, Relationship
from cmdb.store.port import Store, ValueColumns
from graph_schema.values import Value
from tests import strategies
from tests.reference.book import Book
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import Pair, agree, all_nodes, all_relationships
from tests.store.places import Places
from tests.store.running import examples, on_a_store

MANY = 12_000
ATTRIBUTES = sorted(
    {a for of_class in MODEL.attributes.values() for a in of_class}
    | {a.name for kind in MODEL.relationship_types for a in kind.attributes}
)


async def _same_columns(store: Store, reference: Reference, types: list[str], as_of: int | None = None) -> None:
    head, nodes = await store.node_columns(as_of)
    assert head == reference.head
    then = {n.ordinal: n for n in reference.all_nodes(as_of)}
    assert len(nodes.class_code) == len(nodes.retired) == len(reference.all_nodes())
    classes = cast("list[int]", nodes.class_code.tolist())
    gone = cast("list[bool]", nodes.retired.tolist())
    made = [(nodes.classes[code], retired) for code, retired in zip(classes, gone, strict=True) if code >= 0]
    assert made == [(n.class_name, n.retired) for n in then.values()]
    assert (nodes.class_code >= 0).nonzero()[0].tolist() == list(then)
    for attribute in ATTRIBUTES:
        head, values = await store.node_values(attribute, as_of)
        assert head == reference.head
        assert _told(values) == [(o, n.attributes[attribute]) for o, n in then.items() if attribute in n.attributes]
        head, values = await store.relationship_values(attribute, types, as_of)
        assert head == reference.head
        joined_then = [r for r in reference.all_relationships(as_of) if r.type in types and attribute in r.attributes]
        assert _told(values) == [(r.id, r.attributes[attribute]) for r in joined_then]
    head, joined = await store.relationship_columns(types, as_of)
    assert head == reference.head
    rows = zip(joined.id, joined.type_code, joined.source, joined.target, strict=True)
    assert [(int(i), joined.types[int(t)], int(s), int(o)) for i, t, s, o in rows] == [
        (r.id, r.type, r.source, r.target) for r in reference.all_relationships(as_of) if r.type in types
    ]


def _told(columns: ValueColumns) -> list[tuple[int, Value]]:
    return [(int(i), columns.values[code]) for i, code in zip(columns.ident, columns.code, strict=True)]


async def test_columns_of_an_estate_without_nodes_are_empty(pair: Pair) -> None:
    await pair.commit()
    await _same_columns(pair.store, pair.reference, ["RUNS_ON"])


async def test_large_states_stream_in_order_and_in_batches(pair: Pair) -> None:
    await _large(pair)
    nodes = [batch async for batch in pair.store.all_nodes()]
    assert [n for batch in nodes for n in batch] == pair.reference.all_nodes()
    joined = [batch async for batch in pair.store.all_relationships()]
    assert [r for batch in joined for r in batch] == pair.reference.all_relationships()
    assert max(map(len, [*nodes, *joined])) < MANY
    await agree(pair.store, pair.reference, [2])
    await _same_columns(pair.store, pair.reference, ["RUNS_ON", "CONNECTED_TO"])
    await _same_columns(pair.store, pair.reference, ["RUNS_ON"], as_of=2)


async def _large(pair: Pair, many: int = MANY) -> None:
    book = pair.book
    await pair.commit()
    for number in range(many):
        book.node(name=f"n{number % 100}")
        if number:
            book.link(number, number // 2, "RUNS_ON")
    await pair.commit()
    for number in range(0, many, 1000):
        book.change(number, name="changed")
        book.retire(number + 1)
    await pair.commit()


async def test_a_stream_gives_one_revision_while_others_write(pair: Pair) -> None:
    await _large(pair)
    last = MANY - 1
    nodes: list[Node] = []
    joined: list[Relationship] = []
    for number, stream in enumerate((pair.store.all_nodes(), pair.store.all_nodes(3))):
        nodes.clear()
        async for batch in stream:
            if not nodes:
                pair.book.change(last, name=f"meanwhile {number}")
                pair.book.node(name="late")
                await pair.commit()
            nodes += batch
        assert nodes == pair.reference.all_nodes(3)
    before = pair.reference.head.revision
    async for batch in pair.store.all_relationships():
        if not joined:
            pair.book.unlink(max(pair.reference.now.relationships))
            pair.book.link(0, last, "RUNS_ON")
            await pair.commit()
        joined += batch
    assert joined == pair.reference.all_relationships(before)
    await agree(pair.store, pair.reference)


async def test_a_stream_can_be_left_early(pair: Pair) -> None:
    await _large(pair, 2_000)
    for stream in (pair.store.all_nodes(), pair.store.all_relationships(), pair.store.commits()):
        async for _ in stream:
            break
    pair.book.node()
    await pair.commit()
    await agree(pair.store, pair.reference)


async def test_counters_say_what_comes_next(pair: Pair) -> None:
    book, store = pair.book, pair.store
    await pair.commit()
    assert (await store.counters()).ordinal == 0
    first = book.node("Server")
    book.node("Service", "svc-a")
    cable = book.link(first, first)
    await pair.commit()
    book.unlink(cable)
    book.retire(first)
    await pair.commit()
    counters = await store.counters()
    assert (counters.ordinal, counters.relationship) == (2, cable + 1)
    assert {code: counters.numbers[code] for code in ("SRV", "SVC")} == {"SRV": 2, "SVC": 2}


async def test_reads_at_once_all_see_whole_commits(pair: Pair) -> None:
    """While nodes are made in pairs, every read sees an even number of them."""
    await pair.commit()
    counts: list[int] = []

    async def read() -> None:
        for _ in range(15):
            counts.append(len(await all_nodes(pair.store)))
            counts.append(sum((await pair.store.count_by_class()).values()))
            joined = await all_relationships(pair.store)
            counts.append(2 * len(joined))
            await asyncio.sleep(0)

    async def write() -> None:
        for _ in range(15):
            one, other = pair.book.node(), pair.book.node()
            pair.book.link(one, other)
            await pair.commit()

    await asyncio.gather(read(), write(), read())
    assert len(counts) == 90
    assert all(count % 2 == 0 for count in counts)
    await agree(pair.store, pair.reference)


def test_random_graphs_have_the_same_columns(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        types = data.draw(st.lists(st.sampled_from(sorted(MODEL.type_by_name)), unique=True))
        as_of = data.draw(st.none() | st.integers(0, book.reference.head.revision))
        asyncio.run(on_a_store(places, book, lambda store: _same_columns(store, book.reference, types, as_of)))

    check()
