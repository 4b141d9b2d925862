"""Hits as GraphQL shows them: what became of each, the arithmetic that explains it, and the way from a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import strawberry

from api.graphql.loading import Batch
from api.graphql.nodes import Node
from api.graphql.paging import PageInfo, cursors, page_info
from api.graphql.reach import PathHop, path_hops
from api.graphql.reading import Shown, View
from cmdb.application import Assessed, DescribedFailure, DescribedReason, describe_some
from cmdb.application.seeing import is_hidden
from cmdb.impact import ImpactHit, State
from cmdb.projection.columns import Int32s


@strawberry.enum(description="What became of a hit. Who is at risk goes on, but lost the spare that it had.")
class Verdict(Enum):
    """One for each hit."""

    DOWN = "down"
    DEGRADED = "degraded"
    AT_RISK = "at_risk"


@strawberry.enum(description="How a CI is.")
class CiState(Enum):
    """See `cmdb.impact.State`."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


_STATES: Final = {state: CiState[state.name] for state in State}
_VERDICTS: Final = {state: Verdict[state.name] for state in (State.DEGRADED, State.DOWN)}


@strawberry.type(description="One provider of a pool, before and after.")
class PoolMember:
    """A counted alternative."""

    node: Shown = strawberry.field(graphql_type=Node)
    weight: int
    before: CiState
    after: CiState


@strawberry.type(description="The arithmetic of one pool of a hit, in weights.")
class PoolReason:
    """`pool` is null for a dependency that is a pool of its own."""

    pool: str | None
    type: str
    strength: str
    need: int
    total: int
    before: int
    after: int
    healthy_before: int
    healthy_after: int
    members: list[PoolMember]


@strawberry.type(description="A CI that got worse or lost its spare.")
class ImpactHitNode:
    """`described` reads the reasons and paths of all hits of a level together."""

    node: Shown = strawberry.field(graphql_type=Node)
    verdict: Verdict
    before: CiState
    after: CiState
    distance: int = strawberry.field(description="Failed dependencies from the nearest source.")
    place: strawberry.Private[int]
    described: strawberry.Private[Batch[int, DescribedFailure]]

    @strawberry.field(description="The pools that explain it.")
    async def reasons(self) -> list[PoolReason]:
        """Empty for a source that nothing else would explain."""
        return [pool_reason(self.node.view, reason) for hit in await self._known() for reason in hit.reasons]

    @strawberry.field(description="A shortest chain of failed dependencies, from the hit to a source.")
    async def path(self) -> list[PathHop]:
        """Every relationship of it can be checked."""
        return [hop for hit in await self._known() for hop in path_hops(self.node.view, hit.path)]

    async def _known(self) -> list[DescribedFailure]:
        return [known for known in await self.described.load([self.place]) if known is not None]


@strawberry.type(description="Why a CI is as it is: all its pools, whatever became of it.")
class Explanation:
    """`distance` is null where it is no hit."""

    node: Shown = strawberry.field(graphql_type=Node)
    before: CiState
    after: CiState
    distance: int | None
    pools: list[PoolReason]


@strawberry.type(description="A hit and the cursor to go on after it.")
class ImpactEdge:
    """See Relay."""

    cursor: str
    node: ImpactHitNode


@strawberry.type(description="A page of hits, the nearest first.")
class ImpactConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[ImpactEdge]
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class Hits:
    """The hits of an answer, to be shown in pages: nodes, reasons and paths of all pages of a level are read together."""

    view: View
    found: Assessed
    described: Batch[int, DescribedFailure]

    @classmethod
    def of(cls, view: View, found: Assessed) -> Hits:
        """Of this answer."""

        async def fetch(places: list[int]) -> Mapping[int, DescribedFailure]:
            hits = list(found.impact.hits_at(np.array(places, dtype=np.int32)))
            known = await describe_some(view.reading.application, found, hits)
            return dict(zip(places, known, strict=True))

        return cls(view, found, Batch(fetch))

    async def page(self, places: Int32s, total: int, start: int, after: str | None) -> ImpactConnection:
        """The hits at these places of the answer: `total` rows are paged, and the page begins at `start` of them."""
        some: list[int] = places.tolist()
        hits = list(self.found.impact.hits_at(places))
        nodes = await self.view.nodes([hit.ordinal for hit in hits])
        marks = cursors(self.found.revision, start, len(hits))
        edges = [
            ImpactEdge(cursor=mark, node=self._hit(node, hit, place))
            for mark, place, hit, node in zip(marks, some, hits, nodes, strict=True)
            if not is_hidden(node.node)
        ]
        return ImpactConnection(
            total_count=total, edges=edges, page_info=page_info(marks, after, more=start + len(hits) < total)
        )

    def _hit(self, node: Shown, hit: ImpactHit, place: int) -> ImpactHitNode:
        return ImpactHitNode(
            node=node,
            verdict=Verdict.AT_RISK if hit.at_risk else _VERDICTS[hit.state],
            before=_STATES[hit.before],
            after=_STATES[hit.state],
            distance=hit.distance,
            place=place,
            described=self.described,
        )


def pool_reason(view: View, reason: DescribedReason) -> PoolReason:
    """A reason as a GraphQL source."""
    margin = reason.margin
    return PoolReason(
        pool=reason.pool,
        type=margin.type_name,
        strength=margin.strength.value,
        need=margin.need,
        total=margin.total,
        before=margin.before,
        after=margin.after,
        healthy_before=margin.healthy_before,
        healthy_after=margin.healthy_after,
        members=[
            PoolMember(
                node=view.show(member.node),
                weight=member.weight,
                before=_STATES[member.before],
                after=_STATES[member.after],
            )
            for member in reason.members
        ],
    )
