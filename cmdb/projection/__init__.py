"""The dependency graph in memory, walked both ways and changed in place; it knows no store and no state."""

from cmdb.projection.columns import DependencyColumns
from cmdb.projection.kernels import KernelChoice, configured_choice, kernel_choice
from cmdb.projection.projection import Batch, Projection
from cmdb.projection.reach import Direction, Hop, Reach

__all__ = [
    "Batch",
    "DependencyColumns",
    "Direction",
    "Hop",
    "KernelChoice",
    "Projection",
    "Reach",
    "configured_choice",
    "kernel_choice",
]
