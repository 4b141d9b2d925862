"""Random lives of a store behind its door, step by step beside the plain model; at the end its ledger is replayed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cmdb.changeset import ChangeSet
from cmdb.errors import Conflict, Invalid
from cmdb.filters import Direction
from cmdb.ledger import Head, broken_links
from cmdb.store.port import Store
from cmdb.store.words import words
from cmdb.writing import INITIALISATION, Door, InitialisationGate, Written
from cmdb.writing import found as found_estate
from tests import strategies
from tests.reference.book import ESTATE, START
from tests.reference.door import Outcome, new_relationships, outcome
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import agree, agree_wholly, digest, found, listed, searched
from tests.store.places import Places, SqlitePlaces, open_store, opened
from tests.store.running import examples

T = TypeVar("T")


class Life(RuleBasedStateMachine):
    """One store from its first commit on."""

    def __init__(self, places: Places, others: Places) -> None:
        super().__init__()
        self._places, self._others = places, others
        self._runner = asyncio.Runner()
        self._now = START
        self._reference = Reference()
        self._url = self._run(places.empty())
        self._open()

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self._runner.run(work)

    def _open(self) -> None:
        self._store: Store = self._run(open_store(self._url))
        self._door = Door(self._store, gate=InitialisationGate(), clock=lambda: self._now)

    @initialize()
    def an_estate_is_founded(self) -> None:
        self._run(found_estate(self._store, MODEL, estate=ESTATE, actor="tester", clock=lambda: self._now))
        self._follow()

    def _follow(self) -> None:
        for commit in self._run(listed(self._store.commits(self._reference.head.revision))):
            self._reference.commit(commit)

    # -- writing -------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), count=st.integers(1, 5))
    def write(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            self._write(data.draw(strategies.change_sets(MODEL, self._reference.now), label="change set"))
            self._run(agree(self._store, self._reference))

    def _write(self, change_set: ChangeSet) -> None:
        expected = outcome(MODEL, self._reference.now, self._numbers(), change_set)
        before = self._reference.head
        done = self._run(self._tried(change_set))
        if isinstance(done, Conflict | Invalid):
            note(f"refused: {done.problems}")
            assert expected.conflict or expected.invalid
            assert isinstance(done, Conflict if expected.conflict else Invalid)
            assert done.problems
            assert self._run(self._store.head()) == before
        else:
            assert not expected.conflict
            assert not expected.invalid
            self._follow()
            self._check_written(done, expected, before)

    async def _tried(self, change_set: ChangeSet) -> Written | Conflict | Invalid:
        try:
            return await self._door.write(change_set, actor="tester", authority=INITIALISATION)
        except (Conflict, Invalid) as refused:
            return refused

    def _check_written(self, written: Written, expected: Outcome, before: Head) -> None:
        assert written.head == self._reference.head
        if written.effects:
            assert written.head.revision == before.revision + 1
            assert written.created == expected.created
            self._check_new_state(expected)
        else:
            assert written.head == before
            assert expected.stands(self._reference.now, self._reference.now, before.revision)

    def _check_new_state(self, expected: Outcome) -> None:
        before, after = self._reference.states[-2:]
        assert expected.stands(before, after, self._reference.head.revision)
        fresh = [r.id for r in new_relationships(before, after)]
        last = max((i for state in self._reference.states[:-1] for i in state.relationships), default=-1)
        assert all(ident > last for ident in fresh)
        assert self._reference.commits[-1].header.time >= self._reference.commits[-2].header.time

    def _numbers(self) -> Counter[str]:
        return Counter(node.key.split("-")[0] for node in self._reference.now.nodes.values())

    @rule(minutes=st.integers(-90, 90))
    def the_clock_is_set(self, minutes: int) -> None:
        self._now: datetime = self._now + timedelta(minutes=minutes)

    @rule()
    def it_is_closed_and_opened_again(self) -> None:
        self._run(self._store.close())
        self._open()
        self._run(agree(self._store, self._reference))

    # -- reading -------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def look_as_of(self, data: st.DataObject) -> None:
        revision = data.draw(st.integers(0, self._reference.head.revision))
        self._run(agree(self._store, self._reference, [revision]))

    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        where = data.draw(strategies.filters(MODEL, strategies.seen(*self._reference.states[-3:])))
        sort = data.draw(strategies.sorts(MODEL))
        as_of = data.draw(st.none() | st.integers(1, self._reference.head.revision))
        expected = self._reference.find(where, sort, as_of)
        limit = data.draw(st.integers(1, 4))
        assert self._run(found(self._store, where, sort, as_of, limit)) == expected
        assert self._run(self._store.count(where, as_of)) == len(expected)

    @rule(data=st.data())
    def search(self, data: st.DataObject) -> None:
        known = strategies.seen(self._reference.now)
        there = [str(value) for name in ("name", "note", "tags", "key") for value in known.get(name, [])]
        text = data.draw(st.sampled_from(there) if there else strategies.text)
        if words(text):
            assert self._run(searched(self._store, text)) == self._reference.search(text)

    @rule(data=st.data())
    def tell_histories_and_relationships(self, data: st.DataObject) -> None:
        known = st.integers(0, len(self._reference.now.nodes))
        ordinal, ordinals = data.draw(known), data.draw(st.lists(known, max_size=4))
        assert self._run(self._store.history(ordinal)) == self._reference.history(ordinal)
        told = self._run(self._store.relationship_history(ordinal))
        assert told == self._reference.relationship_history(ordinal)
        direction = data.draw(st.sampled_from(Direction))
        as_of = data.draw(st.none() | st.integers(0, self._reference.head.revision))
        joined = self._run(self._store.relationships(ordinals, direction, as_of=as_of))
        assert joined == self._reference.relationships(ordinals, direction, as_of=as_of)

    # -- the end -------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._run(self._last_judgement())
        finally:
            self._run(self._store.close())
            self._runner.close()

    async def _last_judgement(self) -> None:
        """All that was said is compared, and the ledger is replayed into both kinds of store."""
        if not self._reference.commits:
            return
        await agree_wholly(self._store, self._reference)
        newest = self._reference.head.revision
        sampled = sorted({1, newest // 3, newest // 2, newest})
        digests = [await self._reference.digest(revision) for revision in sampled]
        assert [await digest(self._store, revision) for revision in sampled] == digests
        async with opened(await self._others.empty()) as copy:
            await _replay(self._store, copy)
            assert [await digest(copy, revision) for revision in sampled] == digests
            if self._places is not self._others:
                async with opened(await self._places.empty()) as back:
                    await _replay(copy, back)
                    assert [await digest(back, revision) for revision in sampled] == digests


async def _replay(origin: Store, copy: Store) -> None:
    async for commit in origin.commits():
        await copy.commit(commit)
    assert await copy.head() == await origin.head()
    assert await broken_links(copy.commits(), await copy.head()) == []


@pytest.mark.timeout(900)
def test_a_store_behind_its_door_lives_as_the_plain_model_does(places: Places, tmp_path: Path) -> None:
    others = SqlitePlaces(tmp_path / "copies") if places.shared else places
    (tmp_path / "copies").mkdir()

    class LifeHere(Life):
        def __init__(self) -> None:
            super().__init__(places, others)

    steps = settings().stateful_step_count
    run_state_machine_as_test(
        LifeHere,
        settings=settings(examples(places, one_in=6), stateful_step_count=steps // 2 if places.shared else steps),
    )
