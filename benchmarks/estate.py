"""A made-up estate, shaped like a real one, of any size and the same every time for a seed.

N configuration items with exactly 5 N dependencies: services need applications, applications their
deployments, these containers and databases, and so on down to hosts, switches, racks, power and sites.
Ownership is local (a cluster of about a thousand CIs that share racks and storage), popularity is not (fan-in
follows a power law: a few libraries and platform applications serve nearly everybody). Links run down the
tiers or to an earlier CI of the same tier, except for a few hundred rings per million. Ordinals are shuffled
unless asked otherwise, so that no traversal profits from a neighbourhood in memory that an estate grown over
years does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from cmdb.projection.columns import DependencyColumns, Int32s

SIZES: Mapping[str, int] = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
EDGES_PER_NODE = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of CIs: its share of the estate in thousandths and its tier (0 is what people see)."""

    name: str
    share: int
    tier: int


class Scope(Enum):
    """Where a rule looks for providers."""

    CLUSTER = "cluster"
    """In the dependent's own cluster."""
    EARLIER = "earlier"
    """In the dependent's own class and cluster, before itself: no rings."""
    ESTATE = "estate"
    """Anywhere, the popular ones first."""
    OLDER = "older"
    """Anywhere in the dependent's own class, before itself: no rings."""
    ALIGNED = "aligned"
    """Containment: equal places in both classes go together, once per CI of the larger class."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`mean` providers of one class per CI of another; the larger `skew`, the steeper their fan-in."""

    type_name: str
    dependent: str
    provider: str
    scope: Scope
    mean: float = 1.0
    skew: float = 1.0


KINDS: tuple[Kind, ...] = (
    Kind("BusinessService", 4, 0),
    Kind("Application", 20, 1),
    Kind("Deployment", 110, 2),
    Kind("Container", 300, 3),
    Kind("Database", 20, 3),
    Kind("MessageQueue", 6, 3),
    Kind("VirtualMachine", 170, 4),
    Kind("Library", 120, 5),
    Kind("Volume", 60, 5),
    Kind("Vlan", 10, 5),
    Kind("Server", 50, 6),
    Kind("NetworkInterface", 100, 7),
    Kind("Switch", 10, 8),
    Kind("StorageDevice", 2, 8),
    Kind("PowerDistributionUnit", 10, 9),
    Kind("Rack", 7, 10),
    Kind("Room", 1, 11),
    Kind("Site", 0, 12),
)

RULES: tuple[Rule, ...] = (
    Rule("DEPENDS_ON", "BusinessService", "Application", Scope.CLUSTER, 4.0),
    Rule("DEPENDS_ON", "BusinessService", "BusinessService", Scope.EARLIER, 0.2),
    Rule("DEPENDS_ON", "Application", "Deployment", Scope.CLUSTER, 6.0),
    Rule("DEPENDS_ON", "Application", "Application", Scope.EARLIER, 1.5),
    Rule("USES", "Application", "Application", Scope.OLDER, 0.05, 5.0),
    Rule("RUNS_ON", "Deployment", "Container", Scope.ALIGNED),
    Rule("USES", "Deployment", "Database", Scope.CLUSTER, 0.8, 2.0),
    Rule("USES", "Deployment", "MessageQueue", Scope.CLUSTER, 0.4, 2.0),
    Rule("CONSISTS_OF", "Deployment", "Library", Scope.ESTATE, 9.0, 3.0),
    Rule("RUNS_ON", "Container", "VirtualMachine", Scope.CLUSTER),
    Rule("CONSISTS_OF", "Container", "Library", Scope.ESTATE, 6.0, 3.0),
    Rule("CONNECTS_THROUGH", "Container", "Vlan", Scope.CLUSTER, 0.6, 2.0),
    Rule("RUNS_ON", "Database", "VirtualMachine", Scope.CLUSTER, 2.0),
    Rule("STORES_ON", "Database", "Volume", Scope.CLUSTER, 2.0),
    Rule("RUNS_ON", "MessageQueue", "VirtualMachine", Scope.CLUSTER, 3.0),
    Rule("RUNS_ON", "VirtualMachine", "Server", Scope.CLUSTER),
    Rule("STORES_ON", "VirtualMachine", "Volume", Scope.CLUSTER, 1.4),
    Rule("CONNECTS_THROUGH", "VirtualMachine", "Vlan", Scope.CLUSTER, 1.2, 2.0),
    Rule("BUILT_FROM", "Library", "Library", Scope.OLDER, 4.0, 2.0),
    Rule("STORES_ON", "Volume", "StorageDevice", Scope.CLUSTER),
    Rule("CONNECTS_THROUGH", "Vlan", "Switch", Scope.CLUSTER, 2.0),
    Rule("CONSISTS_OF", "Server", "NetworkInterface", Scope.ALIGNED),
    Rule("POWERED_BY", "Server", "PowerDistributionUnit", Scope.CLUSTER, 2.0),
    Rule("LOCATED_IN", "Server", "Rack", Scope.CLUSTER),
    Rule("CONNECTS_THROUGH", "NetworkInterface", "Switch", Scope.CLUSTER),
    Rule("LOCATED_IN", "Switch", "Rack", Scope.CLUSTER),
    Rule("POWERED_BY", "Switch", "PowerDistributionUnit", Scope.CLUSTER, 2.0),
    Rule("LOCATED_IN", "StorageDevice", "Rack", Scope.CLUSTER),
    Rule("LOCATED_IN", "PowerDistributionUnit", "Room", Scope.ALIGNED),
    Rule("LOCATED_IN", "Rack", "Room", Scope.ALIGNED),
    Rule("LOCATED_IN", "Room", "Site", Scope.ALIGNED),
)
RING = Rule("DEPENDS_ON", "Database", "Database", Scope.ALIGNED)
TYPES = tuple(dict.fromkeys(rule.type_name for rule in (*RULES, RING)))

