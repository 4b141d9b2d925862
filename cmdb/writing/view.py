"""The part of the graph that a change set touches, read before deciding about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cmdb.changeset import ChangeSet, Link, New, NodeRef, Put, Retire, Unlink
from cmdb.filters import Direction
from cmdb.ledger import Head
from cmdb.nodes import Node, Relationship
from cmdb.store.port import Counters, Store
from cmdb.writing.checking import Checks, text_problems
from cmdb.writing.roster import Rosters
from graph_schema.metamodel import Model

MANY: Final = 500
"""Ends of links from which on the roster is asked."""

Natural = tuple[str, int, int, str]
"""A relationship's natural key: (type, source, target, key)."""


@dataclass(frozen=True, slots=True)
class View:
    """What stands in the graph at one revision, as far as a change set touches it.

    `ends` has (class, retired) of nodes that are only linked; `taken` who holds a value of a unique attribute, by
    (attribute, value), and `holders` their keys; `degrees` the number of relationships of bounded types, by (type,
    direction, ordinal).
    """

    counters: Counters
    nodes: dict[int, Node]
    ends: Mapping[int, tuple[str, bool]]
    relationships: dict[Natural, Relationship]
    retiring: dict[int, tuple[Relationship, ...]] = field(default_factory=dict[int, tuple[Relationship, ...]])
    taken: dict[tuple[str, str | int], tuple[int, ...]] = field(
        default_factory=dict[tuple[str, str | int], tuple[int, ...]]
    )
    holders: dict[int, str] = field(default_factory=dict[int, str])
    degrees: dict[tuple[str, Direction, int], int] = field(default_factory=dict[tuple[str, Direction, int], int])


async def load_view(store: Store, checks: Checks, rosters: Rosters, head: Head, change_set: ChangeSet) -> View:
    """Read what `change_set` touches, in a number of statements that does not depend on its size.

    For many links, the ends' classes come from the roster, and only those are looked for whose source has any.
    """
    wanted: set[int] = set()
    linked: set[int] = set()
    naturals: list[Natural] = []
    retiring: set[int] = set()
    for operation in change_set:
        if isinstance(operation, Link | Unlink):
            source, target = operation.source, operation.target
            if isinstance(source, int):
                linked.add(source)
                if isinstance(target, int) and not (operation.key and text_problems("its key", operation.key)):
                    naturals.append((operation.type, source, target, operation.key))
            if isinstance(target, int):
                linked.add(target)
        elif isinstance(operation.node, int):
            wanted.add(operation.node)
            if isinstance(operation, Retire):
                retiring.add(operation.node)
    many = len(linked) > MANY
    if many:
        naturals = await _possible(store, naturals)
    found = await store.nodes(sorted(wanted if many else wanted | linked))
    joined = await store.joined(naturals) if naturals else []
    taken, holders = await _taken(store, checks, change_set)
    return View(
        counters=await store.counters(),
        nodes={node.ordinal: node for node in found},
        ends=await rosters.at(head) if many else {node.ordinal: (node.class_name, node.retired) for node in found},
        relationships={(r.type, r.source, r.target, r.key): r for r in joined},
        retiring=await _relationships_at(store, retiring),
        taken=taken,
        holders=holders,
        degrees=await _degrees(store, checks.model, change_set),
    )


async def _possible(store: Store, naturals: list[Natural]) -> list[Natural]:
    """Those whose source has any relationship at all."""
    busy = await store.relationship_counts(sorted({natural[1] for natural in naturals}), Direction.OUT)
    return [natural for natural in naturals if natural[1] in busy] if busy else []


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


async def _taken(
    store: Store, checks: Checks, change_set: ChangeSet
) -> tuple[dict[tuple[str, str | int], tuple[int, ...]], dict[int, str]]:
    """Who holds the values of unique attributes that are asked for, and the keys of these nodes."""
    asked: dict[str, set[str | int]] = {}
    for name in checks.unique:
        for operation in change_set:
            if not isinstance(operation, Put) or name not in operation.attributes:
                continue
            if (value := checks.as_unique(name, operation.attributes[name])) is not None:
                asked.setdefault(name, set()).add(value)
    taken: dict[tuple[str, str | int], tuple[int, ...]] = {}
    holders: dict[int, str] = {}
    for name, values in asked.items():
        for node in await store.having(name, sorted(values, key=str)):
            held = node.attributes[name]
            if isinstance(held, str | int) and not node.retired:
                taken[name, held] = (*taken.get((name, held), ()), node.ordinal)
                holders[node.ordinal] = node.key
    return taken, holders


async def _degrees(store: Store, model: Model, change_set: ChangeSet) -> dict[tuple[str, Direction, int], int]:
    degrees: dict[tuple[str, Direction, int], int] = {}
    links_of_type: dict[str, list[Link]] = {}
    for operation in change_set:
        if isinstance(operation, Link):
            links_of_type.setdefault(operation.type, []).append(operation)
    for kind in (t for t in model.relationship_types if t.from_max is not None or t.to_max is not None):
        links = links_of_type.get(kind.name, [])
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
