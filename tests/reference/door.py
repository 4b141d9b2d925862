"""What a change set must do, decided the plain way: play it on a copy of the whole state, then look at all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from cmdb.changeset import NEW, ChangeSet, Link, New, NodeRef, Patch, Put, Retire, Unlink
from cmdb.nodes import Attributes, Node, Relationship
from graph_schema.metamodel import Attribute, Control, Model
from graph_schema.values import Value, normalise
from tests.reference.graph import State, natural, patched

Natural = tuple[str, int, int, str]

LONGEST_NAME = 255


@dataclass
class Outcome:
    """What is wrong, if anything; else what stands afterwards, and the ordinals of what was created, by handle."""

    conflict: bool = False
    invalid: bool = False
    nodes: dict[int, Node] = field(default_factory=dict[int, Node])
    relationships: dict[Natural, Attributes] = field(default_factory=dict[Natural, Attributes])
    created: dict[str, int] = field(default_factory=dict[str, int])

    def stands(self, before: State, after: State, revision: int) -> bool:
        """Whether `after` is `before` with exactly this done to it at `revision`."""
        return after.nodes == {
            ordinal: _since(before.nodes.get(ordinal), node, revision) for ordinal, node in self.nodes.items()
        } and {natural(r): (r.attributes, r.since) for r in after.relationships.values()} == {
            name: (attributes, _kept_since(before, name, attributes, revision))
            for name, attributes in self.relationships.items()
        }


def _since(before: Node | None, after: Node, revision: int) -> Node:
    return after if after == before else msgspec.structs.replace(after, since=revision)


def _kept_since(before: State, name: Natural, attributes: Attributes, revision: int) -> int:
    kept = next((r for r in before.relationships.values() if natural(r) == name), None)
    return kept.since if kept is not None and kept.attributes == attributes else revision


def outcome(model: Model, state: State, counters: Counter[str], change_set: ChangeSet) -> Outcome:
    """What a change set does to a state. `counters` has how many nodes of each class code there ever were."""
    play = _Play(model, state, counters)
    for operation in change_set:
        play.step(operation)
    return play.end()


class _Play:
    def __init__(self, model: Model, state: State, counters: Counter[str]) -> None:
        self.model, self.before, self.counters = model, state, Counter(counters)
        self.nodes = dict(state.nodes)
        self.relationships: dict[Natural, Attributes] = {natural(r): r.attributes for r in state.relationships.values()}
        self.changed: dict[int, Node] = {}
        self.handles: dict[str, int] = {}
        self.conflict = self.invalid = False

    def step(self, operation: Put | Retire | Link | Unlink) -> None:
        match operation:
            case Put(node=New(handle)):
                self.create(operation, handle)
            case Put():
                self.put(operation)
            case Retire():
                self.retire(operation)
            case Link():
                self.link(operation)
            case Unlink():
                self.unlink(operation)

    # -- operations ----------------------------------------------------------------------------------------------------

    def create(self, put: Put, handle: str) -> None:
        known = self.model.class_by_name.get(put.class_name or "")
        if handle in self.handles or known is None or known.code is None:
            self.invalid = True
            return
        self.conflict |= put.expects not in {None, NEW}
        states = self.model.lifecycle_of[known.name].initial
        self.invalid |= put.state is not None and put.state not in states
        self.counters[known.code] += 1
        ordinal = self.handles[handle] = len(self.nodes)
        assert self.before.ids is not None
        self.nodes[ordinal] = Node(
            ordinal=ordinal,
            id=self.before.ids.id_of(ordinal),
            key=f"{known.code}-{self.counters[known.code]:06}",
            class_name=known.name,
            name=self.name(known.name, put.name or ""),
            state=put.state or states[0],
            retired=False,
            attributes=patched({}, self.canonical(self.model.attributes[known.name], put.attributes)),
            version=1,
            since=0,
        )

    def put(self, put: Put) -> None:
        node = self.live(put.node, put.expects)
        if node is None:
            return
        self.invalid |= put.class_name not in {None, node.class_name}
        lifecycle = self.model.lifecycle_of[node.class_name]
        state = put.state or node.state
        known = lifecycle.by_name.get(state)
        self.invalid |= known is None or known.final or not lifecycle.allows(node.state, state)
        self.nodes[node.ordinal] = msgspec.structs.replace(
            node,
            name=node.name if put.name is None else self.name(node.class_name, put.name),
            state=state,
            attributes=patched(node.attributes, self.canonical(self.model.attributes[node.class_name], put.attributes)),
        )

    def retire(self, retire: Retire) -> None:
        node = self.live(retire.node, retire.expects)
        if node is None:
            return
        possible = self.model.lifecycle_of[node.class_name].final_from(node.state)
        if not possible or (retire.state is not None and retire.state not in possible):
            self.invalid = True
            return
        self.changed[node.ordinal] = node
        self.nodes[node.ordinal] = msgspec.structs.replace(node, state=retire.state or possible[0], retired=True)
        for name in [n for n in self.relationships if node.ordinal in n[1:3]]:
            del self.relationships[name]

    def link(self, link: Link) -> None:
        source, target = self.live(link.source), self.live(link.target)
        kind = self.model.type_by_name.get(link.type)
        if source is None or target is None or kind is None:
            self.invalid = True
            return
        self.invalid |= (source.class_name, target.class_name) not in self.model.joinable[kind.name]
        self.invalid |= not _is_text(link.key)
        name = (kind.name, source.ordinal, target.ordinal, link.key)
        self.conflict |= link.expects == NEW and name in self.relationships
        patch = self.canonical({a.name: a for a in kind.attributes}, link.attributes)
        self.relationships[name] = patched(self.relationships.get(name, {}), patch)

    def unlink(self, unlink: Unlink) -> None:
        source, target = self.live(unlink.source), self.live(unlink.target)
        if source is None or target is None:
            return
        name = (unlink.type, source.ordinal, target.ordinal, unlink.key)
        self.invalid |= self.relationships.pop(name, None) is None

    # -- values --------------------------------------------------------------------------------------------------------

    def live(self, ref: NodeRef, expects: int | None = None) -> Node | None:
        ordinal = self.handles.get(ref.handle) if isinstance(ref, New) else ref
        node = None if ordinal is None else self.nodes.get(ordinal)
        if node is None or node.retired:
            self.invalid = True
            return None
        before = self.before.nodes.get(node.ordinal)
        self.conflict |= expects is not None and expects != (before.version if before else NEW)
        return node

    def name(self, class_name: str, name: str) -> str:
        rule = self.model.naming_pattern_of.get(class_name)
        self.invalid |= not name.strip() or not _is_text(name) or (rule is not None and not rule.fullmatch(name))
        return name

    def canonical(self, known: dict[str, Attribute], patch: Patch) -> Patch:
        values: Patch = {}
        for name, raw in patch.items():
            attribute = known.get(name)
            if attribute is None or attribute.control is Control.OBSERVED:
                self.invalid = True
            elif raw is None:
                values[name] = None
            else:
                values[name] = self.value(attribute, raw)
        return values

    def value(self, attribute: Attribute, raw: Value) -> Value | None:
        try:
            return normalise(attribute, raw)
        except ValueError:
            self.invalid = True
            return None

    # -- the whole -----------------------------------------------------------------------------------------------------

    def end(self) -> Outcome:
        required = {
            name: [a.name for a in known.values() if a.required] for name, known in self.model.attributes.items()
        }
        lacking = any(a not in n.attributes for n in self.nodes.values() for a in required[n.class_name])
        for name, attributes in self.relationships.items():
            kind = self.model.type_by_name.get(name[0])
            lacking |= kind is not None and any(a.required and a.name not in attributes for a in kind.attributes)
        if lacking or self._shared_values() or self._too_many():
            self.invalid = True
        nodes = {ordinal: self._counted(node) for ordinal, node in self.nodes.items()}
        return Outcome(self.conflict, self.invalid, nodes, self.relationships, self.handles)

    def _shared_values(self) -> bool:
        held = Counter(
            (name, value)
            for node in self.nodes.values()
            for name, value in node.attributes.items()
            if not node.retired and self.model.attributes[node.class_name][name].unique
        )
        return any(count > 1 for count in held.values())

    def _too_many(self) -> bool:
        leaving = Counter((kind, source) for kind, source, _, _ in self.relationships)
        reaching = Counter((kind, target) for kind, _, target, _ in self.relationships)
        return any(
            count > most
            for counts, bounds in (
                (leaving, {t.name: t.from_max for t in self.model.relationship_types}),
                (reaching, {t.name: t.to_max for t in self.model.relationship_types}),
            )
            for (kind, _), count in counts.items()
            if (most := bounds[kind]) is not None
        )

    def _counted(self, node: Node) -> Node:
        """The node with its version: one step for what was changed, one more for being retired."""
        before = self.before.nodes.get(node.ordinal)
        last = self.changed.get(node.ordinal, node)
        if before is None:
            return msgspec.structs.replace(node, version=1 + node.retired)
        steps = (last != before) + (node.retired and not before.retired)
        return msgspec.structs.replace(node, version=before.version + steps)


def _is_text(text: str) -> bool:
    return len(text) <= LONGEST_NAME and not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in text)


def new_relationships(before: State, after: State) -> list[Relationship]:
    """The relationships of `after` that have an id which `before` has not, by id."""
    return [r for ident, r in sorted(after.relationships.items()) if ident not in before.relationships]
