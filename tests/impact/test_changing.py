"""A structure that was changed answers as one that is built of the same, whatever came before."""

# ruff: noqa: S311 - seeded generators want a repeatable source, not a secret one

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.impact.change import KEPT, Altered, Dependency, Ended, Kept, StructureChange
from cmdb.impact.changing import changed
from cmdb.impact.footing import HARD_COUNTED_RUN, HARD_RUN, owners_of_slots, slots
from cmdb.impact.kernels import MakeChoice
from cmdb.impact.needs import HEAVIEST, parse_need
from cmdb.impact.states import State, WhatIf
from cmdb.impact.structure import EdgeTraits, PoolDeclaration, Structure, TypeRule, build_structure
from cmdb.projection import DependencyColumns
from graph_schema.metamodel import Need, Strength
from tests.impact.cases import NUMBA, NUMPY, Answers, comparable
from tests.impact.graphs import NEEDS
from tests.reference.impact import Case, EdgeOf, PoolOf, Reference

RULES = (
    TypeRule("needs"),
    TypeRule("uses", Strength.SOFT),
    TypeRule("replica_of", need=Need.ANY),
    TypeRule("likes", Strength.SOFT, Need.ANY),
)
MAKES = {"numba": NUMBA, "numpy": NUMPY}
makes = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)

Said = tuple[int | str, Literal["hard", "soft"]]


@dataclass
class World:
    """What stands, as plain values; each step gives the change that leads to the next."""

    random: Random
    heaviest: int = 4
    present: list[bool] = field(default_factory=list[bool])
    edges: dict[int, Dependency] = field(default_factory=dict[int, Dependency])
    pools: dict[int, dict[str, Said]] = field(default_factory=dict[int, dict[str, Said]])
    last: int = 0

    def some_node(self) -> int:
        return self.random.randrange(len(self.present) + (self.random.random() < 0.03))

    def new_edge(self) -> Dependency:
        self.last += self.random.randint(1, 3)
        pool = self.random.choice((None, None, "p0", "p0", "p1", f"p{self.random.randint(0, 9)}"))
        weight = self.random.choice((1, 1, 1, 2, 3, self.heaviest))
        edge = Dependency(
            self.last, self.some_node(), self.some_node(), self.random.choice((0, 0, 0, 1, 2, 3)), pool, weight
        )
        self.edges[edge.relationship] = edge
        return edge

    def said(self) -> dict[str, Said]:
        names = self.random.sample(("p0", "p1", "p2"), self.random.randint(0, 3))
        return {n: (self.random.choice(NEEDS), self.random.choice(("hard", "hard", "hard", "soft"))) for n in names}

    def step(self, revision: int, steps: int) -> StructureChange:
        added: list[int] = []
        retired: list[int] = []
        linked: list[Dependency] = []
        unlinked: list[Ended] = []
        altered: list[Altered] = []
        declared: dict[int, dict[str, Said]] = {}
        before = dict(self.edges)
        for _ in range(steps):
            kind = self.random.random()
            known = [e for e in before if e in self.edges]
            if kind < 0.1:
                added.append(len(self.present))
                self.present.append(True)
            elif kind < 0.15:
                gone = self.random.randrange(len(self.present))
                if self.present[gone] and gone not in added:
                    self.present[gone] = False
                    retired.append(gone)
            elif kind < 0.5:
                linked.append(self.new_edge())
            elif kind < 0.7 and known:
                gone = self.random.choice(known)
                unlinked.append(Ended(gone, self.edges.pop(gone).dependent))
                before.pop(gone)
            elif kind < 0.85 and known:
                old = self.edges[self.random.choice(known)]
                before.pop(old.relationship)
                pool: str | Kept | None = self.random.choice((KEPT, None, "p0", "p1"))
                weight: int | Kept = self.random.choice((KEPT, 1, 2, self.heaviest))
                self.edges[old.relationship] = replace(
                    old,
                    pool=old.pool if isinstance(pool, Kept) else pool,
                    weight=old.weight if isinstance(weight, Kept) else weight,
                )
                altered.append(Altered(old.relationship, old.dependent, pool, weight))
            else:
                declared[self.random.randrange(len(self.present))] = self.said()
        self.pools |= declared
        return StructureChange(
            revision,
            added,
            retired,
            linked,
            unlinked,
            altered,
            {owner: declarations({owner: said}) for owner, said in declared.items()},
        )

    def built(self, make: MakeChoice, revision: int) -> Structure:
        rows = sorted(self.edges.values(), key=lambda e: e.relationship)
        return build_structure(
            DependencyColumns.of((e.relationship, e.dependent, e.provider, e.type_code) for e in rows),
            np.array(self.present, dtype=bool),
            RULES,
            traits=EdgeTraits.of([(e.relationship, e.pool, e.weight) for e in rows]),
            declarations=declarations(self.pools),
            revision=revision,
            make=make,
        )

    def case(self, question: WhatIf) -> Case:
        edges: list[EdgeOf] = []
        for e in self.edges.values():
            edge: EdgeOf = {
                "from": f"c{e.dependent}", "to": f"c{e.provider}", "type": RULES[e.type_code].name, "weight": e.weight,
            }  # fmt: skip
            edges.append(edge if e.pool is None else {**edge, "pool": e.pool})
        pools: list[PoolOf] = [
            {"of": f"c{owner}", "name": name, "need": need, "strength": strength}
            for owner, said in self.pools.items()
            for name, (need, strength) in said.items()
        ]
        return {
            "name": "world",
            "nodes": [f"c{o}" if here else {"id": f"c{o}", "retired": True} for o, here in enumerate(self.present)],
            "edges": edges,
            "pools": pools,
            "types": {
                r.name: {"strength": r.strength.value, "need": "any" if r.need is Need.ANY else "all"} for r in RULES
            },
            "scenario": faults(question.scenario),
            "context": faults(question.context),
            "assume_up": [f"c{o}" for o in sorted(question.assume_up)],
        }

    def question(self) -> WhatIf:
        here = [o for o, there in enumerate(self.present) if there]
        self.random.shuffle(here)
        worse = (State.DOWN, State.DOWN, State.DEGRADED)
        return WhatIf(
            {o: self.random.choice(worse) for o in here[:2]},
            {o: self.random.choice(worse) for o in here[2 : 2 + self.random.choice((0, 0, 1, 2))]},
            frozenset(here[4 : 4 + self.random.choice((0, 0, 0, 1))]),
        )


