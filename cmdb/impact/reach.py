"""Which CIs some others reach, how far away and by which path: structure alone, without redundancy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cmdb.errors import Invalid
from cmdb.projection import Direction, Hop, Projection, Reach
from cmdb.projection.columns import Int32s


@dataclass(frozen=True, slots=True)
class Hit:
    """One node that is reached, and the edges of a shortest way to it from a source."""

    ordinal: int
    distance: int


@dataclass(frozen=True)
class ReachAnswer:
    """Everything that some nodes reach at `revision`, they included, at distance 0.

    `complete` says that nothing was left out. Hits are ordered by distance, then by ordinal, so pages are
    stable; the columns `ordinals` and `distances` are for bulk, `hits` and `path_to` for people.
    """

    reach: Reach
    complete: bool

    def __len__(self) -> int:
        return len(self.reach)

    @property
    def revision(self) -> int:
        """The commit whose graph was asked."""
        return self.reach.revision

    @property
    def direction(self) -> Direction:
        """Dependents: who is affected. Providers: what is needed."""
        return self.reach.direction

    @property
    def ordinals(self) -> Int32s:
        """Of the hits, in order."""
        return self.reach.ordinals

    @property
    def distances(self) -> Int32s:
        """Of the hits, in order."""
        return self.reach.distance

    def hits(self, start: int = 0, count: int | None = None) -> Iterator[Hit]:
        """`count` hits from position `start` on, or all the rest; O(count) after a first O(hits)."""
        part = slice(start, None if count is None else start + count)
        for ordinal, distance in zip(self.ordinals[part].tolist(), self.distances[part].tolist(), strict=True):
            yield Hit(ordinal, distance)

    def path_to(self, ordinal: int) -> tuple[Hop, ...] | None:
        """A shortest path between a source and `ordinal`; None if it was not reached, empty for a source.

        Each hop is a relationship that exists at the answer's revision and can be checked. Hops read from who
        needs to what is needed: the hit comes first where dependents were asked for, the source where
        providers were. Raises `ValueError` where the answer was made without paths.
        """
        return self.reach.path_to(ordinal)


def reached(
    projection: Projection,
    sources: Sequence[int],
    direction: Direction = Direction.DEPENDENTS,
    *,
    paths: bool = True,
) -> ReachAnswer:
    """What the sources, ordinals of nodes, reach, without a cap; O(nodes / 64 + edges of what is reached).

    `paths=False` saves the way back where only the hits are wanted. Raises `Invalid` where there is no source, or one
    stands twice, or is not a present node.
    """
    if not sources:
        raise Invalid("nothing is asked about", remedy="name at least one node")
    if len(set(sources)) < len(sources):
        raise Invalid("a source is named twice", remedy="name each node once")
    return ReachAnswer(projection.reach(sources, direction, want_path=paths), complete=True)
