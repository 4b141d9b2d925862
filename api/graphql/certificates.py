"""Blast-radius certificates of changes: what was sealed, told again, with its hits in pages."""

from __future__ import annotations

import strawberry

from api.graphql.hits import CiState, Verdict
from api.graphql.impact import Fault, ImpactCounts
from api.graphql.nodes import Node
from api.graphql.paging import DEFAULT_PAGE, PageInfo, cursors, page_info, place_after
from api.graphql.reading import Shown, View
from cmdb.changes.certificate import Answer, HitLine
from cmdb.changes.record import Certified
from cmdb.nodes import said


@strawberry.type(description="A CI, by key, and how it is taken to fail.")
class CertifiedFault:
    """Of the scenario and its context."""

    key: str
    state: Fault


@strawberry.type(description="A CI that is hit while the change is made.")
class CertifiedHit:
    """See `cmdb.changes.certificate.HitLine`."""

    verdict: Verdict
    before: CiState
    distance: int
    reasons: list[str] = strawberry.field(description="The arithmetic of the pools that it fails through.")
    node: Shown = strawberry.field(graphql_type=Node, description="As of the revision that was assessed.")


@strawberry.type(description="A hit and the cursor to go on after it.")
class CertifiedHitEdge:
    """See Relay."""

    cursor: str
    node: CertifiedHit


@strawberry.type(description="A page of hits, the nearest first.")
class CertifiedHitConnection:
    """The page's nodes are read, and nothing else."""

    total_count: int
    edges: list[CertifiedHitEdge]
    page_info: PageInfo


@strawberry.type(
    description="A CI that the same faults hit on the graph as the change leaves it, and not now, or worse."
)
class LaterHit:
    """A CI that the change creates is called `Class:name`."""

    key: str
    verdict: Verdict


@strawberry.type(description="A pool, by its owner's key and its name.")
class CertifiedPool:
    """See `cmdb.changes.certificate.Answer`."""

    owner: str
    pool: str


@strawberry.type(description="A CI that would newly take others down alone, by key.")
class CertifiedPoint:
    """See `cmdb.changes.certificate.Answer`."""

    key: str
    takes_down: list[str]


@strawberry.type(description="Services that are hit, as `name (key)`.")
class CertifiedServices:
    """By verdict."""

    down: list[str]
    degraded: list[str]
    at_risk: list[str]


@strawberry.type(description="What a change was found to break, sealed so that an approval can rest on it.")
class ChangeCertificate:
    """Worked out again from the ledger; `proven` says whether it is what was sealed, to the letter."""

    view: strawberry.Private[View]
    answer: strawberry.Private[Answer]
    node: Shown = strawberry.field(graphql_type=Node, description="Its record.")
    revision: int = strawberry.field(description="The revision that was assessed.")
    model_version: str
    digest: str
    proven: bool
    complete: bool
    scenario: list[CertifiedFault]
    context: list[CertifiedFault] = strawberry.field(
        description="What ongoing outages affected and other changes being implemented touched, and so had failed already."
    )
    counts: ImpactCounts
    counts_afterwards: ImpactCounts = strawberry.field(description="The same on the graph as the change leaves it.")
    afterwards: list[LaterHit]
    lost: list[CertifiedPool] = strawberry.field(
        description="Pools that stood the loss of any one member, and will not."
    )
    gained: list[CertifiedPool]
    single_points: list[CertifiedPoint]
    services: CertifiedServices
    customers: list[str]
    agreements: list[str]
    owners: list[str] = strawberry.field(description="Who is to be told.")
    unknown: list[str] = strawberry.field(description="What could not be said.")

    @strawberry.field(description="Who is hit while the change is made. A cursor serves this certificate.")
    async def hits(self, first: int = DEFAULT_PAGE, after: str | None = None) -> CertifiedHitConnection:
        """A page: O(page), whatever the total."""
        start = place_after(self.revision, first, after)
        some = self.answer.hits[start : start + first]
        ordinals = await self.view.store.ordinals_of_keys([hit.key for hit in some])
        nodes = await self.view.nodes([ordinals[hit.key] for hit in some])
        marks = cursors(self.revision, start, len(some))
        return CertifiedHitConnection(
            total_count=len(self.answer.hits),
            edges=[
                CertifiedHitEdge(cursor=mark, node=_hit(hit, node))
                for mark, hit, node in zip(marks, some, nodes, strict=True)
            ],
            page_info=page_info(marks, after, more=start + len(some) < len(self.answer.hits)),
        )


def shown_certificate(view: View, certified: Certified, answer: Answer, *, proven: bool) -> ChangeCertificate:
    """A certificate as a GraphQL source."""
    return ChangeCertificate(
        view=view.reading.at_revision(answer.revision),
        answer=answer,
        node=view.show(certified.node),
        revision=answer.revision,
        model_version=answer.model,
        digest=said(certified.node, "content_digest"),
        proven=proven,
        complete=answer.complete,
        scenario=[CertifiedFault(key=key, state=Fault(fault)) for key, fault in answer.scenario.items()],
        context=[CertifiedFault(key=key, state=Fault(fault)) for key, fault in answer.context.items()],
        counts=ImpactCounts(**answer.counts),
        counts_afterwards=ImpactCounts(**answer.counts_afterwards),
        afterwards=[LaterHit(key=key, verdict=Verdict(verdict)) for key, verdict in answer.afterwards],
        lost=[CertifiedPool(owner=owner, pool=pool) for owner, pool in answer.lost],
        gained=[CertifiedPool(owner=owner, pool=pool) for owner, pool in answer.gained],
        single_points=[CertifiedPoint(key=key, takes_down=list(fallen)) for key, fallen in answer.single_points],
        services=CertifiedServices(
            **{verdict.value: list(answer.services.get(verdict.value, ())) for verdict in Verdict}
        ),
        customers=list(answer.customers),
        agreements=list(answer.agreements),
        owners=list(answer.owners),
        unknown=list(answer.unknown),
    )


def _hit(hit: HitLine, node: Shown) -> CertifiedHit:
    return CertifiedHit(
        node=node,
        verdict=Verdict(hit.verdict),
        before=CiState[hit.before.upper()],
        distance=hit.distance,
        reasons=list(hit.reasons),
    )
