"""Baselines over GraphQL: what differs between two moments, in pages, and proofs."""

from __future__ import annotations

from enum import Enum

import strawberry

from api.graphql.nodes import Node
from api.graphql.paging import PageInfo, page_of
from api.graphql.past import LedgerEntry, entry
from api.graphql.reading import Reading, Shown, View
from api.graphql.scalars import AnyValue
from cmdb.application.comparing import NOW, Comparison, Side, compare_moments
from cmdb.application.proving import verify_baseline
from cmdb.baselines import Filtered
from cmdb.baselines.comparing import Change, FieldDifference, NodeDifference, RelationshipDifference


@strawberry.enum(name="DifferenceKind", description="What became of a node or relationship; RETURNED: it is as it was.")
class DifferenceKind(Enum):
    """See `cmdb.baselines.comparing.Change`."""

    ADDED = Change.ADDED.value
    REMOVED = Change.REMOVED.value
    CHANGED = Change.CHANGED.value
    RETURNED = Change.RETURNED.value


@strawberry.type(description="A field or attribute on both sides; equal values changed in between and came back.")
class DifferingField:
    """See `cmdb.baselines.comparing.FieldDifference`."""

    field: str
    before: AnyValue | None
    after: AnyValue | None
    returned: bool
    revisions: list[int] = strawberry.field(description="The commits that touched it.")


@strawberry.type(description="A relationship that differs, with both its ends.")
class DifferingRelationship:
    """By its natural key."""

    type: str
    key: str
    source: Shown = strawberry.field(graphql_type=Node)
    target: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="One difference, of a node or of a relationship.")
class Difference:
    """Exactly one of `node` and `relationship` is there."""

    kind: DifferenceKind
    moved: bool = strawberry.field(description="It is there on both sides, and only came into the scope or left it.")
    fields: list[DifferingField]
    by: list[LedgerEntry] = strawberry.field(description="The commits that had to do with it.")
    relationship: DifferingRelationship | None
    node: Shown | None = strawberry.field(graphql_type=Node | None)


@strawberry.type(description="A difference and the cursor to go on after it.")
class DifferenceEdge:
    """See Relay."""

    cursor: str
    node: Difference


@strawberry.type(description="One side of a comparison.")
class ComparedSide:
    """See `cmdb.application.comparing.Side`."""

    moment: str
    revision: int
    scope: str


@strawberry.type(description="How many nodes or relationships became what.")
class DifferenceCount:
    """Of one kind."""

    kind: DifferenceKind
    nodes: int
    relationships: int


@strawberry.type(description="What differs between two moments, worked out from the ledger between them; complete.")
class ComparisonConnection:
    """A page of it; nodes by age, then relationships."""

    same: bool
    before: ComparedSide
    after: ComparedSide
    counts: list[DifferenceCount]
    total_count: int
    edges: list[DifferenceEdge]
    page_info: PageInfo


@strawberry.type(description="Something that is not as the ledger says.")
class BaselineFinding:
    """See `cmdb.safekeeping.Finding`."""

    subject: str
    message: str


@strawberry.type(description="A baseline proven against the ledger; the count of findings is exact.")
class BaselineProof:
    """See `cmdb.baselines.proving.Proof`."""

    holds: bool
    count: int
    findings: list[BaselineFinding]


async def comparison_page(
    view: View, before: str, after: str, where: str | None, first: int, cursor: str | None
) -> ComparisonConnection:
    """A page of what differs; `now` is what this answer is of."""
    moments = [f"r{view.revision}" if moment.strip() == NOW else moment for moment in (before, after)]
    scope = None if where is None else Filtered(where)
    found = await compare_moments(view.reading.application, moments[0], moments[1], scope)
    latest = max(found.before.revision, found.after.revision)
    differences = list(found.differences)
    page = page_of(differences, latest, first, cursor)
    counts = found.differences.counts
    return ComparisonConnection(
        same=found.differences.same,
        before=side_of(found.before),
        after=side_of(found.after),
        counts=[
            DifferenceCount(
                kind=DifferenceKind(change.value),
                nodes=counts["nodes"][change.value],
                relationships=counts["relationships"][change.value],
            )
            for change in Change
        ],
        total_count=len(differences),
        edges=[
            DifferenceEdge(cursor=place, node=_difference(view.reading, found, one))
            for place, one in zip(page.cursors, page.rows, strict=True)
        ],
        page_info=page.info,
    )


async def proof_of(reading: Reading, reference: str) -> BaselineProof:
    """A baseline, proven. O(ledger)."""
    proof = await verify_baseline(reading.application, reference)
    return BaselineProof(
        holds=proof.holds,
        count=proof.count,
        findings=[BaselineFinding(subject=f.subject, message=f.message) for f in proof.findings],
    )


def side_of(side: Side) -> ComparedSide:
    """A side as a GraphQL source."""
    return ComparedSide(moment=side.label, revision=side.revision, scope=str(side.scope))


def _difference(reading: Reading, found: Comparison, one: NodeDifference | RelationshipDifference) -> Difference:
    sides = sorted((found.before, found.after), key=lambda side: side.revision)
    there = found.before if one.change is Change.REMOVED else found.after if one.change is Change.ADDED else sides[1]
    view = reading.at_revision(there.revision)
    edge = one if isinstance(one, RelationshipDifference) else None
    return Difference(
        kind=DifferenceKind(one.change.value),
        moved=one.moved,
        fields=[_field(field) for field in one.fields],
        by=[entry(found.headers[revision]) for revision in one.revisions if revision in found.headers],
        relationship=None
        if edge is None
        else DifferingRelationship(
            type=edge.type, key=edge.key, source=view.show(edge.source), target=view.show(edge.target)
        ),
        node=view.show(one.node) if isinstance(one, NodeDifference) else None,
    )


def _field(field: FieldDifference) -> DifferingField:
    return DifferingField(
        field=field.field,
        before=None if field.before is None else AnyValue(field.before),
        after=None if field.after is None else AnyValue(field.after),
        returned=field.returned,
        revisions=list(field.revisions),
    )
