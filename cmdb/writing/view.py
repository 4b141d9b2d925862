"""The part of the graph that a change set touches, read before deciding about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cmdb.changeset import ChangeSet, Link, New, NodeRef, Put, Retire, Unlink
from cmdb.filters import Direction
from cmdb.nodes import Node, Relationship
from cmdb.store.port import Counters, Store
from graph_schema.metamodel import Model

Natural = tuple[str, int, int, str]
"""A relationship's natural key: (type, source, target, key)."""


@dataclass(frozen=True, slots=True)
class View:
    """What stands in the graph at one revision, as far as a change set touches it.

    `ends` has (class, retired) of nodes that are only linked; `taken` who holds a value of a unique attribute, by
    (attribute, value); `degrees` the number of relationships of bounded types, by (type, direction, ordinal).
    """

    counters: Counters
    nodes: dict[int, Node]
    ends: dict[int, tuple[str, bool]]
    relationships: dict[Natural, Relationship]
    retiring: dict[int, tuple[Relationship, ...]] = field(default_factory=dict[int, tuple[Relationship, ...]])
    taken: dict[tuple[str, str | int], tuple[int, ...]] = field(
        default_factory=dict[tuple[str, str | int], tuple[int, ...]]
    )
    degrees: dict[tuple[str, Direction, int], int] = field(default_factory=dict[tuple[str, Direction, int], int])


async def load_view(store: Store, model: Model, change_set: ChangeSet) -> View:
    """Read what `change_set` touches, in a number of statements that does not depend on its size."""
    wanted: set[int] = set()
    linked: set[int] = set()
    naturals: set[Natural] = set()
    retiring: set[int] = set()
    for operation in change_set:
        match operation:
            case Put(node=int(ordinal)):
                wanted.add(ordinal)
            case Retire(node=int(ordinal)):
                wanted.add(ordinal)
                retiring.add(ordinal)
            case (
                Link(type=kind, source=source, target=target, key=key)
                | Unlink(type=kind, source=source, target=target, key=key)
            ):
                linked.update(end for end in (source, target) if isinstance(end, int))
                if isinstance(source, int) and isinstance(target, int):
                    naturals.add((kind, source, target, key))
            case _:
                pass
    found = await store.nodes(sorted(wanted | linked))
    joined = await store.joined(sorted(naturals)) if naturals else []
    ends_of = await _relationships_at(store, retiring)
    return View(
        counters=await store.counters(),
        nodes={node.ordinal: node for node in found},
        ends={node.ordinal: (node.class_name, node.retired) for node in found},
        relationships={(r.type, r.source, r.target, r.key): r for r in joined},
        retiring=ends_of,
        taken=await _taken(store, model, change_set),
        degrees=await _degrees(store, model, change_set),
    )


async def _relationships_at(store: Store, ordinals: set[int]) -> dict[int, tuple[Relationship, ...]]:
    if not ordinals:
        return {}
    out = await store.relationships(sorted(ordinals), Direction.OUT)
    into = await store.relationships(sorted(ordinals), Direction.IN)
    found: dict[int, list[Relationship]] = {ordinal: [] for ordinal in ordinals}
    for relationship in out:
        found[relationship.source].append(relationship)
    for relationship in into:
        found[relationship.target].append(relationship)
    return {ordinal: tuple(held) for ordinal, held in found.items()}


async def _taken(store: Store, model: Model, change_set: ChangeSet) -> dict[tuple[str, str | int], tuple[int, ...]]:
    unique = {a.name for attributes in model.attributes.values() for a in attributes.values() if a.unique}
    asked: dict[str, set[str | int]] = {}
    for operation in change_set:
        if isinstance(operation, Put):
            for name in unique & operation.attributes.keys():
                value = operation.attributes[name]
                if isinstance(value, str | int):
                    asked.setdefault(name, set()).add(value)
    taken: dict[tuple[str, str | int], tuple[int, ...]] = {}
    for name, values in asked.items():
        for node in await store.having(name, sorted(values, key=str)):
            held = node.attributes[name]
            if isinstance(held, str | int) and not node.retired:
                taken[name, held] = (*taken.get((name, held), ()), node.ordinal)
    return taken


async def _degrees(store: Store, model: Model, change_set: ChangeSet) -> dict[tuple[str, Direction, int], int]:
    degrees: dict[tuple[str, Direction, int], int] = {}
    for kind in model.relationship_types:
        links = [o for o in change_set if isinstance(o, Link) and o.type == kind.name]
        for bound, direction, ends in (
            (kind.from_max, Direction.OUT, (o.source for o in links)),
            (kind.to_max, Direction.IN, (o.target for o in links)),
        ):
            known = _ordinals(ends) if bound is not None else []
            if known:
                counts = await store.relationship_counts(known, direction, [kind.name])
                degrees.update({(kind.name, direction, ordinal): count for ordinal, count in counts.items()})
    return degrees


def _ordinals(refs: Iterable[NodeRef]) -> list[int]:
    return sorted({ref for ref in refs if not isinstance(ref, New)})
