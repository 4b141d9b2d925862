"""Unique values that two nodes would share, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cmdb.reconciliation.claims import RowError, Where
from cmdb.reconciliation.plan import Create, Update
from cmdb.secrets import quoted
from cmdb.store.port import Store
from cmdb.writing.checking import Checks

BATCH: Final = 2_000
"""Values asked for at a time."""

Subject = str | int
"""A new node by its source key, or one that is there by its ordinal."""


async def not_unique(
    store: Store, checks: Checks, creates: Sequence[Create], updates: Sequence[Update]
) -> dict[Subject, RowError]:
    """An error for each node to create or update that would take a value which another one has, or takes before it."""
    if not checks.unique:
        return {}
    wanted: dict[str, dict[str | int, list[tuple[Subject, Where]]]] = {}
    for subject, where, name, value in _takes(checks, creates, updates):
        wanted.setdefault(name, {}).setdefault(value, []).append((subject, where))
    left = {(c.field, c.before, u.ordinal) for u in updates for c in u.changes if c.field in checks.unique}
    any_there = (await store.counters()).ordinal > 0
    found: dict[Subject, RowError] = {}
    for name, takers in wanted.items():
        for value, those in takers.items():
            for subject, where in those[1:]:
                found[subject] = _error(where, name, value, f"another row, at {those[0][1]}, has it too")
        values = sorted(takers, key=str) if any_there else []
        for start in range(0, len(values), BATCH):
            for node in await store.having(name, values[start : start + BATCH]):
                held = node.attributes[name]
                if not node.retired and isinstance(held, str | int) and (name, held, node.ordinal) not in left:
                    others = (taker for taker in takers.get(held, ()) if taker[0] != node.ordinal)
                    found |= {s: _error(where, name, held, f"{node.key} has it already") for s, where in others}
    return found


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
