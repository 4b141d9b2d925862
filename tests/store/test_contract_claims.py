"""The contract: what each source says is kept apart, and goes in with the commit that it led to, or not at all."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from cmdb.errors import Conflict
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState, Store
from cmdb.store.runs import run_claim
from tests.store.pair import Pair, agree, gathered

SEEN = "2026-01-31T12:00:00.000000Z"


def claim(key: str, bound_to: int = 0, kind: ClaimKind = ClaimKind.NODE, body: bytes = b'{"a":1}') -> Claim:
    return Claim(
        source_key=key, kind=kind, bound_to=bound_to, digest=key.encode()[:16].ljust(16, b"."), body=body, seen=SEEN
    )


def state(source: str, revision: int = 1) -> SourceState:
    return SourceState(source=source, format="workbook", digest="d" * 64, revision=revision, seen=SEEN)


async def _claims(store: Store, source: str) -> list[Claim]:
    return sorted(await gathered(store.claims(source)), key=lambda c: (c.kind, c.source_key))


async def test_claims_are_kept_replaced_and_dropped(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    first, second, edge = claim("a"), claim("b", 1), claim("a", 7, ClaimKind.RELATIONSHIP)
    await store.keep_claims(ClaimChanges(source="netbox", put=(first, second, edge)))
    assert await _claims(store, "netbox") == [first, second, edge]
    newer = msgspec.structs.replace(
        first, body=b'{"a":2}', digest=b"n" * 16, bound_to=5, seen="2026-02-01T00:00:00.000001Z"
    )
    dropped = ((ClaimKind.NODE, "b"), (ClaimKind.NODE, "never there"))
    await store.keep_claims(ClaimChanges(source="netbox", put=(newer,), drop=dropped))
    assert await _claims(store, "netbox") == [newer, edge]
    assert await _claims(store, "another") == []


async def test_sources_do_not_overwrite_each_other(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    for source in ("netbox", "compose", "o'ne %_服务"):
        await store.keep_claims(
            ClaimChanges(source=source, put=(claim("a", body=source.encode()),), state=state(source))
        )
    for source in ("netbox", "compose", "o'ne %_服务"):
        assert [c.body for c in await _claims(store, source)] == [source.encode()]
    assert [s.source for s in await store.sources()] == sorted(("netbox", "compose", "o'ne %_服务"))
    said = (await store.claims_on(ClaimKind.NODE, [0]))[0]
    assert sorted(source for source, _ in said) == sorted(("netbox", "compose", "o'ne %_服务"))


async def test_claims_are_found_by_what_they_are_bound_to(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    node, same, other, edge = claim("a", 3), claim("b", 3), claim("c", 4), claim("e", 3, ClaimKind.RELATIONSHIP)
    await store.keep_claims(ClaimChanges(source="netbox", put=(node, other, edge)))
    await store.keep_claims(ClaimChanges(source="compose", put=(same,)))
    found = await store.claims_on(ClaimKind.NODE, [3, 99])
    assert set(found) == {3}
    assert dict(found[3]) == {"netbox": node, "compose": same}
    assert (await store.claims_on(ClaimKind.RELATIONSHIP, [3, 4])) == {3: [("netbox", edge)]}
    assert not await store.claims_on(ClaimKind.NODE, [])


async def test_a_source_remembers_how_far_it_was_taken_in(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    assert await store.source_state("netbox") is None
    await store.keep_claims(ClaimChanges(source="netbox", state=state("netbox")))
    await store.keep_claims(ClaimChanges(source="compose", state=state("compose", 2)))
    later = state("netbox", 3)
    await store.keep_claims(ClaimChanges(source="netbox", state=later))
    assert await store.source_state("netbox") == later
    assert await store.sources() == [state("compose", 2), later]


async def test_claims_go_in_with_their_commit(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    ordinal = pair.book.node()
    await store.commit(
        pair.book.commit(), ClaimChanges(source="netbox", put=(claim("a", ordinal),), state=state("netbox", 2))
    )
    assert await _claims(store, "netbox") == [claim("a", ordinal)]
    assert await store.source_state("netbox") == state("netbox", 2)
    await agree(store, pair.reference)


async def test_claims_stay_out_with_a_refused_commit(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    await store.keep_claims(ClaimChanges(source="netbox", put=(claim("a"), claim("b")), state=state("netbox")))
    changes = ClaimChanges(source="netbox", put=(claim("c"),), drop=((ClaimKind.NODE, "a"),), state=state("netbox", 9))
    with pytest.raises(Conflict):
        await store.commit(pair.reference.commits[0], changes)
    assert await _claims(store, "netbox") == [claim("a"), claim("b")]
    assert await store.source_state("netbox") == state("netbox")


async def test_many_claims_come_back_whatever_they_say(pair: Pair) -> None:
    store = pair.store
    await pair.commit()
    bodies = [b"", b"{}", b"\x00\xff", "'\"%_\\ 服务😀".encode(), b"x" * 200_000]
    many = [claim(f"k'%{n:05}服", n, body=bodies[n % 5] if n < 50 else b"{}") for n in range(6_000)]
    await store.keep_claims(ClaimChanges(source="s", put=tuple(many)))
    assert await _claims(store, "s") == many


async def test_claims_that_say_nothing_more_are_kept_alike(pair: Pair) -> None:
    """Relationships by the run, cut, replaced and put back, beside claims on them that do say more."""
    store, some = pair.store, Random(20)  # noqa: S311 - claims, no secrets
    await pair.commit()
    expected: dict[str, dict[str, Claim]] = {"a": {}, "b": {}}
    for turn in range(40):
        source, seen = some.choice("ab"), f"2026-02-01T00:00:00.{turn % 3:06}Z"
        put: list[Claim] = []
        for first in some.sample(range(300), some.randrange(4)):
            put += [run_claim(ident, seen) for ident in range(first, first + some.choice((1, 5, 120)))]
        for ident in some.sample(range(300), some.randrange(6)):
            put.append(claim(str(ident), ident, ClaimKind.RELATIONSHIP, body=some.choice((b"", b"{}"))))
        drop = tuple((ClaimKind.RELATIONSHIP, str(ident)) for ident in some.sample(range(420), some.randrange(12)))
        await store.keep_claims(ClaimChanges(source=source, put=tuple(put), drop=drop))
        for _, key in drop:
            expected[source].pop(key, None)
        expected[source] |= {c.source_key: c for c in put}
        there = {c.source_key: c for c in await _claims(store, source)}
        assert there == expected[source]
    wanted = some.sample(range(420), 60)
    found = await store.claims_on(ClaimKind.RELATIONSHIP, wanted)
    assert found == {
        ident: on_it
        for ident in wanted
        if (on_it := [(source, expected[source][str(ident)]) for source in "ab" if str(ident) in expected[source]])
    }