def faults(states: Mapping[int, State]) -> dict[str, str]:
    return {f"c{o}": state.name.lower() for o, state in states.items()}


def declarations(pools: dict[int, dict[str, Said]]) -> list[PoolDeclaration]:
    return [
        PoolDeclaration(owner, name, parse_need(need), Strength(strength))
        for owner, said in pools.items()
        for name, (need, strength) in said.items()
    ]


def grown(random: Random, nodes: int, edges: int, heaviest: int = 4) -> World:
    world = World(random, heaviest, [True] * nodes)
    for _ in range(edges):
        world.new_edge()
    world.pools = {owner: world.said() for owner in range(nodes) if random.random() < 0.6}
    return world


def rings(structure: Structure) -> set[frozenset[int]]:
    footing = structure.graph.footing
    parts = np.split(footing.ring_member, footing.ring_start[1:-1])
    found = {frozenset(part.tolist()) for part in parts if len(part)}
    assert {o for ring in found for o in ring} == set(np.flatnonzero(footing.ring >= 0).tolist())
    assert all(len(set(footing.ring[list(ring)].tolist())) == 1 for ring in found)
    return found


def watched(structure: Structure) -> dict[tuple[int, str | int], bool]:
    """For each pool that is counted whether its loss is watched; the same in every row."""
    rows, pools = structure.graph.rows, structure.pools
    found: dict[tuple[int, str | int], bool] = {}
    for slot in slots(rows, np.arange(structure.nodes, dtype=np.int32), HARD_COUNTED_RUN).tolist():
        pool, label = int(rows.code[slot]) >> 1, int(pools.label[int(rows.code[slot]) >> 1])
        key = int(pools.columns.owner[pool]), structure.names[label] if label >= 0 else label
        assert found.setdefault(key, bool(rows.code[slot] & 1)) == bool(rows.code[slot] & 1)
    return found


