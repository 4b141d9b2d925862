"""What the plain reference says, GraphQL says: filters, pages and moments, whatever the filter, order and page size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cmdb.filters import And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related
from tests import strategies
from tests.api.estate import Desk, Loop, at, items, standing, state_of
from tests.reference.graph import State, in_order
from tests.reference.model import MODEL

LIST = """query ($where: FilterInput, $sort: SortInput, $first: Int!, $after: String, $asOf: String) {
    nodes(where: $where, sort: $sort, first: $first, after: $after, asOf: $asOf, includeRetired: true) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { key } } } }"""

RELATED = """query ($ref: String!, $direction: Direction!, $first: Int!, $after: String, $asOf: String) {
    node(ref: $ref, asOf: $asOf) { relationships(direction: $direction, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } edges { cursor node { key } relationship { id } } } } }"""

WORDS = {Lookup.STARTS_WITH: "startsWith", Lookup.ENDS_WITH: "endsWith"}
REVISIONS = (2, 3, 4)


@dataclass
class Library:
    """A furnished estate that is only read, and its states as plain values."""

    loop: Loop
    desk: Desk
    states: dict[int, State]

    def pages(self, query: str, path: tuple[str, ...], **variables: object) -> Iterator[object]:
        """Every page of a connection, each asked for after the one before."""
        after: object = None
        for _ in range(100):
            page = self.loop.run(self.desk.ask(query, *path, after=after, **variables))
            yield page
            after = at(page, "pageInfo", "endCursor")
            if not at(page, "pageInfo", "hasNextPage"):
                return
        raise AssertionError("the pages do not end")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with standing(tmp_path_factory.mktemp("estate")) as (loop, desk):
        store = desk.application.store
        yield Library(loop, desk, {revision: loop.run(state_of(store, revision)) for revision in REVISIONS})


@pytest.fixture(scope="module")
def known(library: Library) -> strategies.Seen:
    return strategies.seen(*library.states.values())


def as_input(where: Filter) -> dict[str, object]:
    """A filter in GraphQL's words."""
    match where:
        case And(parts):
            return {"AND": [as_input(part) for part in parts]}
        case Or(parts):
            return {"OR": [as_input(part) for part in parts]}
        case Not(part):
            return {"NOT": as_input(part)}
        case IsA(name):
            return {"isA": name}
        case Related(kind, direction, inner):
            related: dict[str, object] = {"type": kind, "direction": direction.name}
            return {"related": related if inner is None else {**related, "where": as_input(inner)}}
        case Compare(name, lookup, value):
            given = list(value) if isinstance(value, tuple) else value
            return {"field": name, WORDS.get(lookup, lookup.value): given}


@given(data=st.data(), revision=st.sampled_from(REVISIONS), first=st.integers(1, 4))
def test_a_filtered_list_is_the_references_in_pages(
    library: Library, known: strategies.Seen, data: st.DataObject, revision: int, first: int
) -> None:
    where = data.draw(strategies.filters(MODEL, known))
    sort = data.draw(strategies.sorts(MODEL))
    expected = [n.key for n in in_order(MODEL, library.states[revision].matching(where), sort)]

    pages = list(
        library.pages(
            LIST,
            ("nodes",),
            where=as_input(where),
            sort={"field": sort.field, "descending": sort.descending},
            first=first,
            asOf=f"r{revision}",
        )
    )

    assert [key for page in pages for key in items(at(page, "edges", "*", "node", "key"))] == expected
    assert {at(page, "totalCount") for page in pages} == {len(expected)}
    assert all(len(items(at(page, "edges"))) == first for page in pages[:-1])
    assert [at(page, "pageInfo", "hasPreviousPage") for page in pages] == [False] + [True] * (len(pages) - 1)
    for page in pages:
        cursors = items(at(page, "edges", "*", "cursor"))
        assert at(page, "pageInfo", "startCursor") == (cursors[0] if cursors else None)


@given(where=st.data())
def test_the_present_is_the_newest_revision(library: Library, known: strategies.Seen, where: st.DataObject) -> None:
    wanted = as_input(where.draw(strategies.filters(MODEL, known)))
    now, then = (
        library.loop.run(library.desk.ask(LIST, where=wanted, first=50, asOf=moment)) for moment in (None, "r4")
    )
    assert now == then


@given(
    ordinal=st.integers(0, 6),
    direction=st.sampled_from(Direction),
    first=st.integers(1, 3),
    revision=st.sampled_from(REVISIONS),
)
@example(ordinal=4, direction=Direction.IN, first=1, revision=4)
def test_relationships_are_the_references_in_pages(
    library: Library, ordinal: int, direction: Direction, first: int, revision: int
) -> None:
    state = library.states[revision]
    node = state.nodes[ordinal]
    mine = [r for _, r in sorted(state.relationships.items()) if _here(r.source, r.target, direction) == ordinal]
    expected = [(str(r.id), state.nodes[_here(r.target, r.source, direction)].key) for r in mine]

    pages = list(
        library.pages(
            RELATED,
            ("node", "relationships"),
            ref=node.key,
            direction=direction.name,
            first=first,
            asOf=f"r{revision}",
        )
    )

    found = [
        (at(edge, "relationship", "id"), at(edge, "node", "key")) for page in pages for edge in items(at(page, "edges"))
    ]
    assert found == expected
    assert {at(page, "totalCount") for page in pages} == {len(expected)}


@pytest.mark.parametrize(
    ("moment", "name", "state"),
    [
        ("2", "web", "in_use"),
        ("r3", "web-1", "under_change"),
        ("2026-02-01", "web", "in_use"),
        ("2026-02-02T11:59:59Z", "web", "in_use"),
        ("2026-02-02T20:00:00+08:00", "web-1", "under_change"),
        (None, "web-1", "under_change"),
    ],
)
def test_a_node_is_read_as_of_a_moment(library: Library, moment: str | None, name: str, state: str) -> None:
    query = 'query ($at: String) { node(ref: "SRV-000001", asOf: $at) { name state } }'
    assert library.loop.run(library.desk.ask(query, "node", at=moment)) == {"name": name, "state": state}


def _here(out: int, into: int, direction: Direction) -> int:
    return out if direction is Direction.OUT else into
