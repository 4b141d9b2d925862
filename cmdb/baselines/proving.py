"""A baseline proven against the ledger: the chain, its record, and the state that was sealed, line by line.

The ledger is replayed into an empty store up to the sealed revision. What stands there is held against what the store
says stood then, and the root is worked out from it. A line is named by what it says; if that cannot be read any more, by
its number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from cmdb.baselines.content import Content, Ids, content_of
from cmdb.baselines.ledger_record import LedgerRecords
from cmdb.baselines.record import Baseline, baseline_of
from cmdb.baselines.sealing import chosen_of, root_of
from cmdb.errors import CmdbError, NotFound
from cmdb.ledger import BUCKET, broken_links
from cmdb.nodes import Node
from cmdb.projection.following import Follower
from cmdb.reading import BASELINE, resolve
from cmdb.safekeeping import Finding, replay
from cmdb.safekeeping.verification import MOST_FINDINGS
from cmdb.store.leaves import Leaf, leaf_of
from cmdb.store.lines import Lines, line_ident
from cmdb.store.port import Store

_UNREADABLE = (CmdbError, KeyError, ValueError, IndexError, TypeError, msgspec.MsgspecError)
"""What reading a store that somebody altered may end in."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome for one baseline: what was found (the first ones), and how many findings there are in all."""

    baseline: Baseline
    findings: tuple[Finding, ...]
    count: int

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0


async def prove(
    store: Store, reference: str, scratch: Store, *, progress: Callable[[int], None] = lambda _: None
) -> Proof:
    """Prove a baseline of `store`, replaying its ledger into the empty store `scratch`. O(effects · log n + n + m).

    Finds every difference in what the baseline covers: in the ledger's entries, in the record, and in the state of that
    time as the store tells it, present or in the history. What is outside its scope is not its business. Where the ledger
    itself does not hold, nothing can be proven by it, and the state is not looked at. Raises NotFound when neither the
    ledger nor the store knows the baseline.
    """
    tally, records = _Tally(), LedgerRecords()
    readable = await _check_chain(store, records, tally)
    explains = not tally.count
    baseline = await _check_record(store, records, reference, tally if readable else _Tally())
    sealed = baseline.seal
    if readable and records.hashes.get(sealed.revision) != sealed.commit_hash:
        tally.add(f"entry {sealed.revision}", f"has not the hash {sealed.commit_hash[:12]}… that {baseline.key} names")
    if explains:
        await replay(store, scratch, until=sealed.revision, progress=progress)
        await _check_content(store, scratch, baseline, tally)
    return Proof(baseline, tuple(tally.findings), tally.count)


@dataclass(slots=True)
class _Tally:
    findings: list[Finding] = field(default_factory=list[Finding])
    count: int = 0

    def add(self, subject: str, message: str) -> None:
        self.count += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(subject, message))


async def _check_chain(store: Store, records: LedgerRecords, tally: _Tally) -> bool:
    """Name where the chain does not hold; whether the ledger could be read to its end."""
    head = await store.head()
    try:
        for broken in await broken_links(records.watching(store.commits(), head.revision), head):
            tally.add(f"entry {broken.revision}", broken.message)
    except CmdbError as error:
        tally.add("ledger", str(error))
        return False
    return True


async def _check_record(store: Store, records: LedgerRecords, reference: str, tally: _Tally) -> Baseline:
    """The baseline as the ledger has it, or as the store has it where the ledger does not."""
    made = records.named(reference)
    try:
        kept = await _kept(store, made, reference)
    except _UNREADABLE as error:
        if made is None:
            raise NotFound(f"there is no baseline {reference!r}", remedy="see `cmdb baseline list`") from error
        tally.add(made.key, f"its record cannot be read: {error}")
        return baseline_of(made)
    if made is None:
        tally.add(kept.key, "stands in the store, but the ledger does not make it")
        return baseline_of(kept)
    names = [
        name for name in made.__struct_fields__ if name != "attributes" and getattr(made, name) != getattr(kept, name)
    ]
    differing = {*made.attributes, *kept.attributes}
    names += sorted(name for name in differing if made.attributes.get(name) != kept.attributes.get(name))
    if names:
        tally.add(made.key, f"its record, version {made.version}, has another {', '.join(names)} than the ledger makes")
    try:
        return baseline_of(made)
    except CmdbError as error:
        tally.add(made.key, f"the ledger makes no baseline of it: {error}")
        return baseline_of(kept)


async def _kept(store: Store, made: Node | None, reference: str) -> Node:
    if made is None:
        named = [node for node in await store.named([reference]) if node.class_name == BASELINE]
        return named[0] if named else await resolve(store, reference)
    found = await store.nodes([made.ordinal])
    if not found:
        raise NotFound("it is missing")
    return found[0]