def same_ground(one: Structure, other: Structure) -> None:
    """Rings, presumed CIs and marks are the same, and ranks and components are in order."""
    assert rings(one) == rings(other)
    footing = one.graph.footing
    assert footing.presumed.tolist() == other.graph.footing.presumed.tolist()
    assert watched(one) == watched(other)
    everybody = np.arange(one.nodes, dtype=np.int32)
    place = np.empty(one.nodes, dtype=np.int64)
    order, ends = footing.components
    place[order] = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    assert sorted(order.tolist()) == everybody.tolist()
    rows = one.graph.rows
    for run, target in ((HARD_RUN, rows.target), (HARD_COUNTED_RUN, rows.counted)):
        dependent, provider = target[slots(rows, everybody, run)], owners_of_slots(rows, everybody, run)
        inside = (footing.ring[dependent] >= 0) & (footing.ring[dependent] == footing.ring[provider])
        assert (footing.rank[dependent] < footing.rank[provider])[~inside].all()
        assert (footing.rank[dependent] == footing.rank[provider])[inside].all()
        assert (place[dependent] <= place[provider]).all()


def same_answers(one: Structure, other: Structure, question: WhatIf) -> None:
    ids = [f"c{o}" for o in range(one.nodes + 1)]
    mine, theirs = Answers(ids, one, question), Answers(ids, other, question)
    assert comparable(mine.expected()) == comparable(theirs.expected())
    found, wanted = mine.impact(), theirs.impact()
    assert list(found.hits()) == list(wanted.hits())
    assert [found.path_to(hit.ordinal) for hit in found.hits()] == [wanted.path_to(h.ordinal) for h in wanted.hits()]
    for ordinal in range(one.nodes):
        assert {(m.name, m.type_name, m.need, m.strength, m.members) for m in found.margins_of(ordinal)} == {
            (m.name, m.type_name, m.need, m.strength, m.members) for m in wanted.margins_of(ordinal)
        }


def walked(world: World, make: MakeChoice, steps: int, at_once: int) -> Structure:
    """Change after change, each compared with what is built."""
    structure = world.built(make, 1)
    for revision in range(2, steps + 2):
        change = world.step(revision, world.random.randint(1, at_once))
        structure = changed(structure, change)
        fresh = world.built(make, revision)
        assert structure.revision == revision
        assert set(structure.warnings()) == set(fresh.warnings())
        same_ground(structure, fresh)
        same_answers(structure, fresh, world.question())
    return structure


@given(st.integers(0, 2**32), st.sampled_from([NUMBA, NUMPY]))
@settings(max_examples=120)
def test_a_changed_structure_answers_as_one_that_is_built(seed: int, make: MakeChoice) -> None:
    random = Random(seed)
    nodes = random.randint(1, 14)
    heaviest = HEAVIEST if random.random() < 0.2 else 4
    walked(grown(random, nodes, random.randint(0, 2 * nodes), heaviest), make, 6, 5)


@given(st.integers(0, 2**32), st.sampled_from([NUMBA, NUMPY]))
def test_and_as_the_definition_does(seed: int, make: MakeChoice) -> None:
    random = Random(seed)
    nodes = random.randint(1, 9)
    world = grown(random, nodes, random.randint(0, 2 * nodes))
    structure = world.built(make, 1)
    for revision in range(2, 6):
        structure = changed(structure, world.step(revision, 4))
        question = world.question()
        ids = [f"c{o}" for o in range(structure.nodes + 1)]
        told = Reference(world.case(question))
        wanted, found = told.expected(), Answers(ids, structure, question).expected()
        for warnings in (wanted, found):
            warnings["warnings"] = []
        assert comparable(found) == comparable(wanted)
        assert {f"c{o}" for o in np.flatnonzero(structure.graph.footing.presumed).tolist()} == told.presumed


