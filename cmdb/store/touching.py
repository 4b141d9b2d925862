"""Which leaves a commit touches, and those that follow from its effects alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar, cast

import msgspec

from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.ledger import BUCKET
from cmdb.store.leaves import PARTS, LeafRow, Part, leaf_of, packed
from cmdb.store.lines import Lines
from graph_schema.metamodel import Kind, Model

E = TypeVar("E", NodeCreated, Linked)

_encode_lines: Final = msgspec.json.Encoder(order="sorted").encode_lines


@dataclass(frozen=True, slots=True)
class Kinds:
    """What of a model decides who belongs to the content of everything.

    `finals` has the final states of each class of items, and None for a class of records; `within` says of each
    relationship type whether it always, never, or maybe (None) joins two items.
    """

    finals: Mapping[str, frozenset[str] | None]
    within: Mapping[str, bool | None]

    def extends(self, other: Kinds) -> bool:
        """Whether whatever `other` knows belongs to the content here just as it does there."""
        return self.finals.items() >= other.finals.items() and self.within.items() >= other.within.items()

    def is_item(self, class_name: str) -> bool:
        """Whether nodes of this class are items."""
        return self.finals.get(class_name) is not None

    def is_live_item(self, class_name: str, state: str) -> bool:
        """Whether a node of this class in this state belongs to the content."""
        finals = self.finals.get(class_name)
        return finals is not None and state not in finals


def kinds_of(model: Model) -> Kinds:
    """What of this model decides. An end stands for all classes below it, as a class has its parent's kind."""
    finals = {
        c.name: frozenset(s.name for s in model.lifecycle_of[c.name].states if s.final) if c.kind is Kind.CI else None
        for c in model.classes
        if not c.abstract
    }
    within: dict[str, bool | None] = {}
    for kind in model.relationship_types:
        ends = {all(model.class_by_name[end].kind is Kind.CI for end in (e.source, e.target)) for e in kind.ends}
        within[kind.name] = ends.pop() if len(ends) == 1 else None
    return Kinds(finals, within)


def unclear_ends(effects: Iterable[Effect], kinds: Kinds) -> list[int]:
    """The ordinals whose classes `touched_leaves` needs: ends of links that may join items or not. O(effects)."""
    unclear = {name for name, within in kinds.within.items() if within is None}
    links = (e for e in effects if isinstance(e, Linked) and e.type in unclear) if unclear else ()
    return sorted({end for link in links for end in (link.source, link.target)})


@dataclass(frozen=True, slots=True)
class Before:
    """What must be known to touch leaves: the revision that is made, the model's kinds, and the next ids until then.

    `classes` are those of `unclear_ends`.
    """

    revision: int
    kinds: Kinds
    sizes: Mapping[Part, int]
    classes: Mapping[int, str]


def touched_leaves(effects: Sequence[Effect], before: Before) -> list[LeafRow]:
    """The leaves that a commit touches, in ascending order; stale unless their buckets were empty. O(effects · log n)."""
    stale: dict[Part, set[int]] = {part: set() for part in PARTS}
    filled = _Filled(before)
    for kind, run in groupby(effects, type):
        some = list(run)
        if kind is NodeCreated:
            filled.create(cast("list[NodeCreated]", some))
        elif kind is Linked:
            filled.link(cast("list[Linked]", some))
        elif kind in {NodeChanged, NodeRetired}:
            stale[Part.ITEMS].update(e.ordinal // BUCKET for e in cast("list[NodeChanged | NodeRetired]", some))
        elif kind in {Relinked, Unlinked}:
            stale[Part.RELATIONSHIPS].update(e.id // BUCKET for e in cast("list[Relinked | Unlinked]", some))
    rows = {row[:2]: row for row in filled.rows()}
    rows |= {(int(part), bucket): (int(part), bucket, None) for part in PARTS for bucket in stale[part]}
    return [rows[place] for place in sorted(rows)]


@dataclass(slots=True)
class _Filled:
    """New nodes and relationships that belong to the content, by bucket."""

    before: Before
    items: dict[int, list[NodeCreated]] = field(default_factory=dict[int, list[NodeCreated]])
    links: dict[int, list[Linked]] = field(default_factory=dict[int, list[Linked]])

    def create(self, created: Sequence[NodeCreated]) -> None:
        """Take in new nodes."""
        finals = self.before.kinds.finals
        for bucket, some in groupby(created, lambda e: e.ordinal // BUCKET):
            live = [e for e in some if (final := finals.get(e.class_name)) is not None and e.state not in final]
            self.items.setdefault(bucket, []).extend(live)

    def link(self, linked: Sequence[Linked]) -> None:
        """Take in new relationships."""
        within = self.before.kinds.within
        for bucket, some in groupby(linked, lambda e: e.id // BUCKET):
            inner = [e for e in some if (yes := within[e.type]) or (yes is None and self._joins_items(e))]
            self.links.setdefault(bucket, []).extend(inner)

    def _joins_items(self, link: Linked) -> bool:
        is_item, classes = self.before.kinds.is_item, self.before.classes
        return is_item(classes[link.source]) and is_item(classes[link.target])

    def rows(self) -> Iterator[LeafRow]:
        """The leaf of each bucket; a stale one where something was in it before."""
        since = self.before.revision
        for bucket, items in self.items.items():
            yield self._row(Part.ITEMS, bucket, items, attrgetter("ordinal"), b",1,%d" % since)
        for bucket, links in self.links.items():
            yield self._row(Part.RELATIONSHIPS, bucket, links, attrgetter("id"), b",%d" % since)

    def _row(self, part: Part, bucket: int, some: list[E], ident: Callable[[E], int], ending: bytes) -> LeafRow:
        if bucket * BUCKET < self.before.sizes[part]:
            return int(part), bucket, None
        some.sort(key=ident)
        return int(part), bucket, packed(part, bucket, leaf_of(_lines(bucket, some, ending) if some else None))


def _lines(bucket: int, created: Sequence[NodeCreated | Linked], ending: bytes) -> Lines:
    """The lines of what was created, as in `cmdb.ledger`: an effect without its tag, and then the ending.

    A line break stands between lines only, as text has it escaped.
    """
    tag = b'["node",' if isinstance(created[0], NodeCreated) else b'["link",'
    text = _encode_lines(created)
    return Lines(bucket, b"[" + text[len(tag) : -2].replace(b"]\n" + tag, ending + b"]\n[") + ending + b"]")
