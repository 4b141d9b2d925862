"""Releases as the doors call them: drafted, planned for sites, taken step by step, put in order."""

from cmdb.application.releasing.drafting import Contents, Draft, Edit, draft_release, edit_release, plan_site
from cmdb.application.releasing.order import deployment_order
from cmdb.application.releasing.stepping import Taken
from cmdb.application.releasing.steps import Said, carry_out, take_release_step
from cmdb.application.releasing.telling import release_figures, release_paper

__all__ = [
    "Contents",
    "Draft",
    "Edit",
    "Said",
    "Taken",
    "carry_out",
    "deployment_order",
    "draft_release",
    "edit_release",
    "plan_site",
    "release_figures",
    "release_paper",
    "take_release_step",
]
