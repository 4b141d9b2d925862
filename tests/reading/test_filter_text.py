"""Filters in text: what they mean, what is said of those that mean nothing, and that every tree can be written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Usage
from cmdb.filters import And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related
from cmdb.reading import parse_filter
from cmdb.reading.filter_text import DEEPEST
from graph_schema.values import Scalar
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL

EQ, OUT, IN = Lookup.EQ, Direction.OUT, Direction.IN
WEB = Compare("name", EQ, "web")
GOLD = Compare("tier", EQ, "gold")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("name = web", WEB),
        ("  name=web ", WEB),
        ("(name = web)", WEB),
        ("((name = web))", WEB),
        ("name = 'web'", WEB),
        ('name = "web"', WEB),
        ("name != web", Compare("name", Lookup.NE, "web")),
        ("name = and", Compare("name", EQ, "and")),
        ("name = 'a b'", Compare("name", EQ, "a b")),
        (r"name = 'it\'s \\ \"so\"'", Compare("name", EQ, 'it\'s \\ "so"')),
        ("name = ''", Compare("name", EQ, "")),
        ("name = '服务器'", Compare("name", EQ, "服务器")),
        ("name = 服务器", Compare("name", EQ, "服务器")),
        ("name contains eb", Compare("name", Lookup.CONTAINS, "eb")),
        ("name CONTAINS eb", Compare("name", Lookup.CONTAINS, "eb")),
        ("name starts w", Compare("name", Lookup.STARTS_WITH, "w")),
        ("name ends b", Compare("name", Lookup.ENDS_WITH, "b")),
        ("tags has x", Compare("tags", Lookup.HAS, "x")),
        ("ports has 80", Compare("ports", Lookup.HAS, 80)),
        ("count < 3", Compare("count", Lookup.LT, 3)),
        ("count<=-3", Compare("count", Lookup.LTE, -3)),
        ("count > 3", Compare("count", Lookup.GT, 3)),
        ("count >= 3", Compare("count", Lookup.GTE, 3)),
        ("price = 1.50", Compare("price", EQ, "1.5")),
        ("active = yes", Compare("active", EQ, True)),
        ("retired = false", Compare("retired", EQ, False)),
        ("built > 2026-01-31", Compare("built", Lookup.GT, "2026-01-31")),
        ("checked < 2026-01-31T13:00:00+01:00", Compare("checked", Lookup.LT, "2026-01-31T12:00:00.000000Z")),
        ("uptime >= PT1H", Compare("uptime", Lookup.GTE, 3600)),
        ("address = 0:0::1", Compare("address", EQ, "::1")),
        ("address starts 10.", Compare("address", Lookup.STARTS_WITH, "10.")),
        ("hardware = 00-1A-2B-3C-4D-5E", Compare("hardware", EQ, "00:1a:2b:3c:4d:5e")),
        ("tier exists", Compare("tier", Lookup.EXISTS, True)),
        ("tier missing", Compare("tier", Lookup.EXISTS, False)),
        ("share = 101", Compare("share", EQ, 101)),  # no node may have it, but one may ask
        ("tier in (gold, 'silver')", Compare("tier", Lookup.IN, ("gold", "silver"))),
        ("count in (1)", Compare("count", Lookup.IN, (1,))),
        ("class = Server", Compare("class", EQ, "Server")),
        ("is Server", IsA("Server")),
        ("related RUNS_ON to", Related("RUNS_ON", OUT)),
        ("related RUNS_ON from", Related("RUNS_ON", IN)),
        ("related RUNS_ON to (name = web)", Related("RUNS_ON", OUT, WEB)),
        (
            "related RUNS_ON to (related FEEDS from (is Server) and tier = gold)",
            Related("RUNS_ON", OUT, And((Related("FEEDS", IN, IsA("Server")), GOLD))),
        ),
        ("name = web and tier = gold", And((WEB, GOLD))),
        ("name = web AND tier = gold And is Server", And((WEB, GOLD, IsA("Server")))),
        ("name = web or tier = gold and is Server", Or((WEB, And((GOLD, IsA("Server")))))),
        ("(name = web or tier = gold) and is Server", And((Or((WEB, GOLD)), IsA("Server")))),
        ("not name = web and tier = gold", And((Not(WEB), GOLD))),
        ("not (name = web and tier = gold)", Not(And((WEB, GOLD)))),
        ("not not name = web", Not(Not(WEB))),
        ("'name' = web", WEB),
    ],
)
def test_a_filter_means(text: str, meant: Filter) -> None:
    assert parse_filter(text, MODEL) == meant


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "expected a field or attribute", None),
        ("name", "expected a look-up", None),
        ("name =", "expected a value", None),
        ("name = web and", "expected a field or attribute", None),
        ("(name = web", "expected `)`", None),
        ("tier in (gold", "expected `)`", None),
        ("related RUNS_ON", "expected `to` or `from`", None),
        ("related", "expected a relationship type", None),
        ("is", "expected a class", None),
        ("name = web tier = gold", "expected `and`, `or` or the end", 12),
        ("name = web)", "expected `and`, `or` or the end", 11),
        ("name is web", "'is' is no look-up", 6),
        ("name = = web", "expected a value", 8),
        ("name = (web)", "expected a value", 8),
        ("name = , web", "expected a value", 8),
        ("tier in gold", "expected `(`", 9),
        ("tier in ()", "expected a value", 10),
        ("related RUNS_ON into", "expected `to` or `from`", 17),
        ("related NOWHERE to", "there is no relationship type NOWHERE", 9),
        ("is Sever", "there is no class Sever", 4),
        ("tire = gold", "there is no field or attribute tire", 1),
        ("NAME = web", "there is no field or attribute NAME", 1),
        ("is Server and tire = gold", "there is no field or attribute tire", 15),
        ("count = many", "count: expected a whole number", 9),
        ("count contains 3", "does not fit", 1),
        ("active < yes", "does not fit", 1),
        ("tags = x", "tags is a list: use `has`", 1),
        ("not tier has gold", "tier is no list", 5),
        ("checked > 2026-01-31T12:00:00", "has no time zone", 11),
        ("name = 'web", "stops making sense", 8),
        ("name = web ! x", "stops making sense", 12),
        ("not " * (DEEPEST + 1) + "name = web", "nest deeper", 4 * DEEPEST + 1),
        ("(" * (DEEPEST + 1) + "name = web", "nest deeper", DEEPEST + 1),
    ],
)
def test_what_means_nothing_is_said_with_its_place(text: str, message: str, place: int | None) -> None:
    with pytest.raises(Usage) as caught:
        parse_filter(text, MODEL)
    assert message in caught.value.message
    if place is None:
        assert caught.value.message.endswith("but the filter ends there")
    else:
        assert f"(character {place} of the filter)" in caught.value.message


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("is Sever", "Server"),
        ("tire = gold", "tier"),
        ("related RUN_ON to", "RUNS_ON"),
        ("name like web", "contains"),
        ("name = 'web", "close the quote"),
    ],
)
def test_the_remedy_names_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(Usage) as caught:
        parse_filter(text, MODEL)
    assert remedy in caught.value.remedy


_soup = st.lists(
    st.sampled_from(
        "and or not is related to from in exists missing contains has ( ) , = != < >= ' \" \\ ! name tier tags count "
        "price active built checked uptime address ports Server Item RUNS_ON web 3 1e9 gold 2026-01-31 PT9999999999H NaN".split()
    ),
    max_size=12,
).map(" ".join)


@given(st.one_of(_soup, _soup, st.text(max_size=40), strategies.text))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    said = ""
    try:
        parse_filter(text, MODEL)
    except Usage as error:
        said = error.message
    assert not said or re.search(r"\(character [1-9]\d* of the filter\)|but the filter ends there", said)


def test_a_filter_may_be_long_and_wide() -> None:
    text = " or ".join(f"name = n{n}" for n in range(5000))
    assert parse_filter(text, MODEL) == Or(tuple(Compare("name", EQ, f"n{n}") for n in range(5000)))


@given(strategies.histories(most_commits=2), st.data())
def test_every_filter_can_be_written(book: Book, data: st.DataObject) -> None:
    where = _sayable(data.draw(strategies.filters(MODEL, strategies.seen(book.reference.now))))
    assert parse_filter(_text(where), MODEL) == where


ALWAYS = Compare("name", Lookup.EXISTS, True)


def _sayable(where: Filter) -> Filter:
    """The same filter without conjunctions of fewer than two and without `in` nothing, for which there is no text."""
    match where:
        case And(items) | Or(items):
            said = tuple(map(_sayable, items))
            if len(said) > 1:
                return type(where)(said)
            return said[0] if said else ALWAYS if isinstance(where, And) else Not(ALWAYS)
        case Not(item):
            return Not(_sayable(item))
        case Related(kind, direction, inner):
            return Related(kind, direction, None if inner is None else _sayable(inner))
        case Compare(_, Lookup.IN, ()):
            return Not(ALWAYS)
        case _:
            return where


def _text(where: Filter) -> str:
    match where:
        case And(items):
            return " and ".join(f"({_text(item)})" for item in items)
        case Or(items):
            return " or ".join(f"({_text(item)})" for item in items)
        case Not(item):
            return f"not ({_text(item)})"
        case IsA(name):
            return f"is {name}"
        case Related(kind, direction, inner):
            way = f"related {kind} {'to' if direction is OUT else 'from'}"
            return way if inner is None else f"{way} ({_text(inner)})"
        case Compare(field, Lookup.EXISTS, value):
            return f"{field} {'exists' if value else 'missing'}"
        case Compare(field, lookup, value) if isinstance(value, tuple):
            return f"{field} {lookup} ({', '.join(map(_quoted, value))})"
        case Compare(field, lookup, value):
            assert not isinstance(value, tuple)
            return f"{field} {_SIGNS.get(lookup, lookup)} {_quoted(value)}"


_SIGNS = {
    Lookup.EQ: "=",
    Lookup.NE: "!=",
    Lookup.LT: "<",
    Lookup.LTE: "<=",
    Lookup.GT: ">",
    Lookup.GTE: ">=",
    Lookup.STARTS_WITH: "starts",
    Lookup.ENDS_WITH: "ends",
}


def _quoted(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    quote = '"' if "'" in text else "'"
    return quote + re.sub(r"[\\'\"]", lambda found: "\\" + found[0], text) + quote
