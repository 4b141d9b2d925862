"""Reads of the ledger, the models and the counters. What is in the ledger never changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

import zstandard

from cmdb.errors import Failed
from cmdb.ledger import Commit, Header, reopen
from cmdb.nodes import LAST
from cmdb.store.neo4j.connection import Connection, Reading
from cmdb.store.port import Counters
from graph_schema.document import model_from_document
from graph_schema.metamodel import Model

COMMITS_AT_ONCE: Final = 32

_COMMITS: Final = """
MATCH (c:_Commit) WHERE c.revision > $after AND c.revision <= $until
RETURN c.revision, c.time, c.actor, c.authority, c.reason, c.previous, c.hash, c.body ORDER BY c.revision LIMIT $most
"""
_HEADERS: Final = """
MATCH (c:_Commit) WHERE c.revision IN $revisions
RETURN c.revision, c.time, c.actor, c.authority, c.reason, c.previous
"""
_REVISION_AT: Final = "MATCH (c:_Commit) WHERE c.time <= $instant RETURN coalesce(max(c.revision), 0)"
_HASH: Final = "MATCH (c:_Commit {revision: $revision}) RETURN c.hash"
_MODEL: Final = """
MATCH (m:_Model) WHERE m.revision <= $as_of RETURN m.document ORDER BY m.revision DESC LIMIT 1
"""
_COUNTERS: Final = "MATCH (c:_Counters {only: 1}) RETURN [c{.*}] AS rows"


async def commits(connection: Connection, after: int, until: int | None) -> AsyncIterator[Commit]:
    """The commits with after < revision ≤ until, in order, some at a time."""
    last = LAST if until is None else until
    while True:
        parameters = {"after": after, "until": last, "most": COMMITS_AT_ONCE}
        rows = await connection.values(_COMMITS, parameters)
        for row in rows:
            revision, time, actor, authority, reason, previous, recorded, body = cast(
                "tuple[int, str, str, str, str, str, str, bytes]", row
            )
            header = Header(
                revision=revision, time=time, actor=actor, authority=authority, reason=reason, previous=previous
            )
            yield reopen(header, _unpacked(revision, body), recorded)
            after = revision
        if len(rows) < COMMITS_AT_ONCE:
            return


async def headers(connection: Connection, revisions: Sequence[int]) -> dict[int, Header]:
    """The headers of these commits, by revision."""
    rows = await connection.values(_HEADERS, {"revisions": list(revisions)})
    found = cast("list[tuple[int, str, str, str, str, str]]", rows)
    return {
        r: Header(revision=r, time=time, actor=actor, authority=authority, reason=reason, previous=previous)
        for r, time, actor, authority, reason, previous in found
    }


async def recorded_hash(connection: Connection, revision: int) -> str | None:
    """The hash of the commit that made this revision, if there is one."""
    rows = await connection.values(_HASH, {"revision": revision})
    return cast("str", rows[0][0]) if rows else None


async def revision_at(connection: Connection, instant: str) -> int:
    """The newest revision whose time is not after this instant."""
    return cast("int", (await connection.values(_REVISION_AT, {"instant": instant}))[0][0])


async def model(connection: Connection, as_of: int) -> Model | None:
    """The model in force at a revision."""
    rows = await connection.values(_MODEL, {"as_of": as_of})
    return model_from_document(zstandard.decompress(cast("bytes", rows[0][0]))) if rows else None


async def counters(connection: Connection) -> Counters:
    """What the next new things are called."""

    async def look(reading: Reading) -> list[object]:
        return (await reading.rows(_COUNTERS, {}))[1]

    there = cast("dict[str, int]", (await connection.read(look))[0])
    return Counters(
        ordinal=there["ordinal"],
        relationship=there["relationship"],
        numbers={name[1:]: number for name, number in there.items() if name.startswith("_")},
    )


def _unpacked(revision: int, body: bytes) -> bytes:
    try:
        return zstandard.decompress(body)
    except zstandard.ZstdError as error:
        raise Failed(
            f"ledger entry {revision} cannot be unpacked: {error}",
            remedy="run `cmdb ledger verify`, then restore from a backup",
        ) from error
