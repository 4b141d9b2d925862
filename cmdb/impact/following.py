"""Keeping the structure of needs up with the ledger: loaded with its pools, renewed when a commit touches it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np

from cmdb.changeset import Effect, Linked, ModelInstalled, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.errors import Failed, Invalid
from cmdb.impact.kernels import Bools, MakeChoice, configured_make
from cmdb.impact.needs import Redundancy, parse_redundancy
from cmdb.impact.propagation import Propagation
from cmdb.impact.structure import EdgeTraits, PoolDeclaration, Structure, TypeRule, build_structure
from cmdb.ledger import Head
from cmdb.projection.columns import DependencyColumns
from cmdb.projection.following import DependencyCodes
from cmdb.projection.roster import Roster
from cmdb.store.port import NodeColumns, Store, ValueColumns
from graph_schema.metamodel import Model
from graph_schema.values import Value

POOL: Final = "pool"
WEIGHT: Final = "weight"
REDUNDANCY: Final = "redundancy"
"""The attributes that say how much of what is needed: of a relationship, and of a CI."""

KEPT: Final = 4
"""Structures of past revisions that are kept for the next question about them."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store says about needs, all of it of one head."""

    head: Head
    model: Model
    nodes: NodeColumns
    dependencies: DependencyColumns
    pools: ValueColumns
    weights: ValueColumns
    redundancy: ValueColumns


@dataclass(frozen=True, slots=True)
class Standing:
    """A structure ready to be asked, the class of each of its nodes, and the model that it is read by."""

    propagation: Propagation
    roster: Roster
    model: Model

    @property
    def structure(self) -> Structure:
        """Who needs whom."""
        return self.propagation.structure

    def at(self, revision: int) -> Standing:
        """The same as of a later revision."""
        return replace(self, propagation=Propagation(replace(self.structure, revision=revision)))


class StructureFollower:
    """The structure of one store for one process, as of its head or of the past.

    It asks the store's head before each answer. A commit that touches no need costs O(its effects); one that does has
    the structure made anew, O(V + E).
    """

    def __init__(self, store: Store, *, make: MakeChoice | None = None) -> None:
        self._store = store
        self._make = make or configured_make()
        self._lock = asyncio.Lock()
        self._present: Standing | None = None
        self._past: OrderedDict[int, Standing] = OrderedDict()

    async def current(self) -> Standing:
        """The structure at the store's head, ready to be asked. Raises Failed while the store is empty."""
        async with self._lock:
            head = await self._store.head()
            known = self._present
            if known is None:
                self._present = await self._loaded(None)
            elif known.structure.revision < head.revision:
                untouched = await self._untouched(known.structure, head.revision)
                self._present = known.at(head.revision) if untouched else await self._loaded(None)
            if self._present is None:
                raise AssertionError("just loaded")
            return self._present

    async def as_of(self, revision: int | None) -> Standing:
        """The structure as it stood at a revision; None is now. O(V + E) unless it was asked for lately."""
        if revision is None:
            return await self.current()
        async with self._lock:
            if revision not in self._past:
                self._past[revision] = await self._loaded(revision)
                while len(self._past) > KEPT:
                    self._past.popitem(last=False)
            self._past.move_to_end(revision)
            return self._past[revision]

    async def _loaded(self, as_of: int | None) -> Standing:
        loaded = await load(self._store, as_of)
        revision = loaded.head.revision if as_of is None else as_of
        structure = await asyncio.to_thread(structure_of, loaded, revision, self._make)
        return Standing(Propagation(structure), Roster(loaded.nodes), loaded.model)

    async def _untouched(self, structure: Structure, until: int) -> bool:
        types = frozenset(rule.name for rule in structure.rules)
        async for commit in self._store.commits(after=structure.revision, until=until):
            if touches_needs(commit.effects, types):
                return False
        return True


def touches_needs(effects: Iterable[Effect], types: frozenset[str]) -> bool:
    """Whether effects alter who needs whom, or how badly; `types` are those that mean a dependency. O(effects)."""
    for effect in effects:
        match effect:
            case NodeCreated() | NodeRetired() | ModelInstalled():
                return True
            case Linked() | Unlinked() if effect.type in types:
                return True
            case Relinked() if effect.type in types and not effect.after.keys().isdisjoint({POOL, WEIGHT}):
                return True
            case NodeChanged() if REDUNDANCY in effect.after:
                return True
            case _:
                pass
    return False


async def load(store: Store, as_of: int | None) -> Loaded:
    """Everything about needs as of a revision, or, read again until it is all of one head, of now. O(V + E)."""
    while True:
        head, nodes = await store.node_columns(as_of)
        model = await store.model(as_of)
        if model is None:
            raise Failed(f"{store.url} is empty", remedy="run `cmdb init` first")
        codes = DependencyCodes.of(model)
        _, relationships = await store.relationship_columns(codes.names, as_of)
        _, pools = await store.relationship_values(POOL, codes.names, as_of)
        _, weights = await store.relationship_values(WEIGHT, codes.names, as_of)
        after, redundancy = await store.node_values(REDUNDANCY, as_of)
        if as_of is not None or head == after:
            columns = await asyncio.to_thread(codes.columns, relationships)
            return Loaded(head, model, nodes, columns, pools, weights, redundancy)


def structure_of(loaded: Loaded, revision: int, make: MakeChoice) -> Structure:
    """The structure of what was loaded. O(V + E)."""
    present = (loaded.nodes.class_code >= 0) & ~loaded.nodes.retired
    return build_structure(
        loaded.dependencies,
        present,
        rules_of(loaded.model),
        traits=_traits(loaded.pools, loaded.weights),
        declarations=_declarations(loaded.redundancy, present),
        revision=revision,
        make=make,
    )


def rules_of(model: Model) -> list[TypeRule]:
    """What each dependency type of a model means, in the order of their codes."""
    return [
        TypeRule(kind.name, kind.dependency.strength, kind.dependency.need)
        for kind in model.dependency_types
        if kind.dependency is not None
    ]


def _traits(pools: ValueColumns, weights: ValueColumns) -> EdgeTraits:
    """Pool and weight of the relationships that have either. O(n log n)."""
    relationship = np.union1d(pools.ident, weights.ident)
    pool = np.full(len(relationship), -1, dtype=np.int32)
    pool[np.searchsorted(relationship, pools.ident)] = pools.code
    weight = np.ones(len(relationship), dtype=np.int64)
    given = np.array([value if isinstance(value, int) else 1 for value in weights.values], dtype=np.int64)
    weight[np.searchsorted(relationship, weights.ident)] = given[weights.code]
    return EdgeTraits(relationship, pool, weight, tuple(str(value) for value in pools.values))


def _declarations(redundancy: ValueColumns, present: Bools) -> list[PoolDeclaration]:
    """What present CIs say of their pools. An entry that cannot be read leaves its pools needing all they have."""
    parsed = [_read(value) for value in redundancy.values]
    owners, codes = cast("list[int]", redundancy.ident.tolist()), cast("list[int]", redundancy.code.tolist())
    return [
        PoolDeclaration(owner, entry.pool, entry.need, entry.strength)
        for owner, code in zip(owners, codes, strict=True)
        if present[owner]
        for entry in parsed[code]
    ]


def _read(value: Value) -> tuple[Redundancy, ...]:
    try:
        return parse_redundancy(map(str, value)) if isinstance(value, tuple) else ()
    except Invalid:
        return ()
