"""release order, notice, guide, kpis."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from cmdb.application.releasing import deployment_order, release_figures, release_paper
from cmdb.cli.options import FirstMonth, LastMonth, ReleaseRef, ZoneOfMonths
from cmdb.cli.output import Json, err, print_rows, write
from cmdb.cli.session import Common, opened, run
from cmdb.releases import Language, Paper, load_release


def order(ref: ReleaseRef, /, *, common: Common | None = None) -> None:
    """Show in which order it is deployed: what others need comes first, a ring goes as one step."""
    run(_order(common or Common(), ref))


async def _order(common: Common, ref: str) -> None:
    async with opened(common) as application:
        found = await deployment_order(application, await load_release(application.store, ref))
        rows: list[dict[str, Json]] = [
            {
                "step": number,
                "ring": step.is_ring,
                "items": [f"{node.name} ({node.key})" for node in step.items],
                "changes": list(step.changes),
            }
            for number, step in enumerate(found.steps, 1)
        ]
        print_rows(rows, ("step", "ring", "items", "changes"), common.output)
        err.print(f"changes: {', '.join(found.changes) or '–'}")


Tongue = Annotated[Language, Parameter(help="The language of the paper.")]


def notice(ref: ReleaseRef, /, *, language: Tongue = Language.EN, common: Common | None = None) -> None:
    """Write the release notice, as Markdown."""
    run(_paper(common or Common(), ref, Paper.NOTICE, language))


def guide(ref: ReleaseRef, /, *, language: Tongue = Language.EN, common: Common | None = None) -> None:
    """Write the install guide, as Markdown."""
    run(_paper(common or Common(), ref, Paper.GUIDE, language))


async def _paper(common: Common, ref: str, kind: Paper, language: Language) -> None:
    async with opened(common) as application:
        write((await release_paper(application, ref, kind, language)).encode())


def kpis(
    first: FirstMonth = None,
    last: LastMonth = None,
    /,
    *,
    zone: ZoneOfMonths = "UTC",
    common: Common | None = None,
) -> None:
    """Show how releases succeed and fail, month by month."""
    run(_kpis(common or Common(), first, last, zone))


async def _kpis(common: Common, first: str | None, last: str | None, zone: str) -> None:
    async with opened(common) as application:
        rows: list[dict[str, Json]] = [
            {
                "month": month.month,
                "ended": month.ended,
                "successful": month.successful,
                "failed": month.failed,
                "backed_out": month.backed_out,
                "emergencies": month.emergencies,
                "success_rate": None if month.success_rate is None else f"{float(month.success_rate):.10g}",
            }
            for month in await release_figures(application, first, last, zone=zone)
        ]
        columns = ("month", "ended", "successful", "failed", "backed_out", "emergencies", "success_rate")
        print_rows(rows, columns, common.output)
