"""What fails already: what outages affect that have not ended, and what other changes are working on."""

from __future__ import annotations

from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_in
from cmdb.nodes import Node, said
from cmdb.records import ongoing_outages

FAULTS = ("degraded", "down")
"""How a CI may fail, the worse last."""


async def ongoing_faults(application: Application, *, but: str = "") -> list[tuple[Node, str]]:
    """The live CIs that fail already, by age, each as badly as the worst that is said of it.

    `but` is the key of a change that does not count. O(outages and changes that are ongoing, and what they name).
    """
    store = application.store
    said_of = [
        (ordinal, outage.effect)
        for outage in await ongoing_outages(store)
        for ordinal in outage.affects
        if outage.effect in FAULTS
    ]
    for change in await changes_in(store, Stage.IMPLEMENTING):
        if change.key != but:
            said_of += faults_of(change).items()
    worst = dict(sorted(said_of, key=lambda one: FAULTS.index(one[1])))
    nodes = await store.nodes(sorted(worst)) if worst else []
    return [(node, worst[node.ordinal]) for node in nodes if not node.retired]


def faults_of(change: Change) -> dict[int, str]:
    """How what a change touches is while it is made, by ordinal: down unless it says otherwise; empty if it stays up."""
    fault = said(change.node, "fault_during") or "down"
    return dict.fromkeys(sorted(change.touches), fault) if fault in FAULTS else {}
