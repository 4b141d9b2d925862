"""From operations and the state they touch to effects, or to every problem at once. Pure.

The operations are played on drafts in their order; the effects are the difference between what stood and what stands in
the end. So a change set that adds up to nothing has no effects, and a node has one step a commit (two when it is changed
and retired).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cmdb.changeset import (
    NEW,
    ChangeSet,
    Effect,
    Link,
    New,
    NodeRef,
    Put,
    Retire,
    Unlink,
)
from cmdb.errors import Conflict, Invalid, Problem
from cmdb.filters import Direction
from cmdb.nodes import node_key
from cmdb.secrets import redact
from cmdb.writing.checking import Checks, checked_attributes, text_problems, unmet
from cmdb.writing.drafts import EdgeDraft, NodeDraft, effects_of, patched
from cmdb.writing.view import Natural, View
from graph_schema.metamodel import Model


@dataclass(frozen=True, slots=True)
class Decision:
    """The effects of a change set, and the ordinals of what it creates, by handle."""

    effects: tuple[Effect, ...]
    created: dict[str, int]
    linked: tuple[int | None, ...]
    """The relationship's id for each Link, new or not, in their order; None where it was unlinked again."""


def decide(checks: Checks, view: View, change_set: ChangeSet) -> Decision:
    """What `change_set` does to a graph that stands as `view` says. O(operations).

    Raises Conflict if an operation expects another version than stands, else Invalid with all problems if any rule of the
    model is broken.
    """
    play = _Play(checks.model, checks, view)
    for number, operation in enumerate(change_set, start=1):
        play.where = f"operation {number}"
        match operation:
            case Put(node=New()):
                play.create(operation)
            case Put():
                play.change(operation)
            case Retire():
                play.retire(operation)
            case Link():
                play.link(operation)
            case Unlink():
                play.unlink(operation)
    play.check_whole()
    if play.conflicts:
        raise Conflict(
            play.conflicts[0].message,
            remedy="read again, and repeat the change if it still makes sense",
            problems=tuple(play.conflicts),
        )
    if play.problems:
        many = len(play.problems)
        raise Invalid(
            f"{many} problem{'s' if many > 1 else ''} in the change set; nothing was written",
            problems=tuple(play.problems),
        )
    return play.decision()


