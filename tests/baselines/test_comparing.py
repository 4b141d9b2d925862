"""What a comparison says is what the two states say, whatever happened in between."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from cmdb.application.comparing import Side, compare_sides
from cmdb.baselines import Everything, Filtered
from cmdb.baselines.comparing import Change, Differences, FieldDifference, inverted
from cmdb.projection.following import Follower
from cmdb.reading import parse_filter
from cmdb.store.port import Store
from tests import strategies
from tests.baselines.world import Fields, Told, ToldEdges, told
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.places import Places
from tests.store.running import examples, on_a_store

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
