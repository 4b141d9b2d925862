"""The contract: lists in pages by cursor, with exact totals, in any order, then and now."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Usage
from cmdb.filters import LIVE, And, Compare, Filter, IsA, Lookup, Not
from cmdb.store.cursor import encode
from cmdb.store.port import LARGEST_PAGE, Query, Sort, Store
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.pair import Pair, found
from tests.store.places import Places
from tests.store.running import examples, on_a_store

EVERYTHING: Filter = And(())
SORTS = [
    Sort(field, descending)
    for field in (
        "ordinal", "key", "class", "name", "state", "version", "since", "retired", "count", "price", "serial", "active",
        "checked", "tier", "uptime", "summary", "note",
    )
    for descending in (False, True)
]  # fmt: skip


async def _estate(pair: Pair) -> Pair:
    """Seventeen nodes with equal, different and absent values in every field that `SORTS` names."""
    book = pair.book
    await pair.commit()
    prices = ["10", "9.5", "-3", "0.10000000000000000001", "0.1", "10"]
    for number in range(12):
        book.node(
            name=["b", "a", "B", "ä", "", "～", "😀", "a"][number % 8],
            attributes={"count": [3, -1, 2**63 - 1, 2**53 + 1, 2**53][number % 5], "uptime": number // 4}
            | ({"price": prices[number % 6], "tier": ["gold", "silver"][number % 2]} if number % 3 else {})
            | ({"serial": f"S{number}", "active": number % 4 == 0} if number % 2 else {"note": "x" * number})
            | ({"checked": f"2026-01-{10 + number}T00:00:00.000000Z"} if number > 6 else {}),
        )
    for number in range(5):
        book.node("Ticket", f"t{number % 2}", attributes={"summary": "s"} if number % 2 else {})
    await pair.commit()
    for ordinal in (0, 3, 5):
        book.change(ordinal, name="changed", attributes={"price": None, "count": ordinal})
    book.retire(7)
    await pair.commit()
    return pair


async def test_the_pages_are_the_whole_list_whatever_their_size(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for sort in SORTS:
        for as_of in (None, 2):
            whole = pair.reference.find(EVERYTHING, sort, as_of)
            assert len(whole) == 17
            for limit in (3, 17, 50):
                assert (sort, await found(store, EVERYTHING, sort, as_of, limit)) == (sort, whole)


async def test_a_page_can_start_after_any_row(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for sort in (Sort("name"), Sort("price", descending=True), Sort("count"), Sort("serial")):
        whole = pair.reference.find(LIVE, sort)
        page = await store.find(Query(where=LIVE, sort=sort))
        assert (list(page.items), page.more) == (whole, False)
        for place, cursor in enumerate(page.cursors, start=1):
            rest = await store.find(Query(where=LIVE, sort=sort, limit=3, after=cursor))
            assert list(rest.items) == whole[place : place + 3]
            assert rest.more == (len(whole) > place + 3)


async def test_rows_that_come_and_go_between_two_pages_move_no_other(pair: Pair) -> None:
    store = (await _estate(pair)).store
    sort = Sort("name")
    first = await store.find(Query(where=LIVE, sort=sort, limit=5))
    before = {n.ordinal for n in pair.reference.find(LIVE)}
    pair.book.node(name="")
    pair.book.node(name="\U0010ffff")
    pair.book.retire(first.items[2].ordinal)
    pair.book.retire(first.items[-1].ordinal)
    await pair.commit()
    second = await store.find(Query(where=LIVE, sort=sort, limit=50, after=first.cursors[-1]))
    assert second.items[-1].name == "\U0010ffff"
    seen = [n.ordinal for n in (*first.items, *second.items[:-1])]
    assert len(seen) == len(before)
    assert set(seen) == before


async def test_a_total_is_exact(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for where in (
        EVERYTHING,
        LIVE,
        Not(LIVE),
        IsA("Item"),
        Compare("count", Lookup.GT, 2),
        Compare("price", Lookup.EXISTS, False),
    ):
        for as_of in (None, 0, 1, 2, 3):
            assert await store.count(where, as_of) == len(pair.reference.find(where, as_of=as_of))


async def test_the_largest_page_is_given_whole(pair: Pair) -> None:
    await pair.commit()
    for number in range(LARGEST_PAGE + 1):
        pair.book.node(name=f"n{number}")
    await pair.commit()
    page = await pair.store.find(Query(where=EVERYTHING, limit=LARGEST_PAGE))
    assert (len(page.items), page.more) == (LARGEST_PAGE, True)
    assert await pair.store.count(EVERYTHING) == LARGEST_PAGE + 1
    assert await found(pair.store, EVERYTHING, limit=LARGEST_PAGE) == pair.reference.find(EVERYTHING)


NO_CURSORS = [
    "", "x", "0", "🐍", "%00", "{}", "[]", "null", "W10=", "bnVsbA==", "e30", "W251bGwsMV0", "WzEsMl0=", "A" * 100_000,
    "'; DROP TABLE node; --", "\x00",
]  # fmt: skip


async def test_a_cursor_that_is_none_is_a_usage_error(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for cursor in NO_CURSORS:
        with pytest.raises(Usage):
            await store.find(Query(where=EVERYTHING, sort=Sort("name"), after=cursor))


async def test_a_forged_cursor_is_a_usage_error(pair: Pair) -> None:
    store = (await _estate(pair)).store
    forged = [
        ("name", 5, 1),
        ("name", None, 1),
        ("count", "x", 1),
        ("count", 2**80, 1),
        ("count", 1, 2**80),
        ("price", "cheap", 1),
    ]
    for field, value, ordinal in forged:
        cursor = encode(Sort(field), value, ordinal)
        with pytest.raises(Usage):
            await store.find(Query(where=EVERYTHING, sort=Sort(field), after=cursor))


async def test_a_cursor_of_another_order_is_a_usage_error(pair: Pair) -> None:
    store = (await _estate(pair)).store
    cursors = {
        (sort.field, sort.descending): (await store.find(Query(where=LIVE, sort=sort, limit=5))).cursors[-1]
        for sort in (Sort("name"), Sort("name", descending=True), Sort("state"), Sort(), Sort("count"))
    }
    for (field, descending), cursor in cursors.items():
        for other_field, other_descending in cursors:
            if (field, descending) != (other_field, other_descending):
                with pytest.raises(Usage):
                    await store.find(Query(where=LIVE, sort=Sort(other_field, other_descending), after=cursor))


def test_random_lists_come_whole_in_pages(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), strategies.sorts(MODEL), st.integers(1, 7), st.data())
    def check(book: Book, sort: Sort, limit: int, data: st.DataObject) -> None:
        as_of = data.draw(st.none() | st.integers(0, book.reference.head.revision))

        async def look(store: Store) -> None:
            assert await found(store, EVERYTHING, sort, as_of, limit) == book.reference.find(EVERYTHING, sort, as_of)

        asyncio.run(on_a_store(places, book, look))

    check()
