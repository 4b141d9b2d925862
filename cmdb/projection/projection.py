"""The dependency graph in memory: built from columns, changed in place by commits, walked both ways."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cmdb.errors import Invalid
from cmdb.projection.columns import DependencyColumns, Int32s
from cmdb.projection.edges import EdgeTable
from cmdb.projection.kernels import KernelChoice, configured_choice
from cmdb.projection.lock import ReadersWriterLock
from cmdb.projection.reach import Direction, Hop, Reach, hop_back, in_reading_order
from cmdb.projection.rows import Rows, capacity_for

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Batch:
    """What commits up to `revision` do to the graph, as the net of them.

    A relationship that comes and goes within the batch stands in neither `linked` nor `unlinked`, whose type
    codes are not looked at. Nodes are added first and retired last.
    """

    revision: int
    added: Sequence[int] = ()
    linked: DependencyColumns = field(default_factory=DependencyColumns.of)
    unlinked: DependencyColumns = field(default_factory=DependencyColumns.of)
    retired: Sequence[int] = ()


class Projection:
    """Nodes are ordinals from 0; an edge says that its dependent needs its provider. Edges may be parallel.

    Safe for many threads: questions run together, a change runs alone and waits for the questions under way,
    and questions that come later wait for it. `reading()` keeps several questions on one revision.
    """

    def __init__(
        self, columns: DependencyColumns, present: NDArray[np.bool_], revision: int, choose: KernelChoice
    ) -> None:
        self._edges = EdgeTable(columns, len(present), choose(len(present)))
        self._present = present
        self._nodes = len(present)
        self._revision = revision
        self._choose = choose
        self._lock = ReadersWriterLock()

    @classmethod
    def from_columns(
        cls,
        columns: DependencyColumns,
        nodes: int,
        revision: int,
        *,
        retired: Sequence[int] | Int32s = (),
        kernels: KernelChoice | None = None,
    ) -> Projection:
        """The graph of `nodes` nodes and these dependencies, as of `revision`; O(V + E).

        `kernels` defaults to what the environment configures. Raises `Invalid` for ends that are no node or
        retired.
        """
        present = np.ones(nodes, dtype=bool)
        _check_present(_ordinals(retired), present)
        present[_ordinals(retired)] = False
        _check_present(columns.dependent, present)
        _check_present(columns.provider, present)
        return cls(columns, present, revision, kernels or configured_choice())

    @property
    def revision(self) -> int:
        """The commit that the graph has followed to."""
        return self._revision

    @property
    def nodes(self) -> int:
        """Ordinals given so far, those of retired nodes included."""
        return self._nodes

    @property
    def memory_bytes(self) -> int:
        """Bytes held by the graph's arrays."""
        return self._edges.nbytes + self._present.nbytes

    def __len__(self) -> int:
        """Dependencies in the graph."""
        return len(self._edges)

    def is_present(self, ordinal: int) -> bool:
        """Whether there is such a node and it is not retired."""
        return 0 <= ordinal < self._nodes and bool(self._present[ordinal])

    @contextmanager
    def reading(self) -> Generator[Projection]:
        """Hold off changes, so that several questions see the same revision. Keep it short."""
        with self._lock.reading():
            yield self

    def reach(self, sources: Sequence[int] | Int32s, direction: Direction, *, want_path: bool = False) -> Reach:
        """Everything reached from the sources; O(nodes / 64 + edges of what is reached).

        Raises `Invalid` for a source that is not a present node.
        """
        with self._lock.reading():
            start = np.unique(_ordinals(sources))
            _check_present(start, self._alive())
            edges, rows = self._edges, self._rows(direction)
            spread = edges.kernels.spread(rows, self._nodes, start, -1)
            if not want_path:
                return Reach(direction, self._revision, *spread)
            trail = edges.kernels.trail(rows, self._nodes, spread, edges.relationship)
            return Reach(direction, self._revision, *spread, *trail)

    def shortest_path(self, dependent: int, provider: int) -> tuple[Hop, ...] | None:
        """A shortest chain of dependencies by which `dependent` needs `provider`; None if there is none.

        Among several it is the one that, read from the provider's end, takes the smallest node, then the
        smallest relationship. Empty when both are the same node. O(what the dependent needs up to that
        distance).
        """
        with self._lock.reading():
            ends = _ordinals((dependent, provider))
            _check_present(ends, self._alive())
            spread = self._edges.kernels.spread(self._edges.providers, self._nodes, ends[:1], provider)
            levels = np.split(spread.order, spread.ends[:-1])
            if provider not in levels[-1]:
                return None
            hops: list[Hop] = []
            node = provider
            for level in reversed(levels[:-1]):
                relationship, nearer = self._nearest(node, level)
                hops.append(hop_back(Direction.PROVIDERS, relationship, node, nearer))
                node = nearer
            return in_reading_order(Direction.PROVIDERS, hops)

    def edges(self) -> DependencyColumns:
        """All dependencies, sorted by relationship; O(E log E)."""
        with self._lock.reading():
            return self._edges.columns(self._nodes)

    def type_code(self, hop: Hop) -> int:
        """The type code of a dependency; O(the shorter row of its ends). Raises `Invalid` if it is not there."""
        columns = DependencyColumns.of([(hop.relationship, hop.dependent, hop.provider, 0)])
        with self._lock.reading():
            return int(self._edges.type_code[self._edges.find(columns)[0]])

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """Present nodes and dependencies, dependent to provider, keyed by relationship, with `type_code`."""
        import networkx as nx  # noqa: PLC0415 - only for those who ask for it

        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(revision=self._revision)
        with self._lock.reading():
            columns = self._edges.columns(self._nodes)
            graph.add_nodes_from(np.flatnonzero(self._present[: self._nodes]).tolist())
        for relationship, dependent, provider, type_code in zip(
            columns.relationship.tolist(),
            columns.dependent.tolist(),
            columns.provider.tolist(),
            columns.type_code.tolist(),
            strict=True,
        ):
            graph.add_edge(dependent, provider, key=relationship, type_code=type_code)
        return graph

    def apply(self, batch: Batch) -> None:
        """Follow commits up to `batch.revision`: all of it, or on `Invalid` nothing; amortised O(changes).

        Raises `Invalid` when the batch does not fit: a revision gone back, a node added twice, an end that is
        not present, a relationship to end that is not there, a node to retire that keeps dependencies.
        """
        with self._lock.writing():
            if batch.revision < self._revision:
                raise Invalid(f"the projection is at revision {self._revision}, it cannot go to {batch.revision}")
            added = np.unique(_ordinals(batch.added))
            retired = np.unique(_ordinals(batch.retired))
            self._check_absent(added)
            for ends in (batch.linked.dependent, batch.linked.provider, retired):
                _check_present(ends, self._alive(), added)
            for ends in (batch.unlinked.dependent, batch.unlinked.provider):
                _check_present(ends, self._alive())
            leaving = self._edges.find(batch.unlinked)
            self._check_bare(retired, batch)
            self._add(added)
            self._edges.unlink(batch.unlinked, leaving)
            self._edges.link(batch.linked)
            self._present[retired] = False
            self._revision = batch.revision

    def add_node(self, ordinal: int) -> None:
        """Add a node without edges; amortised O(1). Ordinals skipped count as retired. Keeps the revision."""
        with self._lock.writing():
            added = _ordinals((ordinal,))
            self._check_absent(added)
            self._add(added)

    def link(self, relationship: int, dependent: int, provider: int, type_code: int) -> None:
        """Add an edge; amortised O(1). Keeps the revision. Raises `Invalid` for ends not present."""
        with self._lock.writing():
            self._check_ends(dependent, provider)
            self._edges.link(DependencyColumns.of([(relationship, dependent, provider, type_code)]))

    def unlink(self, relationship: int, dependent: int, provider: int) -> None:
        """Take an edge out; O(the shorter row of its ends). Keeps the revision. Raises `Invalid`."""
        with self._lock.writing():
            self._check_ends(dependent, provider)
            columns = DependencyColumns.of([(relationship, dependent, provider, 0)])
            self._edges.unlink(columns, self._edges.find(columns))

    def _rows(self, direction: Direction) -> Rows:
        return self._edges.dependents if direction is Direction.DEPENDENTS else self._edges.providers

    def _nearest(self, node: int, level: Int32s) -> tuple[int, int]:
        """The smallest (neighbour, relationship) by which somebody in the sorted `level` needs `node`."""
        rows = self._edges.dependents
        start, length = rows.header[node].tolist()
        neighbours = rows.neighbour[start : start + length]
        at = np.minimum(np.searchsorted(level, neighbours), len(level) - 1)
        nearer = level[at] == neighbours
        relationships = self._edges.relationship[rows.edge[start : start + length]]
        smallest = neighbours[nearer].min()
        return int(relationships[neighbours == smallest].min()), int(smallest)

    def _add(self, ordinals: Int32s) -> None:
        if not len(ordinals):
            return
        nodes = max(self._nodes, int(ordinals.max()) + 1)
        if nodes > len(self._present):
            room = capacity_for(nodes)
            self._present = np.pad(self._present, (0, room - len(self._present)))
            self._edges.resize(room)
            self._edges.kernels = self._choose(nodes)
        self._nodes = nodes
        self._present[ordinals] = True

    def _alive(self) -> NDArray[np.bool_]:
        return self._present[: self._nodes]

    def _check_ends(self, *ordinals: int) -> None:
        if not all(map(self.is_present, ordinals)):
            _check_present(_ordinals(ordinals), self._alive())

    def _check_absent(self, ordinals: Int32s) -> None:
        negative = ordinals[ordinals < 0]
        if len(negative):
            raise Invalid(f"ordinals count from 0, not {_some(negative)}")
        double = ordinals[_is_present(ordinals, self._alive())]
        if len(double):
            raise Invalid(f"{len(double)} nodes to add are there already: {_some(double)}")

    def _check_bare(self, retired: Int32s, batch: Batch) -> None:
        """Nodes to retire keep no edge once the batch is through."""
        if not len(retired):
            return
        known = retired < self._nodes
        left = np.zeros(len(retired), dtype=np.int64)
        left[known] = self._edges.degree(retired[known])
        for columns, sign in ((batch.unlinked, -1), (batch.linked, 1)):
            for ends in (columns.dependent, columns.provider):
                at = np.minimum(np.searchsorted(retired, ends), len(retired) - 1)
                left += sign * np.bincount(at[retired[at] == ends], minlength=len(retired))
        if left.any():
            raise Invalid(
                f"{np.count_nonzero(left)} nodes to retire keep dependencies: {_some(retired[left != 0])}",
                remedy="end their relationships in the same batch",
            )


def _is_present(ordinals: Int32s, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inside = (ordinals >= 0) & (ordinals < len(present))
    return inside & present[np.where(inside, ordinals, 0)] if len(present) else inside


def _check_present(ordinals: Int32s, present: NDArray[np.bool_], added: Int32s | None = None) -> None:
    strange = ordinals[~_is_present(ordinals, present)]
    if added is not None:
        strange = np.setdiff1d(strange, added)
    if len(strange):
        raise Invalid(
            f"{len(strange)} ordinals are no present node: {_some(strange)}",
            remedy="name nodes that exist and are not retired",
        )


def _ordinals(values: Sequence[int] | Int32s) -> Int32s:
    """The values as a column; raises `Invalid` for what cannot be an ordinal."""
    wide = np.asarray(values, dtype=np.int64)
    too_wide = wide[wide != wide.astype(np.int32)]
    if len(too_wide):
        raise Invalid(f"{int(too_wide[0])} is too large for an ordinal")
    return wide.astype(np.int32)


def _some(ordinals: Int32s) -> str:
    shown = ", ".join(str(ordinal) for ordinal in ordinals[:5].tolist())
    return f"{shown} …" if len(ordinals) > 5 else shown
