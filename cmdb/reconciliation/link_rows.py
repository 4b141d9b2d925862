"""Rows of the input about relationships, as columns: which of them can be meant at all, and which are distinct."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from cmdb.reconciliation.claims import RowError
from cmdb.reconciliation.ends import Ends, Fitness
from cmdb.reconciliation.gathered import Gathered
from cmdb.reconciliation.plan import Words
from cmdb.secrets import quoted
from cmdb.writing.checking import Checks

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Triple = tuple[int, int, int]

_UNFIT: Final = {
    Fitness.UNKNOWN: ("which no row and no node is", "correct the reference, or add what it means", False),
    Fitness.AMBIGUOUS: ("which could be any of several nodes", "use a key like SRV-000231", False),
    Fitness.LEFT_OUT: ("whose row was left out", "see what is said about that row", True),
    Fitness.RETIRED: ("which is retired", "link another node, or take the row out of the source", True),
    Fitness.RETIRING: (
        "which the source no longer describes, so that it would be retired",
        "describe it, or drop the row",
        False,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of relationships as columns of equal length."""

    source: Ints
    target: Ints
    type: Ints
    key: Ints
    body: Ints
    place: Ints
    from_slot: Ints
    to_slot: Ints

    def take(self, which: Ints | Bools) -> Rows:
        """Some of the rows."""
        return Rows(
            self.source[which],
            self.target[which],
            self.type[which],
            self.key[which],
            self.body[which],
            self.place[which],
            self.from_slot[which],
            self.to_slot[which],
        )

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True)
class Telling:
    """Takes down what is to be said about rows."""

    words: Words
    messages: list[RowError] = field(default_factory=list[RowError])

    def say(self, rows: Rows, row: int, message: str, remedy: str, *, warning: bool = False) -> None:
        """Say something about a row."""
        kind = self.words.types[int(rows.type[row])]
        where = self.words.place(int(rows.place[row]))
        self.messages.append(RowError(where=where, message=f"{kind} {message}", remedy=remedy, warning=warning))


def words_of(gathered: Gathered, checks: Checks) -> Words:
    """What the numbers in the columns stand for; types and keys are sorted, so that numbers are in the order of words."""
    return Words(
        types=tuple(sorted(checks.of_type)),
        keys=tuple(sorted(gathered.keys)),
        bodies=tuple(body for body, _ in gathered.bodies),
        graphed=tuple(graphed for _, graphed in gathered.bodies),
        ends=(*gathered.slots, *gathered.known),
        files=tuple(gathered.files),
    )


def columns_of(gathered: Gathered, ends: Ends, words: Words) -> Rows:
    """The claims as columns, with types and keys as places in the sorted tables of `words`."""
    links = gathered.links
    slots = len(gathered.slots)
    from_slot, to_slot = np.array(links.source, dtype=np.int64), np.array(links.target, dtype=np.int64)
    from_slot, to_slot = (np.where(slot < 0, slots - 1 - slot, slot) for slot in (from_slot, to_slot))
    types = {name: place for place, name in enumerate(words.types)}
    keys = {key: place for place, key in enumerate(words.keys)}
    recode_types = np.array([types[name] for name in gathered.types] or [0], dtype=np.int64)
    recode_keys = np.array([keys[key] for key in gathered.keys], dtype=np.int64)
    return Rows(
        source=ends.ordinal[from_slot],
        target=ends.ordinal[to_slot],
        type=recode_types[np.array(links.type, dtype=np.int64)],
        key=recode_keys[np.array(links.key, dtype=np.int64)],
        body=np.array(links.body, dtype=np.int64),
        place=np.array(links.place, dtype=np.int64),
        from_slot=from_slot,
        to_slot=to_slot,
    )


def fit(rows: Rows, ends: Ends, checks: Checks, telling: Telling) -> Rows:
    """The rows whose ends can be joined like that."""
    words = telling.words
    joined = (ends.fitness[rows.from_slot] == Fitness.FIT) & (ends.fitness[rows.to_slot] == Fitness.FIT)
    for row in np.flatnonzero(~joined).tolist():
        slot = next(s for s in (int(rows.from_slot[row]), int(rows.to_slot[row])) if ends.fitness[s] != Fitness.FIT)
        what, remedy, warning = _UNFIT[Fitness(int(ends.fitness[slot]))]
        telling.say(rows, row, f"leads to or from {quoted(words.ends[slot])}, {what}", remedy, warning=warning)
    rows = rows.take(joined)
    from_class, to_class = ends.class_code[rows.from_slot], ends.class_code[rows.to_slot]
    table, place = checks.joinable(ends.classes)
    kinds = np.array([place[name] for name in words.types], dtype=np.int64)
    joined = table[kinds[rows.type], from_class, to_class]
    for row in np.flatnonzero(~joined).tolist():
        kind = checks.model.type_by_name[words.types[int(rows.type[row])]]
        telling.say(
            rows,
            row,
            f"does not lead from {ends.classes[from_class[row]]} to {ends.classes[to_class[row]]}",
            "it leads " + ", ".join(f"from {e.source} to {e.target}" for e in kind.ends),
        )
    return rows.take(joined)


def distinct(rows: Rows, telling: Telling) -> tuple[Rows, set[Triple]]:
    """One row for each natural key, by (source, type, target, key); and (source, target, type) where rows disagree."""
    rows = rows.take(np.lexsort((rows.place, rows.key, rows.target, rows.type, rows.source)))
    again = np.zeros(len(rows), dtype=np.bool_)
    again[1:] = np.logical_and.reduce(
        [column[1:] == column[:-1] for column in (rows.source, rows.type, rows.target, rows.key)]
    )
    if not again.any():
        return rows, set()
    group = np.cumsum(~again) - 1
    first = np.flatnonzero(~again)
    other = again & (rows.body != rows.body[first[group]])
    differing, place = np.unique(group[other], return_index=True)
    for row in np.flatnonzero(other)[place].tolist():
        at = telling.words.place(int(rows.place[first[group[row]]]))
        telling.say(rows, row, f"stands at {at} already, with other attributes", "keep one of the rows")
    unsure = np.isin(group, differing)
    doubtful = set(
        zip(rows.source[unsure].tolist(), rows.target[unsure].tolist(), rows.type[unsure].tolist(), strict=True)
    )
    return rows.take(~again & ~unsure), doubtful
