"""impact: what fails if these fail, why, and who feels it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
)
from cmdb.application.assessing import SERVICE
from cmdb.application.control import with_changes
from cmdb.application.planned_graph import Compared, PlannedGraph, assess_planned, planned_graph
from cmdb.application.seeing import as_seen_by, hidden_counts, is_hidden
from cmdb.changes import load_change
from cmdb.cli.impact_rows import hit_rows, whole_row
from cmdb.cli.options import AsOf, Limit
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table, write
from cmdb.cli.planned import operations_in, plan_row, print_plan
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import MARKS, chain, many
from cmdb.errors import Usage
from cmdb.impact import State
from cmdb.reading.operation_text import WrittenOperation


class Fault(StrEnum):
    """How what is named fails."""

    DOWN = "down"
    DEGRADED = "degraded"


class Drawing(StrEnum):
    """What it can be drawn as."""

    SVG = "svg"
    PNG = "png"
    HTML = "html"


def impact(  # noqa: PLR0913 - the options of a command
    *refs: str,
    state: Annotated[Fault, Parameter(help="How they fail.")] = Fault.DOWN,
    context: Annotated[
        tuple[str, ...], Parameter(help="What has failed already: REF or REF=degraded; may be repeated.")
    ] = (),
    assume_up: Annotated[tuple[str, ...], Parameter(help="What stays up whatever happens; may be repeated.")] = (),
    as_of: AsOf = None,
    limit: Limit = 20,
    drawn: Annotated[Drawing | None, Parameter(name="--format", help="Draw it, to standard output.")] = None,
    planned: Annotated[
        Path | None,
        Parameter(
            help="Planned operations: a file of JSON, JSON lines or YAML; - reads them in.", allow_leading_hyphen=True
        ),
    ] = None,
    change: Annotated[
        str | None,
        Parameter(help="A change whose planned operations are meant; without a node, what it touches fails."),
    ] = None,
    ongoing: Annotated[
        bool,
        Parameter(
            negative="", help="What ongoing outages affect and changes being implemented touch has failed already."
        ),
    ] = False,
    patience: Annotated[
        float | None, Parameter(help="Seconds to work on it at most; what there was no time for is said.")
    ] = None,
    viewer: Annotated[
        str | None, Parameter(name="--as", env_var="CMDB_ACTOR", help="Who asks; what his roles do not see is counted.")
    ] = None,
    common: Common | None = None,
) -> None:
    """What fails if these fail: redundancy weighed, complete, with a reason and a path for each.

    At risk is who goes on, but lost the spare that it had. With --planned it is asked of the graph as it stands and as
    operations would make it, whose @handles may be named as well; without a node, what they do to redundancy is told.
    --change asks the same of the operations that a change plans.
    """
    options = common or Common()
    question = Question(Scenario(refs, State[state.name], context, assume_up), as_of, patience, ongoing, viewer)
    if ongoing and as_of is not None:
        raise Usage("what is going on is about the present", remedy="leave --as-of or --ongoing out")
    if planned is not None or change is not None:
        if as_of is not None or drawn is not None:
            raise Usage("a plan is laid over the present and told in words", remedy="leave --as-of and --format out")
        if planned is not None and change is not None:
            raise Usage("there are two plans", remedy="leave --planned or --change out")
        run(_planned(options, question, () if planned is None else operations_in(planned), change, limit))
        return
    if not refs:
        raise Usage("no node is named", remedy="name one by key (SRV-000001), id or Class:name")
    if drawn is None:
        run(_impact(options, question, limit))
    else:
        run(_drawn(options, question, drawn))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of when, with or without what is being worked on, for how long, and by whom."""

    scenario: Scenario
    as_of: str | None
    patience: float | None
    ongoing: bool
    viewer: str | None

    async def to(self, application: Application) -> Assessed:
        """The answer of the graph that the application tells of."""
        scenario = await with_changes(application, self.scenario, ongoing=self.ongoing)
        return await assess(application, scenario, self.as_of, patience=self.patience)


