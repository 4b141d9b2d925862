"""impact: what fails if these fail, why, and who feels it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Final

from cyclopts import Parameter
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from cmdb.application import (
    Application,
    Assessed,
    Concerned,
    DescribedFailure,
    DescribedReason,
    Scenario,
    assess,
    by_environment,
    concerned,
    describe_hits,
    describe_some,
    evidence,
)
from cmdb.application.assessing import Evidence, nodes_by_ordinal
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table, write
from cmdb.cli.questions import AsOf, Limit
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import chain, hop_row, many
from cmdb.errors import Usage
from cmdb.impact import State
from cmdb.nodes import Node


class Fault(StrEnum):
    """How what is named fails."""

    DOWN = "down"
    DEGRADED = "degraded"


class Drawing(StrEnum):
    """What it can be drawn as."""

    SVG = "svg"
    PNG = "png"
    HTML = "html"


MARKS: Final = {"down": ("✗ down", "bold red"), "degraded": ("◐ degraded", "yellow"), "at_risk": ("△ at risk", "cyan")}
"""Sign, word and colour of each verdict; any one of them tells it."""


def impact(
    *refs: str,
    state: Annotated[Fault, Parameter(help="How they fail.")] = Fault.DOWN,
    context: Annotated[
        tuple[str, ...], Parameter(help="What has failed already: REF or REF=degraded; may be repeated.")
    ] = (),
    assume_up: Annotated[tuple[str, ...], Parameter(help="What stays up whatever happens; may be repeated.")] = (),
    as_of: AsOf = None,
    limit: Limit = 20,
    drawn: Annotated[Drawing | None, Parameter(name="--format", help="Draw it, to standard output.")] = None,
    common: Common | None = None,
) -> None:
    """What fails if these fail: redundancy weighed, complete, with a reason and a path for each.

    At risk is who goes on, but lost the spare that it had.
    """
    if not refs:
        raise Usage("no node is named", remedy="name one by key (SRV-000001), id or Class:name")
    scenario = Scenario(refs, State[state.name], context, assume_up)
    if drawn is None:
        run(_impact(common or Common(), scenario, limit, as_of))
    else:
        run(_drawn(common or Common(), scenario, as_of, drawn))


async def _drawn(common: Common, scenario: Scenario, as_of: str | None, drawing: Drawing) -> None:
    from cmdb.cli.drawing import html_of, png_of, svg_of
    from cmdb.cli.picture import picture_of

    if drawing is Drawing.PNG and sys.stdout.isatty():
        raise Usage("a PNG is nothing for a terminal", remedy="write it to a file: cmdb impact … --format png > FILE")
    async with opened(common) as application:
        found = await assess(application, scenario, as_of)
        title = verdict(found, await concerned(application, found)).plain.splitlines()[0]
        picture = await picture_of(application, found, title)
    match drawing:
        case Drawing.SVG:
            write(svg_of(picture).encode())
        case Drawing.HTML:
            write(html_of(picture).encode())
        case Drawing.PNG:
            write(png_of(picture))


async def _impact(common: Common, scenario: Scenario, limit: int, as_of: str | None) -> None:
    async with opened(common) as application:
        found = await assess(application, scenario, as_of)
        if common.output is Format.TABLE:
            await print_impact(application, found, limit)
            return
        hits = await describe_hits(application, found)
        behind = await evidence(application, found, (hop for hit in hits for hop in hit.path))
        if common.output in {Format.JSON, Format.YAML}:
            print_value(await impact_row(application, found, hits, behind), common.output)
        else:
            print_rows([failure_row(hit, behind) for hit in hits], (), common.output)


async def print_verdict(application: Application, found: Assessed) -> None:
    """What it comes to, and the first hits beside the sources with their arithmetic."""
    out.print(verdict(found, await concerned(application, found)))
    out.print(why(await describe_hits(application, found, 0, len(found.sources) + 3)))


async def print_impact(application: Application, found: Assessed, limit: int) -> None:
    """The verdict first, then the services, whom to tell, and the nearest hits with why."""
    who = await concerned(application, found)
    out.print(verdict(found, who))
    services = found.impact.hits_at(found.services()[: limit or None])
    _print_services(await describe_some(application, found, list(services)), who)
    for title, nodes in (
        ("customers", who.customers),
        ("agreements", who.agreements),
        ("owners to tell", who.owners),
    ):
        if nodes:
            out.print(Text.assemble((f"{title}: ", "bold"), ", ".join(node.name for node in nodes)))
    hits = await describe_hits(application, found, 0, limit or None)
    if hits:
        out.print()
        out.print(why(hits))
        _print_counts(found, await by_environment(application, found))
    if len(hits) < len(found.impact):
        err.print(f"the nearest {len(hits)} of {len(found.impact)}; --limit 0 prints all")


def verdict(found: Assessed, who: Concerned) -> Text:
    """What it comes to, in a sentence: services first."""
    counts = found.counts
    services = {name: len(nodes) for name, nodes in who.services.items()}
    parts = [
        (f"takes down {many(services['down'], 'service')}", "bold red") if services["down"] else None,
        (f"degrades {many(services['degraded'], 'service')}", "yellow") if services["degraded"] else None,
        (f"leaves {many(services['at_risk'], 'service')} without a spare", "cyan") if services["at_risk"] else None,
    ]
    said = [part for part in parts if part is not None] or [("no service fails or loses its spare", "bold green")]
    names = ", ".join(f"{node.name} ({node.key})" for node in found.sources)
    text = Text.assemble((names, "bold"), ": ")
    for place, part in enumerate(said):
        text.append(", " if place else "").append(*part)
    text.append(f"  · revision {found.revision}, model {found.standing.model.version}", "dim")
    others = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in counts if counts[name])
    return text.append(f"\n  CIs: {others or 'none'}")


def why(hits: Sequence[DescribedFailure]) -> Tree:
    """The hits below what they fail through, each with its arithmetic; the nearest first."""
    root = Tree("", hide_root=True, guide_style="dim")
    place: dict[int, Tree] = {}
    for hit in hits:
        above = place.get(hit.path[0].provider.ordinal, root) if hit.path else root
        text, style = MARKS[hit.verdict]
        line = Text.assemble((text, style), " ", (hit.node.name, "bold"), f" ({hit.node.key})")
        for reason in hit.reasons:
            line.append(f"  {arithmetic(reason)}", "dim")
        place[hit.node.ordinal] = above.add(line)
    return root


def arithmetic(reason: DescribedReason) -> str:
    """The pool in words: `pool hosts needs 2 of 3, 1 left without dui-hyp-01, dui-hyp-02`."""
    margin = reason.margin
    lost = ", ".join(member.node.name for member in reason.culprits)
    if reason.pool is None:
        return f"{margin.type_name} {lost}{' (soft)' if margin.strength == 'soft' else ''}"
    soft = " (soft)" if margin.strength == "soft" else ""
    left = f"{margin.after} left" if margin.after < margin.before else f"{margin.healthy_after} healthy"
    return f"pool {reason.pool}{soft} needs {margin.need} of {margin.total}, {left} without {lost}"


def failure_row(hit: DescribedFailure, behind: dict[int, Evidence]) -> dict[str, Json]:
    """A hit for programs, with its reasons and its path; each relationship with its age and who says so."""
    return {
        "id": hit.node.id,
        "key": hit.node.key,
        "class": hit.node.class_name,
        "name": hit.node.name,
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


async def impact_row(
    application: Application, found: Assessed, hits: Sequence[DescribedFailure], behind: dict[int, Evidence]
) -> dict[str, Json]:
    """The whole answer for programs."""
    who = await concerned(application, found)
    return {
        "revision": found.revision,
        "model": found.standing.model.version,
        "complete": found.impact.complete,
        "scenario": {node.key: found.impact.question.scenario[node.ordinal].name.lower() for node in found.sources},
        "context": {node.key: state.name.lower() for node, state in found.context},
        "assume_up": [node.key for node in found.assumed_up],
        "counts": found.counts,
        "by_class": found.by_class(),
        "by_environment": await by_environment(application, found),
        "services": {name: _keys(nodes) for name, nodes in who.services.items()},
        "customers": _keys(who.customers),
        "agreements": _keys(who.agreements),
        "owners": _keys(who.owners),
        "hits": [failure_row(hit, behind) for hit in hits],
        "saved": _keys(
            (await nodes_by_ordinal(application.store, found.impact.saved.tolist(), found.revision)).values()
        ),
    }


def _print_services(services: Iterable[DescribedFailure], who: Concerned) -> None:
    rows = [
        (Text(*MARKS[hit.verdict]), Text(hit.node.name, "bold"), Text(hit.node.key), chain(hit.path))
        for hit in services
    ]
    if rows:
        out.print(Padding(table(("", "service", "key", "because"), rows), (1, 0, 1, 2)))
    total = sum(len(nodes) for nodes in who.services.values())
    if len(rows) < total:
        err.print(f"{len(rows)} of {total} services; --limit 0 prints all")


def _print_counts(found: Assessed, environments: dict[str, dict[str, int]]) -> None:
    classes = found.by_class()
    rows = [
        (
            Text(*MARKS[name]),
            Text(
                " · ".join(f"{count} {of}" for of, count in sorted(classes[name].items(), key=lambda i: (-i[1], i[0])))
            ),
            Text(" · ".join(f"{count} {of or '–'}" for of, count in sorted(environments[name].items()))),
        )
        for name in MARKS
        if classes[name]
    ]
    out.print(Padding(table(("", "classes", "environments"), rows), (1, 0, 0, 0)))


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
    return [node.key for node in nodes]
