"""Hypothesis strategies for the values that flow: attribute values, names, filters, histories, change sets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from cmdb.changeset import NEW, ChangeSet, Link, New, NodeRef, Operation, Patch, Put, Retire, Unlink
from cmdb.filters import FIELDS, And, Compare, Direction, Filter, IsA, Lookup, Not, Or, Related, attribute_named, faults
from cmdb.nodes import Attributes, Node, Relationship
from cmdb.store.port import Sort
from graph_schema.metamodel import Attribute, AttributeType, Control, Model
from graph_schema.values import Scalar, Value, normalise
from tests.reference.book import Book
from tests.reference.graph import State, natural

T = TypeVar("T")
V = TypeVar("V", bound=Value | None)

# -- text --------------------------------------------------------------------------------------------------------------

_FRAGMENTS: Final = (
    "a", "A", "b", "0", "9", " ", "-", "'", '"', "`", "%", "_", "\\", "\\n", "*", "?", "[", "]", "(", ")", "{", "$",
    ":", "/", "|", "&", "~", "^", ";", "--", "AND", "NOT", "null", "é", "e\u0301", "ß", "İ", "ſ", "\u200b", "\u00a0",
    "\u0085", "\u2028", "服", "务器", "数据库", "ｗ", "ﬁ", "\ud7ff", "\ue000", "\uff5e", "\uffff", "\U00010000", "😀", "𝔘",
    "𞤀", "\U0010ffff",
)  # fmt: skip
"""Quotes, wildcards and escapes of every query language near, and characters whose order differs between UTF-8 and UTF-16."""

nasty = st.lists(st.sampled_from(_FRAGMENTS), max_size=4).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
text: SearchStrategy[str] = st.one_of(
    nasty, nasty, anything, st.sampled_from(["", "web", "Web", "db-1", "x" * 300, "长" * 3000])
)
names: SearchStrategy[str] = (
    st.one_of(nasty, nasty, anything, st.sampled_from(["web", "Web", "db-1", "x" * 255, "长" * 255]))
    .map(str.strip)
    .filter(bool)
)
"""Names of nodes, which have at most 255 characters."""

# -- attribute values --------------------------------------------------------------------------------------------------

_small = st.integers(-3, 12)
_integers = st.one_of(_small, _small, st.sampled_from([-(2**63), 2**63 - 1, 2**53, 2**53 + 1, 0]))
_dates = st.dates(date(2025, 12, 1), date(2026, 2, 1)) | st.sampled_from([date(1, 1, 1), date(9999, 12, 31)])
_datetimes = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001 - the zone is put in at once
_decimals = st.one_of(
    st.decimals(-20, 20, places=1),
    st.sampled_from([Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal(10) ** 29, Decimal(2**53 + 1)]),
)

_RAW: Final[dict[AttributeType, SearchStrategy[object]]] = {
    AttributeType.STRING: text,
    AttributeType.TEXT: st.one_of(text, st.sampled_from(["two\nlines", "tab\there"])),
    AttributeType.INTEGER: _integers,
    AttributeType.DECIMAL: _decimals,
    AttributeType.BOOLEAN: st.booleans(),
    AttributeType.DATE: _dates,
    AttributeType.DATETIME: st.one_of(
        _datetimes, st.integers(0, 3).map(lambda h: datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(hours=h))
    ),
    AttributeType.DURATION: _integers,
    AttributeType.URL: st.sampled_from(
        ["https://a.example/", "https://b.example/%41_'\"?x=\\", "HTTPS://a.example/", "x://服务"]
    ),
    AttributeType.IP: st.one_of(st.ip_addresses().map(str), st.sampled_from(["10.0.0.1", "10.0.0.10", "::1"])),
    AttributeType.CIDR: st.sampled_from(["10.0.0.0/24", "10.0.0.0/8", "fd00::/8"]),
    AttributeType.MAC: st.binary(min_size=6, max_size=6).map(bytes.hex),
    AttributeType.EMAIL: st.sampled_from(["a@b.example", "A@b.example", "o'neil@b.example", "张@例.example"]),
    AttributeType.VERSION: st.sampled_from(["1.2.3", "1.10", "1.9", "v2"]),
}


@cache
def scalars(kind: AttributeType) -> SearchStrategy[Scalar]:
    """Canonical values of a type, as an attribute without further rules has them."""
    plain = Attribute.model_validate({"name": "x", "type": kind, "label": {"en": "", "zh": ""}})

    def canonical(raw: object) -> Scalar:
        value = normalise(plain, raw)
        assert not isinstance(value, tuple)
        return value

    return _RAW[kind].map(canonical)


@cache
def _of_attribute(
    kind: AttributeType, choices: tuple[str, ...], low: int | None, high: int | None
) -> SearchStrategy[Scalar]:
    if choices:
        return st.sampled_from(choices)
    if low is not None or high is not None:
        return st.integers(low, high)
    return scalars(kind)


def values(attribute: Attribute) -> SearchStrategy[Value]:
    """Canonical values of an attribute."""
    one = _of_attribute(attribute.type, attribute.values, attribute.minimum, attribute.maximum)
    return st.lists(one, max_size=3).map(tuple) if attribute.many else one


def attributes(known: dict[str, Attribute]) -> SearchStrategy[Attributes]:
    """Some of these attributes, the required ones always, with canonical values."""
    required = {name: values(a) for name, a in known.items() if a.required}
    optional = {name: values(a) for name, a in known.items() if not a.required}
    return _few(required, optional)


def patches(known: dict[str, Attribute]) -> SearchStrategy[Patch]:
    """Some of these attributes with new canonical values or None; required ones are never taken away."""
    new: dict[str, SearchStrategy[Value | None]] = {
        name: values(a) if a.required else st.none() | values(a) for name, a in known.items()
    }
    return _few({}, new)


@st.composite
def _few(
    draw: st.DrawFn, required: dict[str, SearchStrategy[V]], optional: dict[str, SearchStrategy[V]]
) -> dict[str, V]:
    chosen = draw(st.lists(st.sampled_from(sorted(optional)), max_size=6, unique=True)) if optional else []
    return {name: draw(s) for name, s in required.items()} | {name: draw(optional[name]) for name in chosen}


# -- filters -----------------------------------------------------------------------------------------------------------

_ORDERED: Final = (Lookup.EQ, Lookup.NE, Lookup.LT, Lookup.LTE, Lookup.GT, Lookup.GTE, Lookup.IN)
_TEXTUAL: Final = (Lookup.CONTAINS, Lookup.STARTS_WITH, Lookup.ENDS_WITH)
_NUMBERS: Final = frozenset({AttributeType.INTEGER, AttributeType.DURATION, AttributeType.DECIMAL})

Seen = dict[str, list[Scalar]]
"""Values that a field has somewhere: what a filter must compare with to find anything."""


def seen(*states: State) -> Seen:
    """The values of all fields and attributes in these states."""
    found: Seen = {}
    for state in states:
        for node in state.nodes.values():
            found.setdefault("class", []).append(node.class_name)
            for name in ("key", "name", "state", "version", "since", "ordinal", "retired"):
                found.setdefault(name, []).append(getattr(node, name))
            for name, value in node.attributes.items():
                found.setdefault(name, []).extend(value if isinstance(value, tuple) else [value])
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def filters(model: Model, known: Seen) -> SearchStrategy[Filter]:
    """Filter trees that can be asked under a model, most comparing with values that were seen."""
    fields = sorted({*FIELDS, *(name for of_class in model.attributes.values() for name in of_class)})
    leaves = st.one_of(
        st.sampled_from(fields).flatmap(lambda field: _comparisons(model, field, known.get(field, []))),
        st.sampled_from(sorted(model.class_by_name)).map(IsA),
    )
    types = st.sampled_from(sorted(model.type_by_name))

    def grow(inner: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
        some = st.lists(inner, max_size=3).map(tuple)
        related = st.builds(Related, types, st.sampled_from(Direction), st.none() | inner)
        return st.one_of(some.map(And), some.map(Or), inner.map(Not), related, related)

    return st.recursive(leaves, grow, max_leaves=6).filter(lambda where: not faults(model, where))


def _comparisons(model: Model, field: str, known: list[Scalar]) -> SearchStrategy[Filter]:
    attribute = None if field in FIELDS else attribute_named(model, field)
    kind = attribute.type if attribute else FIELDS[field]
    fresh = st.sampled_from(attribute.values) if attribute and attribute.values else _fresh(kind)
    value = st.one_of(st.sampled_from(known), st.sampled_from(known), fresh) if known else fresh
    exists = st.builds(Compare, st.just(field), st.just(Lookup.EXISTS), st.booleans())
    if attribute and attribute.many:
        return exists | st.builds(Compare, st.just(field), st.just(Lookup.HAS), value)
    compare = st.one_of([_compare(field, lookup, value) for lookup in _lookups(kind)])
    return st.one_of(exists, compare, compare, compare)


def _fresh(kind: AttributeType) -> SearchStrategy[Scalar]:
    return text if kind is AttributeType.ENUM else scalars(kind)


def _lookups(kind: AttributeType) -> tuple[Lookup, ...]:
    if kind is AttributeType.BOOLEAN:
        return (Lookup.EQ, Lookup.NE, Lookup.IN)
    return _ORDERED if kind in _NUMBERS else (*_ORDERED, *_TEXTUAL)


def _compare(field: str, lookup: Lookup, value: SearchStrategy[Scalar]) -> SearchStrategy[Filter]:
    compared: SearchStrategy[Value] = value
    if lookup is Lookup.IN:
        compared = st.lists(value, max_size=3).map(tuple)
    elif lookup in _TEXTUAL:
        compared = st.tuples(value.map(str), st.integers(0, 3), st.integers(0, 3)).map(
            lambda cut: cut[0][cut[1] : len(cut[0]) - cut[2]]
        )
    return st.builds(Compare, st.just(field), st.just(lookup), compared)


def sorts(model: Model) -> SearchStrategy[Sort]:
    """Orders of a list: by any field or attribute that is no list, up or down."""
    single = {a.name for known in model.attributes.values() for a in known.values() if not a.many}
    return st.builds(Sort, st.sampled_from(sorted({*FIELDS, *single})), st.booleans())


# -- histories, as effects ---------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn, most_commits: int = 5, most_steps: int = 8) -> Book:
    """A book of a few commits of effects that a store may be given; the first founds the estate.

    A commit may touch one thing several times: then only what stands at its end was ever to be seen.
    """
    book = Book()
    book.commit()
    steps = st.sampled_from(["node", "link", "change", "relink", "unlink", "retire"])
    author = _Author(draw, book)
    for _ in range(draw(st.integers(1, most_commits))):
        for step in ["node", *draw(st.lists(steps, max_size=most_steps))]:
            author.take(step)
        book.commit(draw(st.integers(0, 2)))
    return book


class _Author:
    """Draws effects on what stands; a unique value is never given twice."""

    def __init__(self, draw: st.DrawFn, book: Book) -> None:
        self._draw, self._book, self._model = draw, book, book.reference.model
        self._used: set[tuple[str, Value]] = set()

    def take(self, step: str) -> None:
        """Take a step if there is something to take it on."""
        coming = self._book.coming
        live = [node for node in coming.nodes.values() if not node.retired]
        joined = list(coming.relationships.values())
        match step:
            case "node":
                self._node()
            case "link" if live:
                self._link(self._draw(st.sampled_from(live)), live)
            case "change" if live:
                self._change(self._draw(st.sampled_from(live)))
            case "retire" if live:
                self._retire(self._draw(st.sampled_from(live)))
            case "relink" if joined:
                self._relink(self._draw(st.sampled_from(joined)))
            case "unlink" if joined:
                self._book.unlink(self._draw(st.sampled_from(joined)).id)
            case _:
                pass

    def _node(self) -> None:
        class_name = self._draw(st.sampled_from(sorted(c.name for c in self._model.classes if not c.abstract)))
        given = self._draw(attributes(self._model.attributes[class_name]))
        self._book.node(class_name, self._draw(names), attributes=self._unused(class_name, given))

    def _change(self, node: Node) -> None:
        lifecycle = self._model.lifecycle_of[node.class_name]
        onwards = [s for s in lifecycle.transitions[node.state] if not lifecycle.by_name[s].final]
        patch = self._draw(patches(self._model.attributes[node.class_name]))
        self._book.change(
            node.ordinal,
            self._draw(st.none() | names),
            self._draw(st.sampled_from([None, *onwards])),
            self._unused(node.class_name, patch),
        )

    def _retire(self, node: Node) -> None:
        final = [s.name for s in self._model.lifecycle_of[node.class_name].states if s.final]
        self._book.retire(node.ordinal, self._draw(st.sampled_from(final)))

    def _link(self, source: Node, live: list[Node]) -> None:
        key = self._draw(st.sampled_from(["", "", "b", "'%"]))
        taken = {natural(r) for r in self._book.coming.relationships.values()}
        possible = [
            (kind, target.ordinal)
            for kind, joinable in sorted(self._model.joinable.items())
            for target in live
            if (source.class_name, target.class_name) in joinable
            and (kind, source.ordinal, target.ordinal, key) not in taken
        ]
        if possible:
            kind, target = self._draw(st.sampled_from(possible))
            self._book.link(source.ordinal, target, kind, key, self._draw(attributes(known_of(self._model, kind))))

    def _relink(self, relationship: Relationship) -> None:
        known = known_of(self._model, relationship.type)
        if known:
            self._book.relink(relationship.id, self._draw(patches(known)))

    def _unused(self, class_name: str, given: dict[str, V]) -> dict[str, V]:
        kept: dict[str, V] = {}
        for name, value in given.items():
            if value is not None and self._model.attributes[class_name][name].unique:
                if (name, value) in self._used:
                    continue
                self._used.add((name, value))
            kept[name] = value
        return kept


def known_of(model: Model, type_name: str) -> dict[str, Attribute]:
    """The attributes of a relationship type, by name."""
    return {a.name: a for a in model.type_by_name[type_name].attributes}


# -- change sets -------------------------------------------------------------------------------------------------------


def change_sets(model: Model, state: State) -> SearchStrategy[ChangeSet]:
    """Change sets on a state, of which most can be written; the others have a flaw or two."""
    return _change_sets(model, state)


@st.composite
def _change_sets(draw: st.DrawFn, model: Model, state: State) -> ChangeSet:
    wisher = _Wisher(draw, model, state)
    kinds = st.sampled_from(["create", "create", "put", "put", "link", "link", "link", "relink", "unlink", "retire"])
    count = draw(st.sampled_from([1, 1, 2, 3, 6]))
    return ChangeSet(tuple(wisher.wish(draw(kinds)) for _ in range(count)))


class _Wisher:
    """Draws operations on what stands and on what the operations before would make."""

    def __init__(self, draw: st.DrawFn, model: Model, state: State) -> None:
        self._draw, self._model, self._state = draw, model, state
        self._live: dict[NodeRef, str] = {o: n.class_name for o, n in state.nodes.items() if not n.retired}
        self._joined: list[tuple[str, NodeRef, NodeRef, str]] = [
            (r.type, r.source, r.target, r.key) for r in state.relationships.values()
        ]
        self._touched: list[NodeRef] = []
        self._unique = {
            (name, value)
            for node in state.nodes.values()
            for name, value in node.attributes.items()
            if model.attributes[node.class_name][name].unique
        }

    def wish(self, kind: str) -> Operation:
        """An operation of this kind, or one that creates a node where there is nothing to take it on."""
        if kind == "create" or not self._live:
            return self._create()
        if kind == "put":
            return self._put(self._ref(standing=True))
        if kind == "retire":
            return self._retire(self._ref())
        if kind == "link" or not self._joined:
            return self._link()
        name, source, target, key = self._draw(st.sampled_from(self._joined))
        if kind == "relink":
            patch = self._values(known_of(self._model, name))
            return Link(type=name, source=source, target=target, key=key, attributes=patch, expects=self._seldom(NEW))
        key = self._seldom("another") or key
        return Unlink(type=name, source=source, target=target, key=key)

    def _retire(self, ref: NodeRef) -> Retire:
        state = self._seldom(self._draw(st.sampled_from(["dismantled", "closed", "nowhere"])))
        if not self._seldom("used afterwards"):
            self._live.pop(ref, None)
            self._touched = [other for other in self._touched if other != ref]
            self._joined = [joined for joined in self._joined if ref not in joined[1:3]]
        return Retire(node=ref, state=state, expects=self._expects(ref))

    def _create(self) -> Put:
        handle = self._seldom("h0") or f"h{len(self._live)}"
        class_name = self._draw(st.sampled_from(["Server", "Server", "VirtualServer", "Service", "Service", "Ticket"]))
        known = self._model.attributes[class_name]
        given: Patch = {**self._draw(attributes(_controlled(known))), **self._flaw()}
        put = Put(
            node=New(handle),
            class_name=self._seldom("Item") or class_name,
            name=self._name(class_name),
            state=self._seldom("cancelled")
            or self._draw(st.sampled_from([None, *self._model.lifecycle_of[class_name].initial])),
            attributes=self._roughened(known, given),
            expects=self._seldom(1) or self._draw(st.sampled_from([None, NEW])),
        )
        self._live[New(handle)] = class_name
        return put

    def _put(self, ref: NodeRef) -> Put:
        class_name = self._live.get(ref, "Server")
        lifecycle = self._model.lifecycle_of[class_name]
        node = self._state.nodes.get(ref) if isinstance(ref, int) else None
        onwards = (
            [s for s in lifecycle.transitions.get(node.state, ()) if not lifecycle.by_name[s].final] if node else []
        )
        wrong = self._seldom(self._draw(st.sampled_from(["in_use", "ordered", "open", "dismantled", "nowhere"])))
        return Put(
            node=ref,
            class_name=self._seldom("Ticket"),
            name=self._draw(st.sampled_from([None, self._name(class_name)])),
            state=wrong or self._draw(st.sampled_from([None, *onwards])),
            attributes=self._values(_controlled(self._model.attributes[class_name])) | self._flaw(),
            expects=self._expects(ref),
        )

    def _link(self) -> Link:
        name, source, target = self._ends()
        known = known_of(self._model, name) if name in self._model.type_by_name else {}
        given: Patch = {**self._draw(attributes(known)), **self._flaw()}
        if self._draw(st.integers(0, 9)) == 9:
            given = {}
        key = self._seldom("k" * 256) or self._draw(st.sampled_from(["", "", "", "b", "服务'%", "k" * 255]))
        if name in self._model.type_by_name:
            self._joined.append((name, source, target, key))
        self._touched += [ref for ref in (source, target) if ref in self._live]
        return Link(type=name, source=source, target=target, key=key, attributes=given, expects=self._seldom(NEW))

    def _ends(self) -> tuple[str, NodeRef, NodeRef]:
        """A type and two ends, often sharing type and one end with a relationship that is there."""
        name, source, target = self._draw(st.sampled_from(sorted(self._model.type_by_name))), self._ref(), self._ref()
        if self._joined and self._draw(st.booleans()):
            name, source, _, _ = self._draw(st.sampled_from(self._joined))
            if self._draw(st.booleans()):
                name, _, target, _ = self._draw(st.sampled_from(self._joined))
                source = self._ref()
        if self._seldom("wrong ends"):
            return self._seldom("NONE_SUCH") or name, source, target
        pairs = self._model.joinable[name]
        if (self._live.get(source), self._live.get(target)) in pairs:
            return name, source, target
        fitting = [
            (kind, source, other)
            for kind, joinable in sorted(self._model.joinable.items())
            for other in self._live
            if (self._live.get(source), self._live[other]) in joinable
        ]
        return self._draw(st.sampled_from(fitting)) if fitting else (name, source, target)

    def _ref(self, *, standing: bool = False) -> NodeRef:
        strange: list[NodeRef] = [10**6, New("nobody"), *self._state.nodes]
        if self._seldom("strange"):
            return self._draw(st.sampled_from(strange))
        if self._touched and not standing and self._draw(st.booleans()):
            return self._draw(st.sampled_from(self._touched))
        before = [ref for ref in self._live if isinstance(ref, int)]
        return self._draw(st.sampled_from(before if standing and before else list(self._live)))

    def _expects(self, ref: NodeRef) -> int | None:
        node = self._state.nodes.get(ref) if isinstance(ref, int) else None
        version = node.version if node else NEW
        return self._draw(st.sampled_from([*[None, version] * 6, version - 1, version + 1]))

    def _name(self, class_name: str) -> str:
        prefix = "svc-" if class_name == "Service" and not self._seldom("unruly") else ""
        wrong = self._seldom(self._draw(st.sampled_from(["", " ", "n" * 256, "tab\there", "\x7f"])))
        return wrong if wrong is not None else (prefix + self._draw(names))[:255]

    def _values(self, known: dict[str, Attribute]) -> Patch:
        return self._roughened(known, self._draw(patches(known)))

    def _roughened(self, known: dict[str, Attribute], given: Patch) -> Patch:
        """Some unique values taken from another, some numbers as the text that a spreadsheet gives."""
        shared = [(name, value) for name, value in sorted(self._unique, key=repr) if name in known]
        if shared and self._draw(st.integers(0, 5)) == 5:
            given = given | dict([self._draw(st.sampled_from(shared))])
        self._unique |= {
            (name, v) for name, v in given.items() if v is not None and name in known and known[name].unique
        }
        rough = self._draw(st.booleans())
        kinds = {AttributeType.INTEGER, AttributeType.DURATION}
        return {
            name: f" {value}"
            if rough and isinstance(value, int) and name in known and known[name].type in kinds
            else value
            for name, value in given.items()
        }

    def _flaw(self) -> Patch:
        flaws: list[Patch] = [
            {"nonsense": "x"},
            {"checked": "2026-01-31T12:00:00Z"},
            {"count": "many"},
            {"owner": None},
            {"note": "\x00"},
        ]
        return self._seldom(self._draw(st.sampled_from(flaws))) or {}

    def _seldom(self, this: T) -> T | None:
        return this if self._draw(st.integers(0, 39)) == 39 else None


def _controlled(known: dict[str, Attribute]) -> dict[str, Attribute]:
    return {name: a for name, a in known.items() if a.control is Control.CONTROLLED}
