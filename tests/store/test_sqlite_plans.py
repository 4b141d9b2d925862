"""On SQLite, what is looked up is looked up in an index: the plans that the database makes of our statements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from cmdb.filters import LIVE, And, Compare, Direction, Filter, IsA, Lookup, Related
from cmdb.store.sqlite import open_sqlite
from cmdb.store.sqlite.compiling import Compiler, nodes_table
from cmdb.store.sqlite.values import value_codes
from tests.reference.book import Book
from tests.reference.model import MODEL

BY_VALUE = "SEARCH v USING PRIMARY KEY (attribute=? AND value"


@pytest.fixture
async def database(tmp_path: Path) -> apsw.Connection:
    """The file of a store with a few nodes."""
    book = Book()
    for number in range(3):
        book.node(attributes={"serial": f"S{number}"})
    store = open_sqlite(tmp_path / "store.db", create=True)
    await store.commit(book.commit())
    await store.close()
    return apsw.Connection(str(tmp_path / "store.db"))


def steps(database: apsw.Connection, where: Filter, as_of: int | None = None) -> Iterator[str]:
    """What the database would do to find the nodes that a filter accepts."""
    codes = dict(database.execute("SELECT name, code FROM relationship_type").fetchall())
    compiler = Compiler(MODEL, codes, value_codes(database), as_of)
    accepted = compiler.where(where)
    plan = database.execute(
        f"EXPLAIN QUERY PLAN SELECT n.* FROM {nodes_table(as_of)} AS n WHERE {accepted} ORDER BY n.ordinal",
        compiler.parameters,
    )
    return (str(step[3]) for step in plan)


LOOK_UPS = [
    Compare("serial", Lookup.EQ, "S1"),
    Compare("serial", Lookup.IN, ("S1", "S2")),
    Compare("serial", Lookup.LT, "S1"),
    Compare("serial", Lookup.GTE, "S1"),
    Compare("serial", Lookup.STARTS_WITH, "S"),
]


@pytest.mark.parametrize("where", LOOK_UPS)
@pytest.mark.parametrize("as_of", [None, 1])
def test_an_indexed_attribute_is_found_by_its_values(
    database: apsw.Connection, where: Compare, as_of: int | None
) -> None:
    for asked in (where, And((IsA("Item"), where, LIVE)), And((where, Compare("note", Lookup.CONTAINS, "x")))):
        plan = list(steps(database, asked, as_of))
        assert any(step.startswith(BY_VALUE) for step in plan)
        assert any(step.startswith("SEARCH n") for step in plan) or as_of is not None
        assert not any(step.startswith(("SCAN n", "SCAN node")) for step in plan)


def test_a_related_node_is_found_by_its_values(database: apsw.Connection) -> None:
    related = Related("RUNS_ON", Direction.OUT, LOOK_UPS[0])
    assert any(step.startswith(BY_VALUE) for step in steps(database, related))


@pytest.mark.parametrize("field", ["key", "name"])
def test_the_beginning_of_a_key_or_name_is_found_by_its_index(database: apsw.Connection, field: str) -> None:
    plan = list(steps(database, Compare(field, Lookup.STARTS_WITH, "x")))
    assert plan[0] == f"SEARCH n USING INDEX node_{field} ({field}>? AND {field}<?)"


def test_values_are_kept_in_step_with_the_nodes(database: apsw.Connection) -> None:
    kept = "SELECT a.name, v.value, v.ordinal FROM node_value AS v JOIN indexed_attribute AS a ON a.code = v.attribute"
    assert sorted(database.execute(kept).fetchall()) == [("serial", f"S{number}", number) for number in range(3)]
