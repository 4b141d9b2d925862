"""Claims to rows: a row for each, but one for a whole run of relationships of which nothing more is said."""

from __future__ import annotations

from typing import Final, cast

import apsw

from cmdb.store.port import ClaimChanges, ClaimKind
from cmdb.store.runs import Run, id_in, runs_and_others
from cmdb.store.sqlite.rows import microseconds, moment

KIND_CODE: Final = {ClaimKind.NODE: 0, ClaimKind.RELATIONSHIP: 1}

_PUT_SOURCE: Final = """
INSERT INTO source(name, format, digest, revision, seen) VALUES(?, ?, ?, ?, ?)
ON CONFLICT(name) DO UPDATE SET format=excluded.format, digest=excluded.digest, revision=excluded.revision, seen=excluded.seen
"""
_TOUCH_SOURCE: Final = "INSERT OR IGNORE INTO source(name, format, digest, revision, seen) VALUES(?, '', '', 0, '')"
_SOURCE_CODE: Final = "SELECT code FROM source WHERE name = ?"
_PUT: Final = (
    "INSERT OR REPLACE INTO claim(source, kind, source_key, bound_to, digest, body, seen) VALUES(?, ?, ?, ?, ?, ?, ?)"
)
_DROP: Final = "DELETE FROM claim WHERE source = ? AND kind = ? AND source_key = ?"
_ANY_LINK: Final = "SELECT 1 FROM claim WHERE source = ? AND kind = 1 LIMIT 1"
_OVERLAPPING: Final = """
SELECT first, beyond, seen FROM claim_run WHERE source = ?1 AND first < ?3
AND first >= coalesce((SELECT max(first) FROM claim_run WHERE source = ?1 AND first <= ?2), ?2) AND beyond > ?2
"""
_DROP_RUN: Final = "DELETE FROM claim_run WHERE source = ? AND first = ?"
_PUT_RUN: Final = "INSERT INTO claim_run VALUES(?, ?, ?, ?)"


def keep_claims(connection: apsw.Connection, changes: ClaimChanges) -> None:
    """Keep and drop claims of one source, and note how far it was taken in. O(changes · log n)."""
    if changes.state is not None:
        s = changes.state
        connection.execute(_PUT_SOURCE, (s.source, s.format, s.digest, s.revision, s.seen))
    else:
        connection.execute(_TOUCH_SOURCE, (changes.source,))
    source = cast("int", connection.execute(_SOURCE_CODE, (changes.source,)).get)
    if changes.drop:
        connection.executemany(_DROP, ((source, KIND_CODE[kind], key) for kind, key in changes.drop))
        _cut(connection, source, [id_in(key) for kind, key in changes.drop if kind is ClaimKind.RELATIONSHIP])
    runs, others = runs_and_others(changes.put)
    for run in runs:
        _put_run(connection, source, run)
    _cut(connection, source, [id_in(c.source_key) for c in others if c.kind is ClaimKind.RELATIONSHIP])
    connection.executemany(
        _PUT,
        ((source, KIND_CODE[c.kind], c.source_key, c.bound_to, c.digest, c.body, microseconds(c.seen)) for c in others),
    )


def _put_run(connection: apsw.Connection, source: int, run: Run) -> None:
    if connection.execute(_ANY_LINK, (source,)).get:
        connection.executemany(_DROP, ((source, 1, str(ident)) for ident in range(run.first, run.beyond)))
    _cut_range(connection, source, run.first, run.beyond)
    connection.execute(_PUT_RUN, (source, run.first, run.beyond, microseconds(run.seen)))


def _cut(connection: apsw.Connection, source: int, ids: list[int | None]) -> None:
    """Take single ids out of runs."""
    if (
        any(ident is not None for ident in ids)
        and connection.execute("SELECT 1 FROM claim_run WHERE source = ? LIMIT 1", (source,)).get
    ):
        for ident in ids:
            if ident is not None:
                _cut_range(connection, source, ident, ident + 1)


def _cut_range(connection: apsw.Connection, source: int, first: int, beyond: int) -> None:
    """Take the ids from `first` to before `beyond` out of runs."""
    for start, end, seen in connection.execute(_OVERLAPPING, (source, first, beyond)).fetchall():
        connection.execute(_DROP_RUN, (source, start))
        if start < first:
            connection.execute(_PUT_RUN, (source, start, first, seen))
        if beyond < end:
            connection.execute(_PUT_RUN, (source, beyond, end, seen))


def run_of(first: int, beyond: int, seen: int) -> Run:
    """A run from its row."""
    return Run(first, beyond, moment(seen))
