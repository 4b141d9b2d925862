"""Text that is too long for an index: its head is the property people see, the rest stands beside it.

A range index takes values of at most 8,167 bytes, and any attribute may be given an index one day. So of every text on
a node that is longer than `HEAD` characters, the property has the first `HEAD` and `_rest_…` the others. Order is kept:
first by head, then by rest. A text shorter than `HEAD` compares with a head as with the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from cmdb.filters import Lookup
from cmdb.store.neo4j.cypher import Parameters, name

HEAD: Final = 2_000
"""Characters of four bytes at most, so 8,000 bytes."""

_REST: Final = "_rest_"
_WHOLE_ALONE: Final = frozenset({"search_text"})


def parted(properties: Mapping[str, object]) -> dict[str, object]:
    """A node's properties as they are kept."""
    kept = dict(properties)
    for named, value in properties.items():
        if isinstance(value, str) and len(value) > HEAD and named not in _WHOLE_ALONE:
            kept[named], kept[_REST + named] = value[:HEAD], value[HEAD:]
    return kept


def whole(properties: dict[str, object]) -> dict[str, object]:
    """A node's properties as they were given. O(properties)."""
    if not any(named.startswith(_REST) for named in properties):
        return properties
    joined = {named: value for named, value in properties.items() if not named.startswith(_REST)}
    for named, value in properties.items():
        if named.startswith(_REST):
            joined[named.removeprefix(_REST)] = f"{joined[named.removeprefix(_REST)]}{value}"
    return joined


def rest(at: LiteralString, field: str) -> LiteralString:
    """The expression for what does not fit into a field's property; empty for most."""
    return f"coalesce({at}.{name(_REST + field)}, '')"


def compared(
    at: LiteralString, field: str, lookup: Lookup, operator: LiteralString, text: str, parameters: Parameters
) -> LiteralString:
    """The predicate that compares a text field, by an index where a head tells enough."""
    head = f"{at}.{name(field)}"
    if len(text) < HEAD and lookup not in {Lookup.CONTAINS, Lookup.ENDS_WITH, Lookup.NE}:
        return f"{head} {operator} {parameters.add(text)}"
    if lookup in {Lookup.EQ, Lookup.STARTS_WITH}:
        first, further = parameters.add(text[:HEAD]), parameters.add(text[HEAD:])
        return f"({head} = {first} AND {rest(at, field)} {operator} {further})"
    return f"{head} + {rest(at, field)} {operator} {parameters.add(text)}"


def one_of(at: LiteralString, field: str, values: Sequence[object], parameters: Parameters) -> LiteralString:
    """The predicate that a field has one of these values, by an index."""
    long = [v for v in values if isinstance(v, str) and len(v) >= HEAD]
    short = [v for v in values if not (isinstance(v, str) and len(v) >= HEAD)]
    any_short = f"{at}.{name(field)} IN {parameters.add(short)}"
    if not long:
        return any_short
    return f"({' OR '.join([any_short, *(compared(at, field, Lookup.EQ, '=', v, parameters) for v in long)])})"
