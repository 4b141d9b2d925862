"""The contract: nothing is forgotten; every version of every node and relationship can be asked for again."""

from __future__ import annotations

import asyncio

from hypothesis import given

from cmdb.nodes import LAST
from tests import strategies
from tests.reference.book import Book
from tests.store.pair import Pair, agree_wholly, digest
from tests.store.places import Places
from tests.store.running import examples, on_a_store


async def test_a_node_and_its_relationships_tell_their_lives(pair: Pair) -> None:
    book, store = pair.book, pair.store
    await pair.commit()
    web, db, disk = book.node(name="web"), book.node(name="db"), book.node(name="disk")
    cable = book.link(web, db, "RUNS_ON", attributes={"port": 80, "protocols": ("tcp", "udp")})
    await pair.commit()
    book.relink(cable, {"port": 443, "remark": "new"})
    book.change(db, state="under_change")
    await pair.commit()
    book.unlink(cable)
    again = book.link(web, db, "RUNS_ON")
    await pair.commit()
    book.link(db, disk, "RUNS_ON", key="a")
    book.link(db, db, "CONNECTED_TO", attributes={"speed": 1})
    await pair.commit()
    book.retire(db)
    await pair.commit()

    states = [(v.node.state, v.node.since, v.until) for v in await store.history(db)]
    assert states == [("in_use", 2, 3), ("under_change", 3, 6), ("dismantled", 6, LAST)]
    lives = [(v.relationship.id, v.relationship.since, v.until) for v in await store.relationship_history(db)]
    assert lives == [(cable, 2, 3), (cable, 3, 4), (again, 4, 6), (2, 5, 6), (3, 5, 6)]
    assert [v.relationship.attributes for v in await store.relationship_history(web)][:2] == [
        {"port": 80, "protocols": ("tcp", "udp")},
        {"port": 443, "protocols": ("tcp", "udp"), "remark": "new"},
    ]
    assert await store.history(99) == []
    assert await store.relationship_history(99) == []
    await agree_wholly(store, pair.reference)


async def test_what_begins_and_ends_in_one_commit_was_never_seen(pair: Pair) -> None:
    book, store = pair.book, pair.store
    await pair.commit()
    web, db = book.node(name="web"), book.node(name="db")
    book.change(web, name="www")
    book.change(web, name="web2", attributes={"count": 1})
    await pair.commit()
    book.change(web, attributes={"count": 2})
    book.change(web, attributes={"count": None, "tier": "gold"})
    book.unlink(book.link(web, db, "RUNS_ON"))
    kept = book.link(web, db, "RUNS_ON", attributes={"port": 1})
    book.relink(kept, {"port": 2})
    book.retire(book.node(name="gone"))
    await pair.commit()
    book.relink(kept, {"port": 3})
    book.relink(kept, {"port": None})
    book.unlink(kept)
    book.change(db, name="db2")
    book.retire(db)
    await pair.commit()
    assert [(v.node.name, v.node.version, v.until) for v in await store.history(web)] == [
        ("web2", 3, 3),
        ("web2", 5, LAST),
    ]
    assert [(v.relationship.id, v.until) for v in await store.relationship_history(web)] == [(kept, 4)]
    assert [v.node.version for v in await store.history(db)] == [1, 3]
    await agree_wholly(store, pair.reference)


async def test_a_long_life_keeps_every_version(pair: Pair) -> None:
    book, store = pair.book, pair.store
    await pair.commit()
    web, db = book.node(), book.node()
    cable = book.link(web, db, attributes={"speed": 0})
    await pair.commit()
    for number in range(1, 40):
        book.change(web, attributes={"count": number, "note": None if number % 3 else "x"})
        book.relink(cable, {"speed": number})
        await pair.commit()
    assert len(await store.history(web)) == len(await store.relationship_history(db)) == 40
    assert await store.history(web) == pair.reference.history(web)
    for revision in (1, 2, 17, 41):
        assert await digest(store, revision) == await pair.reference.digest(revision)


def test_random_histories_are_kept_whole(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(most_commits=6, most_steps=10))
    def check(book: Book) -> None:
        asyncio.run(on_a_store(places, book, lambda store: agree_wholly(store, book.reference)))

    check()
