"""Reads of nodes, relationships and their history. Each takes a connection that is inside a read transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, LiteralString, cast

import apsw
import msgspec
import numpy as np
import numpy.typing as npt

from cmdb.errors import Invalid
from cmdb.filters import Direction, Filter, Lookup, attribute_named, field_value
from cmdb.nodes import LAST, Node, NodeIds, NodeVersion, Relationship, RelationshipVersion
from cmdb.store import cursor
from cmdb.store.port import NodeColumns, Page, Query, RelationshipColumns, ValueColumns
from cmdb.store.sqlite import columns, value_columns
from cmdb.store.sqlite.compiling import Compiler, nodes_table, relationships_table
from cmdb.store.sqlite.rows import NodeRow, RelationshipRow, encode_json, nodes_of, relationships_of
from cmdb.store.words import words
from graph_schema.metamodel import Model
from graph_schema.values import Scalar, Value

BATCH: Final = 5_000
"""Rows a stream gives at a time."""

_NODE: Final = "n.ordinal, n.key, n.class, n.name, n.state, n.retired, n.attributes, n.version, n.since"
_RELATIONSHIP: Final = "r.id, r.type, r.source, r.target, r.key, r.attributes, r.since"

_NODE_NOW: Final = f"SELECT {_NODE} FROM node AS n WHERE n.ordinal = ?1"
_NODES_NOW: Final = f"SELECT {_NODE} FROM json_each(?) AS w CROSS JOIN node AS n ON n.ordinal = w.value"
"""In the order in which they are wanted."""
_NODE_THEN: Final = f"""
{_NODE_NOW} AND n.since <= ?2
UNION ALL SELECT {_NODE} FROM node_version AS n WHERE n.ordinal = ?1 AND n.since <= ?2 AND n.until > ?2
"""
_NODE_EVER: Final = f"""
SELECT {_NODE}, n.until FROM node_version AS n WHERE n.ordinal = ?1
UNION ALL SELECT {_NODE}, ?2 FROM node AS n WHERE n.ordinal = ?1
"""


class Reader(msgspec.Struct, frozen=True):
    """A connection and what is needed to make values of its rows."""

    connection: apsw.Connection
    model: Model
    ids: NodeIds
    types: Mapping[int, str]
    type_codes: Mapping[str, int]
    value_codes: Mapping[str, int]

    def nodes(self, ordinals: Sequence[int], as_of: int | None) -> list[Node]:
        """The nodes with these ordinals. O(n log n); one alone has a shorter way."""
        if len(ordinals) != 1 and as_of is not None:
            return self._nodes_by("n.ordinal", list(ordinals), as_of)
        if len(ordinals) != 1:
            rows = self.connection.execute(_NODES_NOW, (encode_json(sorted(set(ordinals))).decode(),))
        elif as_of is None:
            rows = self.connection.execute(_NODE_NOW, (ordinals[0],))
        else:
            rows = self.connection.execute(_NODE_THEN, (ordinals[0], as_of))
        return nodes_of(cast("Iterator[NodeRow]", rows), self.ids)

    def named(self, names: Sequence[str], as_of: int | None) -> list[Node]:
        """The nodes with one of these names."""
        return self._nodes_by("n.name", list(names), as_of)

    def having(self, attribute: str, values: Sequence[str | int], as_of: int | None) -> list[Node]:
        """The nodes whose attribute has one of these values."""
        compiler = self._compiler(as_of)
        held = compiler.holds(attribute, Lookup.IN, tuple(values))
        rows = self._rows(
            f"SELECT {_NODE} FROM {nodes_table(as_of)} AS n WHERE {held} ORDER BY n.ordinal", compiler.parameters
        )
        return nodes_of(cast("Iterator[NodeRow]", rows), self.ids)

    def _nodes_by(self, expression: LiteralString, values: list[str] | list[int], as_of: int | None) -> list[Node]:
        rows = self._rows(
            f"SELECT {_NODE} FROM (SELECT DISTINCT value FROM json_each(:wanted)) AS w CROSS JOIN {nodes_table(as_of)} AS n "
            f"WHERE {expression} = w.value ORDER BY n.ordinal",
            {"wanted": encode_json(values).decode(), "as_of": as_of},
        )
        return nodes_of(cast("Iterator[NodeRow]", rows), self.ids)

    def ordinals_of_keys(self, keys: Sequence[str]) -> dict[str, int]:
        """Ordinals by key."""
        rows = self._rows(
            "SELECT n.key, n.ordinal FROM json_each(:keys) AS w CROSS JOIN node AS n WHERE n.key = w.value",
            {"keys": encode_json(list(keys)).decode()},
        )
        return dict(cast("Iterator[tuple[str, int]]", rows))

    def find(self, query: Query) -> Page[Node]:
        """A page of nodes: one row more than asked for tells whether there are more."""
        attribute = attribute_named(self.model, query.sort.field)
        if attribute is not None and attribute.many:
            raise Invalid(f"a list cannot be sorted by {query.sort.field}, which is itself a list")
        compiler = self._compiler(query.as_of)
        after = None if query.after is None else cursor.place_after(self.model, query.sort, query.after)
        accepted = compiler.where(query.where)
        place, order = compiler.page(query.sort, after)
        rows = self._rows(
            f"SELECT {_NODE} FROM {nodes_table(query.as_of)} AS n WHERE {accepted} AND {place} ORDER BY {order} LIMIT :most",
            {**compiler.parameters, "most": query.limit + 1},
        )
        found = nodes_of(cast("Iterator[NodeRow]", rows), self.ids)
        items = tuple(found[: query.limit])
        return Page(
            items=items,
            cursors=tuple(
                cursor.encode(query.sort, _scalar(field_value(n, query.sort.field)), n.ordinal) for n in items
            ),
            more=len(found) > query.limit,
        )

    def count(self, where: Filter, as_of: int | None) -> int:
        """How many nodes a filter accepts."""
        compiler = self._compiler(as_of)
        accepted = compiler.where(where)
        return cast(
            "int",
            self.connection.execute(
                f"SELECT count(*) FROM {nodes_table(as_of)} AS n WHERE {accepted}", compiler.parameters
            ).get,
        )

    def accepted(self, where: Filter, as_of: int | None) -> npt.NDArray[np.int64]:
        """The ordinals that a filter accepts, in the order in which SQLite meets them, then sorted."""
        compiler = self._compiler(as_of)
        condition = compiler.where(where)
        statement = f"SELECT {columns.ORDINALS} FROM {nodes_table(as_of)} AS n WHERE {condition}"
        found = self.connection.execute(statement, compiler.parameters).get
        return np.sort(columns.unpacked(cast("str | None", found)))

    def count_by_class(self, as_of: int | None) -> dict[str, int]:
        """Live nodes by class."""
        rows = self._rows(
            f"SELECT n.class, count(*) FROM {nodes_table(as_of)} AS n WHERE NOT n.retired GROUP BY n.class ORDER BY n.class",
            {"as_of": as_of},
        )
        return dict(cast("Iterator[tuple[str, int]]", rows))

    def search(self, text: str, limit: int, after: int) -> tuple[list[Node], int]:
        """Full text, by ordinal, with the exact total."""
        wanted = words(text)
        if not wanted:
            return [], 0
        match = " AND ".join(f'"{word}"' for word in wanted) + "*"
        total = self.connection.execute("SELECT count(*) FROM node_words WHERE node_words MATCH ?", (match,)).get
        rows = self._rows(
            f"SELECT {_NODE} FROM (SELECT rowid AS ordinal FROM node_words WHERE node_words MATCH :match AND rowid > :after "
            f"ORDER BY rowid LIMIT :most) AS w CROSS JOIN node AS n ON n.ordinal = w.ordinal ORDER BY n.ordinal",
            {"match": match, "after": after, "most": limit},
        )
        return nodes_of(cast("Iterator[NodeRow]", rows), self.ids), cast("int", total)

    def history(self, ordinal: int) -> list[NodeVersion]:
        """All versions of a node."""
        versions = self._node_versions(self.connection.execute(_NODE_EVER, (ordinal, LAST)))
        return sorted(versions, key=lambda version: version.node.version)

    def relationships(
        self,
        ordinals: Sequence[int],
        direction: Direction,
        types: Sequence[str] | None,
        as_of: int | None,
        limit: int | None,
    ) -> list[Relationship]:
        """Relationships at these nodes, by (node, id)."""
        near = "source" if direction is Direction.OUT else "target"
        parameters = self._wanted(ordinals, types, as_of)
        join = (
            f"FROM (SELECT DISTINCT value FROM json_each(:wanted)) AS w CROSS JOIN {relationships_table(as_of)} AS r "
            f"WHERE r.{near} = w.value{self._of_types(types)}"
        )
        if limit is None:
            rows = self._rows(f"SELECT {_RELATIONSHIP} {join} ORDER BY r.{near}, r.id", parameters)
        else:
            rows = self._rows(
                f"SELECT {_RELATIONSHIP} FROM (SELECT {_RELATIONSHIP}, row_number() OVER (PARTITION BY r.{near} ORDER BY r.id) "
                f"AS place {join}) AS r WHERE place <= :most ORDER BY r.{near}, r.id",
                {**parameters, "most": limit},
            )
        return relationships_of(cast("Iterator[RelationshipRow]", rows), self.types)

    def relationship_counts(
        self, ordinals: Sequence[int], direction: Direction, types: Sequence[str] | None, as_of: int | None
    ) -> dict[int, int]:
        """How many relationships these nodes have."""
        near = "source" if direction is Direction.OUT else "target"
        rows = self._rows(
            f"SELECT r.{near}, count(*) FROM (SELECT DISTINCT value FROM json_each(:wanted)) AS w "
            f"CROSS JOIN {relationships_table(as_of)} AS r WHERE r.{near} = w.value{self._of_types(types)} GROUP BY r.{near}",
            self._wanted(ordinals, types, as_of),
        )
        return dict(cast("Iterator[tuple[int, int]]", rows))

    def joined(self, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
        """Relationships by natural key."""
        coded = [(self.type_codes[t], s, e, k) for t, s, e, k in dict.fromkeys(naturals) if t in self.type_codes]
        rows = self._rows(
            f"SELECT {_RELATIONSHIP} FROM json_each(:wanted) AS w CROSS JOIN relationship AS r "
            "WHERE r.source = w.value ->> 1 AND r.type = w.value ->> 0 AND r.target = w.value ->> 2 AND r.key = w.value ->> 3 "
            "ORDER BY r.id",
            {"wanted": encode_json(coded).decode()},
        )
        return relationships_of(cast("Iterator[RelationshipRow]", rows), self.types)

    def relationship_history(self, ordinal: int) -> list[RelationshipVersion]:
        """All versions of all relationships at a node."""
        rows = self._rows(
            f"SELECT {_RELATIONSHIP}, r.until FROM relationship_version AS r "
            "WHERE source = :ordinal OR target = :ordinal UNION ALL "
            f"SELECT {_RELATIONSHIP}, :last FROM relationship AS r WHERE source = :ordinal OR target = :ordinal ORDER BY 7, 1",
            {"ordinal": ordinal, "last": LAST},
        )
        return self._relationship_versions(rows)

    def all_nodes(self, as_of: int | None) -> Iterator[list[Node]]:
        """Every node in batches; as of a revision, by ranges of ordinals so that nothing is sorted as a whole."""
        last = cast("int | None", self.connection.execute("SELECT max(ordinal) FROM node").get)
        for first in range(0, -1 if last is None else last + 1, BATCH):
            rows = self._rows(
                f"SELECT {_NODE} FROM {nodes_table(as_of)} AS n "
                "WHERE n.ordinal >= :first AND n.ordinal < :beyond ORDER BY n.ordinal",
                {"first": first, "beyond": first + BATCH, "as_of": as_of},
            )
            if batch := nodes_of(cast("Iterator[NodeRow]", rows), self.ids):
                yield batch

    def all_relationships(self, as_of: int | None) -> Iterator[list[Relationship]]:
        """Every relationship in batches, by ranges of ids."""
        last = cast(
            "int",
            self.connection.execute("SELECT coalesce(max(next), 0) FROM counter WHERE name = 'relationship'").get,
        )
        for first in range(0, last, 4 * BATCH):
            rows = self._rows(
                f"SELECT {_RELATIONSHIP} FROM {relationships_table(as_of)} AS r "
                "WHERE r.id >= :first AND r.id < :beyond ORDER BY r.id",
                {"first": first, "beyond": first + 4 * BATCH, "as_of": as_of},
            )
            if batch := relationships_of(cast("Iterator[RelationshipRow]", rows), self.types):
                yield batch

    def past_nodes(self) -> Iterator[list[NodeVersion]]:
        """Every node version that has ended, in batches."""
        rows = self._rows(f"SELECT {_NODE}, n.until FROM node_version AS n ORDER BY n.ordinal, n.version", {})
        while batch := self._node_versions(islice(rows, BATCH)):
            yield batch

    def past_relationships(self) -> Iterator[list[RelationshipVersion]]:
        """Every relationship version that has ended, in batches."""
        rows = self._rows(f"SELECT {_RELATIONSHIP}, r.until FROM relationship_version AS r ORDER BY r.id, r.since", {})
        while batch := self._relationship_versions(islice(rows, BATCH)):
            yield batch

    def _node_versions(self, rows: Iterable[tuple[apsw.SQLiteValue, ...]]) -> list[NodeVersion]:
        return [
            NodeVersion(node=nodes_of([cast("NodeRow", row[:9])], self.ids)[0], until=cast("int", row[9]))
            for row in rows
        ]

    def _relationship_versions(self, rows: Iterable[tuple[apsw.SQLiteValue, ...]]) -> list[RelationshipVersion]:
        return [
            RelationshipVersion(
                relationship=relationships_of([cast("RelationshipRow", row[:7])], self.types)[0],
                until=cast("int", row[7]),
            )
            for row in rows
        ]

    def node_columns(self, as_of: int | None) -> NodeColumns:
        """Class and retirement of every node."""
        classes = tuple(sorted(c.name for c in self.model.classes if not c.abstract))
        return columns.node_columns(self.connection, classes, as_of)

    def node_values(self, attribute: str, as_of: int | None) -> ValueColumns:
        """The nodes that have an attribute."""
        return value_columns.node_values(self.connection, attribute, as_of)

    def relationship_values(self, attribute: str, types: Sequence[str], as_of: int | None) -> ValueColumns:
        """The relationships of these types that have an attribute."""
        codes = [self.type_codes[name] for name in types if name in self.type_codes]
        return value_columns.relationship_values(self.connection, attribute, codes, as_of)

    def relationship_columns(self, types: Sequence[str], as_of: int | None) -> RelationshipColumns:
        """Relationships of these types as columns."""
        return columns.relationship_columns(self.connection, types, self.type_codes, LAST if as_of is None else as_of)

    def _compiler(self, as_of: int | None) -> Compiler:
        return Compiler(self.model, self.type_codes, self.value_codes, as_of)

    def _wanted(
        self, ordinals: Sequence[int], types: Sequence[str] | None, as_of: int | None
    ) -> dict[str, str | int | None]:
        codes = [] if types is None else [self.type_codes[t] for t in types if t in self.type_codes]
        return {
            "wanted": encode_json(list(ordinals)).decode(),
            "types": encode_json(codes).decode(),
            "as_of": as_of,
        }

    def _of_types(self, types: Sequence[str] | None) -> LiteralString:
        return "" if types is None else " AND r.type IN (SELECT value FROM json_each(:types))"

    def _rows(self, sql: LiteralString, parameters: Mapping[str, str | int | None]) -> apsw.Cursor:
        return self.connection.execute(sql, dict(parameters))


def _scalar(value: Value | None) -> Scalar | None:
    return None if isinstance(value, tuple) else value
