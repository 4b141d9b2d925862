"""The class of every node, in memory: for counting hits by class without reading them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cmdb.projection.columns import Int16s, Int32s
from cmdb.store.port import NodeColumns


class Roster:
    """Class codes by ordinal, growing with the graph. A node's class never changes, so it serves every revision."""

    def __init__(self, columns: NodeColumns) -> None:
        self._classes = list(columns.classes)
        self._codes: Int16s = columns.class_code.copy()
        self._size = len(columns.class_code)

    def __len__(self) -> int:
        return self._size

    def add(self, ordinal: int, class_name: str) -> None:
        """Take in a new node; amortised O(1)."""
        if class_name not in self._classes:
            self._classes.append(class_name)
        if ordinal >= len(self._codes):
            self._codes = np.pad(self._codes, (0, max(1024, ordinal)), constant_values=-1)
        self._codes[ordinal] = self._classes.index(class_name)
        self._size = max(self._size, ordinal + 1)

    def count(self, ordinals: Int32s | NDArray[np.int64]) -> dict[str, int]:
        """How many of these nodes there are of each class, by class name. O(n)."""
        counts = np.bincount(self._codes.take(ordinals))
        codes: list[int] = np.flatnonzero(counts).tolist()
        return dict(sorted((self._classes[code], int(counts[code])) for code in codes))

    def coded(self, ordinals: Int32s) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """All classes, and for each of these nodes which of them is its own. O(n)."""
        return tuple(self._classes), self._codes[ordinals].astype(np.int64)

    def of_classes(self, ordinals: Int32s, classes: frozenset[str]) -> NDArray[np.bool_]:
        """For each of these nodes, whether its class is among these. O(n)."""
        wanted = np.array([name in classes for name in self._classes], dtype=np.bool_)
        return wanted[self._codes[ordinals]]
