"""How risky a change is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cmdb.application.assessing import SERVICE
from cmdb.application.opening import Application
from cmdb.changes import Change, changes_of
from cmdb.changes.certificate import Answer
from cmdb.changes.record import CHANGE, TOUCHES
from cmdb.changes.risk import Importance, Risk, RiskFacts, ServiceHit, risk_of, shipped_weights
from cmdb.filters import Direction
from cmdb.nodes import said
from cmdb.records import incidents_on
from cmdb.store.port import Store
from graph_schema.values import instant


async def risk_of_change(application: Application, change: Change, answer: Answer, collisions: Sequence[str]) -> Risk:
    """How risky a change is, by what its certificate says and what went wrong before on the CIs that it touches."""
    weights = shipped_weights()
    since = application.clock() - timedelta(days=weights.parts.history.days)
    return risk_of(
        RiskFacts(
            kind=change.kind,
            touches=len(change.touches),
            services=tuple(await _service_hits(application, answer)),
            redundancy_lost=tuple(owner for owner, _ in answer.lost),
            single_points=tuple(point for point, _ in answer.single_points),
            failed_changes=tuple(await _failed_since(application.store, change, since)),
            incidents=tuple(node.key for node in await incidents_on(application.store, change.touches, since)),
            collisions=tuple(collisions),
            has_test_plan=bool(said(change.node, "test_plan")),
            has_back_out_plan=bool(said(change.node, "back_out_plan")),
        ),
        weights,
    )


async def _service_hits(application: Application, answer: Answer) -> list[ServiceHit]:
    """The services among the hits that go down or are degraded, with their importance."""
    descendants = (await application.model()).descendants.get(SERVICE, ())
    hits = {hit.key: hit.verdict for hit in answer.hits if hit.class_name in descendants and hit.verdict != "at_risk"}
    ordinals = await application.store.ordinals_of_keys(list(hits))
    nodes = await application.store.nodes(sorted(ordinals.values()), answer.revision)
    return [
        ServiceHit(node.key, Importance(said(node, "importance") or Importance.UNKNOWN), hits[node.key] == "down")
        for node in nodes
    ]


async def _failed_since(store: Store, change: Change, since: datetime) -> list[str]:
    """Other changes on the same CIs that failed or were backed out since then. O(changes that touched these CIs)."""
    links = await store.relationships(sorted(change.touches), Direction.IN, [TOUCHES])
    nodes = await store.nodes(sorted({link.source for link in links} - {change.node.ordinal}))
    return [
        other.key
        for other in await changes_of(store, [node for node in nodes if node.class_name == CHANGE])
        if said(other.node, "outcome") in {"failed", "backed_out"} and said(other.node, "ended_at") >= instant(since)
    ]