_CLUSTER_SIZE = 1_000
_NODES_PER_SITE = 40_000
_RINGS_PER_NODE = 0.0003
_ENVIRONMENTS = ("production", "production", "pre_production", "test")


@dataclass(frozen=True, eq=False)
class Estate:
    """`size` CIs as columns: `kind_of[ordinal]` indexes `KINDS`, `serial_of[ordinal]` counts within a kind.

    `dependencies.type_code` is an index into `TYPES`; relationship ids run from 1 in the order of the rows.
    """

    size: int
    seed: int
    kind_of: NDArray[np.int8]
    serial_of: Int32s
    dependencies: DependencyColumns

    @cached_property
    def _ordinal_of(self) -> dict[str, Int32s]:
        table: dict[str, Int32s] = {}
        for code, kind in enumerate(KINDS):
            members = np.flatnonzero(self.kind_of == code).astype(np.int32)
            table[kind.name] = members[np.argsort(self.serial_of[members])]
        return table

    @property
    def wide_source(self) -> int:
        """The oldest library: whatever software there is needs it, about half of the estate."""
        return int(self._ordinal_of["Library"][0])

    @property
    def narrow_source(self) -> int:
        """A rack: its servers, what runs on them, and who needs that."""
        return int(self._ordinal_of["Rack"][0])

    def name_of(self, ordinal: int) -> str:
        """`virtualmachine-000042`: unique in the estate."""
        return f"{KINDS[int(self.kind_of[ordinal])].name.lower()}-{self.serial_of[ordinal]:06d}"

    def nodes(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """`(class_name, name, attributes)` in the order of the ordinals, one at a time."""
        codes: list[int] = self.kind_of.tolist()
        serials: list[int] = self.serial_of.tolist()
        for code, serial in zip(codes, serials, strict=True):
            kind = KINDS[code]
            yield (
                kind.name,
                f"{kind.name.lower()}-{serial:06d}",
                {
                    "environment": _ENVIRONMENTS[serial % len(_ENVIRONMENTS)],
                    "version_number": f"{1 + serial % 7}.{serial % 10}",
                    "description": f"{kind.name} {serial} of tier {kind.tier}",
                },
            )

    def relationships(self) -> Iterator[tuple[str, int, int]]:
        """`(type_name, dependent ordinal, provider ordinal)` by relationship id, one at a time."""
        columns = self.dependencies
        for start in range(0, len(columns), 65_536):
            part = slice(start, start + 65_536)
            rows = zip(
                columns.type_code[part].tolist(),
                columns.dependent[part].tolist(),
                columns.provider[part].tolist(),
                strict=True,
            )
            for code, dependent, provider in rows:
                yield TYPES[code], dependent, provider


def generate(size: int, seed: int = 20_000, *, shuffled: bool = True) -> Estate:
    """An estate of `size` CIs (at least 1,000) and 5 x `size` dependencies; O(size log size)."""
    if size < _CLUSTER_SIZE:
        raise ValueError(f"an estate has at least {_CLUSTER_SIZE} CIs, not {size}")
    random = Generator(PCG64(seed))
    members = _members(size)
    first = dict(zip(members, np.cumsum([0, *members.values()])[:-1].tolist(), strict=True))
    place = random.permutation(size).astype(np.int32) if shuffled else np.arange(size, dtype=np.int32)
    kind_of, serial_of = np.empty(size, dtype=np.int8), np.empty(size, dtype=np.int32)
    for code, kind in enumerate(KINDS):
        block = place[first[kind.name] : first[kind.name] + members[kind.name]]
        kind_of[block] = code
        serial_of[block] = np.arange(len(block))

    drawn: list[NDArray[np.int64]] = [_rings(members["Database"], first["Database"], size)]
    for rule in RULES:
        dependent, provider = _draw(rule, members, size // _CLUSTER_SIZE, random)
        keys = _packed(TYPES.index(rule.type_name), dependent + first[rule.dependent], provider + first[rule.provider])
        drawn.append(np.unique(keys))
    rows = np.concatenate(drawn)
    wanted = EDGES_PER_NODE * size
    if len(rows) < wanted:
        raise ValueError(f"the rules give {len(rows)} dependencies, {wanted} are wanted")
    ships_library = (rows >> 48 == TYPES.index("CONSISTS_OF")) & _within(rows & 0xFFFFFF, "Library", first, members)
    dispensable = np.flatnonzero(ships_library)
    kept = np.ones(len(rows), dtype=bool)
    kept[random.choice(dispensable, len(rows) - wanted, replace=False)] = False
    rows = rows[kept]
    return Estate(
        size,
        seed,
        kind_of,
        serial_of,
        DependencyColumns(
            np.arange(1, wanted + 1, dtype=np.int64),
            place[rows >> 24 & 0xFFFFFF],
            place[rows & 0xFFFFFF],
            (rows >> 48).astype(np.int16),
        ),
    )


def _members(size: int) -> dict[str, int]:
    """CIs per class; containers take what rounding leaves over."""
    members = {kind.name: max(1, size * kind.share // 1000) for kind in KINDS}
    members["Site"] = max(2, size // _NODES_PER_SITE)
    members["Container"] += size - sum(members.values())
    return members


def _within(
    places: NDArray[np.int64], kind: str, first: Mapping[str, int], members: Mapping[str, int]
) -> NDArray[np.bool_]:
    return (first[kind] <= places) & (places < first[kind] + members[kind])


def _draw(
    rule: Rule, members: Mapping[str, int], clusters: int, random: Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Dependents and providers of one rule, numbered within their classes; may hold the same pair twice."""
    dependents, providers = members[rule.dependent], members[rule.provider]
    if rule.scope is Scope.ALIGNED:
        larger = np.arange(max(dependents, providers), dtype=np.int64)
        return larger * dependents // len(larger), larger * providers // len(larger)

    dependent = np.repeat(np.arange(dependents, dtype=np.int64), random.poisson(rule.mean, dependents))
    popularity = random.random(len(dependent)) ** rule.skew
    cluster = dependent * clusters // dependents
    low = np.zeros_like(dependent)
    high = np.full_like(dependent, providers)
    if rule.scope in (Scope.CLUSTER, Scope.EARLIER):
        low = cluster * providers // clusters
        high = np.maximum(low + 1, (cluster + 1) * providers // clusters)
    if rule.scope in (Scope.EARLIER, Scope.OLDER):
        high = dependent
    found = low < high
    provider = low + (popularity * (high - low)).astype(np.int64)
    return dependent[found], provider[found]


def _rings(databases: int, first: int, size: int) -> NDArray[np.int64]:
    """Pairs of neighbouring databases that replicate to each other."""
    pairs = max(1, min(databases // 2, int(size * _RINGS_PER_NODE)))
    left = first + np.arange(pairs, dtype=np.int64) * (databases // pairs)
    code = TYPES.index(RING.type_name)
    return np.concatenate([_packed(code, left, left + 1), _packed(code, left + 1, left)])


def _packed(code: int, dependent: NDArray[np.int64], provider: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.int64(code) << 48 | dependent << 24 | provider
