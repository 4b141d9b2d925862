"""Who has which value of one attribute, by ranges of ordinals; see `streams`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np

from cmdb.ledger import Head
from cmdb.store.neo4j.connection import Connection, Reading
from cmdb.store.neo4j.cypher import name, of_types
from cmdb.store.neo4j.rows import attributes_of
from cmdb.store.neo4j.streams import IN_RANGE, NODES_AT_ONCE, pinned
from cmdb.store.neo4j.text import given
from cmdb.store.port import ValueColumns
from graph_schema.values import Value


async def node_values(connection: Connection, attribute: str, as_of: int | None) -> tuple[Head, ValueColumns]:
    """Nodes that have the attribute. O(n)."""
    mark, revision, size, _ = await pinned(connection, as_of)
    kept = f"n{{.ordinal, .{name(attribute)}, .{name('_rest_' + attribute)}}}"
    present = (
        f"MATCH (n:Node) USING INDEX n:Node(ordinal) WHERE {IN_RANGE} WITH n, n.since > $as_of AS newer "
        f"WHERE newer OR n.{name(attribute)} IS NOT NULL RETURN collect([newer, {kept}]) AS rows"
    )
    before = (
        "MATCH (n:_NodeVersion) WHERE n.ordinal IN $wanted AND n.since <= $as_of AND n._until > $as_of "
        f"AND n.{name(attribute)} IS NOT NULL RETURN collect({kept}) AS rows"
    )
    found: dict[int, Value] = {}
    for first in range(0, size, 4 * NODES_AT_ONCE):

        async def of_range(reading: Reading, first: int = first) -> list[dict[str, object]]:
            wanted = {"first": first, "beyond": first + 4 * NODES_AT_ONCE, "as_of": revision}
            rows = cast("list[tuple[bool, dict[str, object]]]", (await reading.rows(present, wanted))[1])
            newer = [row["ordinal"] for late, row in rows if late]
            then = (await reading.rows(before, {"wanted": newer, "as_of": revision}))[1] if newer else []
            return [*(row for late, row in rows if not late), *cast("list[dict[str, object]]", then)]

        for row in await connection.read(of_range):
            found[cast("int", row["ordinal"])] = attributes_of(given({n: v for n, v in row.items() if v is not None}))[
                attribute
            ]
    return mark.head, _columns(found.items())


async def relationship_values(
    connection: Connection, attribute: str, types: Sequence[str], as_of: int | None
) -> tuple[Head, ValueColumns]:
    """Relationships of these types that have the attribute. O(n)."""
    mark, revision, size, _ = await pinned(connection, as_of)
    if not types:
        return mark.head, _columns(())
    present = (
        f"MATCH (n:Node)-[r{of_types(types)}]->() USING INDEX n:Node(ordinal) WHERE {IN_RANGE} AND r.since <= $as_of "
        f"AND r.{name(attribute)} IS NOT NULL RETURN collect([r.id, r.{name(attribute)}]) AS rows"
    )
    before = (
        "MATCH (v:_RelationshipVersion) WHERE v._until > $as_of AND v.since <= $as_of AND v._type IN $types "
        f"AND v.{name(attribute)} IS NOT NULL RETURN collect([v.id, v.{name(attribute)}]) AS rows"
    )
    found: dict[int, Value] = {}

    async def of_past(reading: Reading) -> list[object]:
        return (await reading.rows(before, {"types": list(types), "as_of": revision}))[1]

    for first in range(0, size, NODES_AT_ONCE):

        async def of_range(reading: Reading, first: int = first) -> list[object]:
            wanted = {"first": first, "beyond": first + NODES_AT_ONCE, "as_of": revision}
            return (await reading.rows(present, wanted))[1]

        found |= _pairs(await connection.read(of_range))
    # Read last, so that what a commit ends meanwhile is met twice at worst, never missed.
    found |= _pairs(await connection.read(of_past))
    return mark.head, _columns(found.items())


def _pairs(rows: list[object]) -> dict[int, Value]:
    pairs = cast("list[tuple[int, Value | list[str]]]", rows)
    return {ident: tuple(value) if isinstance(value, list) else value for ident, value in pairs}


def _columns(items: Iterable[tuple[int, Value]]) -> ValueColumns:
    rows = sorted(items, key=lambda item: item[0])
    codes: dict[tuple[type, Value], int] = {}
    code = [codes.setdefault((type(value), value), len(codes)) for _, value in rows]
    return ValueColumns(
        ident=np.array([ident for ident, _ in rows], dtype=np.int64),
        code=np.array(code, dtype=np.int32),
        values=tuple(value for _, value in codes),
    )
