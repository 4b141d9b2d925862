"""Dependencies as plain columns: what a store hands over and what a projection gives back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid

Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DependencyColumns:
    """One dependency per row: relationship `relationship[i]` says `dependent[i]` needs `provider[i]`.

    All columns have the same length. Ends are ordinals, `type_code` is the model's number of the relationship
    type.
    """

    relationship: Int64s
    dependent: Int32s
    provider: Int32s
    type_code: Int16s

    def __post_init__(self) -> None:
        lengths = {len(self.relationship), len(self.dependent), len(self.provider), len(self.type_code)}
        if len(lengths) != 1:
            raise Invalid(f"dependency columns differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.relationship)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int, int]] = ()) -> DependencyColumns:
        """Columns of `(relationship, dependent, provider, type_code)` rows; O(rows)."""
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        return cls(
            np.array(columns[0], dtype=np.int64),
            np.array(columns[1], dtype=np.int32),
            np.array(columns[2], dtype=np.int32),
            np.array(columns[3], dtype=np.int16),
        )

    def by_relationship(self) -> DependencyColumns:
        """The same rows, sorted by relationship id; O(E log E)."""
        order = np.argsort(self.relationship, kind="stable")
        return DependencyColumns(
            self.relationship[order], self.dependent[order], self.provider[order], self.type_code[order]
        )
