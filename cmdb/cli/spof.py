"""spof: what is one failure away from taking a service down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cmdb.application import (
    Application,
    DescribedPoint,
    DescribedProtection,
    FoundPairs,
    FoundPoints,
    describe_pairs,
    describe_points,
    describe_protection,
    find_pairs,
    find_single_points,
)
from cmdb.cli.options import AsOf, Limit
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import chain, hop_row, many, named_row
from cmdb.errors import Usage
from cmdb.impact import Bound
from cmdb.nodes import Node


def spof(
    *refs: str,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Of all services of the estate.")] = False,
    pairs: Annotated[
        bool,
        Parameter(negative="", help="Of one node: also who takes it down together; ndjson and csv have these only."),
    ] = False,
    as_of: AsOf = None,
    limit: Limit = 20,
    common: Common | None = None,
) -> None:
    """Single points of failure: whose loss alone takes these down, redundancy weighed, complete, each with its path.

    Those that take down the most come first, then those that take down the most important.
    """
    if every == bool(refs):
        raise Usage(
            "name what is to stay up, or ask for all services",
            remedy="cmdb spof BusinessService:NAME, or cmdb spof --all",
        )
    if pairs and len(refs) != 1:
        raise Usage("pairs are looked for in one node", remedy="name exactly one")
    run(_spof(common or Common(), refs, pairs, as_of, limit))


async def _spof(common: Common, refs: Sequence[str], pairs: bool, as_of: str | None, limit: int) -> None:
    async with opened(common) as application:
        found = await find_single_points(application, refs, as_of)
        together = await find_pairs(found) if pairs else None
        match common.output:
            case Format.TABLE:
                await _print(application, found, together, limit)
            case Format.JSON | Format.YAML:
                print_value(await _whole_row(application, found, together), common.output)
            case _ if together is not None:
                print_rows(
                    [_pair_row(*pair) for pair in await describe_pairs(application, together)], (), common.output
                )
            case _:
                print_rows([_point_row(p) for p in await describe_points(application, found)], (), common.output)
        if together is not None and not together.pairs.complete:
            err.print(_left_out(together))


async def _print(application: Application, found: FoundPoints, together: FoundPairs | None, limit: int) -> None:
    points = await describe_points(application, found, 0, limit or None)
    out.print(_verdict(found))
    if points:
        out.print(Padding(_table(points, counted=len(found.services) != 1), (1, 0, 0, 2)))
    if len(points) < len(found.points):
        err.print(f"the first {len(points)} of {len(found.points)}; --limit 0 prints all")
    if together is not None:
        await _print_pairs(application, together, limit)
    for service in found.services:
        _print_protection(service, await describe_protection(application, found, service))


def _verdict(found: FoundPoints) -> Text:
    """How many there are, of what."""
    count, services = len(found.points), len(found.points.services)
    what = found.services[0].name if len(found.services) == 1 else many(services, "service")
    sign = Text("✗ ", "bold red") if count else Text("✓ ", "bold green")
    number = many(count, "single point") if count else "no single point"
    text = Text.assemble(sign, (f"{number} of failure for {what}", "bold"))
    if len(found.services) != 1 and services:
        text.append(f"; {found.safe} of the services {'has' if found.safe == 1 else 'have'} none")
    return text.append(f"  · revision {found.revision}, model {found.standing.model.version}", "dim")


def _table(points: Sequence[DescribedPoint], *, counted: bool) -> Table:
    columns = ("class", "name", "key", *(("takes down",) if counted else ()), "path")
    return table(
        columns,
        (
            (
                Text(point.node.class_name),
                Text(point.node.name, "bold"),
                Text(point.node.key),
                *((Text(many(len(point.services), "service")),) if counted else ()),
                chain(point.path),
            )
            for point in points
        ),
    )


async def _print_pairs(application: Application, together: FoundPairs, limit: int) -> None:
    count = len(together.pairs)
    number = many(count, "pair") if count else "no pair"
    verb = "takes" if count < 2 else "take"
    known = "" if together.pairs.complete else " of those that were tried"
    out.print()
    out.print(Text(f"{number}{known} {verb} {together.service.name} down together, and not alone", "bold"))
    pairs = await describe_pairs(application, together, 0, limit or None)
    if pairs:
        rows = [[Text.assemble((node.name, "bold"), f" ({node.key})") for node in pair] for pair in pairs]
        out.print(Padding(table(("one", "other"), rows), (1, 0, 0, 2)))
    if len(pairs) < count:
        err.print(f"the first {len(pairs)} of {count} pairs; --limit 0 prints all")


def _print_protection(service: Node, known: Sequence[DescribedProtection]) -> None:
    rows = [
        (
            Text(row.pool or row.protection.margin.type_name, "bold"),
            Text(f"{row.protection.margin.need} of {row.protection.margin.total}"),
            Text(str(row.protection.survives), "bold" if row.protection.survives else "red"),
            Text(", ".join(node.name for node in row.members)),
        )
        for row in known
        if row.pool is not None
    ]
    if rows:
        out.print()
        out.print(Text(f"what protects {service.name}", "bold"))
        out.print(Padding(table(("pool", "needs", "survives", "members"), rows), (1, 0, 0, 2)))


def _left_out(together: FoundPairs) -> str:
    pairs = together.pairs
    why = "time was up" if pairs.bound is Bound.TIME else f"the limit is the nearest {pairs.examined}"
    return (
        f"pairs are incomplete: of {pairs.candidates} candidates every pair of the nearest {pairs.examined} was tried "
        f"({why}); pairs with one of the other {pairs.candidates - pairs.examined} may be missing"
    )


async def _whole_row(application: Application, found: FoundPoints, together: FoundPairs | None) -> dict[str, Json]:
    points = found.points
    row: dict[str, Json] = {
        "revision": found.revision,
        "model": found.standing.model.version,
        "complete": points.complete,
        "services": len(points.services),
        "without": found.safe,
        "of": [
            {
                "key": service.key,
                "name": service.name,
                "pools": [_pool_row(known) for known in await describe_protection(application, found, service)],
            }
            for service in found.services
        ],
        "points": [_point_row(point) for point in await describe_points(application, found)],
    }
    if together is not None:
        pairs = together.pairs
        row["pairs"] = {
            "complete": pairs.complete,
            "bound": pairs.bound.value,
            "candidates": pairs.candidates,
            "examined": pairs.examined,
            "pairs": [_pair_row(*pair) for pair in await describe_pairs(application, together)],
        }
    return row


def _point_row(point: DescribedPoint) -> dict[str, Json]:
    return named_row(point.node) | {
        "takes_down": [service.key for service in point.services],
        "path": [hop_row(hop) for hop in point.path],
    }


def _pair_row(near: Node, far: Node) -> dict[str, Json]:
    return {"one": near.key, "one_name": near.name, "other": far.key, "other_name": far.name}


def _pool_row(known: DescribedProtection) -> dict[str, Json]:
    margin = known.protection.margin
    return {
        "pool": known.pool,
        "type": margin.type_name,
        "strength": margin.strength.value,
        "need": margin.need,
        "total": margin.total,
        "survives": known.protection.survives,
        "members": [node.key for node in known.members],
    }
