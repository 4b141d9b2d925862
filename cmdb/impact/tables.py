"""Tables with a row for each CI, of which each change needs a copy: one that nobody holds any longer is put right."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.projection.columns import Int32s

_MORE: Final = 4096


@dataclass(slots=True)
class _Made:
    """A table, its memory, and another one that is like it but for some rows."""

    table: weakref.ref[Int32s]
    memory: Int32s
    like: weakref.ref[Int32s]
    rows: Int32s


class Tables:
    """Tables made from each other. The memory of one that its last holder let go of is kept for the next copy.

    It is put right in the rows in which they differ. So nobody may keep a part of a table without the whole.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._made: list[_Made] = []
        self._spare: _Made | None = None

    def copy(self, table: Int32s, length: int) -> Int32s:
        """A longer or equal table, zero beyond the end; O(rows in which the spare one differs), or O(n)."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare and spare.like() is table and len(spare.memory) >= length:
            memory, rows = spare.memory, spare.rows[spare.rows < len(table)]
            memory[rows] = table[rows]
        else:
            memory = np.empty((length + _MORE, *table.shape[1:]), dtype=np.int32)
            memory[: len(table)] = table
        memory[len(table) : length] = 0
        made = memory[:length]
        with self._lock:
            itself = weakref.ref(made, self._let_go)
            self._made.append(_Made(itself, memory, itself, np.empty(0, dtype=np.int32)))
        return made

    def differ(self, old: Int32s, new: Int32s, rows: Int32s) -> None:
        """Say that the new table, a copy of the old one, was altered in no other rows that the old one has."""
        rows = np.concatenate([rows, np.arange(len(old), len(new), dtype=np.int32)])
        with self._lock:
            for one in self._made:
                if one.table() is new:
                    one.like, one.rows = weakref.ref(old), rows
                elif one.table() is old:
                    one.like, one.rows = weakref.ref(new), rows

    def _let_go(self, table: weakref.ref[Int32s]) -> None:
        with self._lock:
            gone = next(one for one in self._made if one.table is table)
            self._made = [one for one in self._made if one is not gone]
            if gone.like() is not None:
                self._spare = gone
