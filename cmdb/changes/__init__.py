"""Changes: their records and steps, the gate that lets nothing past but them, and what a change is weighed by."""

from cmdb.changes.asking import Action, Asked, Findings
from cmdb.changes.deciding import fallen, overdue, step
from cmdb.changes.gate import ChangeGate, initialisation_has_ended
from cmdb.changes.gathering import changes_in, changes_of, load_change
from cmdb.changes.hurdles import missing_documents
from cmdb.changes.record import Board, CastVote, Change, Choice, Kind, Stage
from cmdb.changes.tables import Step

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
    "changes_in",
    "changes_of",
    "fallen",
    "initialisation_has_ended",
    "load_change",
    "missing_documents",
    "overdue",
    "step",
]
