"""What is particular to the graph on Neo4j: what people see in it, the text they find, and impact asked in Cypher."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neo4j import Driver

from cmdb.errors import Invalid
from cmdb.store.neo4j import Neo4jStore, open_neo4j
from cmdb.store.neo4j.cypher import name
from cmdb.store.neo4j.text import HEAD, kept, order_key
from cmdb.store.neo4j.text import given as as_given
from cmdb.store.neo4j.traversal import Towards, reachable, reached
from graph_schema.metamodel import DependentEnd
from tests.reference.book import Book
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import Pair
from tests.store.places import opened
from tests.strategies import text


@given(st.lists(text | st.text(max_size=4)))
def test_order_keys_order_text_by_utf16_units_as_python_does_by_characters(texts: list[str]) -> None:
    by_key = sorted(texts, key=lambda t: order_key(t).encode("utf-16-be"))
    assert by_key == sorted(texts) == sorted(texts, key=order_key)
    assert len({order_key(t) for t in texts}) == len(set(texts))


@given(st.dictionaries(st.sampled_from(["name", "note", "count"]), text | st.integers() | st.text(min_size=HEAD)))
def test_what_is_kept_is_short_and_what_was_given_comes_back(properties: dict[str, str | int]) -> None:
    beside = kept(properties)
    assert as_given(beside) == properties
    assert all(len(str(beside[key]).encode()) <= 4 * HEAD for key in properties)


@pytest.mark.parametrize("bad", ["", "a`b", "a b", "a-b", "1a", "é", "a" * 101, "a\n", "a) DETACH DELETE (n"])
def test_only_names_get_into_statements(bad: str) -> None:
    with pytest.raises(Invalid):
        name(bad)


@pytest.mark.neo4j
async def test_people_find_a_natural_graph(neo4j_graph: str, neo4j_driver: Driver) -> None:
    async with opened(neo4j_graph) as store:
        pair = Pair(store)
        service, server = (
            pair.book.node("Service", "shop"),
            pair.book.node("VirtualServer", "web", attributes={"count": 3}),
        )
        ticket = pair.book.node("Ticket", "broken")
        pair.book.link(service, server, "RUNS_ON", attributes={"port": 443, "protocols": ("tcp",)})
        pair.book.link(ticket, server, "ABOUT")
        await pair.commit()
        pair.book.change(server, attributes={"count": 4})
        await pair.commit()
    records = neo4j_driver.execute_query(
        "MATCH (s:CI:Service)-[r:RUNS_ON]->(v:CI:VirtualServer {count: 4})<-[:ABOUT]-(t:Record:Ticket) "
        "RETURN s.name, r.port, r.protocols, v.name, v.version, t.key"
    ).records
    assert [tuple(r) for r in records] == [("shop", 443, ["tcp"], "web", 2, "TCK-000001")]
    alone = neo4j_driver.execute_query("MATCH (n:Node) RETURN count(n), count(DISTINCT n.id)").records
    assert tuple(alone[0]) == (3, 3)
    inner = neo4j_driver.execute_query(
        "MATCH (n) WHERE NOT n:Node UNWIND labels(n) AS label RETURN collect(DISTINCT label), count{(n)--()}"
    ).records
    assert all(label.startswith("_") for record in inner for label in record[0])
    assert all(record[1] == 0 for record in inner)


@pytest.mark.neo4j
async def test_a_model_brings_its_indexes(neo4j_graph: str, neo4j_driver: Driver) -> None:
    async with opened(neo4j_graph) as store:
        await Pair(store).commit()
    shown = neo4j_driver.execute_query(
        "SHOW INDEXES YIELD name, state WHERE name STARTS WITH 'cmdb_' RETURN name, state"
    ).records
    states = {record["name"]: record["state"] for record in shown}
    asked = {
        a.name for attributes in MODEL.attributes.values() for a in attributes.values() if a.indexed and not a.many
    }
    assert asked
    assert {f"cmdb_attribute_{attribute}" for attribute in asked} <= states.keys()
    assert set(states.values()) == {"ONLINE"}


def _distances(
    reference: Reference, sources: Sequence[int], towards: Towards, types: Sequence[str] | None
) -> dict[int, int]:
    """Breadth first over the plain relationships."""
    ends = {t.name: t.dependency.dependent for t in MODEL.dependency_types if t.dependency}
    steps: dict[int, set[int]] = {}
    for r in reference.now.relationships.values():
        if r.type in ends and (types is None or r.type in types):
            pair = (r.source, r.target) if ends[r.type] is DependentEnd.FROM else (r.target, r.source)
            dependent, provider = pair
            here, there = (provider, dependent) if towards is Towards.DEPENDENTS else (dependent, provider)
            steps.setdefault(here, set()).add(there)
    distance = {source: 0 for source in sources if source in reference.now.nodes}
    frontier = set(distance)
    while frontier:
        level = {there for here in frontier for there in steps.get(here, ())} - distance.keys()
        distance |= dict.fromkeys(level, max(distance.values()) + 1)
        frontier = level
    return distance


@st.composite
def _dependencies(draw: st.DrawFn) -> Book:
    book = Book()
    nodes = [book.node(draw(st.sampled_from(["Server", "Service"]))) for _ in range(draw(st.integers(1, 12)))]
    links = st.tuples(
        st.sampled_from(nodes),
        st.sampled_from(nodes),
        st.sampled_from(["RUNS_ON", "BACKED_BY", "FEEDS", "CONNECTED_TO"]),
    )
    for source, target, kind in draw(st.lists(links, max_size=30, unique=True)):
        book.link(source, target, kind)
    book.commit()
    return book


@pytest.mark.neo4j
def test_cypher_reaches_what_a_breadth_first_search_reaches(neo4j_graph: str, neo4j_driver: Driver) -> None:
    from tests.neo4j_server import wipe

    async def look(book: Book, sources: list[int], types: list[str] | None) -> None:
        wipe(neo4j_driver, schema=False)
        store: Neo4jStore = await open_neo4j(neo4j_graph)
        try:
            for commit in book.reference.commits:
                await store.commit(commit)
            for towards in Towards:
                expected = _distances(book.reference, sources, towards, types)
                found = await reached(store, sources, towards, types)
                assert dict(zip(found.ordinals.tolist(), found.distance.tolist(), strict=True)) == expected
                order = list(zip(found.distance.tolist(), found.ordinals.tolist(), strict=True))
                assert order == sorted(order)
                assert (await reachable(store, sources, towards, types)).tolist() == sorted(expected)
        finally:
            await store.close()

    @settings(max_examples=12, deadline=None)
    @given(
        _dependencies(),
        st.lists(st.integers(0, 13), min_size=1, max_size=4),
        st.sampled_from([None, ["RUNS_ON"], ["RUNS_ON", "BACKED_BY"], ["FEEDS"], []]),
    )
    def check(book: Book, sources: list[int], types: list[str] | None) -> None:
        asyncio.run(look(book, sources, types))

    check()
