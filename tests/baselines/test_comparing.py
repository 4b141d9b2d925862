"""What a comparison says is what the two states say, whatever happened in between."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.application.comparing import Side, compare_moments, compare_sides
from cmdb.baselines import Everything, Filtered
from cmdb.baselines.comparing import Change, Differences, FieldDifference, inverted
from cmdb.changeset import Link, Put, Retire, Unlink
from cmdb.errors import NotFound, Usage
from cmdb.projection.following import Follower
from cmdb.reading import parse_filter
from cmdb.store.port import Store
from tests import strategies
from tests.baselines.world import DB, SPARE, TICKET, WEB, Fields, Told, ToldEdges, a_site, told
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.places import Places
from tests.store.running import examples, on_a_store
from tests.writing.office import create

SCOPES = (
    None,
    "name contains e",
    "is Server and state = in_use",
    "related RUNS_ON to (state = in_use)",
    "not (related CONNECTED_TO from)",
)


def _fields(fields: tuple[FieldDifference, ...]) -> Fields:
    return {f.field: (f.before, f.after) for f in fields if not f.returned}


def _told(found: Differences) -> tuple[Told, ToldEdges]:
    nodes: Told = {
        n.node.ordinal: (n.change, _fields(n.fields)) for n in found.nodes if n.change is not Change.RETURNED
    }
    edges: ToldEdges = {
        (e.type, e.source.ordinal, e.target.ordinal, e.key): (e.change, _fields(e.fields))
        for e in found.relationships
        if e.change is not Change.RETURNED
    }
    return nodes, edges


def test_differences_are_those_of_the_states(places: Places) -> None:
    @examples(places)
    @given(strategies.histories(most_commits=6), st.sampled_from(SCOPES), st.data())
    def check(book: Book, text: str | None, data: st.DataObject) -> None:
        reference = book.reference
        moments = st.integers(1, reference.head.revision)
        one, other = data.draw(moments), data.draw(moments)

        async def look(store: Store) -> None:
            follower = Follower(store)
            scope = Everything() if text is None else Filtered(text)
            sides = [Side(str(revision), revision, scope, store, follower, revision) for revision in (one, other)]
            found = (await compare_sides(sides[0], sides[1])).differences
            where = None if text is None else parse_filter(text, MODEL)
            assert _told(found) == told(reference.at(one), reference.at(other), where)
            back = (await compare_sides(sides[1], sides[0])).differences
            assert _told(back) == told(reference.at(other), reference.at(one), where)
            assert inverted(back) == found
            assert found.same == (_told(found) == ({}, {}))
            for difference in found:
                assert set(difference.revisions) <= set(range(min(one, other) + 1, max(one, other) + 1))

        asyncio.run(on_a_store(places, book, look))

    check()


async def test_what_changed_and_came_back_is_told_apart_from_what_never_changed(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first")
        await site.write(Put(node=WEB, attributes={"count": 7}), Unlink(type="RUNS_ON", source=WEB, target=DB))
        await site.write(
            Put(node=WEB, attributes={"count": 2}),
            Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": 1}),
            reason="as it was",
        )
        await site.write(Put(node=TICKET, name="T-2"), create("Server", "brief"))
        brief = (await site.store.named(["brief"]))[0]
        await site.write(Retire(node=brief.ordinal))
        found = await compare_moments(site.application, "first", "now")
        assert found.differences.same
        [node], [edge] = found.differences.nodes, found.differences.relationships
        assert (node.node.ordinal, node.change, node.revisions) == (WEB, Change.RETURNED, (4, 5))
        assert node.fields == (FieldDifference("count", 2, 2, (4, 5)),)
        assert (edge.type, edge.change, edge.revisions) == ("RUNS_ON", Change.RETURNED, (4, 5))
        assert {r: (h.actor, h.authority, h.reason) for r, h in found.headers.items()} == {
            4: ("hand", "change:CHG-000001", ""),
            5: ("hand", "change:CHG-000001", "as it was"),
        }
        halfway = await compare_moments(site.application, "first", "4")
        assert [(one.change, one.fields) for one in halfway.differences.nodes] == [
            (Change.CHANGED, (FieldDifference("count", 2, 7, (4,)),))
        ]
        assert [one.change for one in halfway.differences.relationships] == [Change.REMOVED]


async def test_what_comes_into_the_scope_is_added_with_its_relationships(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.record("first", Filtered("is Server and (name = web or related RUNS_ON from)"))
        await site.write(Link(type="RUNS_ON", source=WEB, target=SPARE), Unlink(type="RUNS_ON", source=WEB, target=DB))
        found = (await compare_moments(site.application, "first", "now")).differences
        assert [(one.node.ordinal, one.change, one.moved) for one in found.nodes] == [
            (DB, Change.REMOVED, True),
            (SPARE, Change.ADDED, True),
        ]
        assert [(one.target.ordinal, one.change, one.moved) for one in found.relationships] == [
            (DB, Change.REMOVED, False),
            (SPARE, Change.ADDED, False),
        ]
        wider = (await compare_moments(site.application, "first", "now", Everything())).differences
        assert (wider.nodes, len(wider.relationships)) == ((), 2)


async def test_sides_are_baselines_revisions_instants_and_days(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        made = await site.record("first")
        await site.write(Put(node=WEB, name="web-2"))
        for text in ("first", made.key, "Baseline:first", made.node.id, "r2", "2", "2026-01-31T12:00:03Z"):
            found = (await compare_moments(site.application, text, "now")).differences
            assert [one.node.name for one in found.nodes] == ["web-2"], text
        assert (await compare_moments(site.application, "2026-02-01", "now")).differences.same
        with pytest.raises(Usage, match="no moment and no baseline"):
            await compare_moments(site.application, "nobody", "now")
        with pytest.raises(NotFound):
            await compare_moments(site.application, "Baseline:nobody", "now")
