"""The contract: full-text search over live nodes, word by word, the last one perhaps only begun."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.store.port import Store
from cmdb.store.words import words
from graph_schema.metamodel import Model
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.pair import Pair, searched
from tests.store.places import Places
from tests.store.running import examples, on_a_store

LONG_WORD = "x" * 400

TEXTS = [
    "web", "WEB", "we", "w", "eb", "web server", "server web", "web serv", "serv web", "the", "a", "not", "AND", "or",
    "near", "web OR db", "web NOT server", "web*", "*", "we*b", '"web server"', "name:web", "web -server", "(web)",
    "web~1", "w?b", "+web", "{web}", "^web", "[a TO z]", "web\\", "'", "a/b", "SRV-000001", "srv 000001", "srv-0000",
    "000001", "1", "服务", "务服", "服", "服务器", "数据库服务器", "支付x", "café", "cafe", "CAFÉ", "cafe\u0301",
    "straße", "STRASSE",
    "strasse", "ｗｅｂ", "ﬁle", "file", "𞤀𞤁", "𞤢", "😀", "web 😀", "हिन्दी", "ไทย", "한국어", "カタカナ", "ЁЛКА", "ё", "istanbul",
    "İstanbul", "db_1", "db 1", "10.0.0.1", "10 0", "v2", LONG_WORD, LONG_WORD[:300], "x", "running", "run", "cities",
    "city", "t", "it's", "its", "s", "m²", "m2", "½", "ⅷ", "null", "true", "nan", "infinity", "web web web",
    "web webserver",
]  # fmt: skip


async def _estate(pair: Pair) -> Pair:
    book = pair.book
    await pair.commit()
    book.node(name="web server", attributes={"note": "the first, and not the last: a/b"})
    book.node(name="WebServer", attributes={"tags": ("支付", "web"), "serial": "S-x1"})
    book.node("Service", "svc-支付服务", attributes={"owner": "Hidden Web", "note": "数据库服务器"})
    book.node("Ticket", "Café Straße ﬁle ｗｅｂ", attributes={"summary": "web down OR db near 10.0.0.1"})
    book.node(
        name="db_1",
        attributes={
            "note": f"{LONG_WORD} 𞤀𞤁 हिन्दी ไทย 한국어 カタカナ Ёлка İstanbul 😀 it's m² ½ ⅷ running cities null"
        },
    )
    book.node(name="web gone")
    book.node(name="web old", attributes={"note": "renamed later"})
    await pair.commit()
    book.retire(5)
    book.change(6, name="renamed", attributes={"note": None, "tags": ("fresh", "istanbul")})
    await pair.commit()
    return pair


async def test_nodes_are_found_by_their_words(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for text in TEXTS:
        if words(text):
            assert (text, await searched(store, text)) == (text, pair.reference.search(text))


@pytest.mark.parametrize("text", ["", " ", "--", "😀", "'\"*", "\u2028"])
async def test_a_text_without_words_finds_nothing(pair: Pair, text: str) -> None:
    store = (await _estate(pair)).store
    assert await store.search(text) == ([], 0)


async def test_what_is_not_searchable_is_not_found(pair: Pair) -> None:
    store = (await _estate(pair)).store
    assert [n.ordinal for n in (await store.search("svc"))[0]] == [2]
    assert await store.search("hidden") == ([], 0)


async def test_search_follows_every_change(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for text, found in [("gone", []), ("old", []), ("later", []), ("renamed", [6]), ("fresh", [6])]:
        assert [n.ordinal for n in await searched(store, text)] == found


async def test_pages_of_a_search_follow_each_other_with_the_exact_total(pair: Pair) -> None:
    await pair.commit()
    for number in range(25):
        pair.book.node(name=f"n{number} {'common' if number % 5 else 'rare'}")
    await pair.commit()
    pair.book.retire(3)
    await pair.commit()
    expected = pair.reference.search("comm")
    seen: list[int] = []
    after = -1
    while True:
        nodes, total = await pair.store.search("comm", limit=4, after=after)
        assert total == len(expected) == 19
        if not nodes:
            break
        seen += [n.ordinal for n in nodes]
        after = seen[-1]
    assert seen == [n.ordinal for n in expected]


def test_random_texts_find_what_has_their_words(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(), st.data())
    def check(book: Book, data: st.DataObject) -> None:
        known = strategies.seen(book.reference.now)
        values = [str(v) for name in ("name", "note", "tags", "serial", "summary", "key") for v in known.get(name, [])]
        there = sorted({word for value in values for word in words(value)})
        some = st.sampled_from(there) | strategies.text
        texts = data.draw(st.lists(st.lists(some, min_size=1, max_size=3).map(" ".join).filter(words), max_size=8))
        cut = data.draw(st.integers(1, 4))

        async def look(store: Store) -> None:
            for text in [*texts, *(text[:cut] for text in texts if words(text[:cut]))]:
                assert (text, await searched(store, text)) == (text, book.reference.search(text))

        asyncio.run(on_a_store(places, book, look))

    check()


async def test_what_a_model_lets_be_searched_is_searched_from_then_on(pair: Pair) -> None:
    store = (await _estate(pair)).store
    for searchable in (False, True):
        pair.book.install(_searching(MODEL, searchable=searchable))
        pair.book.node(name="web late", attributes={"note": "the very last", "serial": "S-x2"})
        await pair.commit()
        for text in ("hidden", "s x1", "last", "fresh", "gone", "web", "服务", "s x"):
            assert (text, await searched(store, text)) == (text, pair.reference.search(text))


def _searching(model: Model, *, searchable: bool) -> Model:
    """The model with all its text searched, or none."""
    classes = [
        c.model_dump() | {"attributes": [a.model_dump() | {"searchable": searchable} for a in c.attributes]}
        for c in model.classes
    ]
    return Model.model_validate(model.model_dump() | {"classes": classes})
