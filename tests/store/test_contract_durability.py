"""The contract: what was committed is there when the store is opened again, by whomever."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

from cmdb.errors import Conflict
from cmdb.ledger import broken_links
from cmdb.store.port import ClaimChanges
from tests.store.pair import Pair, agree, agree_wholly, digest, gathered, searched
from tests.store.places import Places, opened
from tests.store.test_contract_claims import claim, state


async def test_everything_is_there_after_opening_again(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as store:
        pair = Pair(store)
        await pair.commit()
        web, db = pair.book.node(name="web", attributes={"note": "words"}), pair.book.node(name="db")
        cable = pair.book.link(web, db, attributes={"speed": 1})
        await pair.commit()
        pair.book.change(web, name="www")
        pair.book.relink(cable, {"speed": 2})
        await pair.commit()
        await store.keep_claims(ClaimChanges(source="s", put=(claim("a"),), state=state("s")))
    async with opened(url) as again:
        await agree_wholly(again, pair.reference)
        assert await searched(again, "www words") == pair.reference.search("www words")
        assert await again.source_state("s") == state("s")
        assert await gathered(again.claims("s")) == [claim("a")]
        pair.store = again
        pair.book.retire(db)
        await pair.commit()
    async with opened(url) as third:
        await agree_wholly(third, pair.reference)


async def test_two_open_stores_see_each_others_commits(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as one, opened(url) as other:
        pair = Pair(one)
        await pair.commit()
        for number in range(6):
            pair.store = other if number % 2 else one
            pair.book.node(name=f"n{number}")
            await pair.commit()
            for store in (one, other):
                await agree_wholly(store, pair.reference)


async def test_a_ledger_replayed_elsewhere_gives_the_same_states(places: Places) -> None:
    async with opened(await places.empty()) as store:
        pair = Pair(store)
        await pair.commit()
        for number in range(4):
            pair.book.node(name=f"n{number}", attributes={"count": number})
            pair.book.change(0, attributes={"note": f"{number}"})
            pair.book.link(0, number, "RUNS_ON")
            await pair.commit()
        commits = [commit async for commit in store.commits()]
        digests = [await digest(store, revision) for revision in range(6)]
    async with opened(await places.empty()) as copy:
        for commit in commits:
            await copy.commit(commit)
        assert [await digest(copy, revision) for revision in range(6)] == digests
        assert digests == [await pair.reference.digest(revision) for revision in range(6)]
        assert await broken_links(copy.commits(), await copy.head()) == []


async def test_a_commit_that_is_cancelled_is_made_whole_or_not_at_all(pair: Pair) -> None:
    store, book = pair.store, pair.book
    await pair.commit()
    for number in range(16):
        before = pair.reference.head
        chain = [book.node(name=f"n{number}") for _ in range(12)]
        for source, target in pairwise(chain):
            book.link(source, target, "RUNS_ON")
        commit = book.commit()
        task = asyncio.create_task(store.commit(commit))
        await asyncio.sleep(number * 0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await store.head() in {before, commit.head}
        if await store.head() == before:
            with suppress(Conflict):  # where the commit went through after all
                await store.commit(commit)
        await agree(store, pair.reference)
    await agree(store, pair.reference, [1, 5, 16])
    assert await broken_links(store.commits(), pair.reference.head) == []
