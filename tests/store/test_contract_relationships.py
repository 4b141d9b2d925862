"""The contract: relationships of nodes, in both directions, by type, with a limit for each node, now and then."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.filters import Direction
from cmdb.store.port import Store
from tests import strategies
from tests.reference.book import Book
from tests.reference.graph import natural
from tests.reference.model import MODEL
from tests.store.pair import Pair
from tests.store.places import Places
from tests.store.running import examples, on_a_store


async def _estate(pair: Pair) -> Pair:
    """A hub with spokes of two types, parallel edges by key, a loop; some change and end."""
    book = pair.book
    await pair.commit()
    hub = book.node(name="hub")
    spokes = [book.node(name=f"s{n}") for n in range(6)]
    for number, spoke in enumerate(spokes):
        book.link(spoke, hub, "RUNS_ON", attributes={"port": number})
        book.link(hub, spoke, "CONNECTED_TO", key="a", attributes={"speed": 1})
        book.link(hub, spoke, "CONNECTED_TO", key="服务'%", attributes={"speed": 2})
    loop = book.link(hub, hub, "CONNECTED_TO", attributes={"speed": 3})
    await pair.commit()
    book.relink(loop, {"speed": 4})
    book.relink(0, {"port": None, "protocols": ("x",)})
    book.unlink(3)
    await pair.commit()
    book.retire(spokes[-1])
    book.link(spokes[1], hub, "RUNS_ON")
    await pair.commit()
    return pair


@pytest.mark.parametrize("direction", Direction)
async def test_relationships_come_by_node_and_id(pair: Pair, direction: Direction) -> None:
    store, reference = (await _estate(pair)).store, pair.reference
    for types in (None, ["RUNS_ON"], ["ABOUT", "RUNS_ON", "CONNECTED_TO"], []):
        for ordinals in ([0], [6, 2, 0, 2, 99], []):
            for as_of in (None, 2, 3):
                for limit in (None, 2):
                    expected = reference.relationships(ordinals, direction, types, as_of, limit)
                    assert await store.relationships(ordinals, direction, types, as_of, limit) == expected
                counts = reference.relationship_counts(ordinals, direction, types, as_of)
                assert await store.relationship_counts(ordinals, direction, types, as_of) == counts


async def test_relationships_are_found_by_their_natural_keys(pair: Pair) -> None:
    store, reference = (await _estate(pair)).store, pair.reference
    known = [natural(r) for r in reference.all_relationships()]
    ended = [natural(r) for r in reference.all_relationships(2) if r not in reference.all_relationships()]
    unknown = [("RUNS_ON", 0, 0, ""), ("RUNS_ON", 1, 0, "x"), ("ABOUT", 0, 1, ""), ("NONE_SUCH", 0, 1, "")]
    joined = await store.joined([*unknown, *dict.fromkeys([*known, *ended])])
    assert sorted(joined, key=lambda r: r.id) == reference.all_relationships()
    assert await store.joined([known[0], known[0]]) == reference.joined(known[:1])
    assert await store.joined([]) == []
    assert await store.joined(unknown) == []


async def test_a_key_is_kept_to_the_letter(pair: Pair) -> None:
    await pair.commit()
    web, db = pair.book.node(), pair.book.node()
    keys = ["", " ", "a", "A", "é", "e\u0301", "'", '"', "%", "\\", "\u2028", "😀", "\uffff", "长" * 200]
    for key in keys:
        pair.book.link(web, db, "RUNS_ON", key=key)
    await pair.commit()
    assert [r.key for r in await pair.store.relationships([web], Direction.OUT)] == keys
    for key in keys:
        assert [r.key for r in await pair.store.joined([("RUNS_ON", web, db, key)])] == [key]


def test_random_relationships_are_read_alike(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        reference = book.reference
        ordinals = data.draw(st.lists(st.integers(0, reference.counters().ordinal), max_size=5))
        types = data.draw(st.none() | st.lists(st.sampled_from(sorted(MODEL.type_by_name)), unique=True))
        direction = data.draw(st.sampled_from(Direction))
        as_of = data.draw(st.none() | st.integers(0, reference.head.revision))
        limit = data.draw(st.none() | st.integers(1, 3))

        async def look(store: Store) -> None:
            expected = reference.relationships(ordinals, direction, types, as_of, limit)
            assert await store.relationships(ordinals, direction, types, as_of, limit) == expected
            counts = reference.relationship_counts(ordinals, direction, types, as_of)
            assert await store.relationship_counts(ordinals, direction, types, as_of) == counts

        asyncio.run(on_a_store(places, book, look))

    check()
