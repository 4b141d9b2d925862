"""Runs of relationship claims: claims on consecutive ids that say nothing beyond "I brought this", kept as one.

Such a claim has its id as source key, no digest and no body. An import brings them by the ten thousand, and a store that
keeps them as (first, beyond, seen) keeps a million in a few hundred bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cmdb.store.port import Claim, ClaimKind


class Run(msgspec.Struct, frozen=True, gc=False):
    """Claims on the relationships `first` … `beyond` - 1, brought at `seen`."""

    first: int
    beyond: int
    seen: str

    def claims(self) -> Iterator[Claim]:
        """The claims it stands for, in ascending order of id."""
        for ident in range(self.first, self.beyond):
            yield run_claim(ident, self.seen)


def run_claim(ident: int, seen: str) -> Claim:
    """A claim that says nothing beyond "I brought this"."""
    return Claim(source_key=str(ident), kind=ClaimKind.RELATIONSHIP, bound_to=ident, digest=b"", body=b"", seen=seen)


def runs_and_others(claims: Iterable[Claim]) -> tuple[list[Run], list[Claim]]:
    """Claims as runs, in their order, and those that are not of that kind. O(claims)."""
    runs: list[Run] = []
    others: list[Claim] = []
    first = beyond = -1
    seen = ""
    for claim in claims:
        ident = claim.bound_to
        if claim.body or claim.digest or claim.kind is not ClaimKind.RELATIONSHIP or claim.source_key != str(ident):
            others.append(claim)
        elif ident == beyond and claim.seen == seen:
            beyond += 1
        else:
            if first >= 0:
                runs.append(Run(first, beyond, seen))
            first, beyond, seen = ident, ident + 1, claim.seen
    if first >= 0:
        runs.append(Run(first, beyond, seen))
    return runs, others


def without(runs: Iterable[Run], gone: Sequence[tuple[int, int]]) -> list[Run]:
    """What is left of runs when these ranges (first, beyond) are taken out. Both ascend, without overlaps. O(runs + gone)."""
    left: list[Run] = []
    ahead = deque(gone)
    for run in runs:
        first = run.first
        while ahead and first < run.beyond and ahead[0][0] < run.beyond:
            start, end = ahead[0]
            if first < start:
                left.append(Run(first, start, run.seen))
            first = max(first, end)
            if end <= run.beyond:
                ahead.popleft()
        if first < run.beyond:
            left.append(Run(first, run.beyond, run.seen))
    return left


def id_in(source_key: str) -> int | None:
    """The id that a claim in a run would have under this source key; None if it can be in none."""
    if source_key.isascii() and source_key.isdigit() and len(source_key) < 19 and str(int(source_key)) == source_key:
        return int(source_key)
    return None
