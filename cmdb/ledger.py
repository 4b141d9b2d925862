"""The ledger: an append-only chain of commits, the truth from which every store can be made again.

A commit's hash is SHA-256 over the canonical bytes of its header and effects, the header naming the hash before it.
Canonical bytes are JSON with sorted keys and no white space; there are no floating-point numbers in it (see
`graph_schema.values`), attribute names are ASCII, so this is RFC 8785.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from cmdb.changeset import Effect
from cmdb.errors import Failed
from cmdb.nodes import Node, Relationship

GENESIS: Final = "0" * 64
"""The previous hash of the first commit."""

BUCKET: Final = 256
"""Ids whose digests are hashed together; a bucket is what must be hashed again when one of them changes."""

_encode = msgspec.json.Encoder(order="sorted").encode
_decode_effects = msgspec.json.Decoder(tuple[Effect, ...]).decode


class Head(msgspec.Struct, frozen=True):
    """The newest commit of a store: its revision (0: none yet), hash and time."""

    revision: int
    hash: str
    time: str


EMPTY: Final = Head(revision=0, hash=GENESIS, time="")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, when, by which authority and why. `time` is canonical UTC text and never runs backwards."""

    revision: int
    time: str
    actor: str
    authority: str
    reason: str
    previous: str


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One applied change set: header, effects, the effects' canonical bytes, and the hash over both."""

    header: Header
    effects: tuple[Effect, ...]
    body: bytes
    hash: str

    @property
    def revision(self) -> int:
        """The revision this commit makes."""
        return self.header.revision

    @property
    def head(self) -> Head:
        """The head of a store whose newest commit this is."""
        return Head(revision=self.header.revision, hash=self.hash, time=self.header.time)


def seal(header: Header, effects: tuple[Effect, ...]) -> Commit:
    """The commit of these effects under this header. O(bytes)."""
    body = _encode(effects)
    return Commit(header=header, effects=effects, body=body, hash=commit_hash(header, body))


def commit_hash(header: Header, body: bytes) -> str:
    """SHA-256 over the canonical header, a newline, and the canonical effects; 64 hexadecimal digits."""
    return sha256(_encode(header) + b"\n" + body).hexdigest()


def reopen(header: Header, body: bytes, recorded_hash: str) -> Commit:
    """A commit read back from a store. Raises Failed if its bytes are no effects; its hash is not checked here."""
    try:
        effects = _decode_effects(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed(
            f"ledger entry {header.revision} cannot be read: {error}",
            remedy="run `cmdb ledger verify`, then restore from a backup",
        ) from error
    return Commit(header=header, effects=effects, body=body, hash=recorded_hash)


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold."""

    revision: int
    message: str


async def broken_links(commits: AsyncIterator[Commit], head: Head) -> list[Broken]:
    """Every place where the chain from revision 1 to `head` does not hold. O(bytes of the ledger).

    Finds entries that were altered, removed, added or put in another order. It cannot find that the newest entries are
    gone *and* the head was set back to match; compare the head with one noted elsewhere for that.
    """
    found: list[Broken] = []
    expected, previous, time = 1, GENESIS, ""
    async for commit in commits:
        header = commit.header
        if header.revision != expected:
            found.append(Broken(expected, f"expected entry {expected}, found entry {header.revision}"))
        if header.previous != previous:
            found.append(
                Broken(
                    header.revision,
                    f"names {header.previous[:12]}… as the entry before it, which has {previous[:12]}…",
                )
            )
        if commit_hash(header, commit.body) != commit.hash:
            found.append(Broken(header.revision, "its content does not have the recorded hash"))
        if header.time < time:
            found.append(
                Broken(header.revision, f"its time {header.time} is before that of the entry before it, {time}")
            )
        expected, previous, time = header.revision + 1, commit.hash, header.time
    if (expected - 1, previous) != (head.revision, head.hash):
        found.append(
            Broken(
                head.revision,
                f"the head says revision {head.revision} with hash {head.hash[:12]}…, "
                f"the entries end at {expected - 1} with {previous[:12]}…",
            )
        )
    return found


def node_line(n: Node) -> bytes:
    """All that a node says, as canonical JSON, in one line."""
    return _encode([n.ordinal, n.key, n.class_name, n.name, n.state, n.attributes, n.version, n.since])


def relationship_line(r: Relationship) -> bytes:
    """All that a relationship says, as canonical JSON, in one line."""
    return _encode([r.id, r.type, r.source, r.target, r.key, r.attributes, r.since])


def node_digest(node: Node) -> bytes:
    """SHA-256 over all that a node says."""
    return sha256(node_line(node)).digest()


def relationship_digest(relationship: Relationship) -> bytes:
    """SHA-256 over all that a relationship says."""
    return sha256(relationship_line(relationship)).digest()


class Buckets:
    """Folds entity digests, given in ascending order of id, into one: SHA-256 per bucket of ids, SHA-256 over these.

    A bucket without entities is left out, so that the digest depends on what is there and on nothing else.
    """

    def __init__(self) -> None:
        self._bucket = -1
        self._current = sha256()
        self._all = sha256()

    def add(self, ident: int, digest: bytes) -> None:
        """Take in the entity with this id, which must be above all before it."""
        bucket = ident // BUCKET
        if bucket != self._bucket:
            self._close()
            self._bucket = bucket
        self._current.update(ident.to_bytes(8, "big") + digest)

    def digest(self) -> bytes:
        """The digest of all that was added."""
        self._close()
        self._bucket = -1
        return self._all.digest()

    def _close(self) -> None:
        if self._bucket >= 0:
            self._all.update(self._bucket.to_bytes(8, "big") + self._current.digest())
            self._current = sha256()


async def state_digest(
    nodes: AsyncIterator[Iterable[Node]], relationships: AsyncIterator[Iterable[Relationship]]
) -> str:
    """One digest of a whole state, given as batches in ascending order of ordinal and of relationship id. O(n)."""
    of_nodes, of_relationships = Buckets(), Buckets()
    async for batch in nodes:
        for node in batch:
            of_nodes.add(node.ordinal, node_digest(node))
    async for batch in relationships:
        for relationship in batch:
            of_relationships.add(relationship.id, relationship_digest(relationship))
    return sha256(of_nodes.digest() + of_relationships.digest()).hexdigest()
