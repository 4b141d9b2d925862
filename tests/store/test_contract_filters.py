"""The contract: a filter finds what the plain evaluator accepts, now and as of any revision."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.filters import FARTHEST, LIVE, And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related, faults
from cmdb.store.port import Query, Sort, Store
from graph_schema.values import Value
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.pair import Pair, found
from tests.store.places import Places
from tests.store.running import examples, on_a_store

NASTY = [
    "", " ", "a", "A", "'", '"', "`", "\\", "\\\\", "\\u0041", "%", "_", "%a", "a_b", "a%b", "axb", "*", "?", "[a]",
    ".*", "(", ")", "{}", "$1", "$name", "--", "'; DROP TABLE node; --", "' OR '1'='1", "\n", "é", "e\u0301", "ß",
    "SS", "İ", "i", "服务器", "服务", "务器", "😀", "😀😀", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "\u2028",
    "\u0085", "\u00a0", "NULL", "null", "true", "1", "01", "1.0", "x" * 10_000, "长" * 4_000,
]  # fmt: skip

EXAMPLES: list[Filter] = [
    And(()),
    Or(()),
    Not(And(())),
    IsA("Item"),
    IsA("Server"),
    IsA("VirtualServer"),
    IsA("Record"),
    LIVE,
    Compare("class", Lookup.IN, ("VirtualServer", "Ticket")),
    Compare("tags", Lookup.HAS, "b"),
    Not(Compare("tags", Lookup.HAS, "b")),
    Compare("tags", Lookup.EXISTS, False),
    Compare("ports", Lookup.HAS, 443),
    Compare("price", Lookup.LT, "9.5"),
    Compare("price", Lookup.GTE, "10"),
    Compare("price", Lookup.EQ, "10"),
    Compare("active", Lookup.EQ, False),
    Compare("active", Lookup.NE, False),
    Not(Compare("active", Lookup.EQ, True)),
    Compare("count", Lookup.IN, ()),
    Compare("count", Lookup.IN, (1, 2**53 + 1)),
    Compare("count", Lookup.EQ, 2**53),
    Compare("count", Lookup.GT, 2**53),
    Compare("checked", Lookup.GT, "2026-01-31T00:00:00.000000Z"),
    Compare("key", Lookup.STARTS_WITH, "SRV-"),
    Compare("address", Lookup.LT, "10.0.0.9"),
    Related("RUNS_ON", Direction.OUT),
    Related("RUNS_ON", Direction.IN),
    Not(Related("RUNS_ON", Direction.IN)),
    Related("RUNS_ON", Direction.IN, IsA("Service")),
    Related("RUNS_ON", Direction.OUT, Not(Compare("count", Lookup.EXISTS, True))),
    Related(
        "CONNECTED_TO", Direction.OUT, Related("CONNECTED_TO", Direction.OUT, Related("CONNECTED_TO", Direction.OUT))
    ),
    Related("RUNS_ON", Direction.IN, Related("RUNS_ON", Direction.IN, Or((IsA("Service"), LIVE)))),
    And((IsA("Server"), Not(Or((Compare("count", Lookup.EXISTS, False), Compare("name", Lookup.EQ, "web")))))),
]


async def _estate(pair: Pair) -> Pair:
    book = pair.book
    await pair.commit()
    book.node(
        "Server", "web", attributes={"tags": ("a", "b"), "price": "9.5", "active": True, "count": 1, "ports": (80, 443)}
    )
    book.node("VirtualServer", "vm", attributes={"tags": (), "price": "10", "active": False, "count": 2**53 + 1})
    book.node(
        "Server",
        "old",
        attributes={"tags": ("bb",), "price": "100", "count": 2**53, "checked": "2026-01-31T00:00:00.000001Z"},
    )
    book.node("Service", "svc-web", attributes={"owner": "Ann"})
    book.node("Ticket", "t")
    book.node("Server", "ip", attributes={"address": "10.0.0.10", "ports": ()})
    book.link(3, 0, "RUNS_ON")
    book.link(3, 1, "RUNS_ON")
    book.link(1, 0, "RUNS_ON")
    for source, target in [(0, 1), (1, 2), (2, 0), (3, 3)]:
        book.link(source, target, attributes={"speed": 1})
    await pair.commit()
    book.retire(2)
    book.unlink(0)
    await pair.commit()
    book.change(0, name="www", attributes={"tags": None, "count": 7})
    await pair.commit()
    return pair


async def test_written_filters_find_what_the_evaluator_accepts(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for where in EXAMPLES:
        for as_of in (None, 0, 1, 2, 3, 4):
            expected = pair.reference.find(where, as_of=as_of)
            assert (where, as_of, await found(store, where, as_of=as_of)) == (where, as_of, expected)
            assert await store.count(where, as_of) == len(expected)


@pytest.mark.parametrize("field", ["name", "note"])
async def test_nasty_text_is_only_text(pair: Pair, field: str) -> None:
    await pair.commit()
    for text in NASTY:
        pair.book.node(
            "Ticket" if field == "name" else "Server",
            text if field == "name" else "n",
            attributes={} if field == "name" else {field: text},
        )
    await pair.commit()
    for text in NASTY:
        for lookup in Lookup:
            value: Value = (text, "web") if lookup is Lookup.IN else text
            if lookup not in {Lookup.HAS, Lookup.EXISTS}:
                where = Compare(field, lookup, value)
                names = [n.ordinal for n in await found(pair.store, where)]
                assert (lookup, text, names) == (lookup, text, [n.ordinal for n in pair.reference.find(where)])
    assert await found(pair.store, And(()), Sort(field)) == pair.reference.find(And(()), Sort(field))


async def test_nasty_text_in_lists_is_only_text(pair: Pair) -> None:
    await pair.commit()
    for first, second in zip(NASTY, [*NASTY[1:], NASTY[0]], strict=True):
        pair.book.node(attributes={"tags": (first, second)})
    await pair.commit()
    for text in NASTY:
        where = Compare("tags", Lookup.HAS, text)
        assert await found(pair.store, where) == pair.reference.find(where)


async def test_whole_numbers_are_compared_exactly_however_large(pair: Pair) -> None:
    await pair.commit()
    for value in (-(2**63), -(2**53) - 1, -(2**53), -1, 0, 1, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1):
        pair.book.node(attributes={"count": value, "uptime": value})
    await pair.commit()
    asked = [-(2**63), -(2**53) - 1, -1, 0, 2**53, 2**53 + 1, 2**63 - 1]
    lookups = [Lookup.EQ, Lookup.NE, Lookup.LT, Lookup.LTE, Lookup.GT, Lookup.GTE]
    wheres: list[Filter] = [Compare(f, lookup, n) for f in ("count", "uptime") for lookup in lookups for n in asked]
    for where in [*wheres, Compare("count", Lookup.IN, tuple(asked))]:
        assert (where, await found(pair.store, where)) == (where, pair.reference.find(where))


def _steps(count: int) -> Filter:
    where: Filter = LIVE
    for _ in range(count):
        where = And((Related("CONNECTED_TO", Direction.OUT, where),))
    return where


REFUSED: list[Filter] = [
    Compare("count", Lookup.EQ, 2**63),
    Compare("count", Lookup.IN, (1, -(2**63) - 1)),
    Compare("ordinal", Lookup.LT, 10**40),
    Compare("ports", Lookup.HAS, 2**64),
    Compare("count", Lookup.EQ, "1"),
    Compare("count", Lookup.EQ, True),
    Compare("name", Lookup.EQ, 1),
    Compare("tags", Lookup.EQ, "a"),
    Compare("name", Lookup.HAS, "a"),
    Compare("active", Lookup.LT, True),
    Compare("name", Lookup.EXISTS, "yes"),
    Compare("nonsense", Lookup.EQ, 1),
    Compare("x' OR 1=1 --", Lookup.EXISTS, True),
    Compare("n`) DETACH DELETE n //", Lookup.EXISTS, True),
    IsA("Nothing"),
    Not(And((LIVE, Related("NONE_SUCH", Direction.OUT)))),
    Related("RUNS_ON", Direction.IN, Compare("nonsense", Lookup.EXISTS, True)),
    _steps(FARTHEST + 1),
]


async def test_a_filter_that_the_model_cannot_ask_is_invalid(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for where in REFUSED:
        assert faults(MODEL, where)
        for as_of in (None, 2):
            with pytest.raises(Invalid):
                await store.find(Query(where=where, as_of=as_of))
            with pytest.raises(Invalid):
                await store.count(where, as_of)


async def test_deep_and_wide_filters_are_answered(pair: Pair) -> None:
    store = (await _estate(pair)).store
    deep: Filter = Compare("name", Lookup.EQ, "www")
    for _ in range(60):
        deep = Not(And((deep,)))
    wide = Or(tuple(Compare("name", Lookup.EQ, f"n{i}") for i in range(200)))
    listed = Compare("name", Lookup.IN, (*(f"n{i}" for i in range(20_000)), "www"))
    for where in (deep, wide, listed, _steps(FARTHEST)):
        for as_of in (None, 2):
            assert await found(store, where, as_of=as_of) == pair.reference.find(where, as_of=as_of)


def test_random_filters_find_what_the_evaluator_accepts(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        known = strategies.seen(*book.reference.states)
        count = 10 if places.shared else 5
        trees = data.draw(st.lists(strategies.filters(MODEL, known), min_size=count, max_size=count))
        then = data.draw(st.integers(0, book.reference.head.revision))

        async def look(store: Store) -> None:
            for number, where in enumerate(trees):
                for as_of in (None, then) if number % 2 else (then,):
                    expected = book.reference.find(where, as_of=as_of)
                    assert await found(store, where, as_of=as_of) == expected
                    assert await store.count(where, as_of) == len(expected)

        asyncio.run(on_a_store(places, book, look))

    check()
