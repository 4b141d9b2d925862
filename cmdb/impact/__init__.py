"""What follows from a failure, worked out on the projection by pure functions."""

from cmdb.impact.cutsets import Bound, CutPairs, cut_pairs
from cmdb.impact.following import Standing, StructureFollower
from cmdb.impact.kernels import InTime, Stage
from cmdb.impact.margins import Margin, Member
from cmdb.impact.propagation import Impact, ImpactHit, Propagation
from cmdb.impact.protection import Protection, protection
from cmdb.impact.reach import Hit, ReachAnswer, reached
from cmdb.impact.spof import SinglePoints, single_points, single_points_of
from cmdb.impact.states import State, States, WhatIf
from cmdb.impact.structure import Structure

__all__ = [
    "Bound",
    "CutPairs",
    "Hit",
    "Impact",
    "ImpactHit",
    "InTime",
    "Margin",
    "Member",
    "Propagation",
    "Protection",
    "ReachAnswer",
    "SinglePoints",
    "Stage",
    "Standing",
    "State",
    "States",
    "Structure",
    "StructureFollower",
    "WhatIf",
    "cut_pairs",
    "protection",
    "reached",
    "single_points",
    "single_points_of",
]
