"""Releases as the doors call them: drafted, planned for sites, taken step by step, put in order."""

from cmdb.application.releasing.drafting import Contents, Draft, Edit, draft_release, edit_release, plan_site
from cmdb.application.releasing.order import NamedStep, Order, deployment_order
from cmdb.application.releasing.stepping import Taken
from cmdb.application.releasing.steps import Said, carry_out, take_release_step

__all__ = [
    "Contents",
    "Draft",
    "Edit",
    "NamedStep",
    "Order",
    "Said",
    "Taken",
    "carry_out",
    "deployment_order",
    "draft_release",
    "edit_release",
    "plan_site",
    "take_release_step",
]
