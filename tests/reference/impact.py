"""What failure means, written down as it is defined: sets and dictionaries, nothing clever, nothing fast.

A case is a graph with a scenario, in the layout of the golden files; `expected` answers it in theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import NotRequired, TypedDict

UP, DEGRADED, DOWN = 0, 1, 2
LEVELS = {"degraded": DEGRADED, "down": DOWN}
WORDS = {level: word for word, level in LEVELS.items()}


class Retired(TypedDict):
    id: str
    retired: bool


EdgeOf = TypedDict(
    "EdgeOf",
    {
        "from": str,
        "to": str,
        "pool": NotRequired[str],
        "type": NotRequired[str],
        "weight": NotRequired[int],
    },
)


class PoolOf(TypedDict):
    of: str
    name: str
    need: NotRequired[int | str]
    strength: NotRequired[str]


class TypeOf(TypedDict):
    need: NotRequired[str]
    strength: NotRequired[str]


class Case(TypedDict):
    name: str
    nodes: list[str | Retired]
    edges: list[EdgeOf]
    pools: NotRequired[list[PoolOf]]
    types: NotRequired[dict[str, TypeOf]]
    scenario: dict[str, str]
    context: NotRequired[dict[str, str]]
    assume_up: NotRequired[list[str]]


class Row(TypedDict):
    of: str
    pool: str
    strength: str
    need: int
    total: int
    before: int
    after: int
    healthy_before: int
    healthy_after: int
    lost: list[str]
    weakened: list[str]


class Expected(TypedDict):
    before: dict[str, str]
    state: dict[str, str]
    down: list[str]
    degraded: list[str]
    at_risk: list[str]
    saved: list[str]
    unchanged: list[str]
    no_effect: list[str]
    distance: dict[str, int]
    margins: list[Row]
    reasons: NotRequired[dict[str, list[Row]]]
    warnings: NotRequired[list[dict[str, str | int]]]


def retired(node: str | Retired) -> bool:
    return not isinstance(node, str) and bool(node.get("retired"))


def name_of(node: str | Retired) -> str:
    return node if isinstance(node, str) else node["id"]


def need_of(need: int | str, total: int) -> int:
    if need == "all":
        k = total
    elif need == "any":
        k = min(1, total)
    elif isinstance(need, int):
        k = need
    elif need.startswith("quorum:"):
        k = total - ceil(Fraction(need[len("quorum:") : -1]) * total / 100) + 1
    else:
        k = ceil(Fraction(need[:-1]) * total / 100)
    return min(k, total)


@dataclass
class Pool:
    of: str
    name: str
    need: int | str = "all"
    hard: bool = True
    members: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def total(self) -> int:
        return sum(self.members.values())

    @property
    def k(self) -> int:
        return need_of(self.need, self.total)

    def weight_in(self, cis: AbstractSet[str]) -> int:
        return sum(weight for member, weight in self.members.items() if member in cis)

    def met(self, cis: AbstractSet[str]) -> bool:
        return self.weight_in(cis) >= self.k

    def redundant(self, available: AbstractSet[str]) -> bool:
        heaviest = max((weight for member, weight in self.members.items() if member in available), default=0)
        return self.weight_in(available) - heaviest >= self.k


class Reference:
    """The structure of a case and everything that the definition says of it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.cis = {name_of(node) for node in case["nodes"] if not retired(node)}
        self.warnings: list[dict[str, str | int]] = []
        self.pools = self._pools()
        self.hard: dict[str, list[Pool]] = {ci: [] for ci in self.cis}
        self.soft: dict[str, list[Pool]] = {ci: [] for ci in self.cis}
        for pool in self.pools:
            (self.hard if pool.hard else self.soft)[pool.of].append(pool)
        self.assumed = frozenset(case.get("assume_up", ()))

    def _pools(self) -> list[Pool]:
        types = self.case.get("types", {})
        pools: dict[tuple[str, ...], Pool] = {}
        declared = {(pool["of"], pool["name"]): pool for pool in self.case.get("pools", ())}
        for (of, name), said in declared.items():
            hard = said.get("strength", "hard") == "hard"
            pools[of, name, "named"] = Pool(of, name, said.get("need", "all"), hard)
        for edge in self.case["edges"]:
            v, u, kind = edge["from"], edge["to"], edge.get("type", "needs")
            if v == u or v not in self.cis or u not in self.cis:
                self.warnings.append({"kind": "self_edge" if v == u else "void_edge", "from": v, "to": u})
                continue
            rule = types.get(kind, {})
            hard = rule.get("strength", "hard") == "hard"
            if "pool" in edge:
                pool = pools.setdefault((v, edge["pool"], "named"), Pool(v, edge["pool"]))
            elif rule.get("need") == "any":
                pool = pools.setdefault((v, f"any:{kind}", "type"), Pool(v, f"any:{kind}", "any", hard))
            else:
                pool = pools.setdefault((v, f"{kind}:{u}", "own"), Pool(v, f"{kind}:{u}", "all", hard))
            pool.members[u] = max(pool.members.get(u, 0), edge.get("weight", 1))
        for of, name in declared:
            pool = pools[of, name, "named"]
            if isinstance(pool.need, int) and pool.need > pool.total:
                self.warnings.append(
                    {"kind": "need_exceeds_members", "of": of, "pool": name, "need": pool.need, "total": pool.total}
                )
            if not pool.members:
                self.warnings.append({"kind": "empty_pool", "of": of, "pool": name})
        return [pool for pool in pools.values() if pool.members]

    # -- firm and presumed ---------------------------------------------------------------------------------------------

    def derive(self, accepted: set[str], candidates: Iterable[str]) -> set[str]:
        """`accepted` and, over and over, every candidate all of whose hard pools are met by accepted CIs."""
        accepted, waiting = set(accepted), set(candidates)
        while ready := {ci for ci in waiting - accepted if all(pool.met(accepted) for pool in self.hard[ci])}:
            accepted |= ready
        return accepted

    @cached_property
    def presumed(self) -> frozenset[str]:
        presumed: set[str] = set()
        accepted = self.derive(set(), self.cis)
        while left := self.cis - accepted:
            needed = {
                ci: {
                    member
                    for pool in self.hard[ci]
                    if not pool.met(accepted)
                    for member in pool.members
                    if member in left
                }
                for ci in left
            }
            below = {ci: _reachable(ci, needed) for ci in left}
            standing = {ci for ci in left if all(ci in below[other] for other in below[ci])}
            presumed |= standing
            accepted = self.derive(accepted | standing, self.cis)
        return frozenset(presumed)

    # -- what falls ----------------------------------------------------------------------------------------------------

    def close(self, fallen: Iterable[str], *, ring_rule: bool = True) -> frozenset[str]:
        down = set(fallen) - self.assumed
        while True:
            while True:
                outside = self.cis - down
                unmet = {ci for ci in outside if not all(pool.met(outside) for pool in self.hard[ci])} - self.assumed
                if not unmet:
                    break
                down |= unmet
            given = outside & (self.presumed | self.assumed)
            hanging = outside - self.derive(given, outside) if ring_rule else set[str]()
            if not hanging:
                return frozenset(down)
            down |= hanging

    def states(self, faults: Mapping[str, int], *, ring_rule: bool = True) -> dict[str, int]:
        down = self.close((ci for ci, level in faults.items() if level == DOWN), ring_rule=ring_rule)
        outside = self.cis - down
        weakened = {ci for ci in outside if not all(pool.met(outside) for pool in self.soft[ci])}
        ill = {ci for ci, level in faults.items() if level == DEGRADED}
        unhealthy = self.close(down | ill | weakened, ring_rule=ring_rule)
        return {ci: DOWN if ci in down else DEGRADED if ci in unhealthy else UP for ci in self.cis}

    # -- what a scenario does ------------------------------------------------------------------------------------------

    @cached_property
    def scenario(self) -> dict[str, int]:
        return {ci: LEVELS[word] for ci, word in self.case["scenario"].items()}

    @cached_property
    def context(self) -> dict[str, int]:
        return {ci: LEVELS[word] for ci, word in self.case.get("context", {}).items()}

    @cached_property
    def both(self) -> dict[str, int]:
        named = self.scenario.keys() | self.context.keys()
        return {ci: max(self.scenario.get(ci, UP), self.context.get(ci, UP)) for ci in named}

    @cached_property
    def before(self) -> dict[str, int]:
        return self.states(self.context)

    @cached_property
    def after(self) -> dict[str, int]:
        return self.states(self.both)

    @cached_property
    def worse(self) -> frozenset[str]:
        return frozenset(ci for ci in self.cis if self.after[ci] > self.before[ci])

    @cached_property
    def sources(self) -> frozenset[str]:
        return self.worse & self.scenario.keys()

    def lost_redundancy(self, pool: Pool) -> bool:
        return pool.redundant(self.not_down(self.before)) and not pool.redundant(self.not_down(self.after))

    @staticmethod
    def not_down(states: Mapping[str, int]) -> set[str]:
        return {ci for ci, level in states.items() if level != DOWN}

    @staticmethod
    def healthy(states: Mapping[str, int]) -> set[str]:
        return {ci for ci, level in states.items() if level == UP}

    @cached_property
    def at_risk(self) -> frozenset[str]:
        owners = {pool.of for pool in self.pools if self.lost_redundancy(pool)}
        return frozenset(ci for ci in owners - self.worse if self.after[ci] != DOWN)

    @cached_property
    def reached(self) -> frozenset[str]:
        above: dict[str, set[str]] = {ci: set() for ci in self.cis}
        for pool in self.pools:
            for member in pool.members:
                above[member].add(pool.of)
        found = set(self.sources)
        for source in self.sources:
            found |= _reachable(source, above)
        return frozenset(found)

    def newly_down(self, ci: str) -> bool:
        return self.after[ci] == DOWN and self.before[ci] != DOWN

    def failed(self, ci: str) -> list[tuple[Pool, list[str]]]:
        """The pools that explain the state of a hit, each with the members through which it does."""
        available, healthy = self.not_down(self.after), self.healthy(self.after)
        found: list[tuple[Pool, list[str]]] = []
        for pool in self.hard[ci] + self.soft[ci]:
            lost = [member for member in pool.members if self.newly_down(member)]
            sickened = [m for m in pool.members if self.before[m] == UP and self.after[m] != UP]
            if ci in self.at_risk:
                through = lost if self.lost_redundancy(pool) else []
            elif self.after[ci] == DOWN:
                through = lost if pool.hard and not pool.met(available) else []
            elif pool.hard:
                through = [] if pool.met(healthy) else sickened
            else:
                through = [] if pool.met(available) else lost
            if through:
                found.append((pool, through))
        return found

    @cached_property
    def hits(self) -> frozenset[str]:
        return self.worse | self.at_risk

    @cached_property
    def distance(self) -> dict[str, int]:
        edges = {ci: {member for _, through in self.failed(ci) for member in through} for ci in self.hits}
        distance = {ci: 0 for ci in self.sources if self.after[ci] == self.scenario[ci]}
        step = 0
        while fresh := {ci for ci in self.hits - distance.keys() if any(distance.get(m) == step for m in edges[ci])}:
            step += 1
            distance |= dict.fromkeys(fresh, step)
        return distance

    def row(self, pool: Pool) -> Row:
        return {
            "of": pool.of,
            "pool": pool.name,
            "strength": "hard" if pool.hard else "soft",
            "need": pool.k,
            "total": pool.total,
            "before": pool.weight_in(self.not_down(self.before)),
            "after": pool.weight_in(self.not_down(self.after)),
            "healthy_before": pool.weight_in(self.healthy(self.before)),
            "healthy_after": pool.weight_in(self.healthy(self.after)),
            "lost": sorted(member for member in pool.members if self.newly_down(member)),
            "weakened": sorted(m for m in pool.members if self.before[m] == UP and self.after[m] == DEGRADED),
        }

    def expected(self) -> Expected:
        def listed(cis: Iterable[str]) -> list[str]:
            return sorted(cis)

        rest = self.reached - self.hits
        return {
            "before": {ci: WORDS[level] for ci, level in sorted(self.before.items()) if level},
            "state": {ci: WORDS[level] for ci, level in sorted(self.after.items()) if level},
            "down": listed(ci for ci in self.worse if self.after[ci] == DOWN),
            "degraded": listed(ci for ci in self.worse if self.after[ci] == DEGRADED),
            "at_risk": listed(self.at_risk),
            "saved": listed(ci for ci in rest if self.after[ci] == UP),
            "unchanged": listed(ci for ci in rest if self.after[ci] != UP),
            "no_effect": listed(self.scenario.keys() - self.sources),
            "distance": self.distance,
            "margins": [self.row(pool) for pool in self.pools if pool.members.keys() & self.worse],
            "reasons": {
                ci: rows for ci in sorted(self.hits) if (rows := [self.row(pool) for pool, _ in self.failed(ci)])
            },
            "warnings": self.warnings,
        }


def _reachable(start: str, onward: Mapping[str, AbstractSet[str]]) -> set[str]:
    """Everything that a chain of one step or more leads to."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = onward[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found