async def _check_content(store: Store, scratch: Store, baseline: Baseline, tally: _Tally) -> None:
    sealed, then = baseline.seal, baseline.seal.revision
    made = await content_of(scratch, Follower(scratch), sealed.scope, then)
    try:
        kept = await content_of(store, Follower(store), sealed.scope, then)
    except _UNREADABLE as error:
        tally.add(baseline.key, f"what its scope covers cannot be worked out from the store: {error}")
        kept = made
    items = _Part(made.items, np.union1d(made.items, kept.items), then, _node_named)
    await items.check(store.node_lines(then), scratch.node_lines(then), tally)
    edges = _Part(made.relationships, np.union1d(made.relationships, kept.relationships), then, _edge_named)
    await edges.check(store.relationship_lines(then), scratch.relationship_lines(then), tally)
    await _check_members(scratch, made, kept, items.named, tally)
    if (len(made.items), len(made.relationships)) != (sealed.items, sealed.relationships):
        tally.add(
            baseline.key, f"counts {sealed.items} items and {sealed.relationships} relationships; there were others"
        )
    if (root := root_of(items.leaves, edges.leaves)) != sealed.root:
        tally.add(baseline.key, f"names the root {sealed.root[:12]}…, the ledger makes {root[:12]}…")


async def _check_members(scratch: Store, made: Content, kept: Content, named: set[int], tally: _Tally) -> None:
    """Items that are in scope by the ledger alone or by the store alone, for another reason than what their lines say."""
    strays = [ordinal for ordinal in np.setxor1d(made.items, kept.items).tolist() if ordinal not in named]
    keys = (
        {node.ordinal: f"{node.key} version {node.version}" for node in await scratch.nodes(strays)} if strays else {}
    )
    for ordinal in strays:
        tally.add(keys.get(ordinal, f"node {ordinal}"), "is in the scope by the ledger or by the store, not by both")


class _Part:
    """Lines of one kind as the store has them, held against those of the ledger; `leaves` are of the latter."""

    def __init__(self, made: Ids, either: Ids, revision: int, name: Callable[[int, bytes], str]) -> None:
        self.leaves: dict[int, Leaf] = {}
        self.named: set[int] = set()
        self._made = made
        self._either = either
        self._revision = revision
        self._name = name

    async def check(self, kept: AsyncIterator[list[Lines]], made: AsyncIterator[list[Lines]], tally: _Tally) -> None:
        """Name what differs. O(n), bucket by bucket."""
        async for here, there in _side_by_side(kept, made):
            if there is not None:
                self.leaves[there.bucket] = leaf_of(chosen_of(there, self._made))
            if here is None or there is None or here.text != there.text:
                self._compare(here, there, tally)

    def _compare(self, here: Lines | None, there: Lines | None, tally: _Tally) -> None:
        bucket = max(lines.bucket for lines in (here, there) if lines is not None)
        first, beyond = np.searchsorted(self._either, (BUCKET * bucket, BUCKET * (bucket + 1))).tolist()
        kept, made = _by_ident(here), _by_ident(there)
        for ident in self._either[first:beyond].tolist():
            one, other = kept.get(ident), made.get(ident)
            if one != other:
                self.named.add(ident)
                subject = f"{self._name(ident, other or one or b'')} at revision {self._revision}"
                tally.add(subject, _said(one, other))


def _said(kept: bytes | None, made: bytes | None) -> str:
    if kept is None:
        return "is missing; the ledger makes it"
    return (
        "stands in the store, but the ledger does not make it" if made is None else "is another than the ledger makes"
    )


def _node_named(ident: int, line: bytes) -> str:
    parts = _parts(line)
    return f"{parts[1]} version {parts[6]}" if len(parts) == 8 else f"node {ident}"


def _edge_named(ident: int, line: bytes) -> str:
    parts = _parts(line)
    return f"relationship {ident} {parts[1]}" if len(parts) == 7 else f"relationship {ident}"


def _parts(line: bytes) -> list[object]:
    try:
        return msgspec.json.decode(line, type=list[object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def _by_ident(lines: Lines | None) -> dict[int, bytes]:
    """The lines of a bucket by id. A fragment that begins with none belongs to the line before it, as does a twin."""
    found: dict[int, bytes] = {}
    last = -1
    for line in lines.text.split(b"\n") if lines is not None else ():
        last = _ident(line, last)
        found[last] = found[last] + b"\n" + line if last in found else line
    return found


def _ident(line: bytes, otherwise: int) -> int:
    try:
        return line_ident(line)
    except ValueError:
        return otherwise


async def _side_by_side(
    left: AsyncIterator[list[Lines]], right: AsyncIterator[list[Lines]]
) -> AsyncIterator[tuple[Lines | None, Lines | None]]:
    """Two ascending streams merged: equal buckets together, the others alone."""
    ones, others = _flat(left), _flat(right)
    one, other = await anext(ones, None), await anext(others, None)
    while one is not None or other is not None:
        first = min(lines.bucket for lines in (one, other) if lines is not None)
        a = one if one is not None and one.bucket == first else None
        b = other if other is not None and other.bucket == first else None
        yield a, b
        one = one if a is None else await anext(ones, None)
        other = other if b is None else await anext(others, None)


async def _flat(batches: AsyncIterator[list[Lines]]) -> AsyncIterator[Lines]:
    async for batch in batches:
        for lines in batch:
            yield lines
