"""The contract: canonical lines of a state, by bucket, and the ordinals that a filter accepts, now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from cmdb.ledger import BUCKET, node_line, relationship_line
from cmdb.store.lines import Lines, line_ident
from cmdb.store.port import Store
from tests import strategies
from tests.reference.book import Book
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import Pair, gathered
from tests.store.places import Places
from tests.store.running import examples, on_a_store

T = TypeVar("T")


def _lines(items: Iterable[T], ident: Callable[[T], int], line: Callable[[T], bytes]) -> list[Lines]:
    buckets: dict[int, list[bytes]] = {}
    for item in items:
        buckets.setdefault(ident(item) // BUCKET, []).append(line(item))
    return [Lines(bucket, b"\n".join(some)) for bucket, some in buckets.items()]


async def _agree(store: Store, reference: Reference) -> None:
    for revision in (None, *range(len(reference.states))):
        nodes = _lines(reference.all_nodes(revision), lambda n: n.ordinal, node_line)
        assert await gathered(store.node_lines(revision)) == nodes
        edges = _lines(reference.all_relationships(revision), lambda r: r.id, relationship_line)
        assert await gathered(store.relationship_lines(revision)) == edges


async def test_lines_of_large_states_come_bucket_by_bucket(pair: Pair) -> None:
    book = pair.book
    assert await gathered(pair.store.node_lines()) == []
    await pair.commit()
    for number in range(5 * BUCKET + 3):
        book.node(name=f"n{number}")
        if number:
            book.link(number, number // 2, "RUNS_ON", attributes={"port": number})
    await pair.commit()
    for number in range(0, 5 * BUCKET, 100):
        book.change(number, name="changed", attributes={"count": number, "asset": f"A{number}"})
        book.retire(number + 1)
    await pair.commit()
    await _agree(pair.store, pair.reference)
    for buckets in ([], [0], [1, 4], [0, 1, 2, 3, 4, 5]):
        chosen = [lines for lines in await gathered(pair.store.node_lines()) if lines.bucket in buckets]
        assert await gathered(pair.store.node_lines(None, buckets)) == chosen
        joined = [lines for lines in await gathered(pair.store.relationship_lines(2)) if lines.bucket in buckets]
        assert await gathered(pair.store.relationship_lines(2, buckets)) == joined
    some = await gathered(pair.store.node_lines())
    assert [line_ident(line) for lines in some for line in lines.text.split(b"\n")] == list(range(5 * BUCKET + 3))


def test_lines_and_accepted_ordinals_are_those_of_the_reference(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        reference = book.reference
        where = data.draw(strategies.filters(MODEL, strategies.seen(*reference.states)))
        as_of = data.draw(st.none() | st.integers(1, reference.head.revision))

        async def look(store: Store) -> None:
            await _agree(store, reference)
            accepted = await store.accepted(where, as_of)
            assert accepted.tolist() == [n.ordinal for n in reference.find(where, as_of=as_of)]

        asyncio.run(on_a_store(places, book, look))

    check()
