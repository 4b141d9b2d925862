"""Random small cases in the layout of the golden files: rings with slack, weights, soft pools, dirt, contexts."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from tests.reference.impact import Case, EdgeOf, PoolOf, TypeOf, name_of, retired

NEEDS: tuple[int | str, ...] = (
    "all", "any", "any", "any", 1, 2, 3, 0, 9, "50%", "33.4%", "66%", "0%", "quorum:50%", "quorum:51%",
)  # fmt: skip


def random_case(random: Random, name: str, heaviest: int = 5) -> Case:
    """A graph of up to eight CIs, all names of which begin with `name`."""
    cis = [f"{name}.c{i}" for i in range(random.randint(2, 8))]
    gone = [ci for ci in cis[2:] if random.random() < 0.04]
    here = [ci for ci in cis if ci not in gone]
    kinds = [f"{name}.{kind}" for kind in ("needs", "uses", "replica_of")]
    types: dict[str, TypeOf] = {
        kinds[1]: {"strength": random.choice(["hard", "soft"])},
        kinds[2]: {"need": "any", "strength": random.choice(["hard", "hard", "soft"])},
    }
    pools: list[PoolOf] = [
        {
            "of": ci,
            "name": f"p{number}",
            "need": random.choice(NEEDS),
            "strength": "soft" if random.random() < 0.2 else "hard",
        }
        for ci in cis
        for number in range(2)
        if random.random() < 0.6
    ]
    edges = [_edge(random, cis, kinds, name, heaviest) for _ in range(random.randint(1, 3 * len(cis)))]
    if random.random() < 0.3:
        edges, pools = _ring_with_slack(random, cis, kinds[0], edges, pools)
    context = _faults(random, here, random.choice([0, 0, 1, 2]))
    scenario = _faults(random, here, random.choice([1, 1, 2, 3]))
    free = [ci for ci in here if ci not in context and ci not in scenario]
    assumed = [ci for ci in free if random.random() < 0.3] if random.random() < 0.2 else []
    return {
        "name": name,
        "nodes": [{"id": ci, "retired": True} if ci in gone else ci for ci in cis],
        "edges": edges,
        "pools": pools,
        "types": types,
        "scenario": scenario,
        "context": context,
        "assume_up": assumed,
    }


def joined(cases: Iterable[Case]) -> Case:
    """All of them side by side, as one graph with one scenario."""
    whole: Case = {
        "name": "joined",
        "nodes": [],
        "edges": [],
        "pools": [],
        "types": {},
        "scenario": {},
        "context": {},
        "assume_up": [],
    }
    for case in cases:
        whole["nodes"] += case["nodes"]
        whole["edges"] += case["edges"]
        whole["pools"] = [*whole.get("pools", []), *case.get("pools", [])]
        whole["types"] = whole.get("types", {}) | case.get("types", {})
        whole["scenario"] |= case["scenario"]
        whole["context"] = whole.get("context", {}) | case.get("context", {})
        whole["assume_up"] = [*whole.get("assume_up", []), *case.get("assume_up", [])]
    return whole


def present(case: Case) -> list[str]:
    return [name_of(node) for node in case["nodes"] if not retired(node)]


def _ring_with_slack(
    random: Random, cis: list[str], kind: str, edges: list[EdgeOf], pools: list[PoolOf]
) -> tuple[list[EdgeOf], list[PoolOf]]:
    """Some CIs in a ring, each of which is content with the next or a CI outside; of the rest only a few edges."""
    ring = cis[: random.randint(2, max(2, len(cis) // 2))]
    outside = cis[len(ring) :] or cis
    edges = [edge for edge in edges if edge["from"] not in ring and random.random() < 0.5]
    pools = [pool for pool in pools if pool["of"] not in ring]
    for at, ci in enumerate(ring):
        others = [ring[(at + 1) % len(ring)], *(random.sample(outside, 1) if random.random() < 0.7 else ())]
        edges += [EdgeOf({"from": ci, "to": other, "type": kind, "pool": "p0"}) for other in others]
        pools.append({"of": ci, "name": "p0", "need": random.choice(["any", "any", 1, "50%"]), "strength": "hard"})
    return edges, pools


def _edge(random: Random, cis: list[str], kinds: list[str], name: str, heaviest: int) -> EdgeOf:
    provider = f"{name}.stranger" if random.random() < 0.02 else random.choice(cis)
    edge: EdgeOf = {"from": random.choice(cis), "to": provider, "type": random.choice(kinds)}
    if random.random() < 0.55:
        edge["pool"] = f"p{random.randint(0, 2)}"
    if random.random() < 0.3:
        edge["weight"] = random.choice([1, 2, 3, heaviest - 1, heaviest])
    return edge


def _faults(random: Random, cis: list[str], count: int) -> dict[str, str]:
    named = random.sample(cis, min(count, len(cis)))
    return {ci: random.choice(["down", "down", "down", "degraded"]) for ci in named}
