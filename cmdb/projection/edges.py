"""The edges of a graph: what each carries, by number, and the rows of both directions that refer to it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid, Problem
from cmdb.projection.columns import DependencyColumns, Int16s, Int32s, Int64s
from cmdb.projection.kernels import Kernels
from cmdb.projection.rows import (
    LENGTH,
    Rows,
    append_edges,
    capacity_for,
    compacted,
    find_edges,
    remove_edges,
    resized,
    slots_of,
)

_Item = TypeVar("_Item", bound=np.generic)

_WORTH_A_KERNEL = 64
"""Edges from which on a compiled loop wins over the price of calling it."""


class EdgeTable:
    """Edges are numbered; a number is used again once its edge is gone.

    `relationship[number]` and `type_code[number]` belong to an edge; whatever else is to hang on an edge is
    one more column. `providers` holds each dependent's row, `dependents` each provider's, and `place` where
    an edge stands in the one and the other.
    """

    def __init__(self, columns: DependencyColumns, nodes: int, kernels: Kernels) -> None:
        self.kernels = kernels
        count = len(columns)
        room = capacity_for(count)
        self.relationship: Int64s = _with_room(columns.relationship, room)
        self.type_code: Int16s = _with_room(columns.type_code, room)
        self.providers, place = kernels.sort_into_rows(columns.dependent, columns.provider, nodes)
        self._provider_place: Int32s = _with_room(place, room)
        self.dependents, place = kernels.sort_into_rows(columns.provider, columns.dependent, nodes)
        self._dependent_place: Int32s = _with_room(place, room)
        self._next = count
        self._free: Int32s = np.empty(64, dtype=np.int32)
        self._free_count = 0

    def __len__(self) -> int:
        return self._next - self._free_count

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        columns = (self.relationship, self.type_code, self._provider_place, self._dependent_place, self._free)
        return sum(column.nbytes for column in columns) + self.providers.nbytes + self.dependents.nbytes

    def resize(self, nodes: int) -> None:
        """Make room for the rows of `nodes` nodes; O(V + E)."""
        self.providers = resized(self.providers, nodes, len(self.providers.neighbour))
        self.dependents = resized(self.dependents, nodes, len(self.dependents.neighbour))

    def link(self, columns: DependencyColumns) -> None:
        """Add edges between nodes that have rows; amortised O(1) each."""
        numbers = self._numbers(len(columns))
        self.relationship[numbers] = columns.relationship
        self.type_code[numbers] = columns.type_code
        self.providers = self._append(
            self.providers, columns.dependent, columns.provider, numbers, self._provider_place
        )
        self.dependents = self._append(
            self.dependents, columns.provider, columns.dependent, numbers, self._dependent_place
        )

    def find(self, columns: DependencyColumns) -> Int32s:
        """The edges of these relationships; O(the shorter row of their two ends) each.

        Raises `Invalid`, naming each relationship that is not there or is named twice.
        """
        found = np.empty(len(columns), dtype=np.int32)
        find = find_edges if len(columns) < _WORTH_A_KERNEL else self.kernels.find_edges
        find(
            self.providers,
            self.dependents,
            self.relationship,
            columns.relationship,
            columns.dependent,
            columns.provider,
            found,
        )
        if found.min(initial=0) < 0 or (len(found) > 1 and len(np.unique(found)) < len(found)):
            raise Invalid(
                "dependencies to end are not in the projection, or are named twice",
                remedy="build the projection again from the store",
                problems=_misfits(columns, found),
            )
        return found

    def unlink(self, columns: DependencyColumns, numbers: Int32s) -> None:
        """Take out the edges that `find` gave for these columns; O(1) each."""
        remove = remove_edges if len(columns) < _WORTH_A_KERNEL else self.kernels.remove_edges
        remove(self.providers, columns.dependent, numbers, self._provider_place)
        remove(self.dependents, columns.provider, numbers, self._dependent_place)
        wanted = self._free_count + len(numbers)
        if wanted > len(self._free):
            self._free = _with_room(self._free, 2 * wanted)
        self._free[self._free_count : wanted] = numbers
        self._free_count = wanted
        self.providers = self._tidy(self.providers)
        self.dependents = self._tidy(self.dependents)

    def columns(self, nodes: int) -> DependencyColumns:
        """All edges, sorted by relationship; O(E log E)."""
        everybody = np.arange(nodes, dtype=np.int32)
        slots = slots_of(self.providers.header, everybody)
        numbers = self.providers.edge[slots]
        return DependencyColumns(
            self.relationship[numbers],
            np.repeat(everybody, self.providers.header[:nodes, LENGTH]),
            self.providers.neighbour[slots],
            self.type_code[numbers],
        ).by_relationship()

    def degree(self, nodes: Int32s) -> Int32s:
        """Edges at each of these nodes, either way."""
        return self.providers.header[nodes, LENGTH] + self.dependents.header[nodes, LENGTH]

    def _numbers(self, count: int) -> Int32s:
        """Numbers for new edges: those given back first."""
        again = min(count, self._free_count)
        fresh = count - again
        if self._next + fresh > len(self.relationship):
            room = capacity_for(self._next + fresh)
            self.relationship = _with_room(self.relationship, room)
            self.type_code = _with_room(self.type_code, room)
            self._provider_place = _with_room(self._provider_place, room)
            self._dependent_place = _with_room(self._dependent_place, room)
        self._free_count -= again
        numbers = np.empty(count, dtype=np.int32)
        numbers[:again] = self._free[self._free_count : self._free_count + again]
        numbers[again:] = np.arange(self._next, self._next + fresh)
        self._next += fresh
        return numbers

    def _append(self, rows: Rows, owners: Int32s, neighbours: Int32s, numbers: Int32s, place: Int32s) -> Rows:
        append = append_edges if len(numbers) < _WORTH_A_KERNEL else self.kernels.append_edges
        done = 0
        while (done := append(rows, owners, neighbours, numbers, place, done)) < len(numbers):
            rows = self._tidy(rows)
            needed = int(rows.tail[0]) + 2 * int(rows.room[owners[done]]) + len(numbers) - done
            rows = resized(rows, len(rows.room), max(capacity_for(needed), len(rows.neighbour)))
        return rows

    def _tidy(self, rows: Rows) -> Rows:
        """Compact the rows once half of what they cover is waste; amortised O(1) per change."""
        return compacted(rows) if rows.tail[0] > 2 * len(self) + _WORTH_A_KERNEL else rows


def _misfits(columns: DependencyColumns, found: Int32s) -> tuple[Problem, ...]:
    wrong = found < 0
    wrong[np.setdiff1d(np.arange(len(found)), np.unique(found, return_index=True)[1])] = True
    rows = (column[wrong].tolist() for column in (columns.relationship, columns.dependent, columns.provider))
    return tuple(
        Problem("does not fit", f"relationship {relationship}", f"from {dependent} to {provider}")
        for relationship, dependent, provider in zip(*rows, strict=True)
    )


def _with_room(column: NDArray[_Item], room: int) -> NDArray[_Item]:
    """The column with its length raised to `room`."""
    longer = np.zeros(room, dtype=column.dtype)
    longer[: len(column)] = column
    return longer
