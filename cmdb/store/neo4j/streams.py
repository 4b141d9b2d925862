"""Whole states, by ranges of ordinals, pinned to the revision that the first range was read at.

Relationships carry no index, so they are read by the ordinal of their source. Those that ended or changed after the
pinned revision are among the versions, which are read last: what a commit moves meanwhile is met twice at worst, never
missed.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import IO, Final, LiteralString, cast

import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.ledger import Head
from cmdb.nodes import Node, Relationship
from cmdb.store.neo4j.connection import Connection, Mark, Reading
from cmdb.store.neo4j.cypher import of_types
from cmdb.store.neo4j.rows import nodes_of, relationships_of
from cmdb.store.port import NodeColumns, RelationshipColumns
from graph_schema.metamodel import Model

NODES_AT_ONCE: Final = 4_000
EDGES_AT_ONCE: Final = 20_000
IDS_AT_ONCE: Final = 50_000

_LAST_ORDINAL: Final = "MATCH (c:_Counters {only: 1}) RETURN [c.ordinal, c.relationship] AS rows"
IN_RANGE: Final = "n.ordinal >= $first AND n.ordinal < $beyond"
"""A part of all nodes."""

_NODES: Final = f"""
MATCH (n:Node) USING INDEX n:Node(ordinal) WHERE {IN_RANGE} RETURN collect(n{{.*, search_text: null}}) AS rows
"""
_VERSIONS: Final = """
MATCH (v:_NodeVersion) WHERE v.ordinal IN $wanted AND v.since <= $as_of AND v._until > $as_of
RETURN collect(v{.*}) AS rows
"""
_NODE_COLUMNS: Final = f"""
MATCH (n:Node) USING INDEX n:Node(ordinal) WHERE {IN_RANGE}
RETURN [collect(n.ordinal), collect(coalesce($codes[n.class], -1)), collect(n.retired), collect(n.since)] AS rows
"""
_EDGES: Final = f"""
MATCH (n:Node)-[r]->(m) USING INDEX n:Node(ordinal) WHERE {IN_RANGE} AND r.since <= $as_of
RETURN collect([type(r), n.ordinal, m.ordinal, r{{.*}}]) AS rows
"""
_ENDED: Final = """
MATCH (v:_RelationshipVersion) USING INDEX v:_RelationshipVersion(_until, id)
WHERE v._until >= $until AND (v._until > $until OR v.id > $id)
WITH v ORDER BY v._until, v.id LIMIT $most RETURN collect([v._type, v._source, v._target, v{.*}]) AS rows
"""
_ENDED_COLUMNS: Final = """
MATCH (v:_RelationshipVersion) USING INDEX v:_RelationshipVersion(_until, id)
WHERE v._until >= $until AND (v._until > $until OR v.id > $id)
WITH v ORDER BY v._until, v.id LIMIT $most
RETURN collect([v.id, coalesce($codes[v._type], -1), v._source, v._target, v.since, v._until]) AS rows
"""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Relationship]).decode


async def pinned(connection: Connection, as_of: int | None) -> tuple[Mark, int, int, int]:
    """The head, the revision to read, and how many ordinals and relationship ids there are."""

    async def look(reading: Reading) -> tuple[Mark, list[object]]:
        return await reading.rows(_LAST_ORDINAL, {})

    mark, sizes = await connection.read(look)
    nodes, relationships = cast("tuple[int, int]", sizes)
    return mark, mark.revision if as_of is None else as_of, nodes, relationships


async def all_nodes(connection: Connection, as_of: int | None) -> AsyncIterator[list[Node]]:
    """Every node, in ascending order of ordinal."""
    _, revision, size, _ = await pinned(connection, as_of)
    for first in range(0, size, NODES_AT_ONCE):

        async def of_range(reading: Reading, first: int = first) -> list[Node]:
            return await _nodes_of_range(reading, first, revision)

        if batch := await connection.read(of_range):
            yield batch


async def _nodes_of_range(reading: Reading, first: int, revision: int) -> list[Node]:
    _, rows = await reading.rows(_NODES, {"first": first, "beyond": first + NODES_AT_ONCE})
    return await as_they_stood(reading, nodes_of(rows), revision)


async def as_they_stood(reading: Reading, nodes: list[Node], revision: int) -> list[Node]:
    """Nodes of the present as they stood at a revision."""
    newer = [n.ordinal for n in nodes if n.since > revision]
    if not newer:
        return nodes
    _, rows = await reading.rows(_VERSIONS, {"wanted": newer, "as_of": revision})
    return sorted([*(n for n in nodes if n.since <= revision), *nodes_of(rows)], key=lambda n: n.ordinal)


async def all_relationships(connection: Connection, as_of: int | None) -> AsyncIterator[list[Relationship]]:
    """Every relationship, in ascending order of id: parted by id into temporary files, then sorted part by part."""
    _, revision, nodes, relationships = await pinned(connection, as_of)
    if relationships <= IDS_AT_ONCE:
        found = {r.id: r async for batch in _unordered(connection, revision, nodes) for r in batch}
        if found:
            yield [found[ident] for ident in sorted(found)]
        return
    with ExitStack() as stack:
        parts = range(0, relationships, IDS_AT_ONCE)
        files: list[IO[bytes]] = [stack.enter_context(tempfile.TemporaryFile()) for _ in parts]
        async for batch in _unordered(connection, revision, nodes):
            _part(batch, files)
        for file in files:
            found = {r.id: r for r in _parted(file)}
            if found:
                yield [found[ident] for ident in sorted(found)]


def _part(batch: list[Relationship], files: list[IO[bytes]]) -> None:
    groups: dict[int, list[Relationship]] = {}
    for relationship in batch:
        groups.setdefault(relationship.id // IDS_AT_ONCE, []).append(relationship)
    for part, group in groups.items():
        if part < len(files):
            packed = _pack(group)
            files[part].write(len(packed).to_bytes(8, "big") + packed)


def _parted(file: IO[bytes]) -> list[Relationship]:
    file.seek(0)
    found: list[Relationship] = []
    while size := file.read(8):
        found += _unpack(file.read(int.from_bytes(size, "big")))
    return found


async def _unordered(connection: Connection, revision: int, nodes: int) -> AsyncIterator[list[Relationship]]:
    for first in range(0, nodes, NODES_AT_ONCE):

        async def of_range(reading: Reading, first: int = first) -> list[object]:
            return (await reading.rows(_EDGES, {"first": first, "beyond": first + NODES_AT_ONCE, "as_of": revision}))[1]

        yield relationships_of(await connection.read(of_range))
    async for batch in ended_relationships(connection, revision):
        yield batch


async def ended_relationships(connection: Connection, revision: int) -> AsyncIterator[list[Relationship]]:
    """The relationships that stood at a revision and ended or changed after it, in batches."""
    async for rows in _ended(connection, _ENDED, revision, {}):
        versions = cast("list[tuple[str, int, int, dict[str, int]]]", rows)
        yield relationships_of([v for v in versions if v[3]["since"] <= revision])


async def _ended(
    connection: Connection, statement: LiteralString, revision: int, parameters: dict[str, object]
) -> AsyncIterator[list[object]]:
    """The relationships that ended or changed after a revision, in batches."""
    until, last = revision + 1, -1
    while True:

        async def next_batch(reading: Reading, until: int = until, last: int = last) -> list[object]:
            wanted = {**parameters, "until": until, "id": last, "most": EDGES_AT_ONCE}
            return (await reading.rows(statement, wanted))[1]

        rows = await connection.read(next_batch)
        if rows:
            yield rows
        if len(rows) < EDGES_AT_ONCE:
            return
        until, last = _place_of(rows[-1])


def _place_of(row: object) -> tuple[int, int]:
    fields = cast("list[object]", row)
    if isinstance(fields[3], dict):
        properties = cast("dict[str, int]", fields[3])
        return properties["_until"], properties["id"]
    return cast("int", fields[5]), cast("int", fields[0])


async def node_columns(connection: Connection, model: Model, as_of: int | None) -> tuple[Head, NodeColumns]:
    """Class and retirement of every node."""
    mark, revision, size, _ = await pinned(connection, as_of)
    classes = tuple(sorted(c.name for c in model.classes if not c.abstract))
    codes = {name: code for code, name in enumerate(classes)}
    class_code, retired = np.full(size, -1, dtype=np.int16), np.zeros(size, dtype=np.bool_)
    for first in range(0, size, 4 * NODES_AT_ONCE):

        async def of_range(reading: Reading, first: int = first) -> list[object]:
            wanted = {"first": first, "beyond": min(first + 4 * NODES_AT_ONCE, size), "codes": codes}
            columns = (await reading.rows(_NODE_COLUMNS, wanted))[1]
            newer = np.asarray(columns[0], dtype=np.int64)[np.asarray(columns[3], dtype=np.int64) > revision].tolist()
            then = await reading.rows(_VERSIONS, {"wanted": newer, "as_of": revision}) if newer else None
            return [*columns[:3], newer, nodes_of(then[1]) if then else []]

        ordinals, found_codes, found_retired, newer, then = cast(
            "tuple[list[int], list[int], list[bool], list[int], list[Node]]", await connection.read(of_range)
        )
        at = np.asarray(ordinals, dtype=np.int64)
        class_code[at] = found_codes
        retired[at] = found_retired
        class_code[newer], retired[newer] = -1, False
        for node in then:
            class_code[node.ordinal], retired[node.ordinal] = codes[node.class_name], node.retired
    return mark.head, NodeColumns(classes=classes, class_code=class_code, retired=retired)


async def relationship_columns(
    connection: Connection, types: Sequence[str], as_of: int | None
) -> tuple[Head, RelationshipColumns]:
    """Relationships of these types as columns: per range and type, Neo4j collects them into one row."""
    mark, revision, size, _ = await pinned(connection, as_of)
    codes = {name: code for code, name in enumerate(types)}
    tables: list[npt.NDArray[np.int64]] = []
    if types:
        statement = (
            f"MATCH (n:Node)-[r{of_types(types)}]->(m) USING INDEX n:Node(ordinal) WHERE {IN_RANGE} "
            "AND r.since <= $as_of WITH type(r) AS type, collect(r.id) AS ids, collect(n.ordinal) AS sources, "
            "collect(m.ordinal) AS targets RETURN collect([type, ids, sources, targets]) AS rows"
        )
        for first in range(0, size, NODES_AT_ONCE):

            async def of_range(reading: Reading, first: int = first) -> list[object]:
                wanted = {"first": first, "beyond": first + NODES_AT_ONCE, "as_of": revision}
                return (await reading.rows(statement, wanted))[1]

            rows = cast("list[tuple[str, list[int], list[int], list[int]]]", await connection.read(of_range))
            tables += [_table(codes[type_name], ids, sources, targets) for type_name, ids, sources, targets in rows]
        async for ended in _ended(connection, _ENDED_COLUMNS, revision, {"codes": codes}):
            there = np.asarray(ended, dtype=np.int64).reshape(-1, 6)
            tables.append(there[(there[:, 1] >= 0) & (there[:, 4] <= revision)][:, :4])
    table = np.concatenate(tables) if tables else np.empty((0, 4), dtype=np.int64)
    _, first_of_each = np.unique(table[:, 0], return_index=True)
    table = table[first_of_each]
    return mark.head, RelationshipColumns(
        types=tuple(types),
        id=table[:, 0].copy(),
        type_code=table[:, 1].astype(np.int16),
        source=table[:, 2].astype(np.int32),
        target=table[:, 3].astype(np.int32),
    )


def _table(code: int, ids: list[int], sources: list[int], targets: list[int]) -> npt.NDArray[np.int64]:
    table = np.empty((len(ids), 4), dtype=np.int64)
    table[:, 0], table[:, 1], table[:, 2], table[:, 3] = ids, code, sources, targets
    return table
