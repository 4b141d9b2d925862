"""In which order items are deployed: what others need comes first. Pure.

step 1   db-1 (DBI-000001)
step 2   cluster (DBC-000001), proxy (PRX-000001)    a ring: each needs the other, so they go together
step 3   shop (BSV-000001)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cmdb.nodes import Node
from cmdb.projection.columns import DependencyColumns


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """Items that are deployed at once, by key: one, or a ring of several that need each other. Ordinals."""

    items: tuple[int, ...]

    @property
    def is_ring(self) -> bool:
        """Whether its items need each other, directly or by way of others."""
        return len(self.items) > 1


@dataclass(frozen=True, slots=True)
class NamedStep:
    """What is deployed at once: an item, or a ring of several that need each other; and the changes that touch it."""

    items: tuple[Node, ...]
    changes: tuple[str, ...]

    @property
    def is_ring(self) -> bool:
        """Whether its items need each other."""
        return len(self.items) > 1

    def __str__(self) -> str:
        names = " + ".join(f"{node.name} ({node.key})" for node in self.items)
        by = f": {', '.join(self.changes)}" if self.changes else ""
        return f"{'ring ' if self.is_ring else ''}{names}{by}"


@dataclass(frozen=True, slots=True)
class Order:
    """The steps of a deployment, and its changes, by key, in the order in which they are carried out."""

    steps: tuple[NamedStep, ...]
    changes: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """The steps, a line each."""
        return tuple(f"{number}. {step}" for number, step in enumerate(self.steps, 1))


def deployment_steps(keys: Mapping[int, str], needs: DependencyColumns) -> tuple[DeploymentStep, ...]:
    """The order of items, given as key by ordinal: providers before dependents, ties by key, a ring as one step.

    `needs` are all dependencies among the items and everything they need, so that an item which needs another one only by
    way of something that is not deployed still comes after it. A step comes as early as it may: its height is the number
    of steps that must be over before it. O(items · log items + needs).
    """
    providers: dict[int, list[int]] = {}
    for dependent, provider in zip(needs.dependent.tolist(), needs.provider.tolist(), strict=True):
        providers.setdefault(dependent, []).append(provider)
    height: dict[int, int] = {}
    found: list[tuple[int, tuple[int, ...]]] = []
    for ring in _rings(keys, providers):
        inside = set(ring)
        below = [height[provider] for node in ring for provider in providers.get(node, ()) if provider not in inside]
        own = tuple(sorted((node for node in ring if node in keys), key=keys.__getitem__))
        before = max(below, default=0)
        if own:
            found.append((before, own))
        height |= dict.fromkeys(ring, before + bool(own))
    found.sort(key=lambda step: (step[0], keys[step[1][0]]))
    return tuple(DeploymentStep(items) for _, items in found)


def in_order(touched: Mapping[str, Iterable[int]], steps: Sequence[DeploymentStep]) -> tuple[str, ...]:
    """Changes, as what each touches by its key, in the order in which they are carried out.

    A change comes with the first step that has an item of its own, then with the last, then by key; one that touches
    nothing which is deployed comes at the end. O(what is touched).
    """
    place = {item: number for number, step in enumerate(steps) for item in step.items}

    def when(key: str) -> tuple[int, int, str]:
        places = [place[item] for item in touched[key] if item in place] or [len(steps)]
        return min(places), max(places), key

    return tuple(sorted(touched, key=when))


def _rings(roots: Iterable[int], onward: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Strongly connected components of all that the roots reach, each after those that it reaches.

    Tarjan's algorithm (SIAM J. Comput. 1, 1972), its recursion on a stack.
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    opened: list[int] = []
    is_open: set[int] = set()
    path: list[tuple[int, Iterator[int]]] = []
    found: list[list[int]] = []

    def enter(node: int) -> None:
        index[node] = low[node] = len(index)
        opened.append(node)
        is_open.add(node)
        path.append((node, iter(onward.get(node, ()))))

    for root in roots:
        if root not in index:
            enter(root)
        while path:
            node, rest = path[-1]
            for near in rest:
                if near not in index:
                    enter(near)
                    break
                if near in is_open:
                    low[node] = min(low[node], index[near])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = _closed(opened, node)
                    is_open.difference_update(ring)
                    found.append(ring)
    return found


def _closed(opened: list[int], first: int) -> list[int]:
    """Take the component that was begun with `first` off the stack."""
    ring = [opened.pop()]
    while ring[-1] != first:
        ring.append(opened.pop())
    return ring
