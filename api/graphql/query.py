"""What can be asked."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.graphql import past
from api.graphql import reach as reaching
from api.graphql.baselines import BaselineProof, ComparisonConnection, comparison_page, proof_of
from api.graphql.change_collisions import CollisionQueries
from api.graphql.changes import ChangeQueries
from api.graphql.filtering import FilterInput, field_named, to_filter
from api.graphql.impact import FailedInput, Fault, Impact, scenario_of
from api.graphql.loading import Once
from api.graphql.modelling import ModelDefinition, model_definition
from api.graphql.nodes import Node, NodeConnection, NodePage, NodeRow, label_of
from api.graphql.operations import OperationInput
from api.graphql.paging import DEFAULT_PAGE, checked_first, numbers_in, page_info
from api.graphql.past import HistoryConnection, LedgerConnection, LedgerEntry
from api.graphql.planned import Asked, impact_asked
from api.graphql.reach import ClassCount
from api.graphql.reading import Reading, Shown, View
from api.graphql.releases import ReleaseQueries
from api.graphql.single_points import SinglePointConnection, single_points_page
from api.graphql.status import StatusQueries
from cmdb.application.comparing import NOW
from cmdb.errors import NotFound, Usage
from cmdb.filters import LIVE, And, Filter, IsA, field_type
from cmdb.projection import Direction
from cmdb.reading import parse_filter, resolve_all
from cmdb.store.port import Query as NodeQuery
from cmdb.store.port import Sort
from graph_schema.errors import did_you_mean

Info = strawberry.Info[Reading, None]


@strawberry.input(description="Order of a list: by a field, then by age. Absent values come last.")
class SortInput:
    """See `cmdb.store.port.Sort`."""

    field: str
    descending: bool = False


@strawberry.type(description="The whole: which estate this is, at which revision, and what it holds.")
class Estate:
    """As of a view."""

    view: strawberry.Private[View]
    id: strawberry.ID
    revision: int

    @strawberry.field(description="The commit that made this revision.")
    async def commit(self) -> LedgerEntry:
        """A header of the ledger."""
        return await past.entry_at(self.view, self.revision)

    @strawberry.field(description="Live nodes by class.")
    async def counts_by_class(self) -> list[ClassCount]:
        """The most frequent class first."""
        classes = self.view.reading.model.class_by_name
        counts = await self.view.store.count_by_class(self.view.as_of)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return [ClassCount(class_name=n, class_label=label_of(classes[n].label), count=c) for n, c in ordered]


@strawberry.type(
    description="`asOf` is a revision (`r12`), an instant (`2026-01-31T17:00:00Z`) or a day (`2026-01-31`, until its end "
    "in UTC), or a baseline (`BSL-000001`, `Baseline:name`); where it is left out the present is read, all of it at one revision."
)
class Query(ChangeQueries, CollisionQueries, ReleaseQueries, StatusQueries):
    """Roots of every read."""

    @strawberry.field(description="The estate.")
    @staticmethod
    async def estate(info: Info, as_of: str | None = None) -> Estate:
        """Its id, revision and counts."""
        view = await info.context.at(as_of)
        return Estate(
            view=view, id=strawberry.ID((await view.reading.application.ids()).estate), revision=view.revision
        )

    @strawberry.field(description="The revision that this answer is of, where no `asOf` says otherwise.")
    @staticmethod
    async def revision(info: Info) -> int:
        """The head, as this request sees it."""
        return (await info.context.at(None)).revision

    @strawberry.field(description="The model in force.")
    @staticmethod
    def model(info: Info) -> ModelDefinition:
        """Classes and relationship types."""
        return model_definition(info.context)

    @strawberry.field(
        description="A node by id, or by reference: a key (`SRV-000231`), an id, or `Class:name`.",
        graphql_type=Node | None,
    )
    @staticmethod
    async def node(
        info: Info,
        id_: Annotated[strawberry.ID | None, strawberry.argument(name="id")] = None,
        ref: str | None = None,
        as_of: str | None = None,
    ) -> Shown:
        """One of `id` and `ref` is needed."""
        given = [reference for reference in (id_, ref) if reference is not None]
        if len(given) != 1:
            raise Usage("name the node by `id` or by `ref`", remedy="give exactly one of them")
        view = await info.context.at(as_of)
        return view.show((await resolve_all(view.store, given, view.as_of))[0])

    @strawberry.field(description="Nodes by reference, in the order of the references.", graphql_type=list[Node])
    @staticmethod
    async def nodes_by_ref(info: Info, refs: list[str], as_of: str | None = None) -> list[Shown]:
        """All of them, or an error."""
        if refs:
            checked_first(len(refs))
        view = await info.context.at(as_of)
        return [view.show(node) for node in await resolve_all(view.store, refs, view.as_of)]

    @strawberry.field(
        description="A list of nodes. What is given of `where`, `whereText` and `class` must all hold; retired nodes "
        "are left out unless asked for. `search` (words of key, name and searchable attributes) stands alone."
    )
    @staticmethod
    async def nodes(  # noqa: PLR0913, PLR0917 - a list's arguments, by name for whoever asks
        info: Info,
        where: FilterInput | None = None,
        where_text: str | None = None,
        class_: Annotated[str | None, strawberry.argument(name="class")] = None,
        search: str | None = None,
        sort: SortInput | None = None,
        include_retired: bool = False,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
        as_of: str | None = None,
    ) -> NodeConnection:
        """A page of a filter or of a search."""
        checked_first(first)
        view = await info.context.at(as_of)
        if search is None:
            accepted = accepted_nodes(view.reading, where, where_text, class_, include_retired=include_retired)
            return _filtered(view, accepted, _sort(view.reading, sort), first, after)
        if where or where_text or class_ or sort or as_of or include_retired:
            raise Usage(
                "`search` is about the present and goes with no filter, class, sort or moment",
                remedy="leave them out, or use `where` with `contains`",
            )
        return _searched(view, search, first, after)

    @strawberry.field(
        description="What fails if these fail, with redundancy weighed: complete, with a reason and a path for each hit. "
        "`context` has failed already; `assumeUp` stays up whatever happens. With `planned` it is asked of the present graph "
        "as these operations would make it, whose `@handles` may be named as well; nothing is written. `change` is short for "
        "the operations that a change plans; without `of`, what it touches fails. With `ongoing` what ongoing "
        "outages affect and other changes being implemented touch has failed already. "
        "It takes `patience` seconds at most, if given, and says what it left out. What the roles of a `viewer` do not see is "
        "counted in `hidden` and never named; the verdict is the same for everybody."
    )
    @staticmethod
    async def impact(  # noqa: PLR0913, PLR0917 - what is asked, by name for whoever asks
        info: Info,
        of: list[str] | None = None,
        state: Fault = Fault.DOWN,
        context: list[FailedInput] | None = None,
        assume_up: list[str] | None = None,
        as_of: str | None = None,
        planned: list[OperationInput] | None = None,
        change: str | None = None,
        ongoing: bool = False,
        patience: float | None = None,
        viewer: str | None = None,
    ) -> Impact:
        """States, distances, reasons."""
        scenario = scenario_of(of or [], state, context or [], assume_up or [])
        return await impact_asked(info.context, Asked(scenario, as_of, planned, change, ongoing, viewer), patience)

    @strawberry.field(
        description="Whose loss alone takes one of these nodes down; of all services where none is named. Complete, the "
        "worst first."
    )
    @staticmethod
    async def single_points_of_failure(
        info: Info,
        of: list[str] | None = None,
        as_of: str | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> SinglePointConnection:
        """A page of them, with paths."""
        return await single_points_page(await info.context.at(as_of), of or [], first, after)

    @strawberry.field(description="What these nodes need, whatever the distance: structure alone.")
    @staticmethod
    async def depends(info: Info, of: list[str], as_of: str | None = None) -> reaching.Reach:
        """Providers."""
        return await reaching.reach_of(await info.context.at(as_of), of, Direction.PROVIDERS)

    @strawberry.field(description="What needs these nodes, whatever the distance: structure alone.")
    @staticmethod
    async def dependents(info: Info, of: list[str], as_of: str | None = None) -> reaching.Reach:
        """What a failure could be felt by."""
        return await reaching.reach_of(await info.context.at(as_of), of, Direction.DEPENDENTS)

    @strawberry.field(description="The shortest chain of dependencies by which one node needs another.")
    @staticmethod
    async def path(
        info: Info,
        from_: Annotated[str, strawberry.argument(name="from")],
        to: str,
        as_of: str | None = None,
    ) -> reaching.Route:
        """Null where there is none."""
        return await reaching.path_between(await info.context.at(as_of), from_, to)

    @strawberry.field(description="The life of a node and of its relationships, the oldest step first, until `asOf`.")
    @staticmethod
    async def history(
        info: Info, ref: str, first: int = DEFAULT_PAGE, after: str | None = None, as_of: str | None = None
    ) -> HistoryConnection:
        """Steps with their commits."""
        return await past.history_page(await info.context.at(as_of), ref, first, after)

    @strawberry.field(
        description="What differs between two moments, each a baseline, a revision, an instant, a day or `now`; in the scope "
        "of the baseline, or of what `where` accepts. Complete, with who, when and why."
    )
    @staticmethod
    async def compare_baselines(
        info: Info,
        from_: Annotated[str, strawberry.argument(name="from")],
        to: str = NOW,
        where: str | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> ComparisonConnection:
        """A page of the differences."""
        return await comparison_page(await info.context.at(None), from_, to, where, first, after)

    @strawberry.field(description="Whether a baseline holds: the ledger is replayed and compared, line by line.")
    @staticmethod
    async def verify_baseline(info: Info, ref: str) -> BaselineProof:
        """With what was altered, if anything was."""
        return await proof_of(info.context, ref)

    @strawberry.field(description="The commits, the newest first, until `asOf`.")
    @staticmethod
    async def ledger(
        info: Info, first: int = DEFAULT_PAGE, after: str | None = None, as_of: str | None = None
    ) -> LedgerConnection:
        """Their headers."""
        return await past.ledger_page(await info.context.at(as_of), first, after)


def accepted_nodes(
    reading: Reading, where: FilterInput | None, text: str | None, class_name: str | None, *, include_retired: bool
) -> Filter:
    """The filter that a list's arguments add up to. Raises Usage and NotFound."""
    model, items = reading.model, list[Filter]()
    if class_name is not None:
        if class_name not in model.class_by_name:
            raise NotFound(f"there is no class {class_name}", remedy=did_you_mean(class_name, model.class_by_name))
        items.append(IsA(class_name))
    if where is not None:
        items.append(to_filter(model, where))
    if text is not None:
        items.append(parse_filter(text, model))
    if not include_retired:
        items.append(LIVE)
    return items[0] if len(items) == 1 else And(tuple(items))


