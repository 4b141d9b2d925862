"""Unique values that two nodes would share, found before anything is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Final

from cmdb.nodes import Node
from cmdb.reconciliation.claims import RowError, Where
from cmdb.reconciliation.plan import Create, Update
from cmdb.secrets import quoted
from cmdb.store.port import Store
from cmdb.writing.checking import Checks

BATCH: Final = 2_000
"""Values asked for at a time."""

Unique = tuple[str, str | int]
"""A unique attribute and a value of it."""

Subject = str | int
"""A new node by its source key, or one that is there by its ordinal."""


async def not_unique(
    store: Store, checks: Checks, creates: Sequence[Create], updates: Sequence[Update]
) -> dict[Subject, RowError]:
    """An error for each node to create or update that would take a value which another one has, or takes before it.

    An update with an error is left out, so what it would have given up is not given up either, and whoever was to take
    that has an error too. O(values + nodes that hold them).
    """
    if not checks.unique:
        return {}
    takers: dict[Unique, list[tuple[Subject, Where]]] = {}
    for subject, where, name, value in _takes(checks, creates, updates):
        takers.setdefault((name, value), []).append((subject, where))
    found: dict[Subject, RowError] = {}
    for (name, value), those in takers.items():
        for subject, where in those[1:]:
            found[subject] = _error(where, name, value, f"another row, at {those[0][1]}, has it too")
    left = {(c.field, c.before, u.ordinal) for u in updates for c in u.changes if c.field in checks.unique}
    to_leave: dict[Subject, list[tuple[Unique, str]]] = {}
    staying: list[tuple[Subject, Unique, str]] = []
    async for name, held, node in _holders(store, takers):
        if (name, held, node.ordinal) in left:
            to_leave.setdefault(node.ordinal, []).append(((name, held), node.key))
        else:
            staying.append((node.ordinal, (name, held), node.key))
    staying += [(subject, unique, key) for subject in found for unique, key in to_leave.pop(subject, ())]
    while staying:
        holder, unique, key = staying.pop()
        for subject, where in takers.get(unique, ()):
            if subject != holder and subject not in found:
                found[subject] = _error(where, *unique, f"{key} has it already")
                staying += [(subject, unique, key) for unique, key in to_leave.pop(subject, ())]
    return found


async def _holders(store: Store, wanted: Collection[Unique]) -> AsyncIterator[tuple[str, str | int, Node]]:
    """Live nodes that have one of these values now."""
    if (await store.counters()).ordinal == 0:
        return
    by_name: dict[str, list[str | int]] = {}
    for name, value in wanted:
        by_name.setdefault(name, []).append(value)
    for name, values in by_name.items():
        ordered = sorted(values, key=str)
        for start in range(0, len(ordered), BATCH):
            for node in await store.having(name, ordered[start : start + BATCH]):
                held = node.attributes[name]
                if not node.retired and isinstance(held, str | int):
                    yield name, held, node


def _takes(
    checks: Checks, creates: Sequence[Create], updates: Sequence[Update]
) -> Iterator[tuple[Subject, Where, str, str | int]]:
    for create in creates:
        if unique := checks.unique_of_class[create.class_name]:
            attributes = create.attributes
            for name in unique:
                if isinstance(value := attributes.get(name), str | int):
                    yield create.source_key, create.where, name, value
    for update in updates:
        for change in update.changes:
            if change.field in checks.unique_of_class[update.class_name] and isinstance(change.after, str | int):
                yield update.ordinal, update.where or Where(""), change.field, change.after


def _error(where: Where, name: str, value: str | int, message: str) -> RowError:
    return RowError(
        where=where,
        message=f"{name} {quoted(value, name)} must be unique, and {message}",
        remedy="correct one of the two",
    )
