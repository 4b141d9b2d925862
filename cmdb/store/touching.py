"""Which leaves a commit touches, and those that follow from its effects alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, TypeAlias, cast

import msgspec

from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.ledger import BUCKET
from cmdb.store.leaves import PARTS, LeafRow, Part, leaf_of, packed
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
    return [
        (int(part), bucket, None if bucket in stale[part] else filled.leaf(part, bucket))
        for part in PARTS
        for bucket in sorted(stale[part].union(filled.rows[part]))
    ]


_Row: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class _Filled:
    """What new nodes and relationships say, as rows of their lines, by bucket."""

    before: Before
    rows: dict[Part, dict[int, list[_Row]]] = field(default_factory=lambda: {part: {} for part in PARTS})

    def create(self, created: Sequence[NodeCreated]) -> None:
        """Rows as in `cmdb.ledger.node_line`."""
        live, since = self.before.kinds.is_live_item, self.before.revision
        for bucket, some in groupby(created, lambda e: e.ordinal // BUCKET):
            rows = self.rows[Part.ITEMS].setdefault(bucket, [])
            if self._was_empty(Part.ITEMS, bucket):
                rows += [
                    (e.ordinal, e.key, e.class_name, e.name, e.state, e.attributes, 1, since)
                    for e in some
                    if live(e.class_name, e.state)
                ]

    def link(self, linked: Sequence[Linked]) -> None:
        """Rows as in `cmdb.ledger.relationship_line`."""
        within, since = self.before.kinds.within, self.before.revision
        for bucket, some in groupby(linked, lambda e: e.id // BUCKET):
            rows = self.rows[Part.RELATIONSHIPS].setdefault(bucket, [])
            if self._was_empty(Part.RELATIONSHIPS, bucket):
                rows += [
                    (e.id, e.type, e.source, e.target, e.key, e.attributes, since)
                    for e in some
                    if within[e.type] or (within[e.type] is None and self._joins_items(e))
                ]

    def leaf(self, part: Part, bucket: int) -> bytes | None:
        """The packed leaf of a bucket; None where something was in it before."""
        if not self._was_empty(part, bucket):
            return None
        rows = sorted(self.rows[part][bucket])
        return packed(part, bucket, leaf_of(Lines(bucket, _encode_lines(rows)[:-1]) if rows else None))

    def _was_empty(self, part: Part, bucket: int) -> bool:
        return bucket * BUCKET >= self.before.sizes[part]

    def _joins_items(self, link: Linked) -> bool:
        is_item, classes = self.before.kinds.is_item, self.before.classes
        return is_item(classes[link.source]) and is_item(classes[link.target])