@makes
def test_a_long_walk_among_more(make: MakeChoice) -> None:
    walked(grown(Random(5), 60, 70), make, 40, 12)


@makes
def test_what_was_changed_stays_as_it_was(make: MakeChoice) -> None:
    """Several changes of one structure, and changes of those, do not meet."""
    random = Random(7)
    world = grown(random, 30, 50)
    base, question = world.built(make, 1), WhatIf({0: State.DOWN, 5: State.DEGRADED})
    kept: list[tuple[Structure, Structure, World]] = [(base, world.built(make, 1), world)]
    for _ in range(16):
        structure, _, said = random.choice(kept)
        other = World(random, 4, list(said.present), dict(said.edges), dict(said.pools), said.last)
        planned = changed(structure, other.step(2, 6))
        kept.append((planned, other.built(make, 2), other))
        if random.random() < 0.4:
            kept.pop(random.randrange(1, len(kept)))
            gc.collect()
        for one, fresh, then in random.sample(kept, min(len(kept), 4)):
            asked = WhatIf({o: s for o, s in question.scenario.items() if then.present[o]})
            same_ground(one, fresh)
            same_answers(one, fresh, asked)


@makes
def test_room_that_is_dropped_is_used_again(make: MakeChoice) -> None:
    world = grown(Random(3), 50, 100)
    base = world.built(make, 1)
    used = dict(base.claim.room.used)
    for _ in range(50):
        some = [Dependency(10_000 + i, i, i + 1, 0, "p0") for i in range(20)]
        assert changed(base, StructureChange(2, linked=some)).claim.room is base.claim.room
    gc.collect()
    assert base.claim.room.used == used


@makes
def test_more_than_there_is_room_for(make: MakeChoice) -> None:
    world = grown(Random(3), 50, 100)
    base = world.built(make, 1)
    some = [world.new_edge() for _ in range(9_000)]
    structure = changed(base, StructureChange(2, linked=some))
    assert structure.claim.room is not base.claim.room
    question = WhatIf({1: State.DOWN})
    same_ground(structure, world.built(make, 2))
    same_answers(structure, world.built(make, 2), question)


@makes
def test_an_edge_that_closes_a_long_ring_and_one_that_opens_it(make: MakeChoice) -> None:
    length = 500
    chain = [(i + 1, i, i + 1, 0) for i in range(length)]
    base = build_structure(DependencyColumns.of(chain), np.ones(length + 1, dtype=bool), RULES, make=make)
    closed = changed(base, StructureChange(2, linked=[Dependency(9_999, length, 0, 0)]))
    assert rings(closed) == {frozenset(range(length + 1))}
    assert closed.graph.footing.presumed.all()
    opened = changed(closed, StructureChange(3, unlinked=[Ended(250, 249)]))
    assert rings(opened) == set()
    assert not opened.graph.footing.presumed.any()
    same_ground(
        opened, changed(base, StructureChange(3, linked=[Dependency(9_999, length, 0, 0)], unlinked=[Ended(250, 249)]))
    )


def test_changes_of_what_is_not_there_are_refused() -> None:
    base = build_structure(DependencyColumns.of([(1, 0, 1, 0)]), np.ones(2, dtype=bool), RULES, make=NUMPY)
    for change, message in (
        (StructureChange(2, unlinked=[Ended(7, 0)]), "relationship 7 is to end"),
        (StructureChange(2, altered=[Altered(7, 5)]), "relationship 7 is to end or to alter"),
        (StructureChange(2, unlinked=[Ended(1, 0)], altered=[Altered(1, 0)]), "twice"),
        (StructureChange(2, linked=[Dependency(2, 0, 1, 9)]), "type codes up to 9"),
        (StructureChange(2, linked=[Dependency(2, 0, 1, 0, "p", 0)]), "relationship 2 has weight 0"),
        (StructureChange(2, declared={0: [PoolDeclaration(0, "p"), PoolDeclaration(0, "p")]}), "declared twice"),
    ):
        with pytest.raises(Invalid, match=message):
            changed(base, change)
