"""Two who write to one store: one wins, the other gets a conflict or begins again; nothing is lost or doubled."""

from __future__ import annotations

import asyncio

import pytest

from cmdb.changeset import ChangeSet, New, Put
from cmdb.clock import system_clock
from cmdb.errors import Conflict
from cmdb.store.port import ClaimChanges, Store
from cmdb.writing import INITIALISATION, found
from tests.reference.book import ESTATE, Book
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import Pair, agree, agree_wholly, gathered, listed
from tests.store.places import Places, opened
from tests.store.test_contract_claims import claim
from tests.store.writer import Said, Writer, count_up, door, started

TIMES = 20


async def _told(store: Store) -> Reference:
    reference = Reference()
    for commit in await listed(store.commits()):
        reference.commit(commit)
    return reference


async def test_of_two_commits_on_one_head_one_wins(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as one, opened(url) as other:
        pair = Pair(one)
        await pair.commit()
        for number in range(5):
            rival = Book()
            rival.commit()
            for commit in pair.reference.commits[1:]:
                rival.reference.commit(commit)
            rival.coming = rival.reference.now.copy()
            pair.book.change(0, name=f"one {number}") if number else pair.book.node(name="one")
            rival.change(0, name=f"other {number}") if number else rival.node(name="other")
            tried = [pair.book.commit(), rival.commit(2)]
            outcomes = await asyncio.gather(
                one.commit(tried[0], ClaimChanges(source="one", put=(claim(str(number)),))),
                other.commit(tried[1], ClaimChanges(source="other", put=(claim(str(number)),))),
                return_exceptions=True,
            )
            assert sorted(type(o).__name__ for o in outcomes) == ["Conflict", "NoneType"]
            won = outcomes.index(None)
            pair.book.reference.commits[-1:] = [tried[won]]
            pair.book = [pair.book, rival][won]
            kept = [len(await gathered(one.claims(source))) for source in ("one", "other")]
            assert sum(kept) == number + 1
            for store in (one, other):
                await agree(store, pair.reference, [None, pair.reference.head.revision - 1])
        await agree_wholly(other, pair.reference)


async def test_of_two_who_saw_one_version_one_gets_a_conflict(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as one, opened(url) as other:
        await found(one, MODEL, estate=ESTATE, actor="tester", clock=system_clock)
        create = Put(node=New("n"), class_name="Server", name="n", attributes={"count": 0})
        await door(one).write(ChangeSet((create,)), actor="tester", authority=INITIALISATION)
        for version in range(1, 6):
            outcomes = await asyncio.gather(
                *(
                    door(store).write(
                        ChangeSet((Put(node=0, attributes={"count": 10 * version + number}, expects=version),)),
                        actor="tester",
                        authority=INITIALISATION,
                    )
                    for number, store in enumerate((one, other))
                ),
                return_exceptions=True,
            )
            [refused] = [o for o in outcomes if isinstance(o, BaseException)]
            assert isinstance(refused, Conflict)
            [node] = await one.nodes([0])
            won = next(number for number, o in enumerate(outcomes) if o is not refused)
            assert (node.version, node.attributes["count"]) == (version + 1, 10 * version + won)
        await agree_wholly(other, await _told(one))


async def test_who_expects_nothing_begins_again_until_it_is_written(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as one, opened(url) as other:
        await found(one, MODEL, estate=ESTATE, actor="tester", clock=system_clock)

        async def write(store: Store, name: str) -> list[int]:
            created: list[int] = []
            for number in range(10):
                wish = Put(node=New("n"), class_name="Server", name=f"{name}{number}")
                written = await door(store).write(ChangeSet((wish,)), actor=name, authority=INITIALISATION)
                created.append(written.created["n"])
            return created

        ordinals = await asyncio.gather(write(one, "a"), write(other, "b"))
        assert sorted(o for some in ordinals for o in some) == list(range(20))
        await agree_wholly(one, await _told(other))


@pytest.mark.timeout(600)
async def test_two_processes_lose_nothing_and_double_nothing(places: Places) -> None:
    url = await places.empty()
    async with opened(url) as store:
        await found(store, MODEL, estate=ESTATE, actor="tester", clock=system_clock)
        create = Put(node=New("n"), class_name="Server", name="counter", attributes={"count": 0})
        await door(store).write(ChangeSet((create,)), actor="tester", authority=INITIALISATION)
    with started(count_up, url, "a", TIMES) as first, started(count_up, url, "b", TIMES) as second:
        said = await asyncio.gather(*(asyncio.to_thread(_all_said, writer) for writer in (first, second)))
        assert [first.wait(), second.wait()] == [0, 0]
    acknowledged = sorted((s.revision, s.hash) for some in said for s in some if s.revision)
    async with opened(url) as store:
        reference = await _told(store)
        await agree_wholly(store, reference)
    assert acknowledged == [(c.revision, c.hash) for c in reference.commits[2:]]
    assert reference.now.nodes[0].attributes["count"] == len(acknowledged) == 2 * TIMES
    names = sorted(n.name for n in reference.all_nodes() if n.ordinal)
    assert names == sorted(f"{name}-{number}" for name in "ab" for number in range(TIMES))


def _all_said(writer: Writer) -> list[Said]:
    said: list[Said] = []
    while (this := writer.hear()) is not None:
        said.append(this)
    return said
