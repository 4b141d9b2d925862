"""What commits add up to: for each node and relationship they touched, which field was touched when, and what came of it.

A relationship is told apart by its natural key: ended and made again, it is the same one with a gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cmdb.changeset import (
    Effect,
    Linked,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Patch,
    Relinked,
    Unlinked,
)
from cmdb.errors import Invalid
from cmdb.nodes import Attributes

Natural = tuple[str, int, int, str]
"""Type, source, target, key."""

MOST: Final = 1_000_000
"""Things that may be touched between two moments that are compared, as they are kept in memory."""


@dataclass(slots=True)
class NodeNet:
    """The revisions that touched a node, and those that touched each field of it (`name`, `state`, an attribute)."""

    revisions: list[int] = field(default_factory=list[int])
    fields: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


@dataclass(slots=True)
class EdgeNet:
    """A relationship before and after: None where it is not there, else attributes, of those it was touched in at least.

    What stands on both sides and is named on neither is the same.
    """

    before: Attributes | None
    after: Attributes | None
    revisions: list[int] = field(default_factory=list[int])
    fields: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    partial: set[str] | None = None
    """The attributes that were touched, as long as the others are unknown."""


@dataclass(slots=True)
class Net:
    """What commits between two revisions touched."""

    nodes: dict[int, NodeNet] = field(default_factory=dict[int, NodeNet])
    edges: dict[Natural, EdgeNet] = field(default_factory=dict[Natural, EdgeNet])

    def take(self, revision: int, effects: Iterable[Effect]) -> None:
        """Take in the effects of the next commit. O(effects). Raises Invalid when it becomes more than can be compared."""
        for effect in effects:
            match effect:
                case NodeCreated(ordinal=ordinal, attributes=attributes):
                    self._node(ordinal, revision, ("name", "state", *attributes))
                case NodeChanged(ordinal=ordinal):
                    self._node(ordinal, revision, _changed(effect))
                case NodeRetired(ordinal=ordinal):
                    self._node(ordinal, revision, ("state",))
                case Linked() | Relinked() | Unlinked():
                    self._edge(revision, effect)
                case _:
                    pass
        if len(self.nodes) + len(self.edges) > MOST:
            raise Invalid(
                f"more than {MOST:,} nodes and relationships were touched in between",
                remedy="compare moments that are nearer to each other",
            )

    def _node(self, ordinal: int, revision: int, names: Iterable[str]) -> None:
        net = self.nodes.setdefault(ordinal, NodeNet())
        _note(net.revisions, revision)
        for name in names:
            _note(net.fields.setdefault(name, []), revision)

    def _edge(self, revision: int, effect: Linked | Relinked | Unlinked) -> None:
        natural = (effect.type, effect.source, effect.target, effect.key)
        net = self.edges.get(natural)
        if net is None:
            net = self.edges[natural] = EdgeNet(None, None)
            net.partial = None if isinstance(effect, Linked) else set()
        match effect:
            case Linked():
                net.after, names = dict(effect.attributes), list(effect.attributes)
            case Relinked():
                net.before = _first_seen(net, effect.before)
                net.after, names = _patched(net.after or {}, effect.after), list(effect.after)
                if net.partial is not None:
                    net.partial.update(names)
            case Unlinked():
                if net.partial is not None:
                    untouched = {n: v for n, v in effect.attributes.items() if n not in net.partial}
                    net.before, net.partial = {**untouched, **(net.before or {})}, None
                net.after, names = None, list(effect.attributes)
        _note(net.revisions, revision)
        for name in names:
            _note(net.fields.setdefault(name, []), revision)


def _first_seen(net: EdgeNet, before: Patch) -> Attributes | None:
    """What it had at first, as far as it is known: what a touch for the first time found."""
    if net.partial is None:
        return net.before
    new = {name: value for name, value in before.items() if name not in net.partial and value is not None}
    return {**(net.before or {}), **new}


def _patched(attributes: Attributes, patch: Patch) -> Attributes:
    return {name: value for name, value in {**attributes, **patch}.items() if value is not None}


def _changed(effect: NodeChanged) -> list[str]:
    fixed = [name for name, (a, b) in (("name", effect.name), ("state", effect.state)) if a != b]
    return [*fixed, *effect.after]


def _note(revisions: list[int], revision: int) -> None:
    if not revisions or revisions[-1] != revision:
        revisions.append(revision)
