"""What is kept is what was asked for last."""

from __future__ import annotations

from cmdb.projection.latest import Latest


def test_who_was_asked_for_the_longest_ago_goes_first() -> None:
    latest: Latest[str, int] = Latest(2)
    assert [latest.keep("a", 0), latest.keep("b", 1)] == [0, 1]
    assert latest.get("a") == 0
    latest.keep("c", 2)
    assert [latest.get(key) for key in "abc"] == [0, None, 2]


def test_what_is_kept_again_counts_once() -> None:
    latest: Latest[str, int] = Latest(2)
    for value in range(3):
        latest.keep("a", value)
    latest.keep("b", 9)
    assert [latest.get(key) for key in "ab"] == [2, 9]
