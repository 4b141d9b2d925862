"""Tables with a row for each CI, of which each change needs a copy: memory that nobody holds any longer serves again."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

import numpy as np

from cmdb.projection.columns import Int32s, Int64s

_MORE: Final = 4096
_T = TypeVar("_T", Int32s, Int64s)


@dataclass(slots=True)
class _Made(Generic[_T]):
    """A table, its memory, and another one that is like it but for some rows."""

    table: weakref.ref[_T]
    memory: _T
    like: weakref.ref[_T]
    rows: Int32s


class Tables(Generic[_T]):
    """Tables made from each other. The memory of one that its last holder let go of is kept for the next copy.

    It is put right in the rows in which they differ, if that is said. So nobody may keep a part of a table without the whole.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._made: list[_Made[_T]] = []
        self._spare: _Made[_T] | None = None

    def copy(self, table: _T, length: int) -> _T:
        """A longer or equal table, zero beyond the end; O(rows in which the spare one differs), or O(n)."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare and len(spare.memory) >= length:
            memory = spare.memory
        else:
            memory = cast("_T", np.empty((length + _MORE, *table.shape[1:]), dtype=table.dtype))
        if spare and memory is spare.memory and spare.like() is table:
            rows = spare.rows[spare.rows < len(table)]
            memory[rows] = table[rows]
        else:
            memory[: len(table)] = table
        memory[len(table) : length] = 0
        made = cast("_T", memory[:length])
        with self._lock:
            itself = weakref.ref(made, self._let_go)
            self._made.append(_Made(itself, memory, itself, np.empty(0, dtype=np.int32)))
        return made

    def differ(self, old: _T, new: _T, rows: Int32s) -> None:
        """Say that the new table, a copy of the old one, was altered in no other rows that the old one has."""
        rows = np.concatenate([rows, np.arange(len(old), len(new), dtype=np.int32)])
        with self._lock:
            for one in self._made:
                if one.table() is new:
                    one.like, one.rows = weakref.ref(old), rows
                elif one.table() is old:
                    one.like, one.rows = weakref.ref(new), rows

    def _let_go(self, table: weakref.ref[_T]) -> None:
        with self._lock:
            gone = next(one for one in self._made if one.table is table)
            self._made = [one for one in self._made if one is not gone]
            if self._spare is None or gone.like() is not None:
                self._spare = gone
