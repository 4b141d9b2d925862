"""What fails, as rows for programs."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.application import (
    Application,
    Assessed,
    DescribedFailure,
    DescribedReason,
    by_environment,
    concerned,
    describe_hits,
    evidence,
)
from cmdb.application.describing import Evidence
from cmdb.application.seeing import hidden_counts, is_hidden
from cmdb.cli.output import Json
from cmdb.cli.showing import hop_row, named_row
from cmdb.nodes import Node
from cmdb.reading import nodes_by_ordinal


async def whole_row(application: Application, found: Assessed) -> dict[str, Json]:
    """The whole answer for programs."""
    who = await concerned(application, found)
    return {
        "revision": found.revision,
        "model": found.standing.model.version,
        "complete": found.impact.complete,
        "left_out": list(found.left_out),
        "scenario": {node.key: found.impact.question.scenario[node.ordinal].name.lower() for node in found.sources},
        "context": {node.key: state.name.lower() for node, state in found.context},
        "assume_up": [node.key for node in found.assumed_up],
        "counts": found.counts,
        "hidden": await hidden_counts(application, found),
        "by_class": found.by_class(),
        "by_environment": await by_environment(application, found),
        "services": {name: _keys(nodes) for name, nodes in who.services.items()},
        "customers": _keys(who.customers),
        "agreements": _keys(who.agreements),
        "owners": _keys(who.owners),
        "hits": await hit_rows(application, found),
        "saved": _keys(
            (await nodes_by_ordinal(application.store, found.impact.saved.tolist(), found.revision)).values()
        ),
    }


async def hit_rows(application: Application, found: Assessed) -> list[dict[str, Json]]:
    """All hits for programs, each with its reasons and its path; each relationship with its age and who says so."""
    hits = await describe_hits(application, found)
    behind = await evidence(application, found, (hop for hit in hits for hop in hit.path))
    return [_failure_row(hit, behind) for hit in hits if not is_hidden(hit.node)]


def _failure_row(hit: DescribedFailure, behind: dict[int, Evidence]) -> dict[str, Json]:
    return named_row(hit.node) | {
        "state": hit.verdict,
        "before": hit.hit.before.name.lower(),
        "after": hit.hit.state.name.lower(),
        "distance": hit.hit.distance,
        "reason": [_reason_row(reason) for reason in hit.reasons],
        "path": [
            hop_row(hop)
            | (
                {"since": known.since, "sources": list(known.sources)}
                if (known := behind.get(hop.relationship))
                else {}
            )
            for hop in hit.path
        ],
    }


def _reason_row(reason: DescribedReason) -> dict[str, Json]:
    margin = reason.margin
    return {
        "pool": reason.pool,
        "type": margin.type_name,
        "strength": margin.strength.value,
        "need": margin.need,
        "total": margin.total,
        "before": margin.before,
        "after": margin.after,
        "healthy_before": margin.healthy_before,
        "healthy_after": margin.healthy_after,
        "members": [
            {
                "key": member.node.key,
                "name": member.node.name,
                "weight": member.weight,
                "before": member.before.name.lower(),
                "after": member.after.name.lower(),
            }
            for member in reason.members
        ],
    }


def _keys(nodes: Iterable[Node]) -> list[str]:
    return [node.key for node in nodes if not is_hidden(node)]
