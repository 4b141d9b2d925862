"""The way back to a baseline: operations that lead from now to what it sealed, and what they cannot lead to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cmdb.baselines.comparing import Change, Differences, FieldDifference, NodeDifference, RelationshipDifference
from cmdb.changeset import Link, New, NodeRef, Operation, Patch, Put, Retire, Unlink
from cmdb.nodes import Node
from graph_schema.metamodel import Attribute, Control, Model
from graph_schema.values import Value

_FIXED = frozenset({"name", "state"})


@dataclass(frozen=True, slots=True)
class Impossible:
    """Something that cannot be led back: which node or relationship, why, and what can be done in its place."""

    subject: str
    reason: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class WayBack:
    """Operations in an order in which they can be applied, which of them are about what, and what is impossible."""

    operations: tuple[Operation, ...]
    subjects: tuple[str, ...]
    impossible: tuple[Impossible, ...]

    def without(self, refused: Mapping[int, str]) -> WayBack:
        """The same without some operations, by place, that turned out to be impossible, each for a reason."""
        kept = [place for place in range(len(self.operations)) if place not in refused]
        return WayBack(
            tuple(self.operations[place] for place in kept),
            tuple(self.subjects[place] for place in kept),
            (*self.impossible, *(Impossible(self.subjects[place], why) for place, why in sorted(refused.items()))),
        )


def way_back(found: Differences, now: Mapping[int, Node], model: Model, *, replace: bool = False) -> WayBack:
    """The way back over the differences from a baseline to now, of which none has moved. O(differences).

    `now` has the nodes of the differences as they are now, `model` is in force now. With `replace` a node that was retired
    gets a new one in its place, with the relationships that it had. Values are taken as they were; whether the model still
    allows them is for the door to say.
    """
    return _Planner(now, model, replace).plan(found)


@dataclass(slots=True)
class _Planner:
    now: Mapping[int, Node]
    model: Model
    replace: bool
    puts: list[tuple[Operation, str]] = field(default_factory=list[tuple[Operation, str]])
    unlinks: list[tuple[Operation, str]] = field(default_factory=list[tuple[Operation, str]])
    links: list[tuple[Operation, str]] = field(default_factory=list[tuple[Operation, str]])
    retires: list[tuple[Operation, str]] = field(default_factory=list[tuple[Operation, str]])
    impossible: list[Impossible] = field(default_factory=list[Impossible])
    retiring: set[int] = field(default_factory=set[int])

    def plan(self, found: Differences) -> WayBack:
        for one in found.nodes:
            self.node(one)
        for edge in found.relationships:
            self.edge(edge)
        steps = [*self.puts, *self.unlinks, *self.links, *self.retires]
        return WayBack(tuple(step for step, _ in steps), tuple(about for _, about in steps), tuple(self.impossible))

    # -- nodes --------------------------------------------------------------------------------------------------------

    def node(self, one: NodeDifference) -> None:
        node = one.node
        match one.change:
            case Change.RETURNED:
                pass
            case Change.ADDED:
                self.retiring.add(node.ordinal)
                self.retires.append((Retire(node=node.ordinal, expects=node.version), node.key))
            case Change.REMOVED:
                self.gone(node)
            case Change.CHANGED:
                self.put_back(self.now[node.ordinal], one.fields)

    def gone(self, node: Node) -> None:
        why = "it is retired, and what is retired cannot come back under its key"
        if not self.replace:
            return self.impossible.append(Impossible(node.key, why, "a new node in its place: --replace"))
        self.impossible.append(Impossible(node.key, why, "a new node takes its place"))
        known = self.model.attributes.get(node.class_name, {})
        attributes = {
            name: value for name, value in node.attributes.items() if self.knows(known, name, node.key, value)
        }
        state = node.state if node.state in self.model.lifecycle_of[node.class_name].initial else None
        put = Put(
            node=New(node.key), class_name=node.class_name, name=node.name, state=state, attributes=dict(attributes)
        )
        return self.puts.append((put, node.key))

    def put_back(self, node: Node, fields: Iterable[FieldDifference]) -> None:
        patch: Patch = {}
        name: str | None = None
        state: str | None = None
        known = self.model.attributes.get(node.class_name, {})
        for one in _differing(fields):
            if one.field == "name":
                name = str(one.before)
            elif one.field == "state":
                state = self.state(node, str(one.before))
            elif self.knows(known, one.field, node.key, one.before):
                patch[one.field] = one.before
        if name is not None or state is not None or patch:
            put = Put(node=node.ordinal, name=name, state=state, attributes=patch, expects=node.version)
            self.puts.append((put, node.key))

    def state(self, node: Node, wanted: str) -> str | None:
        lifecycle = self.model.lifecycle_of[node.class_name]
        if wanted in lifecycle.by_name and not lifecycle.by_name[wanted].final and lifecycle.allows(node.state, wanted):
            return wanted
        allowed = ", ".join(lifecycle.transitions.get(node.state, ())) or "nowhere"
        why = f"its state cannot go from {node.state} to {wanted}"
        self.impossible.append(Impossible(node.key, why, f"from there it can go to: {allowed}"))
        return None

    # -- relationships ------------------------------------------------------------------------------------------------

    def edge(self, one: RelationshipDifference) -> None:
        about = _shown(one)
        source, target = one.source.ordinal, one.target.ordinal
        match one.change:
            case Change.RETURNED:
                pass
            case Change.ADDED:
                if self.retiring.isdisjoint({source, target}):
                    unlink = Unlink(type=one.type, source=source, target=target, key=one.key)
                    self.unlinks.append((unlink, about))
            case Change.REMOVED | Change.CHANGED:
                self.link_back(one, about)

    def link_back(self, one: RelationshipDifference, about: str) -> None:
        kind = self.model.type_by_name.get(one.type)
        ends = self.end(one.source), self.end(one.target)
        if kind is None:
            return self.impossible.append(Impossible(about, f"the model knows no {one.type} any more"))
        if ends[0] is None or ends[1] is None:
            gone = one.source if ends[0] is None else one.target
            return self.impossible.append(Impossible(about, f"{gone.key} is retired", "replace that first"))
        known = {attribute.name: attribute for attribute in kind.attributes}
        patch: Patch = {}
        for differing in _differing(one.fields):
            if self.knows(known, differing.field, about, differing.before):
                patch[differing.field] = differing.before
        if patch or one.change is Change.REMOVED:
            link = Link(type=one.type, source=ends[0], target=ends[1], key=one.key, attributes=patch)
            self.links.append((link, about))
        return None

    def end(self, node: Node) -> NodeRef | None:
        if not self.now[node.ordinal].retired:
            return node.ordinal
        return New(node.key) if self.replace else None

    def knows(self, known: Mapping[str, Attribute], name: str, about: str, value: Value | None) -> bool:
        if name not in known:
            shown = "it had" if value is None else f"{value!r} is lost"
            self.impossible.append(Impossible(about, f"the model knows no attribute {name} of it any more; {shown}"))
            return False
        if known[name].control is Control.OBSERVED:
            self.impossible.append(Impossible(about, f"{name} is observed: it follows discovery"))
            return False
        return True


def _differing(fields: Iterable[FieldDifference]) -> Iterator[FieldDifference]:
    return (one for one in fields if not one.returned)


def _shown(one: RelationshipDifference) -> str:
    named = f" [{one.key}]" if one.key else ""
    return f"{one.source.key} —{one.type}{named}→ {one.target.key}"
