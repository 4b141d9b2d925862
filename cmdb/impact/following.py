"""Keeping the structure of needs up with the ledger: loaded with its pools, changed with each commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Final, cast

import numpy as np

from cmdb.changeset import ModelInstalled, NodeCreated
from cmdb.impact.changing import changed
from cmdb.impact.kernels import Bools, MakeChoice, configured_make
from cmdb.impact.netting import POOL, REDUNDANCY, WEIGHT, NeedsNet, redundancy_of, weight_of
from cmdb.impact.propagation import Propagation
from cmdb.impact.spof import SinglePoints
from cmdb.impact.structure import EdgeTraits, PoolDeclaration, Structure, TypeRule, build_structure
from cmdb.projection.latest import Latest
from cmdb.projection.loading import DependencyCodes, Ground, load_ground
from cmdb.projection.roster import Roster
from cmdb.store.port import Store, ValueColumns
from graph_schema.metamodel import Model

KEPT: Final = 4
"""Structures of past revisions, and answers that take long, that are kept for the next question about them."""

_WORTH_RENEWING: Final = 0.25


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store says about needs, all of it of one head."""

    ground: Ground
    pools: ValueColumns
    weights: ValueColumns
    redundancy: ValueColumns


@dataclass(frozen=True, slots=True)
class Standing:
    """A structure ready to be asked, the class of each of its nodes, and the model that it is read by.

    `points` are the single points of failure that were asked for last, by the sorted services as bytes.
    """

    propagation: Propagation
    roster: Roster
    model: Model
    points: Latest[bytes, SinglePoints] = field(default_factory=lambda: Latest(KEPT), init=False, repr=False)

    @property
    def structure(self) -> Structure:
        """Who needs whom."""
        return self.propagation.structure

    def at(self, revision: int) -> Standing:
        """The same as of a later revision."""
        return replace(self, propagation=Propagation(replace(self.structure, revision=revision)))


class StructureFollower:
    """The structure of one store for one process, as of its head or of the past.

    It asks the store's head before each answer. A commit costs what it touches (see `changed`); one that installs a
    model has the structure loaded anew, O(V + E). When changes have come to a quarter of it, it is laid out anew beside
    the answers, which go on from what there is.
    """

    def __init__(self, store: Store, *, make: MakeChoice | None = None) -> None:
        self._store = store
        self._make = make or configured_make()
        self._lock = asyncio.Lock()
        self._present: Standing | None = None
        self._past: Latest[int, Standing] = Latest(KEPT)
        self._renewal: asyncio.Task[Standing] | None = None

    async def current(self) -> Standing:
        """The structure at the store's head, ready to be asked. Raises Failed while the store is empty."""
        async with self._lock:
            head = await self._store.head()
            known = self._renewed() or self._present or await self._loaded(None)
            if known.structure.revision < head.revision:
                known = await self._followed(known, head.revision)
            self._present = known
            if self._renewal is None and known.structure.claim.room.added > _WORTH_RENEWING:
                self._renewal = asyncio.create_task(self._loaded(None))
            return known

    async def begin(self, reading: Awaitable[Ground]) -> None:
        """Load now, from what is being read of the present, which may serve others too. O(V + E)."""
        async with self._lock:
            self._present = await self._loaded(None, await reading)

    async def as_of(self, revision: int | None) -> Standing:
        """The structure as it stood at a revision; None is now. O(V + E) unless it was asked for lately."""
        if revision is None:
            return await self.current()
        async with self._lock:
            found = self._past.get(revision)
            return self._past.keep(revision, await self._loaded(revision)) if found is None else found

    def _renewed(self) -> Standing | None:
        """What was laid out anew, if it is ready. What failed is tried again when it is due."""
        if self._renewal is None or not self._renewal.done():
            return None
        renewal, self._renewal = self._renewal, None
        return None if renewal.cancelled() or renewal.exception() else renewal.result()

    async def _loaded(self, as_of: int | None, ground: Ground | None = None) -> Standing:
        loaded = await load(self._store, as_of, ground)
        ground = loaded.ground
        revision = ground.head.revision if as_of is None else as_of
        structure = await asyncio.to_thread(structure_of, loaded, revision, self._make)
        return Standing(Propagation(structure), Roster(ground.nodes), ground.model)

    async def _followed(self, known: Standing, until: int) -> Standing:
        net = NeedsNet(DependencyCodes.of(known.model))
        revision = known.structure.revision
        async for commit in self._store.commits(after=revision, until=until):
            if any(isinstance(effect, ModelInstalled) for effect in commit.effects):
                return await self._loaded(None)
            net.take(commit.effects)
            for effect in commit.effects:
                if isinstance(effect, NodeCreated):
                    known.roster.add(effect.ordinal, effect.class_name)
            revision = commit.revision
        change = net.change(known.structure, revision)
        if not len(change):
            return known.at(revision)
        structure = await asyncio.to_thread(changed, known.structure, change)
        return replace(known, propagation=Propagation(structure))


async def load(store: Store, as_of: int | None, ground: Ground | None = None) -> Loaded:
    """Everything about needs as of a revision, or, read again until it is all of one head, of now. O(V + E).

    What was read of that already is the `ground`. Raises Failed while the store is empty.
    """
    while True:
        ground = ground or await load_ground(store, as_of)
        _, pools = await store.relationship_values(POOL, ground.codes.names, as_of)
        _, weights = await store.relationship_values(WEIGHT, ground.codes.names, as_of)
        after, redundancy = await store.node_values(REDUNDANCY, as_of)
        if as_of is not None or ground.head == after:
            return Loaded(ground, pools, weights, redundancy)
        ground = None


def structure_of(loaded: Loaded, revision: int, make: MakeChoice) -> Structure:
    """The structure of what was loaded. O(V + E)."""
    ground = loaded.ground
    present = (ground.nodes.class_code >= 0) & ~ground.nodes.retired
    return build_structure(
        ground.dependencies,
        present,
        rules_of(ground.model),
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
    given = np.array([weight_of(value) for value in weights.values], dtype=np.int64)
    weight[np.searchsorted(relationship, weights.ident)] = given[weights.code]
    return EdgeTraits(relationship, pool, weight, tuple(str(value) for value in pools.values))


def _declarations(redundancy: ValueColumns, present: Bools) -> list[PoolDeclaration]:
    """What present CIs say of their pools. An entry that cannot be read leaves its pools needing all they have."""
    parsed = [redundancy_of(value) for value in redundancy.values]
    owners, codes = cast("list[int]", redundancy.ident.tolist()), cast("list[int]", redundancy.code.tolist())
    return [
        PoolDeclaration(owner, entry.pool, entry.need, entry.strength)
        for owner, code in zip(owners, codes, strict=True)
        if present[owner]
        for entry in parsed[code]
    ]