async def _planned(
    common: Common, question: Question, operations: Sequence[WrittenOperation], key: str | None, limit: int
) -> None:
    async with opened(common) as whole:
        application = await as_seen_by(whole, question.viewer)
        change = None if key is None else await load_change(application.store, key)
        scenario = await with_changes(application, question.scenario, change, ongoing=question.ongoing)
        graph = await planned_graph(application, operations if change is None else change.planned)
        compared = await assess_planned(graph, scenario, question.patience) if scenario.of else None
        if common.output is not Format.TABLE:
            sides = {} if compared is None else await _both_rows(graph, compared)
            print_value(await plan_row(graph, compared) | sides, common.output)
            return
        if compared is not None:
            for title, found in (("as it stands", compared.before), ("as planned", compared.after)):
                absent = Text("nothing that was named is there")
                told = verdict(found) if found.sources else absent
                out.print(Text(title, "bold underline"), told, sep="\n")
                _tell_left_out(found)
        await print_plan(graph, compared, limit)


async def _both_rows(graph: PlannedGraph, compared: Compared) -> dict[str, Json]:
    before, after = (graph.present, compared.before), (graph.application, compared.after)
    return {name: await whole_row(*side) for name, side in (("before", before), ("after", after))}


async def _drawn(common: Common, question: Question, drawing: Drawing) -> None:
    from cmdb.cli.drawing import html_of, png_of, svg_of
    from cmdb.cli.picture import picture_of

    if drawing is Drawing.PNG and sys.stdout.isatty():
        raise Usage("a PNG is nothing for a terminal", remedy="write it to a file: cmdb impact … --format png > FILE")
    async with _answered(common, question) as (application, found):
        title = verdict(found).plain.splitlines()[0]
        picture = await picture_of(application, found, title)
    match drawing:
        case Drawing.SVG:
            write(svg_of(picture).encode())
        case Drawing.HTML:
            write(html_of(picture).encode())
        case Drawing.PNG:
            write(png_of(picture))


async def _impact(common: Common, question: Question, limit: int) -> None:
    async with _answered(common, question) as (application, found):
        if common.output is Format.TABLE:
            await print_impact(application, found, limit)
            return
        if common.output in {Format.JSON, Format.YAML}:
            print_value(await whole_row(application, found), common.output)
        else:
            print_rows(await hit_rows(application, found), (), common.output)


@asynccontextmanager
async def _answered(common: Common, question: Question) -> AsyncGenerator[tuple[Application, Assessed]]:
    """The graph as who asks may see it, and the answer; what was left out of it is told."""
    async with opened(common) as whole:
        application = await as_seen_by(whole, question.viewer)
        found = await question.to(application)
        _tell_left_out(found)
        yield application, found


async def print_verdict(application: Application, found: Assessed) -> None:
    """What it comes to, and the first hits beside the sources with their arithmetic."""
    out.print(verdict(found))
    out.print(why(await describe_hits(application, found, 0, len(found.sources) + 3)))


async def print_impact(application: Application, found: Assessed, limit: int) -> None:
    """The verdict first, then the services, whom to tell, and the nearest hits with why."""
    who = await concerned(application, found)
    out.print(verdict(found))
    services = found.impact.hits_at(found.services()[: limit or None])
    _print_services(_shown(await describe_some(application, found, list(services))), who)
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
        out.print(why(_shown(hits)))
        _print_counts(found, await by_environment(application, found))
    if len(hits) < len(found.impact):
        err.print(f"the nearest {len(hits)} of {len(found.impact)}; --limit 0 prints all")
    hidden = {name: count for name, count in (await hidden_counts(application, found)).items() if count}
    if hidden:
        out.print(
            Text("hidden from you: " + ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in hidden.items()), "bold")
        )


def _shown(hits: Sequence[DescribedFailure]) -> list[DescribedFailure]:
    return [hit for hit in hits if not is_hidden(hit.node)]


def verdict(found: Assessed) -> Text:
    """What it comes to, in a sentence: services first."""
    counts = found.counts
    services = {name: len(ordinals) for name, ordinals in found.of_class(SERVICE).items()}
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


def _tell_left_out(found: Assessed) -> None:
    for what in found.left_out:
        err.print(f"time was up; not known is {what}")


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
