"""Looking up values in columns."""

from __future__ import annotations

import numpy as np

from cmdb.store.port import ValueColumns


def columns(ident: list[int], code: list[int], *values: str) -> ValueColumns:
    return ValueColumns(np.array(ident, dtype=np.int64), np.array(code, dtype=np.int32), values)


def test_who_has_no_value_has_no_code() -> None:
    said = columns([2, 5, 9], [1, 0, 1], "dev", "prod")
    assert said.codes_of(np.array([9, 0, 5, 10, 2, 3], dtype=np.int32)).tolist() == [1, -1, 0, -1, 1, -1]
    assert said.codes_of(np.empty(0, dtype=np.int64)).tolist() == []


def test_where_nobody_has_one_nobody_is_found() -> None:
    assert columns([], []).codes_of(np.array([0, 7], dtype=np.int64)).tolist() == [-1, -1]