def _sort(reading: Reading, sort: SortInput | None) -> Sort:
    if sort is None:
        return Sort()
    name = field_named(sort.field)
    if field_type(reading.model, name) is None:
        raise Usage(f"there is no field or attribute {sort.field} to sort by")
    return Sort(name, sort.descending)


def _filtered(view: View, where: Filter, sort: Sort, first: int, after: str | None) -> NodeConnection:
    async def page() -> NodePage:
        query = NodeQuery(where=where, sort=sort, limit=first, after=after, as_of=view.as_of)
        found = await view.store.find(query)
        edges = [NodeRow(cursor, view.show(node)) for cursor, node in zip(found.cursors, found.items, strict=True)]
        return NodePage(edges, page_info(found.cursors, after, more=found.more))

    return NodeConnection(page=Once(page), count=Once(lambda: view.store.count(where, view.as_of)))


def _searched(view: View, text: str, first: int, after: str | None) -> NodeConnection:
    place = -1 if after is None else numbers_in(after, 1)[0]
    found = Once(lambda: view.store.search(text, first + 1, place))

    async def page() -> NodePage:
        nodes = (await found.get())[0]
        cursors = [str(node.ordinal) for node in nodes[:first]]
        edges = [NodeRow(c, view.show(n)) for c, n in zip(cursors, nodes, strict=False)]
        return NodePage(edges, page_info(cursors, after, more=len(nodes) > first))

    async def count() -> int:
        return (await found.get())[1]

    return NodeConnection(page=Once(page), count=Once(count))
