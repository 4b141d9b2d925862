"""The contract: nodes, looked up by ordinal, key, name and attribute, now and then."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.store.port import Store
from graph_schema.values import Scalar
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.pair import Pair, agree_wholly
from tests.store.places import Places
from tests.store.running import examples, on_a_store


async def _estate(pair: Pair) -> Pair:
    book = pair.book
    await pair.commit()
    web = book.node(name="web", attributes={"serial": "S1", "count": 1, "tags": ("a", "b"), "price": "12.5"})
    book.node(name="db", attributes={"serial": "s1", "count": 2, "tags": ("b",), "active": False})
    book.node("Service", "svc-web", attributes={"owner": "Ann"})
    book.node("Ticket", "web", attributes={"reference": 7})
    await pair.commit()
    book.change(web, name="www", state="under_change", attributes={"count": None, "serial": "S2", "note": "a\nb"})
    book.retire(1)
    await pair.commit()
    book.change(web, name="web", state="in_use")
    await pair.commit()
    return pair


async def test_nodes_come_in_order_of_ordinal_retired_ones_too_unknown_ones_left_out(pair: Pair) -> None:
    store = (await _estate(pair)).store
    assert [n.ordinal for n in await store.nodes([3, 99, 0, 1, 3])] == [0, 1, 3]
    assert await store.nodes([]) == []
    for revision in (None, 0, 1, 2, 3, 4):
        assert await store.nodes([2, 1, 0], revision) == pair.reference.nodes([2, 1, 0], revision)


async def test_a_change_makes_a_version_and_leaves_what_it_does_not_name(pair: Pair) -> None:
    store = (await _estate(pair)).store
    [web] = await store.nodes([0])
    assert web.attributes == {"serial": "S2", "tags": ("a", "b"), "price": "12.5", "note": "a\nb"}
    assert (web.name, web.state, web.version, web.since, web.retired) == ("web", "in_use", 3, 4, False)
    [then] = await store.nodes([0], as_of=3)
    assert (then.name, then.state, then.version, then.since) == ("www", "under_change", 2, 3)
    [db] = await store.nodes([1])
    assert (db.state, db.retired, db.version) == ("dismantled", True, 2)


async def test_keys_lead_to_ordinals(pair: Pair) -> None:
    store = (await _estate(pair)).store
    known = {n.key: n.ordinal for n in pair.reference.all_nodes()}
    assert await store.ordinals_of_keys([*known, "SRV-999999", "", "'; --"]) == known
    assert await store.ordinals_of_keys([]) == {}


async def test_names_are_matched_exactly_then_and_now(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for names in (["web"], ["www"], ["web", "db"], ["WEB"], ["we"], [], ["svc-web", "svc-web"]):
        for revision in (None, 0, 1, 2, 3, 4):
            assert await store.named(names, revision) == pair.reference.named(names, revision)
    assert [n.ordinal for n in await store.named(["web"], as_of=3)] == [3]


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("serial", ["S1", "S2", "nobody"]),
        ("serial", []),
        ("count", [1, 2, 2**63 - 1]),
        ("price", ["12.5"]),
        ("price", ["12.50"]),
        ("reference", [7]),
        ("owner", ["Ann"]),
        ("owner", ["ann"]),
    ],
)
async def test_nodes_having_one_of_some_values(pair: Pair, attribute: str, values: list[str | int]) -> None:
    store = (await _estate(pair)).store
    for revision in (None, 0, 1, 2, 3, 4):
        assert await store.having(attribute, values, revision) == pair.reference.having(attribute, values, revision)


async def test_values_that_change_twice_within_a_commit_are_found_as_they_are_left(pair: Pair) -> None:
    await pair.commit()
    back, on = (pair.book.node(name=name, attributes={"owner": "ann"}) for name in "ab")
    await pair.commit()
    for ordinal, owners in ((back, ("bob", "ann")), (on, (None, "bob", "cid"))):
        for owner in owners:
            pair.book.change(ordinal, attributes={"owner": owner})
    await pair.commit()
    await agree_wholly(pair.store, pair.reference)
    found = {owner: [n.ordinal for n in await pair.store.having("owner", [owner])] for owner in ("ann", "bob", "cid")}
    assert found == {"ann": [back], "bob": [], "cid": [on]}
    pair.book.change(back, attributes={"owner": "bob"})
    await pair.commit()
    assert [n.ordinal for n in await pair.store.having("owner", ["bob"])] == [back]


async def test_live_nodes_are_counted_by_class(pair: Pair) -> None:
    store = (await _estate(pair)).store
    assert await store.count_by_class() == {"Server": 1, "Service": 1, "Ticket": 1}
    assert await store.count_by_class(as_of=2) == {"Server": 2, "Service": 1, "Ticket": 1}
    assert await store.count_by_class(as_of=1) == {}


async def test_very_long_values_are_kept_and_found(pair: Pair) -> None:
    long = {"serial": "长" * 65_536, "note": "n o " * 16_000, "tags": tuple(f"tag {i}" for i in range(5_000))}
    await pair.commit()
    pair.book.node(name="x" * 65_536, attributes=dict(long))
    pair.book.node(name="x" * 65_535 + "y", attributes={"serial": "长" * 65_535 + "短"})
    await pair.commit()
    pair.book.change(0, name="short", attributes={"note": None})
    await pair.commit()
    await agree_wholly(pair.store, pair.reference)
    assert [n.ordinal for n in await pair.store.named(["x" * 65_536], as_of=2)] == [0]
    assert [n.ordinal for n in await pair.store.named(["x" * 65_535 + "y"])] == [1]
    assert [n.ordinal for n in await pair.store.having("serial", ["长" * 65_535 + "短"])] == [1]


def test_random_lives_of_nodes_are_looked_up_alike(places: Places) -> None:
    attributes = sorted({a.name for known in MODEL.attributes.values() for a in known.values() if not a.many})

    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        known = strategies.seen(*book.reference.states)
        revision = data.draw(st.none() | st.integers(1, book.reference.head.revision))
        names = data.draw(st.lists(strategies.names | st.sampled_from([str(n) for n in known["name"]]), max_size=4))
        attribute = data.draw(st.sampled_from([a for a in attributes if a in known] or ["count"]))
        wanted: list[Scalar] = [v for v in known.get(attribute, []) if not isinstance(v, bool)]
        values = data.draw(st.lists(st.sampled_from(wanted), max_size=4)) if wanted else []

        async def look(store: Store) -> None:
            assert await store.named(names, revision) == book.reference.named(names, revision)
            assert await store.having(attribute, values, revision) == book.reference.having(attribute, values, revision)

        asyncio.run(on_a_store(places, book, look))

    check()
