"""Whatever sources say: the order of their claims does not matter, and saying it again changes nothing."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.reconciliation.claims import Item, NodeClaim, Raw, RelationshipClaim, Where
from cmdb.reconciliation.plan import Plan
from tests.reconciliation.world import World, a_world, link, node

pytestmark = pytest.mark.timeout(600)
fewer = settings(settings(), max_examples=max(12, settings().max_examples // 4))
"""Each example writes several stores to disk."""

_keys = st.sampled_from([f"k{number}" for number in range(7)])
_names = st.sampled_from([f"name {number}" for number in range(5)])
_NONE: dict[str, st.SearchStrategy[Raw]] = {}
_tags: st.SearchStrategy[Raw] = st.lists(st.sampled_from(["a", "b"]), max_size=2).map(list[str | int | float | bool])
_attributes: st.SearchStrategy[dict[str, Raw]] = st.fixed_dictionaries(
    _NONE,
    optional={
        "tier": st.sampled_from(["gold", "silver", "iron"]),
        "count": st.integers(0, 3) | st.just("1"),
        "serial": st.sampled_from(["S1", "S2", "S3", "S4"]),
        "checked": st.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"]),
        "tags": _tags,
    },
)


@st.composite
def _nodes(draw: st.DrawFn) -> NodeClaim:
    class_name = draw(st.sampled_from(["Server", "Server", "VirtualServer"]))
    state = draw(st.sampled_from([None, None, None, "in_use", "ordered", "under_change"]))
    return node(draw(_keys), class_name, draw(_names), state, said=draw(_attributes))


@st.composite
def _links(draw: st.DrawFn, ends: st.SearchStrategy[str]) -> RelationshipClaim:
    kind = draw(st.sampled_from(["RUNS_ON", "RUNS_ON", "CONNECTED_TO"]))
    attributes = (
        {"speed": draw(st.integers(1, 2))}
        if kind == "CONNECTED_TO"
        else draw(st.sampled_from([{}, {}, {"port": 1}, {"port": 2}]))
    )
    return link(draw(ends), draw(ends), kind, draw(st.sampled_from(["", "", "b"])), said=attributes)


@st.composite
def _drawn(draw: st.DrawFn) -> list[Item]:
    """Mostly sensible input; sometimes keys stand twice, or ends lead nowhere."""
    sensible = draw(st.integers(0, 3)) > 0
    nodes = draw(
        st.lists(_nodes(), max_size=8, unique_by=(lambda n: n.source_key, lambda n: n.name) if sensible else None)
    )
    known = [claim.source_key for claim in nodes]
    links = draw(st.lists(_links(st.sampled_from(known) if sensible and known else _keys), max_size=8 if known else 1))
    if sensible:
        links = list({(e.type, e.source, e.target, e.key): e for e in links}.values()) if known else []
    items: list[Item] = [*nodes, *links]
    return [msgspec.structs.replace(item, where=Where("estate.csv", row)) for row, item in enumerate(items, start=1)]


_inputs = _drawn()
_Steps = list[tuple[str, list[Item]]]
_steps: st.SearchStrategy[_Steps] = st.lists(st.tuples(st.sampled_from(["a", "b"]), _inputs), min_size=1, max_size=3)


def _shown(plan: Plan) -> tuple[object, ...]:
    """All that a plan would do, without the places that its rows come from."""
    create = [(c.source_key, c.class_name, c.name, c.state, c.then, c.said) for c in plan.create]
    update = [(u.ordinal, u.changes) for u in plan.update]
    links = [(e.type, e.from_node, e.to_node, e.key, sorted(e.attributes.items())) for e in plan.link]
    relink = sorted((r.id, r.changes) for r in plan.relink)
    unlink = sorted(u.id for u in plan.unlink)
    retire = [(r.ordinal, r.state) for r in plan.retire]
    messages = sorted(_unplaced(m.message) for m in plan.messages)
    if any("stands twice" in message for message in messages):
        messages = []  # what else is said depends on which of the two rows came first
    return create, update, links, relink, unlink, retire, messages


def _unplaced(message: str) -> str:
    return re.sub(r"estate\.csv(:\d+)?", "…", message)


async def _take_in(world: World, steps: Sequence[tuple[str, Sequence[Item]]]) -> None:
    for source, items in steps:
        await world.take_in(source, *items, skip_errors=True)


@fewer
@given(_steps, st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_matter(steps: _Steps, random: Random) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_world(Path(folder) / "1.db") as one, a_world(Path(folder) / "2.db") as other:
                for source, items in steps:
                    mixed = list(items)
                    random.shuffle(mixed)
                    assert _shown(await one.plan(source, items)) == _shown(await other.plan(source, mixed))
                    await _take_in(one, [(source, items)])
                    await _take_in(other, [(source, mixed)])
                    assert await one.digest() == await other.digest()

    asyncio.run(check())


@fewer
@given(_steps)
def test_what_was_taken_in_is_an_empty_plan(steps: _Steps) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_world(Path(folder) / "store.db") as world:
                for source, items in steps:
                    first = await world.take_in(source, *items, skip_errors=True)
                    if first.errors:
                        continue  # what was left out may make sense on what was taken in
                    head = await world.store.head()
                    for again in (items, list(reversed(items))):
                        plan = await world.plan(source, again)
                        assert plan.empty
                        assert (list(plan.keep), list(plan.keep_links), list(plan.drop), list(plan.drop_links)) == (
                            [],
                            [],
                            [],
                            [],
                        )
                        await world.apply(plan, skip_errors=True)
                    assert await world.store.head() == head

    asyncio.run(check())


@fewer
@given(_inputs, _inputs)
def test_one_source_alone_has_its_way(before: list[Item], after: list[Item]) -> None:
    """Taking in `after` on top of `before` gives what `after` alone gives, if both make sense."""

    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_world(Path(folder) / "1.db") as one, a_world(Path(folder) / "2.db") as other:
                if (await one.plan("s", before)).messages or (await one.plan("s", after)).messages:
                    return
                await _take_in(one, [("s", before)])
                if (await one.plan("s", after)).messages:
                    return
                await _take_in(one, [("s", after)])
                await _take_in(other, [("s", after)])
                assert await _live(one) == await _live(other)

    asyncio.run(check())


async def _live(world: World) -> tuple[object, ...]:
    nodes = {n.ordinal: n for n in await world.nodes() if not n.retired}
    links = [
        (r.type, nodes[r.source].name, nodes[r.target].name, r.key, sorted(r.attributes.items()))
        for r in await world.relationships()
    ]
    return sorted((n.class_name, n.name, sorted(n.attributes.items())) for n in nodes.values()), sorted(links)
