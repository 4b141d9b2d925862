"""Keeping the projection up with the ledger: load it once, then take in the effects of each new commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cmdb.changeset import Effect, Linked, ModelInstalled, NodeCreated, NodeRetired, Unlinked
from cmdb.ledger import Commit
from cmdb.projection.columns import DependencyColumns
from cmdb.projection.kernels import KernelChoice, configured_choice
from cmdb.projection.latest import Latest
from cmdb.projection.loading import DependencyCodes, Ground, Row, load_ground
from cmdb.projection.projection import Batch, Projection
from cmdb.projection.roster import Roster
from cmdb.store.port import Store

KEPT: Final = 4
"""Projections of past revisions that are kept for the next question about them."""


class Follower:
    """The projection of one store for one process.

    It asks the store's head before each answer, so that several processes can serve one store.
    """

    def __init__(self, store: Store, *, kernels: KernelChoice | None = None) -> None:
        self._store = store
        self._kernels = kernels or configured_choice()
        self._lock = asyncio.Lock()
        self._present: Projection | None = None
        self._codes: DependencyCodes | None = None
        self._roster: Roster | None = None
        self._past: Latest[int, Projection] = Latest(KEPT)

    async def current(self) -> Projection:
        """The projection at the store's head. O(new effects), O(V + E) the first time. Raises Failed if it is empty."""
        async with self._lock:
            head = await self._store.head()
            if self._present is None or self._codes is None:
                self._present = await self._loaded(None)
            elif self._present.revision < head.revision:
                await self._follow(self._present, self._codes, head.revision)
            return self._present

    async def begin(self, reading: Awaitable[Ground]) -> None:
        """Load now, from what is being read of the present, which may serve others too. O(V + E)."""
        async with self._lock:
            self._present = await self._loaded(None, reading)

    async def as_of(self, revision: int | None) -> Projection:
        """The projection as it stood at a revision; None is now. O(V + E) unless it was asked for lately."""
        if revision is None:
            return await self.current()
        async with self._lock:
            found = self._past.get(revision)
            return self._past.keep(revision, await self._loaded(revision)) if found is None else found

    async def roster(self) -> Roster:
        """The classes of all nodes, at least up to the store's head."""
        await self.current()
        if self._roster is None:
            raise AssertionError("loaded with the projection")
        return self._roster

    async def _loaded(self, as_of: int | None, reading: Awaitable[Ground] | None = None) -> Projection:
        counters = await self._store.counters()
        ground, _ = await asyncio.gather(
            reading or load_ground(self._store, as_of), asyncio.to_thread(_make_ready, self._kernels, counters.ordinal)
        )
        nodes = ground.nodes
        if as_of is None:
            self._codes, self._roster = ground.codes, Roster(nodes)
        return await asyncio.to_thread(
            Projection.from_columns,
            ground.dependencies,
            len(nodes.retired),
            ground.head.revision if as_of is None else as_of,
            retired=np.flatnonzero(nodes.retired | (nodes.class_code < 0)).astype(np.int32),
            kernels=self._kernels,
        )

    async def _follow(self, projection: Projection, codes: DependencyCodes, until: int) -> None:
        net = _Net(codes)
        revision = projection.revision
        async for commit in self._store.commits(after=revision, until=until):
            if any(isinstance(effect, ModelInstalled) for effect in commit.effects):
                self._present = await self._loaded(None)
                return
            net.take(commit)
            self._note_classes(commit)
            revision = commit.revision
        await asyncio.to_thread(projection.apply, net.batch(revision))

    def _note_classes(self, commit: Commit) -> None:
        for effect in commit.effects:
            if isinstance(effect, NodeCreated) and self._roster is not None:
                self._roster.add(effect.ordinal, effect.class_name)


def _make_ready(choose: KernelChoice, nodes: int) -> None:
    """Import the kernels for so many nodes, and have them sort nothing: compiled ones take a second to be there."""
    nothing = np.empty(0, dtype=np.int32)
    choose(nodes).sort_into_rows(nothing, nothing, 1)


@dataclass(slots=True)
class _Net:
    """The net of several commits: what comes and goes within them leaves no trace."""

    codes: DependencyCodes
    added: list[int] = field(default_factory=list[int])
    retired: list[int] = field(default_factory=list[int])
    linked: dict[int, Row] = field(default_factory=dict[int, Row])
    unlinked: list[Row] = field(default_factory=list[Row])

    def take(self, commit: Commit) -> None:
        for effect in commit.effects:
            self._take_one(effect)

    def _take_one(self, effect: Effect) -> None:
        match effect:
            case NodeCreated(ordinal=ordinal):
                self.added.append(ordinal)
            case NodeRetired(ordinal=ordinal):
                self.retired.append(ordinal)
            case Linked() if row := self.codes.row(effect):
                self.linked[effect.id] = row
            case Unlinked() if row := self.codes.row(effect):
                if self.linked.pop(effect.id, None) is None:
                    self.unlinked.append(row)
            case _:
                pass

    def batch(self, revision: int) -> Batch:
        return Batch(
            revision=revision,
            added=self.added,
            linked=DependencyColumns.of(self.linked.values()),
            unlinked=DependencyColumns.of(self.unlinked),
            retired=self.retired,
        )
