"""What changes add to the question of what fails: what one of them touches, and what has failed or is worked on anyway."""

from __future__ import annotations

from dataclasses import replace

from cmdb.application.assessing import Scenario
from cmdb.application.control.ongoing import ongoing_faults
from cmdb.application.opening import Application
from cmdb.changes import Change


async def with_changes(
    application: Application, scenario: Scenario, change: Change | None = None, *, ongoing: bool = False
) -> Scenario:
    """The scenario with what a change touches where nobody is named, and in its context, if `ongoing`, what fails already.

    O(outages and changes that are ongoing, and what they name).
    """
    of, context = scenario.of, scenario.context
    if change is not None and not of:
        of = [node.key for node in await application.store.nodes(sorted(change.touches)) if not node.retired]
    if ongoing:
        failed = await ongoing_faults(application, but="" if change is None else change.key)
        context = (*context, *(f"{node.key}={fault}" for node, fault in failed))
    return replace(scenario, of=of, context=context)
