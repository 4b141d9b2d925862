"""Runs of claims on relationships, kept in one node each; see `cmdb.store.runs`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, cast

from cmdb.store.neo4j.connection import Connection, Writing
from cmdb.store.runs import Run, without

RUNS_AT_ONCE: Final = 10_000
_DIGITS: Final = 19

_ANY: Final = """
MATCH (c:_ClaimRun) USING INDEX c:_ClaimRun(place) WHERE c.place > $prefix AND c.place < $beyond RETURN 1 LIMIT 1
"""
_TOUCHED: Final = """
UNWIND $rows AS row
CALL (row) {
  CALL (row) {
    MATCH (c:_ClaimRun) USING INDEX c:_ClaimRun(place) WHERE c.place > $prefix AND c.place <= row[0]
    RETURN c ORDER BY c.place DESC LIMIT 1
  }
  RETURN c
  UNION
  MATCH (c:_ClaimRun) USING INDEX c:_ClaimRun(place) WHERE c.place > row[0] AND c.place < row[1] RETURN c
}
RETURN DISTINCT c.place, c.beyond, c.seen
"""
_DROP: Final = "UNWIND $rows AS place MATCH (c:_ClaimRun {place: place}) DELETE c"
_ADD: Final = "UNWIND $rows AS row CREATE (:_ClaimRun {place: row[0], beyond: row[1], seen: row[2]})"
_NEXT: Final = """
MATCH (c:_ClaimRun) USING INDEX c:_ClaimRun(place) WHERE c.place > $after AND c.place < $beyond
RETURN c.place, c.beyond, c.seen ORDER BY c.place LIMIT $most
"""
_HOLDING: Final = """
UNWIND $rows AS row
CALL (row) {
  MATCH (c:_ClaimRun) USING INDEX c:_ClaimRun(place) WHERE c.place > row[0] AND c.place <= row[1]
  RETURN c ORDER BY c.place DESC LIMIT 1
}
WITH row, c WHERE c.beyond > row[2] RETURN row[0], row[2], c.seen
"""


async def keep(writing: Writing, prefix: str, runs: Sequence[Run], gone: Iterable[int]) -> None:
    """Take single ids out of a source's runs, and put runs in, over what was there. O((runs + gone) · log n).

    The runs do not overlap each other.
    """
    ranges = _ranges([*((run.first, run.beyond) for run in runs), *((ident, ident + 1) for ident in gone)])
    if not ranges:
        return
    before: list[Run] = []
    if await writing.values(_ANY, {"prefix": prefix, "beyond": _place(prefix, None)}):
        for at in range(0, len(ranges), RUNS_AT_ONCE):
            rows = [(_place(prefix, first), _place(prefix, beyond)) for first, beyond in ranges[at : at + RUNS_AT_ONCE]]
            before += _runs(await writing.values(_TOUCHED, {"rows": rows, "prefix": prefix}))
    before = sorted(set(before), key=lambda run: run.first)
    after = [*without(before, ranges), *runs]
    dropped, added = set(before).difference(after), set(after).difference(before)
    await writing.run_chunks(_DROP, [_place(prefix, run.first) for run in dropped], RUNS_AT_ONCE)
    await writing.run_chunks(_ADD, [(_place(prefix, r.first), r.beyond, r.seen) for r in added], RUNS_AT_ONCE)


async def of_source(connection: Connection, prefix: str) -> AsyncIterator[list[Run]]:
    """A source's runs, in ascending order of ids, in batches."""
    after, beyond = prefix, _place(prefix, None)
    while rows := await connection.values(_NEXT, {"after": after, "beyond": beyond, "most": RUNS_AT_ONCE}):
        yield _runs(rows)
        after = cast("str", rows[-1][0])


async def holding(connection: Connection, prefixes: Iterable[str], ids: Iterable[int]) -> list[tuple[str, int, str]]:
    """(prefix, id, seen) of each of these sources' claims, in runs, on these relationships."""
    wanted = sorted(set(ids))
    rows = [(prefix, _place(prefix, ident), ident) for prefix in prefixes for ident in wanted]
    return cast("list[tuple[str, int, str]]", await connection.values(_HOLDING, {"rows": rows}))


def _ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ids in ranges that neither meet nor overlap, in ascending order."""
    joined: list[tuple[int, int]] = []
    for first, beyond in sorted(ranges):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], beyond))
        else:
            joined.append((first, beyond))
    return joined


def _place(prefix: str, first: int | None) -> str:
    """Where a run that begins at `first` stands among all runs; for None, where a source's runs are past."""
    return f"{prefix}~" if first is None else f"{prefix}{first:0{_DIGITS}}"


def _runs(rows: Sequence[Sequence[object]]) -> list[Run]:
    found = cast("Sequence[tuple[str, int, str]]", rows)
    return [Run(int(place[-_DIGITS:]), beyond, seen) for place, beyond, seen in found]
