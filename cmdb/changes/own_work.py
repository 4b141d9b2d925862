"""What was done under a change, netted, told in lines, and taken back. Pure.

Taking back keeps what others did since: where one of them altered the very same thing, that is a conflict, and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cmdb.changeset import (
    Effect,
    Link,
    Linked,
    New,
    NodeChanged,
    NodeCreated,
    NodeRef,
    NodeRetired,
    Operation,
    Patch,
    Put,
    Relinked,
    Retire,
    Unlink,
    Unlinked,
)
from cmdb.errors import Problem
from cmdb.nodes import Node, Relationship
from graph_schema.metamodel import Model
from graph_schema.values import Value

Natural = tuple[str, int, int, str]
"""Type, source, target, key."""

UNDER_CHANGE = "under_change"
"""The state that control itself puts CIs into, and takes them out of."""


@dataclass(slots=True)
class NodeWork:
    """What became of a node: what each field of it was before the first touch, and is after the last; None: absent."""

    created: NodeCreated | None = None
    retired: bool = False
    before: dict[str, Value | None] = field(default_factory=dict[str, "Value | None"])
    after: dict[str, Value | None] = field(default_factory=dict[str, "Value | None"])


@dataclass(slots=True)
class EdgeWork:
    """A relationship before and after, as far as it was touched; `was` and `is_there` tell whether it stood and stands."""

    was: bool
    is_there: bool
    before: Patch
    after: Patch


@dataclass(slots=True)
class OwnWork:
    """The net of some effects."""

    nodes: dict[int, NodeWork] = field(default_factory=dict[int, NodeWork])
    edges: dict[Natural, EdgeWork] = field(default_factory=dict[Natural, EdgeWork])

    def take(self, effects: Iterable[Effect]) -> None:
        """Take in the effects of the next commit. O(effects)."""
        for effect in effects:
            match effect:
                case NodeCreated():
                    said: dict[str, Value | None] = {"name": effect.name, "state": effect.state, **effect.attributes}
                    self.nodes[effect.ordinal] = NodeWork(effect, after=said)
                case NodeChanged():
                    self._changed(effect)
                case NodeRetired():
                    work = self.nodes.setdefault(effect.ordinal, NodeWork())
                    work.before.setdefault("state", effect.state[0])
                    work.after["state"], work.retired = effect.state[1], True
                case Linked() | Relinked() | Unlinked():
                    self._edge(effect)
                case _:
                    pass

    def _changed(self, effect: NodeChanged) -> None:
        work = self.nodes.setdefault(effect.ordinal, NodeWork())
        pairs = {"name": effect.name, "state": effect.state}
        pairs = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        both = {
            name: (effect.before.get(name), effect.after.get(name))
            for name in effect.before.keys() | effect.after.keys()
        }
        for name, (before, after) in {**both, **pairs}.items():
            if work.created is None:
                work.before.setdefault(name, before)
            work.after[name] = after

    def _edge(self, effect: Linked | Relinked | Unlinked) -> None:
        natural = (effect.type, effect.source, effect.target, effect.key)
        known = self.edges.get(natural)
        match effect:
            case Linked():
                work = known or EdgeWork(False, True, {}, {})
                work.is_there, work.after = True, dict(effect.attributes)
            case Relinked():
                work = known or EdgeWork(True, True, {}, {})
                work.before = {**effect.before, **work.before} if work.was else work.before
                work.after = {**work.after, **effect.after}
            case Unlinked():
                work = known or EdgeWork(True, False, dict(effect.attributes), {})
                work.before = {**effect.attributes, **work.before} if work.was else work.before
                work.is_there, work.after = False, {}
        self.edges[natural] = work


@dataclass(frozen=True, slots=True)
class Undoing:
    """Operations that take work back, and what stands against them."""

    operations: tuple[Operation, ...]
    conflicts: tuple[Problem, ...]
    scope: frozenset[int]


def lines_of(work: OwnWork, names: Mapping[int, str]) -> frozenset[str]:
    """What was done, a line for each thing, so that two works can be compared. `names` are what nodes are called."""

    def name(ordinal: int) -> str:
        created = work.nodes[ordinal].created if ordinal in work.nodes else None
        return f"{created.class_name}:{created.name}" if created else names.get(ordinal, f"node {ordinal}")

    lines = {line for ordinal, node in work.nodes.items() for line in _node_lines(name(ordinal), node)}
    ended = {ordinal for ordinal, node in work.nodes.items() if node.retired}
    for (kind, source, target, key), edge in work.edges.items():
        called = f"{name(source)} —{kind}→ {name(target)}" + (f" ({key})" if key else "")
        lines |= set(_edge_lines(called, edge, with_its_end=bool({source, target} & ended)))
    return frozenset(lines)


def _node_lines(name: str, node: NodeWork) -> Iterator[str]:
    if node.created is not None:
        yield f"create {name}"
    if node.retired:
        yield f"retire {name}"
    for what, value in node.after.items():
        by_control = what == "state" and (node.retired or UNDER_CHANGE in {value, node.before.get(what)})
        by_creation = node.created is not None and what in {"name", "state"}
        if not by_control and not by_creation and value != node.before.get(what):
            yield f"set {name} {what} to {_shown(value)}"


def _edge_lines(called: str, edge: EdgeWork, *, with_its_end: bool) -> Iterator[str]:
    if edge.is_there and not edge.was:
        yield f"link {called}"
    if edge.was and not edge.is_there and not with_its_end:
        yield f"unlink {called}"
    if edge.is_there:
        yield from (f"set {called} {n} to {_shown(v)}" for n, v in edge.after.items() if v != edge.before.get(n))


def undo(work: OwnWork, nodes: Mapping[int, Node], standing: Mapping[Natural, Relationship], model: Model) -> Undoing:
    """The operations that take `work` back on nodes and relationships as they stand now. O(work).

    A node that was retired cannot come back: a new one with its class, name and attributes takes its place.
    """
    taking = _Taking(work, nodes, standing, model)
    taking.nodes()
    taking.edges()
    return Undoing(tuple(taking.operations), tuple(taking.conflicts), frozenset(work.nodes) | taking.ends)


@dataclass(slots=True)
class _Taking:
    work: OwnWork
    now: Mapping[int, Node]
    standing: Mapping[Natural, Relationship]
    model: Model
    operations: list[Operation] = field(default_factory=list[Operation])
    conflicts: list[Problem] = field(default_factory=list[Problem])
    ends: set[int] = field(default_factory=set[int])
    gone: set[int] = field(default_factory=set[int])
    anew: dict[int, New] = field(default_factory=dict[int, New])

    def nodes(self) -> None:
        for ordinal, work in self.work.nodes.items():
            node = self.now[ordinal]
            if work.created is not None:
                self.gone.add(ordinal)
            elif work.retired:
                self.again(node, work)
            else:
                self.back(node, work)

    def again(self, node: Node, work: NodeWork) -> None:
        """A new node in the place of one that was retired."""
        handle = self.anew[node.ordinal] = New(f"again-{node.ordinal}")
        attributes: Patch = {**node.attributes, **{n: v for n, v in work.before.items() if n not in {"name", "state"}}}
        initial = self.model.lifecycle_of[node.class_name].initial
        state = str(work.before.get("state", ""))
        self.operations.append(
            Put(
                node=handle,
                class_name=node.class_name,
                name=str(work.before.get("name", node.name)),
                state=state if state in initial else None,
                attributes={name: value for name, value in attributes.items() if value is not None},
            )
        )

    def back(self, node: Node, work: NodeWork) -> None:
        """Fields as they were, where nobody else has altered them since."""
        wanted = {name: value for name, value in work.before.items() if value != work.after[name]}
        current: dict[str, Value | None] = {"name": node.name, "state": node.state, **node.attributes}
        for name in list(wanted):
            if current.get(name) == wanted[name]:
                del wanted[name]
            elif current.get(name) != work.after[name] and not (name == "state" and node.state == UNDER_CHANGE):
                self.conflict(node.key, f"{name} was altered by somebody else since: it is {_shown(current.get(name))}")
        if node.retired and wanted:
            self.conflict(node.key, "was retired by somebody else since")
        elif wanted:
            name, state = wanted.pop("name", None), wanted.pop("state", None)
            self.operations.append(
                Put(
                    node=node.ordinal,
                    name=None if name is None else str(name),
                    state=None if state is None else str(state),
                    attributes=wanted,
                    expects=node.version,
                )
            )

    def edges(self) -> None:
        retired = {o for o, work in self.work.nodes.items() if work.retired and work.created is None}
        for natural, work in self.work.edges.items():
            kind, source, target, key = natural
            if {source, target} & self.gone:
                continue  # it ends with the node that the change made
            self.ends |= {source, target}
            there = self.standing.get(natural)
            if work.is_there:
                self.loosen(natural, work, there)
            elif work.was and there is None:
                if self.lost({source, target} - retired):
                    self.conflict(kind, f"{self.called(source)} or {self.called(target)} was retired by somebody else")
                    continue
                ends: list[NodeRef] = [self.anew.get(end, end) for end in (source, target)]
                self.operations.append(Link(type=kind, source=ends[0], target=ends[1], key=key, attributes=work.before))
        self.operations += [Retire(node=ordinal) for ordinal in sorted(self.gone) if not self.now[ordinal].retired]

    def loosen(self, natural: Natural, work: EdgeWork, there: Relationship | None) -> None:
        """What was linked is unlinked, what was altered gets its attributes back."""
        kind, source, target, key = natural
        if there is None:
            if work.was:
                self.conflict(kind, f"from {self.called(source)} to {self.called(target)} was ended by somebody else")
            return
        other = [name for name, value in work.after.items() if there.attributes.get(name) != value]
        if other:
            self.conflict(
                kind, f"{other[0]} from {self.called(source)} to {self.called(target)} was altered by somebody else"
            )
        elif not work.was:
            self.operations.append(Unlink(type=kind, source=source, target=target, key=key))
        else:
            patch = {name: work.before.get(name) for name in work.after}
            self.operations.append(Link(type=kind, source=source, target=target, key=key, attributes=patch))

    def lost(self, ends: set[int]) -> bool:
        return any(self.now[end].retired for end in ends if end in self.now)

    def called(self, ordinal: int) -> str:
        return self.now[ordinal].key if ordinal in self.now else f"node {ordinal}"

    def conflict(self, subject: str, message: str) -> None:
        self.conflicts.append(Problem(message, subject))


def _shown(value: Value | None) -> str:
    return "nothing" if value is None else "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
