"""The order of deployment, worked out on the dependencies as they stand."""

from __future__ import annotations

import numpy as np

from cmdb.application.opening import Application
from cmdb.projection import Direction
from cmdb.projection.columns import DependencyColumns
from cmdb.releases import NamedStep, Order, Release, deployment_steps, in_order


async def deployment_order(application: Application, release: Release) -> Order:
    """Steps over everything that the release delivers and that its changes touch. O(dependencies).

    Providers come before dependents; what its changes are to create has no dependencies yet, and no step.
    """
    touched = {change.key: change.touches for change in release.changes}
    wanted = {ordinal for ordinals in touched.values() for ordinal in ordinals}
    wanted |= {delivery.item.ordinal for delivery in release.deliveries}
    nodes = await application.store.nodes(sorted(wanted)) if wanted else []
    items = {node.ordinal: node for node in nodes if not node.retired}
    keys = {ordinal: node.key for ordinal, node in items.items()}
    steps = deployment_steps(keys, await _needs(application, list(items)))
    named = tuple(
        NamedStep(
            tuple(items[ordinal] for ordinal in step.items),
            tuple(sorted(key for key, ordinals in touched.items() if not ordinals.isdisjoint(step.items))),
        )
        for step in steps
    )
    return Order(named, in_order(touched, steps))


async def _needs(application: Application, items: list[int]) -> DependencyColumns:
    """The dependencies among some items and all that they need, directly and indirectly."""
    projection = await application.follower.current()
    with projection.reading():
        present = [ordinal for ordinal in items if projection.is_present(ordinal)]
        if not present:
            return DependencyColumns.of()
        needed = np.zeros(projection.nodes, dtype=np.bool_)
        needed[projection.reach(present, Direction.PROVIDERS).ordinals] = True
        edges = projection.edges()
    inside = needed[edges.dependent]
    return DependencyColumns(
        edges.relationship[inside], edges.dependent[inside], edges.provider[inside], edges.type_code[inside]
    )
