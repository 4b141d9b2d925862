"""Pages: the order of a list and where the next page begins, in Cypher.

Rows that have the value sorted by come first, then those without it. A list of everything, sorted by an indexed text, is
read off the index; otherwise Neo4j chooses between an index in the right order and sorting what the filter accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, LiteralString, cast

from cmdb.errors import Invalid
from cmdb.filters import FIELDS, attribute_named, field_type, field_value
from cmdb.nodes import LAST, Node
from cmdb.store import cursor
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.cypher import Parameters, name
from cmdb.store.neo4j.filters import PLAIN, Compiler, is_broad, matched, single_class
from cmdb.store.neo4j.rows import Properties, node_of
from cmdb.store.neo4j.text import HEAD, order_key, ordered_by
from cmdb.store.port import LARGEST_PAGE, Page, Query, Sort
from graph_schema.metamodel import AttributeType, Model
from graph_schema.values import Scalar

After = tuple[Scalar | None, int] | None
"""The value and ordinal of the row before the page."""

_NOT_TEXT: Final = PLAIN | {
    AttributeType.INTEGER,
    AttributeType.DURATION,
    AttributeType.DECIMAL,
    AttributeType.BOOLEAN,
}


@dataclass(frozen=True, slots=True)
class _Key:
    """An expression to sort by, and the expression for where in that order a value is."""

    expression: LiteralString
    place: Callable[[Parameters, Scalar | None], LiteralString]


@dataclass(frozen=True, slots=True)
class _Half:
    """The rows with a value, or those without."""

    condition: LiteralString
    order: LiteralString
    hint: LiteralString = ""


@dataclass(frozen=True, slots=True)
class _Way:
    """A direction of sorting."""

    order: LiteralString
    beyond: LiteralString
    start: int


_UP: Final = _Way("ASC", ">", -1)
_DOWN: Final = _Way("DESC", "<", LAST)


async def page(reading: Reading, model: Model, query: Query) -> Page[Node]:
    """A page of the nodes that a filter accepts."""
    _check_sort(model, query.sort)
    after = None if query.after is None else cursor.place_after(model, query.sort, query.after)
    compiler = Compiler(model, query.as_of)
    accepted = compiler.where(query.where)
    most = min(query.limit, LARGEST_PAGE)
    found: list[Node] = []
    for half in _halves(compiler, query, after):
        statement = (
            f"{matched(query.as_of, half.hint)} AND {accepted} AND {half.condition} "
            f"WITH n ORDER BY {half.order} LIMIT $most RETURN collect(n{{.*, search_text: null}}) AS rows"
        )
        _, rows = await reading.rows_of_new(statement, {**compiler.parameters.values, "most": most + 1 - len(found)})
        found += [node_of(cast("Properties", row)) for row in rows]
        if len(found) > most:
            break
    items = tuple(found[:most])
    return Page(
        items=items,
        cursors=tuple(cursor.encode(query.sort, _sorted_by(n, query.sort), n.ordinal) for n in items),
        more=len(found) > most,
    )


def _check_sort(model: Model, sort: Sort) -> None:
    if field_type(model, sort.field) is None:
        raise Invalid(f"there is no field or attribute {sort.field!r} to sort by", remedy="see `cmdb model show`")
    attribute = None if sort.field in FIELDS else attribute_named(model, sort.field)
    if attribute is not None and attribute.many:
        raise Invalid(f"{sort.field!r} holds lists, which have no order", remedy="sort by a field with single values")


def _sorted_by(node: Node, sort: Sort) -> Scalar | None:
    return cast("Scalar | None", field_value(node, sort.field))


def _halves(compiler: Compiler, query: Query, after: After) -> list[_Half]:
    field, way = query.sort.field, _DOWN if query.sort.descending else _UP
    if field == "ordinal":
        beyond = _beyond(compiler, way, after[1] if after else way.start)
        # With one class given, the index on (class, ordinal) has the rows in this very order.
        one_class = single_class(compiler.model, query.where) is not None
        return [_Half(beyond, f"{f'n.class {way.order}, ' if one_class else ''}n.ordinal {way.order}")]
    present = _present(compiler, query, way, after)
    if field in FIELDS:
        return [present]
    if after is not None and after[0] is None:
        return [_absent(compiler, field, way, after[1])]
    return [present, _absent(compiler, field, way, way.start)]


def _present(compiler: Compiler, query: Query, way: _Way, after: After) -> _Half:
    field = query.sort.field
    keys, hint = _keys(compiler.model, query)
    order: LiteralString = ", ".join([f"{key.expression} {way.order}" for key in keys])
    order = f"{order}, n.ordinal {way.order}"
    if after is None:
        return _Half(f"n.{name(field)} IS NOT NULL", order, hint)
    value, ordinal = after
    further = _beyond(compiler, way, ordinal)
    for key in reversed(keys):
        place = key.place(compiler.parameters, value)
        # An OR would be planned as a union, which has no order.
        at_place = f"CASE WHEN {key.expression} <> {place} THEN true ELSE {further} END"
        further = f"{key.expression} {way.beyond}= {place} AND {at_place}"
    return _Half(further, order, hint)


def _absent(compiler: Compiler, field: str, way: _Way, ordinal: int) -> _Half:
    return _Half(f"n.{name(field)} IS NULL AND {_beyond(compiler, way, ordinal)}", f"n.ordinal {way.order}")


def _beyond(compiler: Compiler, way: _Way, ordinal: int) -> LiteralString:
    return f"n.ordinal {way.beyond} {compiler.parameters.add(ordinal)}"


def _keys(model: Model, query: Query) -> tuple[list[_Key], LiteralString]:
    """What to sort by, and the hint that takes the index."""
    field = query.sort.field
    plain, known = f"n.{name(field)}", field_type(model, field)
    if known is AttributeType.DECIMAL:
        return [_Key(f"toFloat({plain})", lambda parameters, value: f"toFloat({parameters.add(value)})")], ""
    if known in _NOT_TEXT or (field in FIELDS and field != "name"):
        return [_Key(plain, lambda parameters, value: parameters.add(value))], ""
    whole = _Key(ordered_by("n", field), lambda parameters, value: parameters.add(order_key(str(value))))
    attribute = attribute_named(model, field)
    indexed = field == "name" or (attribute is not None and (attribute.indexed or attribute.unique))
    if query.as_of is None and indexed and is_broad(query.where):
        # The index has the heads in order; whole texts are compared within one head.
        head = _Key(plain, lambda parameters, value: parameters.add(str(value)[:HEAD]))
        return [head, whole], f" USING INDEX n:Node({name(field)})"
    return [whole], ""
