"""Filters as people write them.

    class = Server and environment = production and not (name contains test)
    is Hardware and related LOCATED_IN to (name = 'Berlin 1')
    state in (in_use, under_change) or serial_number missing

Look-ups: `=  !=  <  <=  >  >=  in (…)  contains  starts  ends  has  exists  missing`. `related TYPE to (…)` follows
relationships out of the node, `related TYPE from (…)` those into it; `related TYPE to` alone asks for any. Words that are
not plain (`[A-Za-z0-9_.:/@+-]`) stand in single or double quotes; a backslash takes the next character as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cmdb.errors import Usage
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
    attribute_named,
    faults,
    field_type,
)
from graph_schema.errors import did_you_mean
from graph_schema.metamodel import Attribute as ModelAttribute
from graph_schema.metamodel import AttributeType, Label, Model
from graph_schema.values import Scalar, normalise

DEEPEST: Final = 50
"""How deep brackets may nest."""

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<symbol><=|>=|!=|=|<|>|\(|\)|,)|(?P<word>[^\s()=<>!,'"]+))""",
    re.DOTALL,
)

_OPERATORS: Final = {
    "=": Lookup.EQ,
    "!=": Lookup.NE,
    "<": Lookup.LT,
    "<=": Lookup.LTE,
    ">": Lookup.GT,
    ">=": Lookup.GTE,
    "contains": Lookup.CONTAINS,
    "starts": Lookup.STARTS_WITH,
    "ends": Lookup.ENDS_WITH,
    "has": Lookup.HAS,
}


def parse_filter(text: str, model: Model) -> Filter:
    """The filter that a text means under a model. Raises Usage, saying where it stops making sense."""
    parser = _Parser(text, _tokens(text), model)
    found = parser.either()
    if parser.at < len(parser.tokens):
        raise parser.error("expected `and`, `or` or the end")
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    place: int
    quoted: bool


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise Usage(
                f"the filter stops making sense at {text[at : at + 20].strip()!r} "
                f"(character {len(text) - len(text[at:].lstrip()) + 1} of the filter)",
                remedy="close the quote, or put the whole word in quotes",
            )
        quoted = found.group("quoted")
        plain = (
            re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)
            if quoted
            else found.group("symbol") or found.group("word")
        )
        tokens.append(_Token(plain, found.start(found.lastgroup or 0), quoted is not None))
        at = found.end()
    return tokens


@dataclass(slots=True)
class _Parser:
    text: str
    tokens: Sequence[_Token]
    model: Model
    at: int = 0
    depth: int = 0

    def either(self) -> Filter:
        items = [self.both()]
        while self.take("or"):
            items.append(self.both())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def both(self) -> Filter:
        items = [self.negated()]
        while self.take("and"):
            items.append(self.negated())
        return items[0] if len(items) == 1 else And(tuple(items))

    def negated(self) -> Filter:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"brackets nest deeper than {DEEPEST}")
        found = Not(self.negated()) if self.take("not") else self.bracket() if self.take("(") else self.term()
        self.depth -= 1
        return found

    def bracket(self) -> Filter:
        inner = self.either()
        self.need(")")
        return inner

    def term(self) -> Filter:
        if self.take("is"):
            name = self.word("a class")
            if name not in self.model.class_by_name:
                known = self.model.class_by_name
                raise self.error(f"there is no class {name}", back=1, remedy=did_you_mean(name, known))
            return IsA(name)
        if self.take("related"):
            kind = self.word("a relationship type")
            if kind not in self.model.type_by_name:
                known = self.model.type_by_name
                raise self.error(f"there is no relationship type {kind}", back=1, remedy=did_you_mean(kind, known))
            way = self.word("`to` or `from`")
            if way not in {"to", "from"}:
                raise self.error("expected `to` or `from`", back=1)
            inner = self.bracket() if self.take("(") else None
            return Related(kind, Direction.OUT if way == "to" else Direction.IN, inner)
        return self.comparison()

    def comparison(self) -> Filter:
        start = self.at
        found = self.compared()
        if wrong := faults(self.model, found):
            raise self.error(wrong[0], back=self.at - start)
        return found

    def compared(self) -> Compare:
        field = self.word("a field or attribute")
        if field_type(self.model, field) is None:
            known = [*FIELDS, *{name for attributes in self.model.attributes.values() for name in attributes}]
            raise self.error(f"there is no field or attribute {field}", back=1, remedy=did_you_mean(field, known))
        if self.take("exists"):
            return Compare(field, Lookup.EXISTS, True)
        if self.take("missing"):
            return Compare(field, Lookup.EXISTS, False)
        if self.take("in"):
            self.need("(")
            values = [self.value(field)]
            while self.take(","):
                values.append(self.value(field))
            self.need(")")
            return Compare(field, Lookup.IN, tuple(values))
        operator = self.word("a look-up like `=`, `in` or `contains`").lower()
        if operator not in _OPERATORS:
            raise self.error(
                f"{operator!r} is no look-up",
                back=1,
                remedy=f"use one of {' '.join(_OPERATORS)} in exists missing",
            )
        return Compare(field, _OPERATORS[operator], self.value(field, _OPERATORS[operator]))

    def value(self, field: str, lookup: Lookup = Lookup.EQ) -> Scalar:
        text = self.word("a value", symbols=False)
        if lookup in {Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH}:
            return text
        attribute = attribute_named(self.model, field)
        if field in FIELDS or attribute is None:
            attribute = ModelAttribute(name="value", type=FIELDS[field], label=Label(en=field, zh=field))
        loose = attribute.type in {
            AttributeType.STRING,
            AttributeType.TEXT,
            AttributeType.ENUM,
            AttributeType.VERSION,
        }
        if loose:
            return text
        single = attribute.model_copy(update={"many": False, "minimum": None, "maximum": None, "pattern": None})
        try:
            value = normalise(single, text)
        except ValueError as error:
            raise self.error(f"{field}: {error}", back=1) from None
        return value if not isinstance(value, tuple) else text

    def take(self, word: str) -> bool:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if not token.quoted and token.text.lower() == word:
                self.at += 1
                return True
        return False

    def need(self, symbol: str) -> None:
        if not self.take(symbol):
            raise self.error(f"expected `{symbol}`")

    def word(self, what: str, *, symbols: bool = True) -> str:
        if self.at >= len(self.tokens):
            raise self.error(f"expected {what}")
        token = self.tokens[self.at]
        if not token.quoted and (
            token.text in "()," or (not symbols and token.text in _OPERATORS and not token.text.isalpha())
        ):
            raise self.error(f"expected {what}")
        self.at += 1
        return token.text

    def error(self, message: str, *, back: int = 0, remedy: str = "") -> Usage:
        at = self.at - back
        if at >= len(self.tokens):
            return Usage(f"{message}, but the filter ends there", remedy=remedy)
        token = self.tokens[at]
        return Usage(f"{message} at {token.text!r} (character {token.place + 1} of the filter)", remedy=remedy)
