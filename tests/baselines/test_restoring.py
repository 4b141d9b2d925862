"""The way back: what is planned leads back to the baseline when it is carried out, but for what it says it cannot."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from cmdb.application import open_application
from cmdb.application.comparing import Side, compare_sides
from cmdb.application.restoring import RestorePlan, lead_back, restore_plan
from cmdb.baselines import Everything, Filtered
from cmdb.baselines.comparing import Change, Differences
from cmdb.changeset import Link, Put, Retire, Unlink
from cmdb.store.port import Store
from cmdb.writing import Door
from tests import strategies
from tests.baselines.world import DB, SHOP, SPARE, WEB, Authorised, Site, a_site
from tests.reference.book import Book
from tests.store.places import Places
from tests.store.running import examples, on_a_store
from tests.writing.office import create, ticking

SCOPES = (Everything(), Filtered("name contains e"), Filtered("is Server and state = in_use"))


def _left(found: Differences) -> set[str]:
    """What is still different, as a plan names it."""
    nodes = {one.node.key for one in found.nodes if one.change is not Change.RETURNED}
    return nodes | {
        f"{one.source.key} —{one.type}{f' [{one.key}]' if one.key else ''}→ {one.target.key}"
        for one in found.relationships
        if one.change is not Change.RETURNED
    }


def _ends(subject: str) -> tuple[str, str]:
    """The keys of the ends of a relationship: one that belongs to a node which cannot be led back stays out with it."""
    source, _, rest = subject.partition(" —")
    return source, rest.rpartition("→ ")[2]


async def _since(site: Site, before: Side) -> Differences:
    revision = (await site.store.head()).revision
    follower = site.application.follower
    after = Side("now", revision, before.scope, site.store, follower, revision)
    return (await compare_sides(before, after)).differences


async def _carry_out(site: Site, plan: RestorePlan) -> None:
    await site.write(*plan.operations)


def test_carried_out_only_the_impossible_is_left(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(most_commits=5), st.sampled_from(SCOPES), st.data())
    def check(book: Book, scope: Everything | Filtered, data: st.DataObject) -> None:
        revision = data.draw(st.integers(1, book.reference.head.revision))

        async def look(store: Store) -> None:
            application = await open_application(store.url)
            try:
                site = Site(application, Door(application.store, gate=Authorised(), clock=ticking()))
                before = Side("then", revision, scope, site.store, application.follower, revision)
                plan = await lead_back(application, before)
                await _carry_out(site, plan)
                impossible = {one.subject for one in plan.impossible}
                left = _left(await _since(site, before))
                assert {one for one in left if impossible.isdisjoint({one, *_ends(one)})} == set()
            finally:
                await application.close()

        asyncio.run(on_a_store(places, book, look))

    check()


async def test_what_was_altered_added_and_unlinked_is_led_back(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first")
        await site.write(
            Put(node=WEB, name="web-2", attributes={"count": 9, "note": None, "tier": "gold"}),
            Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": 2}),
            Unlink(type="BACKED_BY", source=SHOP, target=WEB),
            Link(type="BACKED_BY", source=SHOP, target=SPARE),
            create("Server", "late"),
        )
        plan = await restore_plan(site.application, "first")
        assert plan.impossible == ()
        assert plan.revision == (await site.store.head()).revision
        late = (await site.store.named(["late"]))[0].ordinal
        assert plan.touches == (SHOP, WEB, late)
        await _carry_out(site, plan)
        assert _left(await _since(site, plan.before)) == set()
        web = await site.node(WEB)
        assert (web.name, web.attributes["count"], "tier" in web.attributes) == ("web", 2, False)
        assert len((await restore_plan(site.application, "first")).operations) == 0


async def test_what_is_retired_cannot_come_back_but_be_replaced(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first")
        db = await site.node(DB)
        await site.write(Retire(node=DB))
        plan = await restore_plan(site.application, "first")
        assert len(plan.operations) == 0
        web = await site.node(WEB)
        assert [one.subject for one in plan.impossible] == [db.key, f"{web.key} —RUNS_ON→ {db.key}"]
        assert "cannot come back" in plan.impossible[0].reason
        assert "--replace" in plan.impossible[0].instead
        plan = await restore_plan(site.application, "first", replace_retired=True)
        assert [one.subject for one in plan.impossible] == [db.key]
        await _carry_out(site, plan)
        [new] = [node for node in await site.store.named(["db"]) if not node.retired]
        assert (new.attributes, new.class_name) == (db.attributes, db.class_name)
        [edge] = await site.store.joined([("RUNS_ON", WEB, new.ordinal, "")])
        assert edge.attributes == {"port": 1}


async def test_a_state_that_cannot_be_gone_back_to_is_said(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.write(create("Server", "new", state="ordered"))
        await site.record("first")
        new = (await site.store.named(["new"]))[0]
        await site.write(Put(node=new.ordinal, state="in_use", attributes={"count": 1}))
        plan = await restore_plan(site.application, "first")
        assert [(one.subject, one.reason) for one in plan.impossible] == [
            (new.key, "its state cannot go from in_use to ordered")
        ]
        await _carry_out(site, plan)
        restored = await site.node(new.ordinal)
        assert (restored.state, restored.attributes) == ("in_use", {})


async def test_a_part_is_led_back_and_the_rest_stays(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first")
        await site.write(Put(node=WEB, attributes={"count": 9}), Put(node=DB, attributes={"count": 9}))
        plan = await restore_plan(site.application, "first", "name = web")
        assert plan.touches == (WEB,)
        await _carry_out(site, plan)
        assert ((await site.node(WEB)).attributes["count"], (await site.node(DB)).attributes["count"]) == (2, 9)


async def test_what_the_door_refuses_is_impossible_for_its_reason(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first")
        await site.write(Put(node=DB, attributes={"serial": None}), Put(node=SPARE, attributes={"serial": "S-1"}))
        plan = await restore_plan(site.application, "first", "name = db")
        assert [one.subject for one in plan.impossible] == [(await site.node(DB)).key]
        assert "is held by" in plan.impossible[0].reason
        assert len(plan.operations) == 0


async def test_what_left_the_scope_is_led_back_with_what_it_was_linked_to_meanwhile(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first", Filtered("is Server and state = in_use"))
        await site.write(Put(node=WEB, state="under_change"), Put(node=DB, state="under_change"))
        await site.write(
            Link(type="CONNECTED_TO", source=WEB, target=DB, attributes={"speed": 1}),
            Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": 2}),
        )
        plan = await restore_plan(site.application, "first")
        await _carry_out(site, plan)
        assert (plan.impossible, _left(await _since(site, plan.before))) == ((), set())
        assert await site.store.joined([("CONNECTED_TO", WEB, DB, "")]) == []
