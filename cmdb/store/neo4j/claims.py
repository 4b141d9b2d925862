"""Claims of sources, kept and read.

There are as many claims as there are things, so a claim is kept as little as Neo4j allows: `slot`, which names it among
all claims and has those of a source side by side; `bound`, the thing and its kind in one number; and the rest in bytes.
Those on relationships of which nothing more is said are kept in runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final, cast

import msgspec

from cmdb.store.neo4j import claim_runs
from cmdb.store.neo4j.connection import Connection, Rows, Writing
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState
from cmdb.store.runs import id_in, run_claim, runs_and_others

CLAIMS_AT_ONCE: Final = 10_000

LONGEST_KEY: Final = 1_900
"""Characters of a source key that stand in its slot, so that the index takes it; of a longer one there is a hash too."""

_KINDS: Final = (ClaimKind.NODE, ClaimKind.RELATIONSHIP)
_SOURCE_DIGITS: Final = 16

_TOUCH_SOURCE: Final = """
MERGE (s:_Source {source: $source}) ON CREATE SET s.format = '', s.digest = '', s.revision = 0, s.seen = ''
"""
_PUT_SOURCE: Final = """
MERGE (s:_Source {source: $source}) SET s.format = $format, s.digest = $digest, s.revision = $revision, s.seen = $seen
"""
_DROP: Final = "UNWIND $rows AS slot MATCH (c:_Claim {slot: slot}) DELETE c"
_REPLACE: Final = """
UNWIND $rows AS row MATCH (c:_Claim {slot: row[0]}) SET c.bound = row[1], c.claim = row[2] RETURN c.slot
"""
_ANY_LINK: Final = """
MATCH (c:_Claim) USING INDEX c:_Claim(slot) WHERE c.slot > $after AND c.slot < $beyond RETURN 1 LIMIT 1
"""
_ADD: Final = "UNWIND $rows AS row CREATE (:_Claim {slot: row[0], bound: row[1], claim: row[2]})"
_SOURCES: Final = """
MATCH (s:_Source) WHERE $source IS NULL OR s.source = $source
RETURN s.source, s.format, s.digest, s.revision, s.seen ORDER BY s.source
"""
_CLAIMS: Final = """
MATCH (c:_Claim) USING INDEX c:_Claim(slot) WHERE c.slot > $after AND c.slot < $beyond
RETURN c.slot, c.bound, c.claim ORDER BY c.slot LIMIT $most
"""
_CLAIMS_ON: Final = "MATCH (c:_Claim) WHERE c.bound IN $wanted RETURN c.slot, c.bound, c.claim"


class _Body(msgspec.Struct, frozen=True, array_like=True):
    source_key: str
    digest: bytes
    body: bytes
    seen: str


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Body).decode


async def keep(writing: Writing, changes: ClaimChanges) -> None:
    """Keep and drop claims of one source, and note how far it was taken in."""
    if changes.state is None:
        await writing.run(_TOUCH_SOURCE, {"source": changes.source})
    else:
        await writing.run(_PUT_SOURCE, msgspec.structs.asdict(changes.state))
    prefix = _prefix(changes.source)
    put = {(c.kind, c.source_key): c for c in changes.put}
    runs, others = runs_and_others(put.values())
    gone = [*changes.drop, *((c.kind, c.source_key) for c in others)]
    ids = [id_in(key) for kind, key in gone if kind is ClaimKind.RELATIONSHIP]
    await claim_runs.keep(writing, prefix, runs, [ident for ident in ids if ident is not None])
    dropped = [_slot(prefix, kind, key) for kind, key in changes.drop]
    if runs and await writing.values(_ANY_LINK, {"after": f"{prefix}1", "beyond": f"{prefix}2"}):
        dropped += [_slot(prefix, ClaimKind.RELATIONSHIP, c.source_key) for run in runs for c in run.claims()]
    await writing.run_chunks(_DROP, dropped, CLAIMS_AT_ONCE)
    rows = [(_slot(prefix, c.kind, c.source_key), _bound(c.kind, c.bound_to), _packed(c)) for c in others]
    for first in range(0, len(rows), CLAIMS_AT_ONCE):
        chunk = rows[first : first + CLAIMS_AT_ONCE]
        there = {row[0] for row in await writing.values(_REPLACE, {"rows": chunk})}
        await writing.run_chunks(_ADD, [row for row in chunk if row[0] not in there], CLAIMS_AT_ONCE)


def _packed(claim: Claim) -> bytes:
    return _pack(_Body(claim.source_key, claim.digest, claim.body, claim.seen))


async def sources(connection: Connection, source: str | None = None) -> list[SourceState]:
    """All sources, or this one, by name."""
    rows = cast("list[tuple[str, str, str, int, str]]", await connection.values(_SOURCES, {"source": source}))
    return [SourceState(source=n, format=f, digest=d, revision=r, seen=s) for n, f, d, r, s in rows]


async def of_source(connection: Connection, source: str) -> AsyncIterator[list[Claim]]:
    """A source's claims in batches: by kind and key, and after them those in runs."""
    prefix = _prefix(source)
    for kind in _KINDS:
        after, beyond = f"{prefix}{_KINDS.index(kind)}", f"{prefix}{_KINDS.index(kind) + 1}"
        # Slots begin with the kind's digit and a colon, so the first is above `after` and none reaches `beyond`.
        while rows := await connection.values(_CLAIMS, {"after": after, "beyond": beyond, "most": CLAIMS_AT_ONCE}):
            yield [claim for _, claim in _claims(rows)]
            after = cast("str", rows[-1][0])
    async for runs in claim_runs.of_source(connection, prefix):
        in_runs = (claim for run in runs for claim in run.claims())
        while batch := list(islice(in_runs, CLAIMS_AT_ONCE)):
            yield batch


async def on(connection: Connection, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
    """Every source's claims on these, by (source, key)."""
    names = {_prefix(state.source): state.source for state in await sources(connection)}
    rows = await connection.values(_CLAIMS_ON, {"wanted": [_bound(kind, ident) for ident in bound_to]})
    claims = [(names[slot[:_SOURCE_DIGITS]], claim) for slot, claim in _claims(rows)]
    if kind is ClaimKind.RELATIONSHIP:
        in_runs = await claim_runs.holding(connection, names, bound_to)
        claims += [(names[prefix], run_claim(ident, seen)) for prefix, ident, seen in in_runs]
    found: dict[int, list[tuple[str, Claim]]] = {}
    for source, claim in sorted(claims, key=lambda c: (c[1].bound_to, c[0], c[1].source_key)):
        found.setdefault(claim.bound_to, []).append((source, claim))
    return found


def _prefix(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:_SOURCE_DIGITS]


def _slot(prefix: str, kind: ClaimKind, key: str) -> str:
    further = f"…{sha256(key.encode()).hexdigest()}" if len(key) > LONGEST_KEY else ""
    return f"{prefix}{_KINDS.index(kind)}:{key[:LONGEST_KEY]}{further}"


def _bound(kind: ClaimKind, ident: int) -> int:
    return ident * len(_KINDS) + _KINDS.index(kind)


def _claims(rows: Rows) -> list[tuple[str, Claim]]:
    """Slots and claims."""
    found: list[tuple[str, Claim]] = []
    for slot, bound, packed in cast("list[tuple[str, int, bytes]]", rows):
        ident, kind = divmod(bound, len(_KINDS))
        b = _unpack(packed)
        claim = Claim(
            kind=_KINDS[kind], source_key=b.source_key, bound_to=ident, digest=b.digest, body=b.body, seen=b.seen
        )
        found.append((slot, claim))
    return found
