"""Filters and sorts to SQL.

A comparison with an absent attribute is NULL, which AND and OR treat as false and `IS NOT TRUE` turns into true: so the
two-valued logic of `cmdb.filters` holds while indexes stay usable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, LiteralString, cast

from cmdb.errors import Invalid, Problem
from cmdb.filters import (
    FIELDS,
    And,
    Compare,
    Direction,
    Filter,
    IsA,
    Lookup,
    Not,
    Or,
    Related,
    faults,
    field_type,
)
from cmdb.store.port import Sort
from cmdb.store.sqlite.rows import encode_json
from graph_schema.metamodel import AttributeType, Model
from graph_schema.values import Scalar, Value

_NAME: Final = re.compile(r"^[a-z][a-z0-9_]{0,63}$")

_OPERATORS: Final[dict[Lookup, LiteralString]] = {
    Lookup.EQ: "=",
    Lookup.NE: "<>",
    Lookup.LT: "<",
    Lookup.LTE: "<=",
    Lookup.GT: ">",
    Lookup.GTE: ">=",
}

_ORDERED: Final = frozenset({Lookup.LT, Lookup.LTE, Lookup.GT, Lookup.GTE})
_BY_VALUE: Final = _ORDERED | {Lookup.EQ, Lookup.IN, Lookup.STARTS_WITH}
"""Look-ups that the table of values answers."""

_LAST_CHARACTER: Final = "\U0010ffff"
_SURROGATES, _AFTER_SURROGATES = 0xD800, 0xE000

_NEVER_ABSENT: Final = frozenset(FIELDS)

Parameter = str | int | None

_NODES_THEN: Final = """(
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node WHERE since <= :as_of
UNION ALL
SELECT ordinal, key, class, name, state, retired, attributes, version, since FROM node_version
WHERE until > :as_of AND since <= :as_of)"""

_RELATIONSHIPS_THEN: Final = """(
SELECT id, type, source, target, key, attributes, since FROM relationship WHERE since <= :as_of
UNION ALL
SELECT id, type, source, target, key, attributes, since FROM relationship_version WHERE until > :as_of AND since <= :as_of)"""


def nodes_table(as_of: int | None) -> LiteralString:
    """What to select nodes from: the table of the present, or what stood at revision `:as_of`."""
    return "node" if as_of is None else _NODES_THEN


def relationships_table(as_of: int | None) -> LiteralString:
    """What to select relationships from: the table of the present, or what stood at revision `:as_of`."""
    return "relationship" if as_of is None else _RELATIONSHIPS_THEN


def value_expression(model: Model, name: str, alias: LiteralString) -> LiteralString:
    """The SQL for a field or attribute of the node behind `alias`. Raises Invalid for a name that is none."""
    known = _known_name(model, name)
    return f"{alias}.{known}" if name in FIELDS else f"{alias}.attributes ->> '$.{known}'"


def _known_name(model: Model, name: str) -> LiteralString:
    """A name of the model as part of a statement: the one place where text that is not ours becomes SQL."""
    if field_type(model, name) is None or not _NAME.fullmatch(name):
        raise Invalid(f"there is no field or attribute {name}")
    return cast("LiteralString", name)


@dataclass(slots=True)
class Compiler:
    """Turns one filter into SQL, collecting its values as numbered parameters."""

    model: Model
    type_codes: Mapping[str, int]
    value_codes: Mapping[str, int]
    as_of: int | None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        if self.as_of is not None:
            self.parameters["as_of"] = self.as_of

    def where(self, filter_: Filter, alias: LiteralString = "n") -> LiteralString:
        """The predicate for a filter on the node behind `alias`. Raises Invalid if the model cannot ask it."""
        if wrong := faults(self.model, filter_):
            raise Invalid("the filter cannot be asked of this model", problems=tuple(Problem(w) for w in wrong))
        return self._predicate(filter_, alias)

    def page(
        self, sort: Sort, after: tuple[Scalar | None, int] | None, alias: LiteralString = "n"
    ) -> tuple[LiteralString, LiteralString]:
        """The predicate for rows after a cursor, and the ORDER BY."""
        expression = self._sortable(sort.field, alias)
        way, beyond = ("DESC", "<") if sort.descending else ("ASC", ">")
        if sort.field == "ordinal":
            place = "1" if after is None else f"{alias}.ordinal {beyond} {self._parameter(after[1])}"
            return place, f"{alias}.ordinal {way}"
        if sort.field in _NEVER_ABSENT:
            order = f"{expression} {way}, {alias}.ordinal {way}"
            if after is None:
                return "1", order
            return (
                f"({expression}, {alias}.ordinal) {beyond} ({self._parameter(after[0])}, {self._parameter(after[1])})",
                order,
            )
        order = f"{expression} IS NULL, {expression} {way}, {alias}.ordinal {way}"
        if after is None:
            return "1", order
        value, ordinal = after
        further = f"{alias}.ordinal {beyond} {self._parameter(ordinal)}"
        if value is None:
            return f"({expression} IS NULL AND {further})", order
        at = self._parameter(value)
        if field_type(self.model, sort.field) is AttributeType.DECIMAL:
            at = f"CAST({at} AS REAL)"
        return (
            f"({expression} {beyond} {at} OR ({expression} = {at} AND {further}) OR {expression} IS NULL)",
            order,
        )

    def _sortable(self, name: str, alias: LiteralString) -> LiteralString:
        expression = value_expression(self.model, name, alias)
        return f"CAST({expression} AS REAL)" if self._is_decimal(name) else expression

    def _parameter(self, value: Value | None) -> LiteralString:
        name = cast("LiteralString", f"p{len(self.parameters)}")
        self.parameters[name] = encode_json(value).decode() if isinstance(value, tuple) else value
        return f":{name}"

    def _predicate(self, filter_: Filter, alias: LiteralString) -> LiteralString:
        match filter_:
            case And(items):
                return "(" + " AND ".join(self._predicate(i, alias) for i in items) + ")" if items else "1"
            case Or(items):
                return "(" + " OR ".join(self._predicate(i, alias) for i in items) + ")" if items else "0"
            case Not(item):
                return f"({self._predicate(item, alias)}) IS NOT TRUE"
            case IsA(name):
                return (
                    f"{alias}.class IN (SELECT value FROM json_each({self._parameter(self.model.descendants[name])}))"
                )
            case Related():
                return self._related(filter_, alias)
            case Compare():
                return self.holds(filter_.field, filter_.lookup, filter_.value, alias)

    def _related(self, related: Related, alias: LiteralString) -> LiteralString:
        self._depth += 1
        depth = cast("LiteralString", str(self._depth))
        edge, other = f"r{depth}", f"n{depth}"
        near, far = ("source", "target") if related.direction is Direction.OUT else ("target", "source")
        code = self._parameter(self.type_codes[related.type])
        edges, nodes = relationships_table(self.as_of), nodes_table(self.as_of)
        if related.where is None:
            return f"EXISTS (SELECT 1 FROM {edges} AS {edge} WHERE {edge}.{near} = {alias}.ordinal AND {edge}.type = {code})"
        inner = self._predicate(related.where, other)
        return (
            f"EXISTS (SELECT 1 FROM {edges} AS {edge} JOIN {nodes} AS {other} ON {other}.ordinal = {edge}.{far} "
            f"WHERE {edge}.{near} = {alias}.ordinal AND {edge}.type = {code} AND {inner})"
        )

    def holds(self, name: str, lookup: Lookup, value: Value, alias: LiteralString = "n") -> LiteralString:
        """The predicate for a field or attribute of the node behind `alias` that compares so with `value`.

        An indexed attribute is looked up in the table of values. As of a revision that gives the nodes that have the
        value now; with those that have altered since, they are all that can have had it.
        """
        plain = self._condition(name, value_expression(self.model, name, alias), lookup, value, alias)
        code = self.value_codes.get(name)
        if code is None or lookup not in _BY_VALUE or (lookup in _ORDERED and self._is_decimal(name)):
            return plain
        sought = self._condition(name, "v.value", lookup, value, alias)
        holders = f"SELECT v.ordinal FROM node_value AS v WHERE v.attribute = {self._parameter(code)} AND {sought}"
        if self.as_of is None:
            return f"{alias}.ordinal IN ({holders})"
        altered = "SELECT v.ordinal FROM node_version AS v WHERE v.until > :as_of"
        return f"({alias}.ordinal IN ({holders} UNION ALL {altered}) AND {plain})"

    def _condition(
        self, name: str, expression: LiteralString, lookup: Lookup, value: Value, alias: LiteralString
    ) -> LiteralString:
        """The same, given the SQL for what is compared."""
        if lookup is Lookup.EXISTS:
            return f"{expression} IS {'NOT ' if value else ''}NULL"
        if lookup is Lookup.IN:
            return f"{expression} IN (SELECT value FROM json_each({self._parameter(value)}))"
        if lookup is Lookup.HAS:
            items = f"json_each({alias}.attributes, '$.{_known_name(self.model, name)}')"
            return f"EXISTS (SELECT 1 FROM {items} WHERE value = {self._parameter(value)})"
        if lookup in {Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH}:
            return self._text(expression, lookup, str(value))
        parameter = self._parameter(value)
        if lookup in _ORDERED and self._is_decimal(name):
            expression, parameter = f"CAST({expression} AS REAL)", f"CAST({parameter} AS REAL)"
        return f"{expression} {_OPERATORS[lookup]} {parameter}"

    def _is_decimal(self, name: str) -> bool:
        return field_type(self.model, name) is AttributeType.DECIMAL

    def _text(self, expression: LiteralString, lookup: Lookup, value: str) -> LiteralString:
        if "\0" in value:
            return "0"
        if not value:
            return f"{expression} IS NOT NULL"
        parameter = self._parameter(value)
        if lookup is Lookup.CONTAINS:
            return f"instr({expression}, {parameter}) > 0"
        if lookup is Lookup.ENDS_WITH:
            return f"substr({expression}, -length({parameter})) = {parameter}"
        beyond = _beyond(value)
        within = "" if beyond is None else f" AND {expression} < {self._parameter(beyond)}"
        return f"({expression} >= {parameter}{within})"


def _beyond(prefix: str) -> str | None:
    """The first text, by code points, after all those that begin with `prefix`; None if there is none."""
    head = prefix.rstrip(_LAST_CHARACTER)
    if not head:
        return None
    following = ord(head[-1]) + 1
    return head[:-1] + chr(_AFTER_SURROGATES if following == _SURROGATES else following)
