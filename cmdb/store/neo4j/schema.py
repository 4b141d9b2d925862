"""Constraints and indexes: those of the store itself, and those that a model asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, LiteralString

from cmdb.store.neo4j.connection import Connection
from graph_schema.emit.cypher import cypher_indexes
from graph_schema.metamodel import Model

OWN: Final[tuple[LiteralString, ...]] = (
    "CREATE CONSTRAINT cmdb_head IF NOT EXISTS FOR (h:_Head) REQUIRE h.only IS UNIQUE",
    "CREATE CONSTRAINT cmdb_writer IF NOT EXISTS FOR (w:_Writer) REQUIRE w.only IS UNIQUE",
    "CREATE CONSTRAINT cmdb_counters IF NOT EXISTS FOR (c:_Counters) REQUIRE c.only IS UNIQUE",
    "CREATE CONSTRAINT cmdb_commit IF NOT EXISTS FOR (c:_Commit) REQUIRE c.revision IS UNIQUE",
    "CREATE INDEX cmdb_commit_time IF NOT EXISTS FOR (c:_Commit) ON (c.time, c.revision)",
    "CREATE CONSTRAINT cmdb_model IF NOT EXISTS FOR (m:_Model) REQUIRE m.revision IS UNIQUE",
    "CREATE CONSTRAINT cmdb_node_ordinal IF NOT EXISTS FOR (n:Node) REQUIRE n.ordinal IS UNIQUE",
    "CREATE CONSTRAINT cmdb_node_key IF NOT EXISTS FOR (n:Node) REQUIRE n.key IS UNIQUE",
    "CREATE INDEX cmdb_node_name IF NOT EXISTS FOR (n:Node) ON (n.name)",
    "CREATE INDEX cmdb_node_class IF NOT EXISTS FOR (n:Node) ON (n.class, n.ordinal)",
    "CREATE INDEX cmdb_node_version IF NOT EXISTS FOR (v:_NodeVersion) ON (v.ordinal)",
    "CREATE INDEX cmdb_node_version_name IF NOT EXISTS FOR (v:_NodeVersion) ON (v.name)",
    "CREATE INDEX cmdb_relationship_source IF NOT EXISTS FOR (v:_RelationshipVersion) ON (v._source)",
    "CREATE INDEX cmdb_relationship_target IF NOT EXISTS FOR (v:_RelationshipVersion) ON (v._target)",
    "CREATE INDEX cmdb_relationship_version IF NOT EXISTS FOR (v:_RelationshipVersion) ON (v.id)",
    "CREATE INDEX cmdb_relationship_until IF NOT EXISTS FOR (v:_RelationshipVersion) ON (v._until, v.id)",
    "CREATE CONSTRAINT cmdb_leaf IF NOT EXISTS FOR (l:_Leaf) REQUIRE l.slot IS UNIQUE",
    "CREATE CONSTRAINT cmdb_source IF NOT EXISTS FOR (s:_Source) REQUIRE s.source IS UNIQUE",
    "CREATE CONSTRAINT cmdb_claim IF NOT EXISTS FOR (c:_Claim) REQUIRE c.slot IS UNIQUE",
    "CREATE CONSTRAINT cmdb_claim_run IF NOT EXISTS FOR (c:_ClaimRun) REQUIRE c.place IS UNIQUE",
    "CREATE INDEX cmdb_claim_bound IF NOT EXISTS FOR (c:_Claim) ON (c.bound)",
    """
    CREATE FULLTEXT INDEX cmdb_words IF NOT EXISTS FOR (n:Node) ON EACH [n.search_text]
    OPTIONS {indexConfig: {`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: true}}
    """,
)
"""What every store has, whatever its model."""

_FOUND: Final = """
MERGE (h:_Head {only: 1}) ON CREATE SET h.revision = 0, h.hash = $genesis, h.time = '', h.model = 0, h.estate = ''
MERGE (w:_Writer {only: 1}) ON CREATE SET w.applying = 0, w.applied = 0
MERGE (c:_Counters {only: 1}) ON CREATE SET c.ordinal = 0, c.relationship = 0
"""
_HAS_HEAD: Final = "MATCH (h:_Head {only: 1}) MATCH (w:_Writer {only: 1}) MATCH (c:_Counters {only: 1}) RETURN 1"
_INDEXES: Final = "SHOW INDEXES YIELD name WHERE name STARTS WITH 'cmdb_' RETURN name"
_NAME: Final = re.compile(r"cmdb_\w+")
_AWAIT: Final = "CALL db.awaitIndexes(600)"


async def ensure_own(connection: Connection, genesis: str) -> None:
    """Make what every store has, unless it is there."""
    await _make(connection, OWN)
    if not await connection.values(_HAS_HEAD):
        await connection.values(_FOUND, {"genesis": genesis})


async def ensure_indexes(connection: Connection, model: Model) -> None:
    """Make the indexes that a model asks for, unless they are there."""
    await _make(connection, cypher_indexes(model).values())


async def _make(connection: Connection, wanted: Iterable[LiteralString]) -> None:
    """Run those statements whose index or constraint is not there; each has its name once, `cmdb_…`."""
    there = {row[0] for row in await connection.values(_INDEXES)}
    made = False
    for statement in wanted:
        if _NAME.findall(statement)[0] not in there:
            await connection.values(statement)
            made = True
    if made:
        await connection.values(_AWAIT)
