"""Text on nodes: how it is kept so that an index takes it and an order holds.

A range index takes values of at most 8,167 bytes, and any attribute may be given an index one day. So of every text that
is longer than `HEAD` characters the property has the first `HEAD`, and `_rest_…` beside it the others.

A range index orders text by code points, as Python does, but everything else in Neo4j by UTF-16 units, where characters
beyond U+FFFF come too early. Text that has one, or is kept in two parts, therefore has an `_order_…` beside it: the same
text with such characters spelt so that both orders agree. Most text has neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from cmdb.filters import Lookup
from cmdb.store.neo4j.cypher import Parameters, name

HEAD: Final = 2_000
"""Characters of four bytes at most, so 8,000 bytes."""

_REST: Final = "_rest_"
_ORDER: Final = "_order_"
_ONLY_SEARCHED: Final = "search_text"
_OUT_OF_ORDER: Final = re.compile("[\uffff-\U0010ffff]")
_ORDERED: Final = frozenset({Lookup.LT, Lookup.LTE, Lookup.GT, Lookup.GTE})


def kept(properties: Mapping[str, object]) -> dict[str, object]:
    """A node's properties as they are kept."""
    beside = dict(properties)
    for named, value in properties.items():
        if isinstance(value, str) and named != _ONLY_SEARCHED:
            if len(value) > HEAD:
                beside[named], beside[_REST + named] = value[:HEAD], value[HEAD:]
            if len(value) > HEAD or _OUT_OF_ORDER.search(value):
                beside[_ORDER + named] = order_key(value)
    return beside


def given(properties: Mapping[str, object]) -> dict[str, object]:
    """A node's properties as they were given."""
    plain = {named: value for named, value in properties.items() if not named.startswith((_REST, _ORDER))}
    if len(plain) < len(properties):
        for named, value in properties.items():
            if named.startswith(_REST):
                plain[named.removeprefix(_REST)] = f"{plain[named.removeprefix(_REST)]}{value}"
    return plain


def order_key(text: str) -> str:
    """The text with U+FFFF and what is beyond spelt in characters up to U+FFFF, in the same order."""
    return _OUT_OF_ORDER.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    point = ord(found.group())
    return "\uffff " if point == 0xFFFF else f"\uffff{chr(0x21 + (point >> 12))}{chr(0x100 + (point & 0xFFF))}"


def ordered_by(at: LiteralString, field: str) -> LiteralString:
    """The expression that a text field is ordered by; to be compared with an `order_key`."""
    return f"coalesce({at}.{name(_ORDER + field)}, {at}.{name(field)})"


def compared(
    at: LiteralString, field: str, lookup: Lookup, operator: LiteralString, text: str, parameters: Parameters
) -> LiteralString:
    """The predicate that compares a text field, by an index where the head tells enough."""
    head, rest = f"{at}.{name(field)}", f"coalesce({at}.{name(_REST + field)}, '')"
    if lookup in _ORDERED:
        return f"{ordered_by(at, field)} {operator} {parameters.add(order_key(text))}"
    if lookup in {Lookup.EQ, Lookup.STARTS_WITH}:
        first = f"{head} {operator} {parameters.add(text[:HEAD])}"
        return first if len(text) < HEAD else f"({first} AND {rest} {operator} {parameters.add(text[HEAD:])})"
    return f"{head} + {rest} {operator} {parameters.add(text)}"


def one_of(at: LiteralString, field: str, values: Sequence[object], parameters: Parameters) -> LiteralString:
    """The predicate that a field has one of these values, by an index."""
    long = [value for value in values if isinstance(value, str) and len(value) >= HEAD]
    others = [value for value in values if value not in long]
    predicates: list[LiteralString] = [compared(at, field, Lookup.EQ, "=", value, parameters) for value in long]
    predicates.append(f"{at}.{name(field)} IN {parameters.add(others)}")
    return f"({' OR '.join(predicates)})"
