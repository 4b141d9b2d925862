"""What stands in some buckets of ids, pinned to a revision as whole states are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from cmdb.ledger import BUCKET
from cmdb.nodes import Node, Relationship
from cmdb.store.neo4j import leaves
from cmdb.store.neo4j.connection import Connection, Reading
from cmdb.store.neo4j.rows import nodes_of, relationships_of
from cmdb.store.neo4j.streams import NODES_AT_ONCE, all_relationships, as_they_stood, ended_relationships, pinned

NODE_BUCKETS_AT_ONCE: Final = 16
EDGE_BUCKETS_AT_ONCE: Final = 256

_NODES_OF: Final = """
MATCH (n:Node) USING INDEX n:Node(ordinal) WHERE n.ordinal IN $wanted RETURN collect(n{.*, search_text: null}) AS rows
"""
_EDGES_OF: Final = """
MATCH (n:Node)-[r]->(m) USING INDEX n:Node(ordinal)
WHERE n.ordinal IN $wanted AND r.since <= $as_of AND r.id / $bucket IN $buckets
RETURN collect([type(r), n.ordinal, m.ordinal, r{.*}]) AS rows
"""


async def nodes_of_buckets(
    connection: Connection, as_of: int | None, buckets: Sequence[int]
) -> AsyncIterator[list[Node]]:
    """The nodes in these buckets, in ascending order of ordinal."""
    _, revision, _, _ = await pinned(connection, as_of)
    for first in range(0, len(buckets), NODE_BUCKETS_AT_ONCE):
        wanted = _idents(buckets[first : first + NODE_BUCKETS_AT_ONCE])

        async def of_buckets(reading: Reading, wanted: list[int] = wanted) -> list[Node]:
            _, rows = await reading.rows(_NODES_OF, {"wanted": wanted})
            return await as_they_stood(reading, sorted(nodes_of(rows), key=lambda n: n.ordinal), revision)

        if batch := await connection.read(of_buckets):
            yield batch


def _idents(buckets: Sequence[int]) -> list[int]:
    return [ident for bucket in buckets for ident in range(BUCKET * bucket, BUCKET * (bucket + 1))]


async def relationships_of_buckets(
    connection: Connection, as_of: int | None, buckets: Sequence[int]
) -> AsyncIterator[list[Relationship]]:
    """The relationships in these buckets, in ascending order of id.

    All are read where their sources are not known, or where most are wanted anyway.
    """
    _, revision, _, size = await pinned(connection, as_of)
    few = 2 * BUCKET * len(buckets) < size
    sources = await leaves.sources_of(connection, buckets, size) if few else None
    if sources is None:
        inside = set(buckets)
        async for batch in all_relationships(connection, revision):
            if some := [r for r in batch if r.id // BUCKET in inside]:
                yield some
        return
    for first in range(0, len(buckets), EDGE_BUCKETS_AT_ONCE):
        some = buckets[first : first + EDGE_BUCKETS_AT_ONCE]
        ordinals = sorted({ordinal for bucket in some for ordinal in sources[bucket]})
        if batch := await _relationships_from(connection, ordinals, some, revision):
            yield batch


async def _relationships_from(
    connection: Connection, ordinals: list[int], buckets: Sequence[int], revision: int
) -> list[Relationship]:
    found: dict[int, Relationship] = {}
    for first in range(0, len(ordinals), NODES_AT_ONCE):
        wanted = ordinals[first : first + NODES_AT_ONCE]

        async def of_sources(reading: Reading, wanted: list[int] = wanted) -> list[object]:
            of_buckets = {"wanted": wanted, "as_of": revision, "bucket": BUCKET, "buckets": list(buckets)}
            return (await reading.rows(_EDGES_OF, of_buckets))[1]

        found |= {r.id: r for r in relationships_of(await connection.read(of_sources))}
    inside = set(buckets)
    async for batch in ended_relationships(connection, revision):
        found |= {r.id: r for r in batch if r.id // BUCKET in inside}
    return [found[ident] for ident in sorted(found)]
