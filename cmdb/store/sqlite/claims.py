"""Reads of claims and sources. Each takes a connection that is inside a read transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

import apsw

from cmdb.store.port import Claim, ClaimKind, SourceState
from cmdb.store.runs import run_claim
from cmdb.store.sqlite.claiming import KIND_CODE, run_of
from cmdb.store.sqlite.rows import encode_json, moment

BATCH: Final = 20_000
"""Claims a stream gives at a time."""

_KIND: Final = {code: kind for kind, code in KIND_CODE.items()}

_ClaimRow = tuple[int, str, int, bytes, bytes, int]


@dataclass(frozen=True, slots=True)
class ClaimReader:
    """Reads claims through one connection."""

    connection: apsw.Connection

    def source_state(self, source: str) -> SourceState | None:
        """How far a source has been taken in."""
        return next((s for s in self.sources() if s.source == source), None)

    def sources(self) -> list[SourceState]:
        """All sources, by name."""
        rows = self.connection.execute("SELECT name, format, digest, revision, seen FROM source ORDER BY name")
        return [
            SourceState(source=n, format=f, digest=d, revision=r, seen=s)
            for n, f, d, r, s in cast("Iterator[tuple[str, str, str, int, str]]", rows)
        ]

    def claims(self, source: str) -> Iterator[list[Claim]]:
        """A source's claims in batches."""
        rows = cast(
            "Iterator[_ClaimRow]",
            self.connection.execute(
                "SELECT kind, source_key, bound_to, digest, body, seen FROM claim "
                "WHERE source = (SELECT code FROM source WHERE name = ?) ORDER BY kind, source_key",
                (source,),
            ),
        )
        while batch := [_claim(row) for row in islice(rows, BATCH)]:
            yield batch
        runs = self.connection.execute(
            "SELECT first, beyond, seen FROM claim_run WHERE source = (SELECT code FROM source WHERE name = ?) ORDER BY first",
            (source,),
        )
        in_runs = (claim for row in cast("Iterator[tuple[int, int, int]]", runs) for claim in run_of(*row).claims())
        while batch := list(islice(in_runs, BATCH)):
            yield batch

    def claims_on(self, kind: ClaimKind, bound_to: Sequence[int]) -> Mapping[int, list[tuple[str, Claim]]]:
        """Every source's claims on these."""
        rows = self.connection.execute(
            "SELECT s.name, c.kind, c.source_key, c.bound_to, c.digest, c.body, c.seen "
            "FROM (SELECT DISTINCT value FROM json_each(?1)) AS w "
            "CROSS JOIN claim AS c ON c.kind = ?2 AND c.bound_to = w.value JOIN source AS s ON s.code = c.source "
            "ORDER BY c.bound_to, s.name, c.source_key",
            (encode_json(list(bound_to)).decode(), KIND_CODE[kind]),
        )
        found: dict[int, list[tuple[str, Claim]]] = {}
        for name, *row in cast("Iterator[tuple[str, int, str, int, bytes, bytes, int]]", rows):
            claim = _claim(cast("_ClaimRow", tuple(row)))
            found.setdefault(claim.bound_to, []).append((name, claim))
        if kind is ClaimKind.RELATIONSHIP:
            for name, ident, seen in self._in_runs(bound_to):
                found.setdefault(ident, []).append((name, run_claim(ident, moment(seen))))
                found[ident].sort(key=lambda said: said[0])
        return found

    def _in_runs(self, bound_to: Sequence[int]) -> Iterator[tuple[str, int, int]]:
        rows = self.connection.execute(
            "SELECT s.name, w.value, r.seen FROM (SELECT DISTINCT value FROM json_each(?1)) AS w CROSS JOIN source AS s "
            "CROSS JOIN claim_run AS r ON r.source = s.code AND r.first = "
            "(SELECT max(first) FROM claim_run WHERE source = s.code AND first <= w.value) WHERE r.beyond > w.value "
            "ORDER BY w.value, s.name",
            (encode_json(list(bound_to)).decode(),),
        )
        return cast("Iterator[tuple[str, int, int]]", rows)


def _claim(row: _ClaimRow) -> Claim:
    return Claim(
        kind=_KIND[row[0]],
        source_key=row[1],
        bound_to=row[2],
        digest=row[3],
        body=row[4],
        seen=moment(row[5]),
    )
