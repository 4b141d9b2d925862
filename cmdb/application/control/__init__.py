"""Change control as the doors call it: draft, edit, step, implement, certificate."""

from cmdb.application.control.certificates import certificate, certificate_record, worsened
from cmdb.application.control.colliding import OpenCollision, OpenCollisions, collisions_with, open_collisions
from cmdb.application.control.drafting import Draft, Edit, draft_change, draft_restore, edit_change
from cmdb.application.control.measuring import change_kpis
from cmdb.application.control.modelling import apply_model
from cmdb.application.control.scenarios import with_changes
from cmdb.application.control.slots import Slot, next_slots
from cmdb.application.control.stepping import Taken, Wish
from cmdb.application.control.steps import implement, take_step
from cmdb.application.control.weighing import risk_of_change
from cmdb.application.control.works import OPEN_STAGES

__all__ = [
    "OPEN_STAGES",
    "Draft",
    "Edit",
    "OpenCollision",
    "OpenCollisions",
    "Slot",
    "Taken",
    "Wish",
    "apply_model",
    "certificate",
    "certificate_record",
    "change_kpis",
    "collisions_with",
    "draft_change",
    "draft_restore",
    "edit_change",
    "implement",
    "next_slots",
    "open_collisions",
    "risk_of_change",
    "take_step",
    "with_changes",
    "worsened",
]
