"""Who feels what fails: services, customers, agreements, the owners to tell, and which environments it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.application.assessing import SERVICE, Assessed
from cmdb.application.opening import Application
from cmdb.filters import Direction
from cmdb.nodes import Node
from cmdb.reading import nodes_by_ordinal
from cmdb.store.port import Store

_COVERED_BY, _FOR_CUSTOMER = "COVERED_BY", "FOR_CUSTOMER"
_OWNED_BY, _SUPPORTED_BY = "OWNED_BY", "SUPPORTED_BY"
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Concerned:
    """Who feels it: services by verdict, the customers and agreements behind them, and the owners to tell."""

    services: Mapping[str, tuple[Node, ...]]
    customers: tuple[Node, ...]
    agreements: tuple[Node, ...]
    owners: tuple[Node, ...]


async def concerned(application: Application, found: Assessed) -> Concerned:
    """Services that are hit, by verdict, and whom that concerns. O(services hit + relationships at them and the sources)."""
    store, revision = application.store, found.revision
    services = found.of_class(SERVICE)
    every = sorted({int(ordinal) for ordinals in services.values() for ordinal in ordinals})
    agreements = await _ends(store, every, _COVERED_BY, revision)
    customers = await _ends(store, sorted({*every, *agreements}), _FOR_CUSTOMER, revision)
    felt = sorted({*every, *(node.ordinal for node in found.sources)})
    owners = await _ends(store, felt, _OWNED_BY, revision) | await _ends(store, felt, _SUPPORTED_BY, revision)
    nodes = await nodes_by_ordinal(store, {*every, *agreements, *customers, *owners}, revision)

    def named(ordinals: Iterable[int]) -> tuple[Node, ...]:
        return tuple(sorted((nodes[o] for o in ordinals if o in nodes), key=lambda n: (n.name, n.key)))

    return Concerned(
        services={verdict: named(ordinals.tolist()) for verdict, ordinals in services.items()},
        customers=named(customers),
        agreements=named(agreements),
        owners=named(owners),
    )


async def by_environment(application: Application, found: Assessed) -> dict[str, dict[str, int]]:
    """Of those who are down, degraded and at risk, how many of each environment, `""` for those of none. O(V + hits)."""
    _, environments = await application.store.node_values("environment", found.revision)
    names = [*map(str, environments.values), ""]
    counts: dict[str, dict[str, int]] = {}
    for verdict, ordinals in found.verdicts.items():
        codes = environments.codes_of(ordinals)
        numbers = np.bincount(np.where(codes < 0, len(names) - 1, codes), minlength=len(names)).tolist()
        counts[verdict] = {name: number for name, number in zip(names, numbers, strict=True) if number}
    return counts


async def _ends(store: Store, ordinals: Sequence[int], type_name: str, as_of: int) -> set[int]:
    found: set[int] = set()
    for first in range(0, len(ordinals), _AT_ONCE):
        some = ordinals[first : first + _AT_ONCE]
        found |= {r.target for r in await store.relationships(some, Direction.OUT, [type_name], as_of)}
    return found
