"""Which leaves a commit touches, and those that follow from its effects alone. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, cast

import msgspec

from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.ledger import BUCKET
from cmdb.store.leaves import LeafRow, Part, leaf_of, packed
from cmdb.store.lines import Lines
from graph_schema.metamodel import Kind, Model

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


def touched_leaves(effects: Iterable[Effect], before: Before) -> list[LeafRow]:
    """The leaves that a commit touches, in ascending order; stale unless their buckets were empty. O(effects · log n)."""
    of: dict[type[Effect], list[Effect]] = {}
    for kind, run in groupby(effects, type):
        of.setdefault(kind, []).extend(run)
    created = cast("list[NodeCreated]", of.get(NodeCreated, []))
    linked = cast("list[Linked]", of.get(Linked, []))
    altered = cast("list[NodeChanged | NodeRetired]", [*of.get(NodeChanged, []), *of.get(NodeRetired, [])])
    ended = cast("list[Relinked | Unlinked]", [*of.get(Relinked, []), *of.get(Unlinked, [])])
    return [
        *_rows(Part.ITEMS, before, _filled_items(created, before), {e.ordinal // BUCKET for e in altered}),
        *_rows(Part.RELATIONSHIPS, before, _filled_links(linked, before), {e.id // BUCKET for e in ended}),
    ]


def _rows(part: Part, before: Before, filled: Mapping[int, Lines | None], stale: set[int]) -> Iterator[LeafRow]:
    for bucket in sorted(stale.union(filled)):
        known = bucket not in stale and bucket * BUCKET >= before.sizes[part]
        yield int(part), bucket, packed(part, bucket, leaf_of(filled[bucket])) if known else None


def _filled_items(created: list[NodeCreated], before: Before) -> dict[int, Lines | None]:
    """The lines of new nodes that belong to the content, by bucket."""
    created.sort(key=attrgetter("ordinal"))
    live = {kind: before.kinds.is_live_item(*kind) for kind in {(e.class_name, e.state) for e in created}}
    ending = b",1,%d" % before.revision
    filled: dict[int, Lines | None] = {}
    for bucket, first, beyond in _buckets([e.ordinal for e in created]):
        some = created[first:beyond]
        if not all(live.values()):
            some = [e for e in some if live[e.class_name, e.state]]
        filled[bucket] = _lines(bucket, some, b'["node",', ending)
    return filled


def _filled_links(linked: list[Linked], before: Before) -> dict[int, Lines | None]:
    """The lines of new relationships that belong to the content, by bucket."""

    def joins_items(link: Linked) -> bool:
        is_item, classes = before.kinds.is_item, before.classes
        return is_item(classes[link.source]) and is_item(classes[link.target])

    linked.sort(key=attrgetter("id"))
    within = {name: before.kinds.within[name] for name in {e.type for e in linked}}
    ending = b",%d" % before.revision
    filled: dict[int, Lines | None] = {}
    for bucket, first, beyond in _buckets([e.id for e in linked]):
        some = linked[first:beyond]
        if not all(within.values()):
            some = [e for e in some if (inner := within[e.type]) or (inner is None and joins_items(e))]
        filled[bucket] = _lines(bucket, some, b'["link",', ending)
    return filled


def _buckets(idents: list[int]) -> Iterator[tuple[int, int, int]]:
    """Each bucket that ascending ids are in, with the place of its first id and the one after its last."""
    beyond = 0
    while beyond < len(idents):
        first, bucket = beyond, idents[beyond] // BUCKET
        beyond = bisect_left(idents, BUCKET * (bucket + 1), first)
        yield bucket, first, beyond


def _lines(bucket: int, created: Sequence[Effect], tag: bytes, ending: bytes) -> Lines | None:
    """The lines of what was created, as in `cmdb.ledger`: an effect without its tag, and then the ending.

    A line break stands between lines only, as text has it escaped.
    """
    if not created:
        return None
    text = _encode_lines(created)
    return Lines(bucket, b"[" + text[len(tag) : -2].replace(b"]\n" + tag, ending + b"]\n[") + ending + b"]")
