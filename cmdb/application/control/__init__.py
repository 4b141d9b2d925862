"""Change control as the doors call it: draft, edit, step, implement, certificate."""

from cmdb.application.control.certificates import certificate, worsened
from cmdb.application.control.drafting import Draft, Edit, draft_change, edit_change
from cmdb.application.control.stepping import Taken, Wish
from cmdb.application.control.steps import implement, take_step

__all__ = [
    "Draft",
    "Edit",
    "Taken",
    "Wish",
    "certificate",
    "draft_change",
    "edit_change",
    "implement",
    "take_step",
    "worsened",
]
