"""Filters to Cypher.

A comparison with an absent attribute is null, which AND and OR treat as false; only NOT must be told so. Thus the
two-valued logic of `cmdb.filters` holds while indexes on attributes stay usable. Neo4j compares text by code point, as
Python does.
"""

from __future__ import annotations

from typing import Final, LiteralString

from cmdb.errors import Invalid, Problem
from cmdb.filters import LIVE, And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related, faults, field_type
from cmdb.store.neo4j.cypher import Parameters, edge, name
from cmdb.store.neo4j.text import compared, one_of
from graph_schema.metamodel import AttributeType, Model

THEN: Final = "n.since <= $as_of AND coalesce(n._until > $as_of, true)"
"""Whether `n`, a node or a version of one, stood at revision `$as_of`."""

PLAIN: Final = frozenset(
    {AttributeType.DATE, AttributeType.DATETIME, AttributeType.IP, AttributeType.CIDR, AttributeType.MAC}
)
"""Types whose values are short and ASCII, so that an index serves their order too."""

_OPERATORS: Final[dict[Lookup, LiteralString]] = {
    Lookup.EQ: "=",
    Lookup.NE: "<>",
    Lookup.LT: "<",
    Lookup.LTE: "<=",
    Lookup.GT: ">",
    Lookup.GTE: ">=",
    Lookup.CONTAINS: "CONTAINS",
    Lookup.STARTS_WITH: "STARTS WITH",
    Lookup.ENDS_WITH: "ENDS WITH",
}
_ORDERED: Final = frozenset({Lookup.LT, Lookup.LTE, Lookup.GT, Lookup.GTE})


def matched(as_of: int | None, hint: LiteralString = "") -> LiteralString:
    """What to match as `n`, with a first condition: the nodes of the present, or what stood at revision `$as_of`."""
    return f"MATCH (n:Node){hint} WHERE true" if as_of is None else f"MATCH (n:Node|_NodeVersion) WHERE {THEN}"


def is_broad(where: Filter) -> bool:
    """Whether a filter accepts nearly everything: nothing is asked but being live."""
    return where == LIVE or (isinstance(where, And) and all(is_broad(item) for item in where.items))


def single_class(model: Model, where: Filter) -> str | None:
    """The one class that all accepted nodes have, if the filter says so in plain words."""
    match where:
        case IsA(class_name):
            below = model.descendants[class_name]
            return below[0] if len(below) == 1 else None
        case Compare("class", Lookup.EQ, value):
            return str(value)
        case And(items):
            return next((found for item in items if (found := single_class(model, item)) is not None), None)
        case _:
            return None


class Compiler:
    """Turns one filter into Cypher on `n`; collects the values as parameters."""

    def __init__(self, model: Model, as_of: int | None) -> None:
        self.model = model
        self.as_of = as_of
        self.parameters = Parameters(as_of=as_of)
        self._depth = 0

    def where(self, filter_: Filter) -> LiteralString:
        """The predicate for a filter. Raises Invalid if the model cannot ask it."""
        if wrong := faults(self.model, filter_):
            raise Invalid("the filter cannot be asked of this model", problems=tuple(Problem(w) for w in wrong))
        return self._predicate(filter_, "n")

    def _predicate(self, filter_: Filter, at: LiteralString) -> LiteralString:
        match filter_:
            case And(items):
                return "(" + " AND ".join([self._predicate(i, at) for i in items]) + ")" if items else "true"
            case Or(items):
                return "(" + " OR ".join([self._predicate(i, at) for i in items]) + ")" if items else "false"
            case Not(item):
                return f"NOT coalesce({self._predicate(item, at)}, false)"
            case IsA(class_name):
                return self._is_a(class_name, at)
            case Related():
                return self._related(filter_, at)
            case Compare():
                return self._compare(filter_, at)

    def _is_a(self, class_name: str, at: LiteralString) -> LiteralString:
        classes = self.model.descendants[class_name]
        if len(classes) == 1:
            return f"{at}.class = {self.parameters.add(classes[0])}"
        return f"{at}.class IN {self.parameters.add(classes)}"

    def _related(self, related: Related, at: LiteralString) -> LiteralString:
        self._depth += 1
        other = name(f"n{self._depth}")
        if self.as_of is not None:
            return self._related_then(related, at, other)
        pattern = f"({at}){edge(related.direction, '', [related.type])}({other})"
        inner = "" if related.where is None else f" WHERE {self._predicate(related.where, other)}"
        return f"EXISTS {{ MATCH {pattern}{inner} }}"

    def _related_then(self, related: Related, at: LiteralString, other: LiteralString) -> LiteralString:
        near, far = ("_source", "_target") if related.direction is Direction.OUT else ("_target", "_source")
        r, end, v = name(f"r{self._depth}"), name(f"e{self._depth}"), name(f"v{self._depth}")
        reached = name(f"o{self._depth}")
        inner = "" if related.where is None else f" AND {self._predicate(related.where, other)}"
        return f"""EXISTS {{ UNWIND COLLECT {{
MATCH (:Node {{ordinal: {at}.ordinal}}){edge(related.direction, r, [related.type])}({end}:Node)
WHERE {r}.since <= $as_of RETURN {end}.ordinal }} + COLLECT {{
MATCH ({v}:_RelationshipVersion) WHERE {v}.{near} = {at}.ordinal AND {v}._type = {self.parameters.add(related.type)}
AND {v}.since <= $as_of AND {v}._until > $as_of RETURN {v}.{far} }} AS {reached}
MATCH ({other}:Node|_NodeVersion) WHERE {other}.ordinal = {reached} AND {THEN.replace("n.", f"{other}.")}{inner}
RETURN 1 }}"""

    def _compare(self, compare: Compare, at: LiteralString) -> LiteralString:
        value, lookup = compare.value, compare.lookup
        expression, operator = f"{at}.{name(compare.field)}", _OPERATORS.get(lookup, "=")
        if lookup is Lookup.EXISTS:
            return f"{expression} IS NOT NULL" if value else f"{expression} IS NULL"
        if lookup is Lookup.HAS:
            return f"{self.parameters.add(value)} IN {expression}"
        if isinstance(value, tuple):
            return one_of(at, compare.field, value, self.parameters)
        if not isinstance(value, str) or field_type(self.model, compare.field) in PLAIN:
            return f"{expression} {operator} {self.parameters.add(value)}"
        if lookup in _ORDERED and field_type(self.model, compare.field) is AttributeType.DECIMAL:
            return f"toFloat({expression}) {operator} toFloat({self.parameters.add(value)})"
        return compared(at, compare.field, lookup, operator, value, self.parameters)
