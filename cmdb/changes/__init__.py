"""Changes: their records and steps, the gate that lets nothing past but them, and what a change is weighed by."""

from cmdb.changes.deciding import Action, Asked, Findings, Step, fallen, missing_documents, overdue, step
from cmdb.changes.gate import ChangeGate
from cmdb.changes.gathering import changes_of, load_change
from cmdb.changes.record import Board, CastVote, Change, Choice, Kind, Stage

__all__ = [
    "Action",
    "Asked",
    "Board",
    "CastVote",
    "Change",
    "ChangeGate",
    "Choice",
    "Findings",
    "Kind",
    "Stage",
    "Step",
    "changes_of",
    "fallen",
    "load_change",
    "missing_documents",
    "overdue",
    "step",
]
