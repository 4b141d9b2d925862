"""Reads of relationships and their history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString, cast

from cmdb.filters import Direction
from cmdb.nodes import Relationship, RelationshipVersion
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.cypher import edge, name
from cmdb.store.neo4j.rows import relationship_versions_of, relationships_of

_HISTORY: Final = """
CALL () {
  MATCH (n:Node {ordinal: $ordinal})-[r]-() WITH DISTINCT r
  RETURN [type(r), startNode(r).ordinal, endNode(r).ordinal, r{.*}] AS row
  UNION ALL
  MATCH (v:_RelationshipVersion) WHERE v._source = $ordinal RETURN [v._type, v._source, v._target, v{.*}] AS row
  UNION ALL
  MATCH (v:_RelationshipVersion) WHERE v._target = $ordinal AND v._source <> $ordinal
  RETURN [v._type, v._source, v._target, v{.*}] AS row
}
RETURN collect(row) AS rows
"""


async def at_nodes(
    reading: Reading,
    ordinals: Sequence[int],
    direction: Direction,
    types: Sequence[str] | None,
    as_of: int | None,
    limit: int | None,
) -> list[Relationship]:
    """Relationships at these nodes, by (node, id)."""
    of_one = _of_one_node(direction, types, as_of)
    if limit is not None:
        of_one += " WITH row ORDER BY row[3].id LIMIT $most"
    statement = (
        f"UNWIND $wanted AS wanted CALL (wanted) {{ {of_one} RETURN row }} "
        "WITH wanted, row ORDER BY wanted, row[3].id RETURN collect(row) AS rows"
    )
    _, rows = await reading.rows(
        statement, {"wanted": sorted(set(ordinals)), "types": _listed(types), "as_of": as_of, "most": limit}
    )
    return relationships_of(rows)


async def counts(
    reading: Reading, ordinals: Sequence[int], direction: Direction, types: Sequence[str] | None, as_of: int | None
) -> dict[int, int]:
    """How many relationships these nodes have; of the present, Neo4j knows the degree of a node with many."""
    if as_of is None:
        counted = (
            f"MATCH (n:Node {{ordinal: wanted}}) WITH wanted, COUNT {{ (n){edge(direction, '', types)}() }} AS there"
        )
    else:
        one = _of_one_node(direction, types, as_of)
        counted = f"CALL (wanted) {{ {one} RETURN count(row) AS there }} WITH wanted, there"
    statement = f"UNWIND $wanted AS wanted {counted} WHERE there > 0 RETURN collect([wanted, there]) AS rows"
    _, rows = await reading.rows(statement, {"wanted": sorted(set(ordinals)), "types": _listed(types), "as_of": as_of})
    return dict(cast("list[tuple[int, int]]", rows))


async def joined(reading: Reading, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
    """Relationships by natural key, in ascending order of id."""
    groups: dict[str, list[tuple[int, int, str]]] = {}
    for type_name, source, target, key in dict.fromkeys(naturals):
        groups.setdefault(type_name, []).append((source, target, key))
    found: list[Relationship] = []
    for type_name, wanted in groups.items():
        statement = (
            "UNWIND $wanted AS row MATCH (a:Node {ordinal: row[0]}) MATCH (b:Node {ordinal: row[1]}) WITH a, b, row "
            f"MATCH (a)-[r:{name(type_name)}]->(b) WHERE r.key = row[2] "
            "RETURN collect([type(r), row[0], row[1], r{.*}]) AS rows"
        )
        _, rows = await reading.rows(statement, {"wanted": wanted})
        found += relationships_of(rows)
    return sorted(found, key=lambda r: r.id)


async def history(reading: Reading, ordinal: int) -> list[RelationshipVersion]:
    """All versions of all relationships at a node."""
    _, rows = await reading.rows(_HISTORY, {"ordinal": ordinal})
    return relationship_versions_of(rows)


def _of_one_node(direction: Direction, types: Sequence[str] | None, as_of: int | None) -> LiteralString:
    """What gives a `row` for each relationship at the node whose ordinal is `wanted`."""
    out = direction is Direction.OUT
    ends: LiteralString = "wanted, far.ordinal" if out else "far.ordinal, wanted"
    now = f"MATCH (n:Node {{ordinal: wanted}}){edge(direction, 'r', types)}(far:Node)"
    if as_of is None:
        return f"{now} WITH [type(r), {ends}, r{{.*}}] AS row"
    near: LiteralString = "_source" if out else "_target"
    of_type = "" if types is None else " AND v._type IN $types"
    return f"""CALL (wanted) {{
{now} WHERE r.since <= $as_of RETURN [type(r), {ends}, r{{.*}}] AS row
UNION ALL
MATCH (v:_RelationshipVersion) WHERE v.{near} = wanted AND v.since <= $as_of AND v._until > $as_of{of_type}
RETURN [v._type, v._source, v._target, v{{.*}}] AS row
}} WITH row"""


def _listed(types: Sequence[str] | None) -> list[str] | None:
    return None if types is None else list(types)
