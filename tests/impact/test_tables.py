"""A copy is like its table, whatever memory it was made in; what others still hold is never written to."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.impact.tables import Tables
from cmdb.projection.columns import Int32s, Int64s


def altered(tables: Tables[Int32s], table: Int32s, random: Random) -> Int32s:
    """A copy, some rows longer, with some rows altered and said to be."""
    new = tables.copy(table, len(table) + random.choice([0, 0, 1, 3]))
    assert (new[: len(table)] == table).all()
    assert not new[len(table) :].any()
    rows = np.array(random.sample(range(len(new)), random.randint(0, 4)), dtype=np.int32)
    new[rows] = random.randint(1, 99)
    new[len(table) :] = 7
    tables.differ(table, new, rows)
    return new


@given(st.integers(0, 2**32))
def test_tables_that_are_held_stay_as_they_are(seed: int) -> None:
    random, tables = Random(seed), Tables[Int32s]()
    first = np.arange(12, dtype=np.int32).reshape(6, 2)
    held = [(first, first.copy())]
    for _ in range(30):
        table, _ = random.choice(held)
        new = altered(tables, table, random)
        if random.random() < 0.6:
            held.append((new, new.copy()))
        del table, new
        if len(held) > 1 and random.random() < 0.5:
            held.pop(random.randrange(len(held)))
        assert all((kept == wanted).all() for kept, wanted in held)


@pytest.mark.parametrize("goes", ["new", "old"])
def test_the_memory_of_one_that_is_let_go_of_serves_the_next(goes: str) -> None:
    tables, random = Tables[Int32s](), Random(1)
    old = altered(tables, np.zeros((5, 2), dtype=np.int32), random)
    new = altered(tables, old, random)
    known = {"new": new.base, "old": old.base}
    stays = old if goes == "new" else new
    del old, new
    assert tables.copy(stays, len(stays)).base is known[goes]


def test_memory_serves_again_though_nothing_was_said_of_what_differs() -> None:
    tables, first = Tables[Int64s](), np.arange(6, dtype=np.int64)
    new = tables.copy(first, 8)
    new[:] = 5
    known = new.base
    del new
    again = tables.copy(first, 7)
    assert again.base is known
    assert again.tolist() == [*range(6), 0]
