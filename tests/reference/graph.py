"""The product in plain dictionaries: the whole state after every revision is kept, and every read is a loop over it.

Deliberately naive: no index, no cursor, no history beside the state. What a store answers must equal what this answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cmdb.changeset import (
    Effect,
    EstateFounded,
    Linked,
    ModelInstalled,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Patch,
    Relinked,
    Unlinked,
)
from cmdb.filters import Direction, Filter, field_type, field_value, matches
from cmdb.ledger import EMPTY, Commit, Head, state_digest
from cmdb.nodes import LAST, Attributes, Node, NodeIds, NodeVersion, Relationship, RelationshipVersion
from cmdb.store.port import Counters, Sort
from cmdb.store.words import search_text, searchable_attributes, words
from graph_schema.metamodel import AttributeType, Model
from graph_schema.values import Value

T = TypeVar("T")


@dataclass
class State:
    """All nodes by ordinal, all relationships by id, and the model, after one revision."""

    nodes: dict[int, Node] = field(default_factory=dict[int, Node])
    relationships: dict[int, Relationship] = field(default_factory=dict[int, Relationship])
    model: Model | None = None
    ids: NodeIds | None = None

    def copy(self) -> State:
        """The same state, to be changed on its own."""
        return State(dict(self.nodes), dict(self.relationships), self.model, self.ids)

    def neighbours(self, node: Node, type_name: str, direction: Direction) -> list[Node]:
        """The nodes that relationships of a type lead to from a node."""
        joined = [r for r in self.relationships.values() if r.type == type_name]
        if direction is Direction.OUT:
            return [self.nodes[r.target] for r in joined if r.source == node.ordinal]
        return [self.nodes[r.source] for r in joined if r.target == node.ordinal]

    def matching(self, where: Filter) -> list[Node]:
        """The nodes a filter accepts, by ordinal."""
        assert self.model is not None
        model = self.model
        return [n for _, n in sorted(self.nodes.items()) if matches(model, where, n, self.neighbours)]


def patched(attributes: Attributes, patch: Patch) -> Attributes:
    """The attributes with a patch applied: None takes away."""
    kept = {name: value for name, value in attributes.items() if name not in patch}
    return kept | {name: value for name, value in patch.items() if value is not None}


def applied(state: State, effect: Effect, revision: int) -> None:
    """Change a state by one effect."""
    match effect:
        case EstateFounded(estate):
            state.ids = NodeIds(estate)
        case ModelInstalled(document):
            state.model = Model.model_validate_json(document)
        case NodeCreated(ordinal, key, class_name, name, node_state, attributes):
            assert state.ids is not None
            assert ordinal not in state.nodes
            state.nodes[ordinal] = Node(
                ordinal=ordinal,
                id=state.ids.id_of(ordinal),
                key=key,
                class_name=class_name,
                name=name,
                state=node_state,
                retired=False,
                attributes=attributes,
                version=1,
                since=revision,
            )
        case NodeChanged(ordinal, version, name, node_state, _, after):
            _change(state, ordinal, revision, version, name[1], node_state[1], after, retired=False)
        case NodeRetired(ordinal, version, node_state):
            _change(state, ordinal, revision, version, None, node_state[1], {}, retired=True)
        case Linked(ident, type_name, source, target, key, attributes) | Relinked(
            ident, type_name, source, target, key, _, attributes
        ):
            before = state.relationships[ident].attributes if isinstance(effect, Relinked) else {}
            state.relationships[ident] = Relationship(
                id=ident,
                type=type_name,
                source=source,
                target=target,
                key=key,
                attributes=patched(before, dict(attributes)),
                since=revision,
            )
        case Unlinked(ident):
            del state.relationships[ident]


def _change(
    state: State,
    ordinal: int,
    revision: int,
    version: int,
    name: str | None,
    node_state: str,
    after: Patch,
    *,
    retired: bool,
) -> None:
    node = state.nodes[ordinal]
    state.nodes[ordinal] = Node(
        ordinal=ordinal,
        id=node.id,
        key=node.key,
        class_name=node.class_name,
        name=node.name if name is None else name,
        state=node_state,
        retired=retired,
        attributes=patched(node.attributes, after),
        version=version,
        since=revision,
    )


class Reference:
    """What a store must answer."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.states: list[State] = [State()]
        """The state after each revision, the empty one first."""

    def commit(self, commit: Commit) -> None:
        """Apply a commit that fits."""
        state = self.states[-1].copy()
        for effect in commit.effects:
            applied(state, effect, commit.revision)
        self.commits.append(commit)
        self.states.append(state)

    @property
    def head(self) -> Head:
        """The newest commit."""
        return self.commits[-1].head if self.commits else EMPTY

    @property
    def now(self) -> State:
        """The newest state."""
        return self.states[-1]

    @property
    def model(self) -> Model:
        """The model in force."""
        assert self.now.model is not None
        return self.now.model

    def at(self, as_of: int | None) -> State:
        """The state as of a revision."""
        return self.now if as_of is None else self.states[as_of]

    def revision_at(self, instant: str) -> int:
        """The newest revision that was there at an instant."""
        return max((c.revision for c in self.commits if c.header.time <= instant), default=0)

    def counters(self) -> Counters:
        """The next ordinal, relationship id, and key number of each class code that has nodes."""
        effects = [effect for commit in self.commits for effect in commit.effects]
        numbers: dict[str, int] = {}
        for effect in effects:
            if isinstance(effect, NodeCreated):
                code, _, number = effect.key.rpartition("-")
                numbers[code] = max(numbers.get(code, 0), int(number) + 1)
        return Counters(
            ordinal=1 + max((e.ordinal for e in effects if isinstance(e, NodeCreated)), default=-1),
            relationship=1 + max((e.id for e in effects if isinstance(e, Linked)), default=-1),
            numbers=numbers,
        )

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def nodes(self, ordinals: Iterable[int], as_of: int | None = None) -> list[Node]:
        """The nodes with these ordinals."""
        there = self.at(as_of).nodes
        return [there[ordinal] for ordinal in sorted(set(ordinals)) if ordinal in there]

    def all_nodes(self, as_of: int | None = None) -> list[Node]:
        """Every node."""
        return self._nodes(lambda _: True, as_of)

    def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        """The nodes that have one of these names."""
        return self._nodes(lambda n: n.name in names, as_of)

    def having(self, attribute: str, values: Sequence[Value], as_of: int | None = None) -> list[Node]:
        """The nodes whose attribute, which is no list, has one of these values."""
        return self._nodes(lambda n: n.attributes.get(attribute) in values, as_of)

    def _nodes(self, accepts: Callable[[Node], bool], as_of: int | None) -> list[Node]:
        return [node for _, node in sorted(self.at(as_of).nodes.items()) if accepts(node)]

    def find(self, where: Filter, sort: Sort | None = None, as_of: int | None = None) -> list[Node]:
        """All nodes that a filter accepts, in order."""
        state = self.at(as_of)
        return in_order(state.model, state.matching(where), sort or Sort()) if state.model else []

    def count_by_class(self, as_of: int | None = None) -> dict[str, int]:
        """How many live nodes there are of each class."""
        counts: dict[str, int] = {}
        for node in self.at(as_of).nodes.values():
            if not node.retired:
                counts[node.class_name] = counts.get(node.class_name, 0) + 1
        return counts

    def search(self, text: str) -> list[Node]:
        """The live nodes that have every word of a text, the last one perhaps only begun."""
        searchable = searchable_attributes(self.model)
        wanted = words(text)

        def has(node: Node) -> bool:
            values = (node.attributes.get(name) for name in searchable[node.class_name])
            there = search_text(node.key, node.name, values).split(" ")
            return all(w in there for w in wanted[:-1]) and any(w.startswith(wanted[-1]) for w in there)

        return self._nodes(lambda n: not n.retired and has(n), None)

    def history(self, ordinal: int) -> list[NodeVersion]:
        """All versions of a node."""
        return [NodeVersion(node=n, until=until) for n, until in self._versions(lambda s: s.nodes.get(ordinal))]

    # -- relationships -------------------------------------------------------------------------------------------------

    def all_relationships(self, as_of: int | None = None) -> list[Relationship]:
        """Every relationship."""
        return [r for _, r in sorted(self.at(as_of).relationships.items())]

    def relationships(
        self,
        ordinals: Iterable[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
        limit: int | None = None,
    ) -> list[Relationship]:
        """Relationships out of or into nodes."""
        everything = [r for r in self.all_relationships(as_of) if types is None or r.type in types]
        found: list[Relationship] = []
        for ordinal in sorted(set(ordinals)):
            found += [r for r in everything if end(r, direction) == ordinal][:limit]
        return found

    def relationship_counts(
        self,
        ordinals: Iterable[int],
        direction: Direction,
        types: Sequence[str] | None = None,
        as_of: int | None = None,
    ) -> dict[int, int]:
        """How many relationships leave or reach nodes."""
        counts = {o: len(self.relationships([o], direction, types, as_of)) for o in ordinals}
        return {ordinal: count for ordinal, count in counts.items() if count}

    def joined(self, naturals: Sequence[tuple[str, int, int, str]]) -> list[Relationship]:
        """The current relationships with these natural keys, by id."""
        return [r for r in self.all_relationships() if natural(r) in naturals]

    def relationship_history(self, ordinal: int) -> list[RelationshipVersion]:
        """All versions of all relationships that ever had this node at an end."""
        touching = {r.id for s in self.states for r in s.relationships.values() if ordinal in {r.source, r.target}}
        found = [
            RelationshipVersion(relationship=r, until=until)
            for ident in touching
            for r, until in self._versions(lambda s, ident=ident: s.relationships.get(ident))
        ]
        return sorted(found, key=lambda v: (v.relationship.since, v.relationship.id))

    def _versions(self, of: Callable[[State], T | None]) -> list[tuple[T, int]]:
        found: list[tuple[T, int]] = []
        last: T | None = None
        for revision, state in enumerate(self.states):
            current = of(state)
            if current == last:
                continue
            if last is not None:
                found[-1] = (last, revision)
            if current is not None:
                found.append((current, LAST))
            last = current
        return found

    # -- the whole -----------------------------------------------------------------------------------------------------

    async def digest(self, as_of: int | None = None) -> str:
        """The digest of the whole state."""
        return await state_digest(_once(self.all_nodes(as_of)), _once(self.all_relationships(as_of)))


async def _once(items: list[T]) -> AsyncIterator[list[T]]:
    yield items


def end(relationship: Relationship, direction: Direction) -> int:
    """The end that a relationship leaves (or reaches)."""
    return relationship.source if direction is Direction.OUT else relationship.target


def natural(relationship: Relationship) -> tuple[str, int, int, str]:
    """The natural key of a relationship."""
    return (relationship.type, relationship.source, relationship.target, relationship.key)


def in_order(model: Model, nodes: list[Node], sort: Sort) -> list[Node]:
    """Nodes sorted by a field, then by ordinal, absent values last."""
    kind = field_type(model, sort.field)

    def rank(node: Node) -> tuple[int | float, str]:
        value = field_value(node, sort.field)
        if kind is AttributeType.DECIMAL:
            return (float(str(value)), "")
        return (int(value), "") if isinstance(value, int) else (0, str(value))

    nodes = sorted(nodes, key=lambda n: n.ordinal, reverse=sort.descending)
    present = [n for n in nodes if field_value(n, sort.field) is not None]
    absent = [n for n in nodes if field_value(n, sort.field) is None]
    return sorted(present, key=rank, reverse=sort.descending) + absent
