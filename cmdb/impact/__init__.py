"""What follows from a failure, worked out on the projection by pure functions."""

from cmdb.impact.following import Standing, StructureFollower
from cmdb.impact.margins import Margin, Member
from cmdb.impact.propagation import Impact, ImpactHit, Propagation
from cmdb.impact.reach import Hit, ReachAnswer, reached
from cmdb.impact.states import State, States, WhatIf
from cmdb.impact.structure import Structure

__all__ = [
    "Hit",
    "Impact",
    "ImpactHit",
    "Margin",
    "Member",
    "Propagation",
    "ReachAnswer",
    "Standing",
    "State",
    "States",
    "Structure",
    "StructureFollower",
    "WhatIf",
    "reached",
]
