"""Everything that has ended, in order. Versions never change, so those that were there at the start are one state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, LiteralString

from cmdb.nodes import NodeVersion, RelationshipVersion
from cmdb.store.neo4j.connection import Connection, Reading
from cmdb.store.neo4j.rows import node_versions_of, relationship_versions_of

VERSIONS_AT_ONCE: Final = 5_000

_HEAD: Final = "RETURN [] AS rows"
_PAST_NODES: Final = """
MATCH (v:_NodeVersion) USING INDEX v:_NodeVersion(ordinal)
WHERE v.ordinal >= $ident AND v._until <= $until AND CASE WHEN v.ordinal > $ident THEN true ELSE v.since > $since END
WITH v ORDER BY v.ordinal, v.since LIMIT $most RETURN collect(v{.*}) AS rows
"""
_PAST_RELATIONSHIPS: Final = """
MATCH (v:_RelationshipVersion) USING INDEX v:_RelationshipVersion(id)
WHERE v.id >= $ident AND v._until <= $until AND CASE WHEN v.id > $ident THEN true ELSE v.since > $since END
WITH v ORDER BY v.id, v.since LIMIT $most RETURN collect([v._type, v._source, v._target, v{.*}]) AS rows
"""


async def past_nodes(connection: Connection) -> AsyncIterator[list[NodeVersion]]:
    """Every node version that has ended, by (ordinal, since)."""
    until, ident, since = await _revision(connection), -1, -1
    while rows := await _rows(connection, _PAST_NODES, ident, since, until):
        batch = sorted(node_versions_of(rows), key=lambda v: (v.node.ordinal, v.node.since))
        yield batch
        ident, since = batch[-1].node.ordinal, batch[-1].node.since


async def past_relationships(connection: Connection) -> AsyncIterator[list[RelationshipVersion]]:
    """Every relationship version that has ended, by (id, since)."""
    until, ident, since = await _revision(connection), -1, -1
    while rows := await _rows(connection, _PAST_RELATIONSHIPS, ident, since, until):
        batch = sorted(relationship_versions_of(rows), key=lambda v: (v.relationship.id, v.relationship.since))
        yield batch
        ident, since = batch[-1].relationship.id, batch[-1].relationship.since


async def _revision(connection: Connection) -> int:
    async def look(reading: Reading) -> int:
        return (await reading.rows(_HEAD, {}))[0].revision

    return await connection.read(look)


async def _rows(connection: Connection, statement: LiteralString, ident: int, since: int, until: int) -> list[object]:
    async def look(reading: Reading) -> list[object]:
        parameters = {"ident": ident, "since": since, "until": until, "most": VERSIONS_AT_ONCE}
        return (await reading.rows(statement, parameters))[1]

    return await connection.read(look)
