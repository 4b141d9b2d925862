"""Which open changes are in each other's way, two by two."""

from __future__ import annotations

import strawberry

from api.graphql.changes import ListedChange
from api.graphql.loading import Once
from api.graphql.paging import DEFAULT_PAGE, Connection, Page, cursors, page_info, place_after
from api.graphql.reading import Reading, View
from api.graphql.scalars import DateTime
from cmdb.application.control import OpenCollision, open_collisions
from cmdb.errors import Conflict

Info = strawberry.Info[Reading, None]


@strawberry.type(
    description="Two open changes that are in each other's way, and the time in which both are to be made."
)
class ChangeCollision:
    """See `cmdb.application.control.OpenCollision`."""

    first: ListedChange = strawberry.field(description="The one that begins first.")
    second: ListedChange
    start: DateTime = strawberry.field(name="from")
    end: DateTime = strawberry.field(name="until")
    what: list[str] = strawberry.field(description="CIs, services and people, and what only both together take down.")


@strawberry.type
class CollisionQueries:
    """What is asked of all changes together."""

    @strawberry.field(description="Which open changes meet from now on, in the order in which they begin.")
    @staticmethod
    async def change_collisions(
        info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[ChangeCollision]:
        """O(open changes and what they name + a closure for each)."""
        view = await info.context.present()
        start = place_after(view.revision, first, after)
        found = await open_collisions(view.reading.application, first=first, skip=start)
        if found.revision != view.revision:
            raise Conflict("somebody wrote meanwhile", remedy="ask again")
        marks = cursors(found.revision, start, len(found.rows))

        async def count() -> int:
            return found.total

        info_of_page = page_info(marks, after, more=start + len(marks) < found.total)
        return Page(found.rows, marks, info_of_page, Once(count)).connection(lambda row: _shown(view, row))


def _shown(view: View, row: OpenCollision) -> ChangeCollision:
    return ChangeCollision(
        first=ListedChange(view=view, change=row.first),
        second=ListedChange(view=view, change=row.second),
        start=DateTime(row.begin),
        end=DateTime(row.end),
        what=list(row.what),
    )