@dataclass(slots=True)
class _Play:
    model: Model
    checks: Checks
    view: View
    where: str = ""
    problems: list[Problem] = field(default_factory=list[Problem])
    conflicts: list[Problem] = field(default_factory=list[Problem])
    handles: dict[str, int] = field(default_factory=dict[str, int])
    broken: set[str] = field(default_factory=set[str])
    nodes: dict[int, NodeDraft] = field(default_factory=dict[int, NodeDraft])
    edges: dict[Natural, EdgeDraft] = field(default_factory=dict[Natural, EdgeDraft])
    asked: dict[Natural, str] = field(default_factory=dict[Natural, str])
    links: list[Natural] = field(default_factory=list[Natural])
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    # -- operations ---------------------------------------------------------------------------------------------------

    def create(self, put: Put) -> None:
        handle = put.node.handle if isinstance(put.node, New) else ""
        self.broken.add(handle)
        node_class = self.model.class_by_name.get(put.class_name or "")
        if handle in self.handles:
            return self.problem(handle, "this handle was used before in the same change set", "use another one")
        if node_class is None or node_class.abstract or node_class.code is None:
            what = (
                "names no class" if put.class_name is None else f"there is no class {put.class_name} to make nodes of"
            )
            return self.problem(handle, what, "see `cmdb model show` for the classes")
        if put.expects not in {None, NEW}:
            self.conflict(handle, f"is expected in version {put.expects}, but is only now being created")
        name = self.checks.name(node_class.name, put.name)
        subject = f"{node_class.name}:{put.name}"
        self.take(subject, name.problems)
        attributes = checked_attributes(self.checks.of_class[node_class.name], put.attributes)
        self.take(subject, attributes.problems)
        lifecycle = self.model.lifecycle_of[node_class.name]
        state = put.state or lifecycle.initial[0]
        if state not in lifecycle.initial:
            self.problem(subject, f"cannot begin in state {state!r}", f"begin in {' or '.join(lifecycle.initial)}")
        ordinal = self.view.counters.ordinal + len(self.handles)
        number = self.numbers.get(node_class.code, self.view.counters.numbers.get(node_class.code, 1))
        self.numbers[node_class.code] = number + 1
        self.handles[handle] = ordinal
        self.broken.discard(handle)
        self.nodes[ordinal] = NodeDraft(
            ordinal=ordinal,
            key=node_key(node_class.code, number),
            class_name=node_class.name,
            name=name.value,
            state=state,
            attributes={k: v for k, v in attributes.value.items() if v is not None},
            before=None,
            where=self.where,
        )
        return None

    def change(self, put: Put) -> None:
        draft = self.standing(put.node, put.expects)
        if draft is None:
            return
        if put.class_name not in {None, draft.class_name}:
            self.problem(
                draft.key,
                f"is a {draft.class_name} and cannot become a {put.class_name}",
                "retire it and create a new one",
            )
        if put.name is not None:
            name = self.checks.name(draft.class_name, put.name)
            self.take(draft.key, name.problems)
            draft.name = name.value
        if put.state is not None:
            self.move(draft, put.state)
        attributes = checked_attributes(self.checks.of_class[draft.class_name], put.attributes)
        self.take(draft.key, attributes.problems)
        draft.attributes = patched(draft.attributes, attributes.value)

    def move(self, draft: NodeDraft, state: str) -> None:
        lifecycle = self.model.lifecycle_of[draft.class_name]
        known = lifecycle.by_name.get(state)
        if known is None:
            self.problem(draft.key, f"there is no state {state!r}", f"use one of {', '.join(lifecycle.by_name)}")
        elif known.final:
            self.problem(draft.key, f"{state!r} ends its life", "use retire")
        elif not lifecycle.allows(draft.state, state):
            allowed = ", ".join(lifecycle.transitions.get(draft.state, ())) or "nowhere"
            self.problem(
                draft.key,
                f"cannot go from {draft.state!r} to {state!r}",
                f"from there it can go to: {allowed}",
            )
        else:
            draft.state = state

    def retire(self, retire: Retire) -> None:
        draft = self.standing(retire.node, retire.expects)
        if draft is None:
            return
        lifecycle = self.model.lifecycle_of[draft.class_name]
        possible = lifecycle.final_from(draft.state)
        state = retire.state or next(iter(possible), None)
        if state is None or state not in possible:
            target = f"to {state!r} " if state else ""
            self.problem(
                draft.key,
                f"cannot be retired {target}from state {draft.state!r}",
                f"from there it can be retired to: {', '.join(possible) or 'nothing; change its state first'}",
            )
            return
        draft.left, draft.state, draft.retired = draft.state, state, True
        for relationship in self.view.retiring.get(draft.ordinal, ()):
            natural = (relationship.type, relationship.source, relationship.target, relationship.key)
            self.edges.setdefault(natural, EdgeDraft(relationship, relationship.attributes)).attributes = None
        for (_, source, target, _), edge in self.edges.items():
            if draft.ordinal in {source, target}:
                edge.attributes = None

    def link(self, link: Link) -> None:
        kind = self.model.type_by_name.get(link.type)
        source, target = self.end(link.source), self.end(link.target)
        if kind is None:
            return self.problem(link.type, "there is no such relationship type", "see `cmdb model show` for the types")
        if source is None or target is None:
            return None
        self.take(link.type, text_problems("its key", link.key))
        if (source[1], target[1]) not in self.model.joinable[kind.name]:
            self.problem(
                kind.name,
                f"does not lead from {source[1]} to {target[1]}",
                "it leads " + ", ".join(f"from {e.source} to {e.target}" for e in kind.ends),
            )
        natural = (kind.name, source[0], target[0], link.key)
        edge = self.edge(natural)
        if link.expects == NEW and edge.attributes is not None:
            self.conflict(kind.name, f"from {self.shown(source[0])} to {self.shown(target[0])} is there already")
        attributes = checked_attributes(self.checks.of_type[kind.name], link.attributes)
        self.take(kind.name, attributes.problems)
        edge.attributes = patched(edge.attributes or {}, attributes.value)
        self.asked.setdefault(natural, self.where)
        self.links.append(natural)
        return None

    def unlink(self, unlink: Unlink) -> None:
        source, target = self.end(unlink.source), self.end(unlink.target)
        if source is None or target is None:
            return
        edge = self.edge((unlink.type, source[0], target[0], unlink.key))
        if edge.attributes is None:
            named = f" with key {unlink.key!r}" if unlink.key else ""
            self.problem(
                unlink.type,
                f"does not lead from {self.shown(source[0])} to {self.shown(target[0])}{named}",
                "see `cmdb ci show`",
            )
        edge.attributes = None

    # -- the whole ----------------------------------------------------------------------------------------------------

    def check_whole(self) -> None:
        """What can only be said when all operations were played: required, unique, how many."""
        held: dict[tuple[str, str | int], int] = {}
        for draft in self.nodes.values():
            attributes = self.model.attributes[draft.class_name]
            self.where = draft.where
            self.take(
                draft.key if draft.before else f"{draft.class_name}:{draft.name}",
                unmet(self.checks.required_of_class[draft.class_name], draft.attributes),
            )
            for name in self.checks.unique_of_class[draft.class_name]:
                value = draft.attributes.get(name)
                if isinstance(value, str | int) and not draft.retired:
                    self.check_unique(draft, name, value, held)
        for natural, where in self.asked.items():
            self.where = where
            attributes = self.edges[natural].attributes
            if attributes is not None:
                self.take(natural[0], unmet(self.checks.required_of_type[natural[0]], attributes))
        self.check_degrees()

    def check_unique(
        self, draft: NodeDraft, name: str, value: str | int, held: dict[tuple[str, str | int], int]
    ) -> None:
        others = [
            o for o in self.view.taken.get((name, value), ()) if o != draft.ordinal and not self.gave_up(o, name, value)
        ]
        others += [held[name, value]] if (name, value) in held else []
        held[name, value] = draft.ordinal
        if others:
            self.problem(
                draft.key,
                f"{name} {value!r} is held by {self.shown(others[0])} already",
                "two nodes cannot share it",
            )

    def gave_up(self, ordinal: int, name: str, value: str | int) -> bool:
        draft = self.nodes.get(ordinal)
        return draft is not None and (draft.retired or draft.attributes.get(name) != value)

    def check_degrees(self) -> None:
        gained: dict[tuple[str, Direction, int], int] = {}
        places: dict[tuple[str, Direction, int], str] = {}
        for natural, edge in self.edges.items():
            kind, source, target, _ = natural
            step = (edge.attributes is not None) - (edge.before is not None)
            for end in ((kind, Direction.OUT, source), (kind, Direction.IN, target)):
                gained[end] = gained.get(end, 0) + step
                if step > 0:
                    places[end] = self.asked[natural]
        for (kind, direction, ordinal), step in gained.items():
            known = self.model.type_by_name.get(kind)
            most = None if known is None else known.from_max if direction is Direction.OUT else known.to_max
            count = self.view.degrees.get((kind, direction, ordinal), 0) + step
            if most is not None and step > 0 and count > most:
                way = "leave" if direction is Direction.OUT else "reach"
                self.where = places[kind, direction, ordinal]
                self.problem(
                    kind,
                    f"{count} would {way} {self.shown(ordinal)}, at most {most} may",
                    "unlink another one first",
                )

    def decision(self) -> Decision:
        """The difference between what stood and what stands."""
        effects, ids = effects_of(self.nodes.values(), self.edges, self.view.counters.relationship)
        return Decision(effects, self.handles, tuple([ids.get(natural) for natural in self.links]))

    # -- looking up ---------------------------------------------------------------------------------------------------

    def standing(self, ref: NodeRef, expects: int | None) -> NodeDraft | None:
        """The draft of a live node; None, with a problem noted, if there is none."""
        ordinal = self.handles.get(ref.handle) if isinstance(ref, New) else ref
        if ordinal is None:
            if isinstance(ref, New) and ref.handle not in self.broken:
                self.problem(ref.handle, "no operation before this one creates it", "put it first")
            return None
        draft = self.nodes.get(ordinal)
        if draft is None:
            node = self.view.nodes.get(ordinal)
            if node is None:
                self.problem(f"node {ordinal}", "is not there", "check the reference")
                return None
            draft = NodeDraft(
                node.ordinal,
                node.key,
                node.class_name,
                node.name,
                node.state,
                node.attributes,
                node,
                node.retired,
                self.where,
            )
            if node.retired:
                self.problem(node.key, f"is retired ({node.state}) and cannot be altered", "create a new one")
                return None
            self.nodes[ordinal] = draft
        elif draft.retired:
            self.problem(draft.key, "is retired by an operation before this one", "leave one of them out")
            return None
        version = draft.before.version if draft.before else NEW
        if expects is not None and expects != version:
            self.conflict(draft.key, f"is in version {version}, expected was {expects}")
        return draft

    def end(self, ref: NodeRef) -> tuple[int, str] | None:
        """Ordinal and class of a relationship's end; None, with a problem noted, if it cannot be one."""
        ordinal = self.handles.get(ref.handle) if isinstance(ref, New) else ref
        draft = None if ordinal is None else self.nodes.get(ordinal)
        if draft is not None:
            if draft.retired:
                self.problem(draft.key, "is retired by an operation before this one", "leave one of them out")
                return None
            return draft.ordinal, draft.class_name
        if ordinal is None or ordinal not in self.view.ends:
            if not (isinstance(ref, New) and ref.handle in self.broken):
                name = ref.handle if isinstance(ref, New) else f"node {ref}"
                self.problem(name, "is not there to be linked", "create it first, or check the reference")
            return None
        class_name, retired = self.view.ends[ordinal]
        if retired:
            self.problem(self.shown(ordinal), "is retired and cannot be linked", "link another node")
            return None
        return ordinal, class_name

    def edge(self, natural: Natural) -> EdgeDraft:
        draft = self.edges.get(natural)
        if draft is None:
            before = self.view.relationships.get(natural)
            draft = self.edges[natural] = EdgeDraft(before, before.attributes if before else None)
        return draft

    def shown(self, ordinal: int) -> str:
        if ordinal in self.nodes:
            return self.nodes[ordinal].key
        if ordinal in self.view.nodes:
            return self.view.nodes[ordinal].key
        return self.view.holders.get(ordinal, f"node {ordinal}")

    # -- complaints ---------------------------------------------------------------------------------------------------

    def problem(self, subject: str, message: str, remedy: str) -> None:
        """Note a problem; a thing that was refused for its name or key is not called by what may be a secret."""
        self.problems.append(Problem(message=redact(message), subject=redact(subject), where=self.where, remedy=remedy))

    def conflict(self, subject: str, message: str) -> None:
        self.conflicts.append(Problem(message=f"{subject} {message}", subject=subject, where=self.where))

    def take(self, subject: str, problems: Iterable[tuple[str, str]]) -> None:
        for message, remedy in problems:
            self.problem(subject, message, remedy)
