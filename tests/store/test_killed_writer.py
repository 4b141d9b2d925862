"""A writer killed with -9 leaves no torn commit, and loses none that was acknowledged.

`CMDB_KILLS` sets how often it is killed (30).
"""

from __future__ import annotations

import os
import random
import time

import pytest

from cmdb.clock import system_clock
from cmdb.ledger import broken_links
from cmdb.store.port import Store
from cmdb.writing import found
from tests.reference.book import ESTATE
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import agree, digest, gathered
from tests.store.places import Places, opened
from tests.store.writer import SOURCE, Said, claim_of, started, write_on

KILLS = int(os.environ.get("CMDB_KILLS", "30"))


@pytest.mark.timeout(300 + 20 * KILLS)
async def test_a_killed_writer_leaves_whole_commits(places: Places) -> None:
    url = await places.empty()
    reference = Reference()
    chance = random.Random(2026)  # noqa: S311 - repeatable, no secret
    async with opened(url) as store:
        await found(store, MODEL, estate=ESTATE, actor="tester", clock=system_clock)
    for seed in range(KILLS):
        said = _killed(url, seed, patience=chance.randrange(4), delay=chance.uniform(0, 0.06))
        async with opened(url) as store:
            async for commit in store.commits(reference.head.revision):
                reference.commit(commit)
            await _is_whole(store, reference, said)
    async with opened(url) as store:
        newest = reference.head.revision
        await agree(store, reference, [1, newest // 3, newest // 2, newest - 1])
    assert reference.head.revision > KILLS


def _killed(url: str, seed: int, patience: int, delay: float) -> list[Said]:
    """Start a writer, kill it so many seconds after so many commits, and give all that it said."""
    said: list[Said] = []
    with started(write_on, url, seed) as writer:
        while len(said) <= patience:
            this = writer.hear()
            assert this is not None, "the writer ended by itself"
            said.append(this)
        time.sleep(delay)
        writer.kill()
        while (this := writer.hear()) is not None:
            said.append(this)
        assert writer.wait() == -9
    return said


async def _is_whole(store: Store, reference: Reference, said: list[Said]) -> None:
    assert await broken_links(store.commits(), await store.head()) == []
    assert {(s.revision, s.hash) for s in said if s.revision} <= {(c.revision, c.hash) for c in reference.commits}
    await agree(store, reference)
    assert await digest(store) == await reference.digest()
    newest = [c for c in await gathered(store.claims(SOURCE)) if c.source_key == "newest"]
    assert newest == ([claim_of(reference.head.revision)] if reference.head.revision > 1 else [])
