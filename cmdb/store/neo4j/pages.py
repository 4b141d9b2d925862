"""Pages: the order of a list and where the next page begins, in Cypher.

Rows that have the value sorted by come first, then those without it; each half is ordered by an index where there is
one, so that a page costs what it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString, cast

from cmdb.errors import Invalid
from cmdb.filters import FIELDS, NUMERIC, attribute_named, field_type, field_value
from cmdb.nodes import LAST, Node
from cmdb.store import cursor
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.cypher import name
from cmdb.store.neo4j.filters import Compiler, matched, single_class
from cmdb.store.neo4j.long_text import HEAD, rest
from cmdb.store.neo4j.rows import Properties, node_of
from cmdb.store.port import LARGEST_PAGE, Page, Query, Sort
from graph_schema.metamodel import AttributeType, Model
from graph_schema.values import Value

_NEVER_LONG: Final = NUMERIC | {AttributeType.BOOLEAN}


@dataclass(frozen=True, slots=True)
class _Half:
    """The rows with a value, or those without."""

    condition: LiteralString
    order: LiteralString


async def page(reading: Reading, model: Model, query: Query) -> Page[Node]:
    """A page of the nodes that a filter accepts."""
    check_sort(model, query.sort)
    after = None if query.after is None else cursor.decode(query.sort, query.after)
    compiler = Compiler(model, query.as_of)
    accepted = compiler.where(query.where)
    most = min(query.limit, LARGEST_PAGE)
    found: list[Node] = []
    for half in _halves(compiler, query, after):
        statement = (
            f"{matched(query.as_of)} AND {accepted} AND {half.condition} "
            f"WITH n ORDER BY {half.order} LIMIT $most RETURN collect(n{{.*, search_text: null}}) AS rows"
        )
        _, rows = await reading.rows(statement, {**compiler.parameters.values, "most": most + 1 - len(found)})
        found += [node_of(cast("Properties", row)) for row in rows]
        if len(found) > most:
            break
    items = tuple(found[:most])
    return Page(
        items=items,
        cursors=tuple(cursor.encode(query.sort, _sorted_by(n, query.sort), n.ordinal) for n in items),
        more=len(found) > most,
    )


def check_sort(model: Model, sort: Sort) -> None:
    """Raises Invalid when the model has no such field, or lists of values in it."""
    if field_type(model, sort.field) is None:
        raise Invalid(f"there is no field or attribute {sort.field!r} to sort by", remedy="see `cmdb model show`")
    attribute = None if sort.field in FIELDS else attribute_named(model, sort.field)
    if attribute is not None and attribute.many:
        raise Invalid(f"{sort.field!r} holds lists, which have no order", remedy="sort by a field with single values")


def _sorted_by(node: Node, sort: Sort) -> str | int | bool | None:
    return cast("str | int | bool | None", field_value(node, sort.field))


def _halves(compiler: Compiler, query: Query, after: tuple[Value | None, int] | None) -> list[_Half]:
    sort = query.sort
    way, beyond = ("DESC", "<") if sort.descending else ("ASC", ">")
    start = LAST if sort.descending else -1
    if sort.field == "ordinal":
        further = f"n.ordinal {beyond} {compiler.parameters.add(after[1] if after else start)}"
        only = single_class(compiler.model, query.where)
        # With one class given, the index on (class, ordinal) has the rows in this very order.
        return [_Half(further, f"n.class {way}, n.ordinal {way}" if only is not None else f"n.ordinal {way}")]
    present = _present(compiler, sort, after, way, beyond)
    if sort.field in FIELDS:
        return [present]
    if after is not None and after[0] is None:
        return [_absent(compiler, sort, after[1], way, beyond)]
    return [present, _absent(compiler, sort, start, way, beyond)]


def _present(
    compiler: Compiler, sort: Sort, after: tuple[Value | None, int] | None, way: LiteralString, beyond: LiteralString
) -> _Half:
    known = field_type(compiler.model, sort.field)
    decimal = known is AttributeType.DECIMAL
    plain = f"n.{name(sort.field)}"
    keys: list[LiteralString] = [f"toFloat({plain})" if decimal else plain, "n.ordinal"]
    if known not in _NEVER_LONG:
        keys.insert(1, rest("n", sort.field))
    order: LiteralString = ", ".join([f"{key} {way}" for key in keys])
    if after is None:
        return _Half(f"{plain} IS NOT NULL", order)
    value, ordinal = after
    places: list[object] = [value, ordinal]
    if isinstance(value, str) and len(keys) == 3:
        places = [value[:HEAD], value[HEAD:], ordinal]
    at = [compiler.parameters.add(place) for place in places]
    if decimal:
        at[0] = f"toFloat({at[0]})"
    further = f"{keys[-1]} {beyond} {at[-1]}"
    for key, place in reversed(list(zip(keys, at, strict=True))[:-1]):
        further = f"{key} {beyond}= {place} AND ({key} {beyond} {place} OR {further})"
    return _Half(f"{plain} IS NOT NULL AND {further}", order)


def _absent(compiler: Compiler, sort: Sort, ordinal: int, way: LiteralString, beyond: LiteralString) -> _Half:
    further = f"n.ordinal {beyond} {compiler.parameters.add(ordinal)}"
    return _Half(f"n.{name(sort.field)} IS NULL AND {further}", f"n.ordinal {way}")
