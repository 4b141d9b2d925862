"""What is told of releases: papers about one, figures about all."""

from __future__ import annotations

from cmdb.application.opening import Application
from cmdb.application.releasing.order import deployment_order
from cmdb.changes.windows import named_zone
from cmdb.filters import LIVE, And, IsA
from cmdb.reading import every
from cmdb.releases import Language, MonthOfReleases, Paper, Release, load_release, paper, releases_by_month
from cmdb.releases.record import RELEASE


async def release_paper(application: Application, reference: str, kind: Paper, language: Language = Language.EN) -> str:
    """The notice or the install guide of a release as it stands, as Markdown. Raises NotFound. O(dependencies)."""
    release = await load_release(application.store, reference)
    order = await deployment_order(application, release)
    return paper(kind, release, order, await application.model(), language)


async def release_figures(
    application: Application, first: str | None = None, last: str | None = None, *, zone: str = "UTC"
) -> tuple[MonthOfReleases, ...]:
    """Success and failure in each month from `first` to `last` (`2026-03`), this one if none is named. O(releases)."""
    clocks = named_zone(zone)
    this = application.clock().astimezone(clocks).strftime("%Y-%m")
    nodes = await every(application.store, And((IsA(RELEASE), LIVE)))
    return releases_by_month(map(Release, nodes), first or last or this, last or this, clocks)
