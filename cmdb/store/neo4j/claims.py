"""Claims of sources, kept and read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, cast

from cmdb.store.neo4j.connection import Connection, Writing
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState

CLAIMS_AT_ONCE: Final = 10_000

_TOUCH_SOURCE: Final = """
MERGE (s:_Source {source: $source}) ON CREATE SET s.format = '', s.digest = '', s.revision = 0, s.seen = ''
"""
_PUT_SOURCE: Final = """
MERGE (s:_Source {source: $source}) SET s.format = $format, s.digest = $digest, s.revision = $revision, s.seen = $seen
"""
_DROP: Final = """
UNWIND $rows AS row MATCH (c:_Claim {source: $source, kind: row[0], source_key: row[1]}) DELETE c
"""
_THERE: Final = """
UNWIND $rows AS row MATCH (c:_Claim {source: $source, kind: row.kind, source_key: row.source_key})
SET c += row RETURN row.kind, row.source_key
"""
_PUT: Final = "UNWIND $rows AS row CREATE (c:_Claim {source: $source}) SET c += row"
_SOURCES: Final = """
MATCH (s:_Source) WHERE $source IS NULL OR s.source = $source
RETURN s.source, s.format, s.digest, s.revision, s.seen ORDER BY s.source
"""
_CLAIMS: Final = """
MATCH (c:_Claim) WHERE c.source = $source AND c.kind = $kind AND c.source_key > $after
RETURN c.kind, c.source_key, c.bound_to, c.digest, c.body, c.seen ORDER BY c.source_key LIMIT $most
"""
_CLAIMS_ON: Final = """
MATCH (c:_Claim) WHERE c.kind = $kind AND c.bound_to IN $wanted
RETURN c.kind, c.source_key, c.bound_to, c.digest, c.body, c.seen, c.source ORDER BY c.bound_to, c.source, c.source_key
"""


async def keep(writing: Writing, changes: ClaimChanges) -> None:
    """Keep and drop claims of one source, and note how far it was taken in."""
    source = changes.source
    if changes.state is None:
        await writing.run(_TOUCH_SOURCE, {"source": source})
    else:
        s = changes.state
        state = {"source": s.source, "format": s.format, "digest": s.digest, "revision": s.revision, "seen": s.seen}
        await writing.run(_PUT_SOURCE, state)
    dropped = [[kind.value, key] for kind, key in changes.drop]
    await writing.run_chunks(_DROP, dropped, CLAIMS_AT_ONCE, {"source": source})
    newest = {(c.kind.value, c.source_key): c for c in changes.put}
    rows = [
        {
            "kind": kind,
            "source_key": key,
            "bound_to": c.bound_to,
            "digest": c.digest,
            "body": c.body,
            "seen": c.seen,
        }
        for (kind, key), c in newest.items()
    ]
    for first in range(0, len(rows), CLAIMS_AT_ONCE):
        chunk = rows[first : first + CLAIMS_AT_ONCE]
        there = {(k, s) for k, s in await writing.values(_THERE, {"rows": chunk, "source": source})}
        new = [row for row in chunk if (row["kind"], row["source_key"]) not in there]
        await writing.run_chunks(_PUT, new, CLAIMS_AT_ONCE, {"source": source})


async def sources(connection: Connection, source: str | None = None) -> list[SourceState]:
    """All sources, or this one, by name."""
    rows = cast("list[tuple[str, str, str, int, str]]", await connection.values(_SOURCES, {"source": source}))
    return [SourceState(source=n, format=f, digest=d, revision=r, seen=s) for n, f, d, r, s in rows]


async def of_source(connection: Connection, source: str) -> AsyncIterator[list[Claim]]:
    """A source's claims, by kind and key, in batches."""
    for kind in sorted(ClaimKind):
        after = ""
        while True:
            parameters = {"source": source, "kind": kind.value, "after": after, "most": CLAIMS_AT_ONCE}
            batch = [_claim(row) for row in await connection.values(_CLAIMS, parameters)]
            if batch:
                yield batch
                after = batch[-1].source_key
            if len(batch) < CLAIMS_AT_ONCE:
                break


async def on(connection: Connection, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
    """Every source's claims on these."""
    found: dict[int, list[tuple[str, Claim]]] = {}
    for row in await connection.values(_CLAIMS_ON, {"kind": kind.value, "wanted": list(bound_to)}):
        claim = _claim(row)
        found.setdefault(claim.bound_to, []).append((cast("str", row[6]), claim))
    return found


def _claim(row: list[object]) -> Claim:
    kind, key, bound_to, digest, body, seen = cast("tuple[str, str, int, bytes, bytes, str]", tuple(row[:6]))
    return Claim(kind=ClaimKind(kind), source_key=key, bound_to=bound_to, digest=digest, body=body, seen=seen)
