"""What becomes of one relationship that is in the graph: changed, ended, or left as it is. Pure.

As with nodes, a source takes away only what it brought: it ends a relationship only if its import made it and no other
source claims it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cmdb.nodes import Relationship
from cmdb.reconciliation.claims import Where
from cmdb.reconciliation.gathered import controlled
from cmdb.reconciliation.plan import KeepLink, Relink, Unlink
from cmdb.reconciliation.said import SaidOfLink, link_body
from cmdb.reconciliation.settling import Change, Held, settle
from cmdb.writing.checking import Checks
from graph_schema.values import Value

Others = Sequence[tuple[str, SaidOfLink]]
"""(source, what it says) of each other source that claims a relationship, by name of the source."""


def compared_link(
    checks: Checks,
    source: str,
    relationship: Relationship,
    body: dict[str, Value],
    digest: bytes,
    where: Where,
    own: SaidOfLink | None,
    others: Others,
) -> tuple[Relink | KeepLink, tuple[Held, ...]]:
    """What a row that says `body` makes of it: a change, or the claim to keep; and what is held against the row."""
    known, required = checks.of_type[relationship.type], checks.required_of_type[relationship.type]
    made = own is not None and own.made
    before = controlled(own.attributes, known) if own is not None and made else {}
    claims = [(name, controlled(said.attributes, known)) for name, said in others]
    changes, held = settle(source, relationship.attributes, controlled(body, known), before, claims, required)
    keep = KeepLink(relationship.id, digest, link_body(SaidOfLink(body, made)))
    if changes:
        return _relink(relationship, changes, where, "the source says so", keep), held
    return keep, held


def withdrawn_link(
    checks: Checks,
    source: str,
    relationship: Relationship,
    own: SaidOfLink,
    others: Others,
    keys: Mapping[int, str],
) -> Relink | Unlink | None:
    """What becomes of it when the source no longer has it; None: only the claim goes. `keys` are those of nodes."""
    if own.made and not others:
        return Unlink(
            id=relationship.id,
            type=relationship.type,
            source=relationship.source,
            target=relationship.target,
            key=relationship.key,
            from_node=keys.get(relationship.source, ""),
            to_node=keys.get(relationship.target, ""),
            reason="the source no longer has it",
        )
    known, required = checks.of_type[relationship.type], checks.required_of_type[relationship.type]
    before = controlled(own.attributes, known) if own.made else {}
    claims = [(name, controlled(said.attributes, known)) for name, said in others]
    changes, _ = settle(source, relationship.attributes, {}, before, claims, required)
    return _relink(relationship, changes, None, "the source no longer says so", None) if changes else None


def _relink(
    relationship: Relationship, changes: tuple[Change, ...], where: Where | None, reason: str, keep: KeepLink | None
) -> Relink:
    return Relink(
        id=relationship.id,
        type=relationship.type,
        source=relationship.source,
        target=relationship.target,
        key=relationship.key,
        changes=changes,
        where=where,
        reason=reason,
        keep=keep,
    )
