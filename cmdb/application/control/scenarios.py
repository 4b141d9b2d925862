"""What changes add to the question of what fails: what one of them touches, and what is being worked on anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cmdb.application.assessing import Scenario
from cmdb.application.control.certifying import faults_of
from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_in


async def with_changes(
    application: Application, scenario: Scenario, change: Change | None = None, *, ongoing: bool = False
) -> Scenario:
    """The scenario with what a change touches where nobody is named, and in its context, if `ongoing`, what others touch.

    O(changes being implemented and what they touch).
    """
    of, context = scenario.of, scenario.context
    if change is not None and not of:
        of = [node.key for node in await application.store.nodes(sorted(change.touches)) if not node.retired]
    if ongoing:
        context = (*context, *await ongoing_faults(application, but="" if change is None else change.key))
    return replace(scenario, of=of, context=context)


async def ongoing_faults(application: Application, *, but: str = "") -> Sequence[str]:
    """What changes that are being implemented touch, each CI as its change says it fails: `SRV-000231=down`.

    `but` is the key of a change that does not count. Where several touch a CI it is named once for each. O(what they touch).
    """
    others = [change for change in await changes_in(application.store, Stage.IMPLEMENTING) if change.key != but]
    faults = [(ordinal, fault) for change in others for ordinal, fault in faults_of(change).items()]
    nodes = await application.store.nodes(sorted({ordinal for ordinal, _ in faults})) if faults else []
    keys = {node.ordinal: node.key for node in nodes if not node.retired}
    return tuple(f"{keys[ordinal]}={fault}" for ordinal, fault in dict.fromkeys(faults) if ordinal in keys)
