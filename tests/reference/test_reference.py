"""The oracle and the strategies are held to a few answers that were worked out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmdb.filters import Compare, Direction, Lookup, Related, faults
from cmdb.nodes import LAST
from cmdb.store.port import Sort
from graph_schema.values import normalise
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL


def test_a_small_life_is_told_as_it_was() -> None:
    book = Book()
    book.commit()
    web, db = book.node(name="web", attributes={"count": 2}), book.node(name="db", attributes={"count": 10})
    cable = book.link(web, db, attributes={"speed": 1})
    book.commit()
    book.change(web, attributes={"count": None})
    book.relink(cable, {"speed": 10})
    book.commit()
    book.retire(db)
    book.commit()
    told = book.reference

    assert [(n.name, n.retired, n.attributes, n.version, n.since) for n in told.all_nodes()] == [
        ("web", False, {}, 2, 3),
        ("db", True, {"count": 10}, 2, 4),
    ]
    assert [(v.node.version, v.node.since, v.until) for v in told.history(web)] == [(1, 2, 3), (2, 3, LAST)]
    assert [(v.relationship.attributes, v.until) for v in told.relationship_history(db)] == [
        ({"speed": 1}, 3),
        ({"speed": 10}, 4),
    ]
    assert [n.name for n in told.find(Compare("count", Lookup.GT, 2), as_of=2)] == ["db"]
    assert [n.name for n in told.find(Related("CONNECTED_TO", Direction.OUT), as_of=3)] == ["web"]
    assert told.find(Related("CONNECTED_TO", Direction.OUT)) == []
    assert [n.name for n in told.find(Compare("retired", Lookup.EQ, False))] == ["web"]
    assert [n.name for n in told.find(Compare("name", Lookup.NE, ""), Sort("count"))] == ["db", "web"]
    assert [n.name for n in told.search("WE")] == ["web"]
    assert told.search("db") == []
    assert told.counters().numbers == {"SRV": 3}


@given(strategies.histories(), st.data())
def test_drawn_filters_can_be_asked_and_drawn_values_are_canonical(book: Book, data: st.DataObject) -> None:
    told = book.reference
    where = data.draw(strategies.filters(MODEL, strategies.seen(told.now)))
    assert faults(MODEL, where) == []
    for node in told.all_nodes():
        for name, value in node.attributes.items():
            assert normalise(MODEL.attributes[node.class_name][name], value) == value
