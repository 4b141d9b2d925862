"""query, depends, path: questions to the graph."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from cmdb.application import Application, DescribedHit, Reached, describe, reach, route
from cmdb.cli.options import AsOf, Limit, Retired, SortBy
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import NODE_COLUMNS, chain, hit_row, hop_row, node_row
from cmdb.errors import NotFound, Usage
from cmdb.filters import FIELDS, LIVE, And, Filter, IsA, attribute_named
from cmdb.nodes import Node
from cmdb.projection import Direction
from cmdb.reading import known_class, moment_revision, parse_filter
from cmdb.store.port import LARGEST_PAGE, Query, Sort
from graph_schema.errors import did_you_mean
from graph_schema.metamodel import Model


def query(
    *words: str,
    where: Annotated[str | None, Parameter(help="A filter: class = Server and not (state = in_use)")] = None,
    class_name: Annotated[str | None, Parameter(name="--class", help="This class and those below it.")] = None,
    sort: SortBy = "name",
    limit: Limit = 50,
    as_of: AsOf = None,
    retired: Retired = False,
    common: Common | None = None,
) -> None:
    """Find nodes by words (in keys, names and searchable attributes), or by a filter."""
    options = common or Common()
    if words and (where or class_name or as_of or retired):
        raise Usage("words and a filter do not go together", remedy="write `name contains WORD` in the filter")
    run(
        _words(options, " ".join(words), limit)
        if words
        else _filtered(options, where, class_name, sort, limit, as_of, retired)
    )


async def _words(common: Common, words: str, limit: int) -> None:
    async with opened(common) as application:
        nodes, total = await application.store.search(words, _page(limit, 0))
        while nodes and len(nodes) < total and (limit == 0 or len(nodes) < limit):
            more, _ = await application.store.search(words, _page(limit, len(nodes)), nodes[-1].ordinal)
            if not more:
                break
            nodes += more
        print_nodes(nodes, total, common.output)


def _page(limit: int, there: int) -> int:
    return min(LARGEST_PAGE, limit - there) if limit else LARGEST_PAGE


async def _filtered(
    common: Common, where: str | None, class_name: str | None, sort: str, limit: int, as_of: str | None, retired: bool
) -> None:
    async with opened(common) as application:
        accepted = filter_of(await application.model(), where, class_name, retired)
        nodes, total = await listed(application, accepted, sort, limit, as_of)
        print_nodes(nodes, total, common.output)


def filter_of(model: Model, where: str | None, class_name: str | None, retired: bool) -> Filter:
    """The filter that the options mean. Raises NotFound for an unknown class, Usage for a filter that cannot be read."""
    items: list[Filter] = [] if retired else [LIVE]
    if class_name is not None:
        items.append(IsA(known_class(model, class_name).name))
    if where is not None:
        items.append(parse_filter(where, model))
    return And(tuple(items))


async def listed(
    application: Application, accepted: Filter, sort: str, limit: int, moment: str | None
) -> tuple[list[Node], int]:
    """The first `limit` nodes (0: all) in an order, and the exact total. Raises Usage for an order that cannot be."""
    as_of = None if moment is None else await moment_revision(application.store, moment)
    order = _order(await application.model(), sort)
    nodes: list[Node] = []
    after: str | None = None
    while limit == 0 or len(nodes) < limit:
        page = await application.store.find(
            Query(where=accepted, sort=order, limit=_page(limit, len(nodes)), after=after, as_of=as_of)
        )
        nodes.extend(page.items)
        if not page.more:
            break
        after = page.cursors[-1]
    return nodes, await application.store.count(accepted, as_of)


def _order(model: Model, sort: str) -> Sort:
    field = sort.removeprefix("-")
    attribute = attribute_named(model, field)
    if field not in FIELDS and (attribute is None or attribute.many):
        single = {a.name for known in model.attributes.values() for a in known.values() if not a.many}
        what = "is a list" if attribute else "is no field or attribute"
        raise Usage(f"{field} {what}: nothing can be sorted by it", remedy=did_you_mean(field, [*FIELDS, *single]))
    return Sort(field, descending=sort.startswith("-"))


def print_nodes(nodes: list[Node], total: int, output: Format) -> None:
    """Print nodes, and say how many there are in all."""
    print_rows([node_row(node) for node in nodes], NODE_COLUMNS, output)
    if len(nodes) < total:
        err.print(f"{len(nodes)} of {total}; --limit 0 prints all")
    elif output is Format.TABLE:
        err.print(f"{total} in all")


def depends(
    *refs: str,
    dependents: Annotated[bool, Parameter(help="What needs them, instead.")] = False,
    as_of: AsOf = None,
    limit: Limit = 20,
    common: Common | None = None,
) -> None:
    """What these nodes need, directly and indirectly, complete, with a path for each; structure alone."""
    direction = Direction.DEPENDENTS if dependents else Direction.PROVIDERS
    run(_reach(common or Common(), refs, direction, limit, as_of))


async def _reach(common: Common, refs: tuple[str, ...], direction: Direction, limit: int, as_of: str | None) -> None:
    if not refs:
        raise Usage("no node is named", remedy="name one by key (SRV-000001), id or Class:name")
    async with opened(common) as application:
        found = await reach(application, refs, direction, as_of)
        whole = limit == 0 or common.output is not Format.TABLE
        hits = await describe(application, found, 0, found.total if whole else limit)
        if common.output is Format.TABLE:
            print_reach(found, hits)
        elif common.output in {Format.JSON, Format.YAML}:
            print_value(reach_row(found, hits), common.output)
        else:
            print_rows([hit_row(hit) for hit in hits], (), common.output)


def reach_row(found: Reached, hits: list[DescribedHit]) -> dict[str, Json]:
    """The whole answer for programs."""
    return {
        "revision": found.answer.revision,
        "complete": found.answer.complete,
        "direction": found.answer.direction.value,
        "scenario": [node.key for node in found.sources],
        "total": found.total,
        "counts": found.counts,
        "hits": [hit_row(hit) for hit in hits],
    }


def print_reach(found: Reached, hits: list[DescribedHit]) -> None:
    """The whole answer for people: how many, of which classes, then the nearest with their paths."""
    names = ", ".join(f"{node.name} ({node.key})" for node in found.sources)
    verb = "depend on" if found.answer.direction is Direction.DEPENDENTS else "are needed by"
    out.print(
        Text.assemble((f"{found.total} nodes {verb} {names}", "bold"), (f"  · revision {found.answer.revision}", "dim"))
    )
    if not found.total:
        return
    counts = sorted(found.counts.items(), key=lambda item: (-item[1], item[0]))
    out.print(Text("  " + " · ".join(f"{count} {name}" for name, count in counts)))
    rows = [
        (Text(str(h.distance)), Text(h.node.key), Text(h.node.class_name), Text(h.node.name), chain(h.path))
        for h in hits
    ]
    out.print(Padding(table(("distance", "key", "class", "name", "because"), rows), (1, 0, 0, 2)))
    if len(hits) < found.total:
        err.print(f"the nearest {len(hits)} of {found.total}; --limit 0 prints all")


def path(dependent: str, provider: str, /, *, as_of: AsOf = None, common: Common | None = None) -> None:
    """A shortest chain of dependencies by which the first node needs the second."""
    run(_path(common or Common(), dependent, provider, as_of))


async def _path(common: Common, dependent: str, provider: str, as_of: str | None) -> None:
    async with opened(common) as application:
        first, last, hops = await route(application, dependent, provider, as_of)
        if hops is None:
            raise NotFound(
                f"{first.name} ({first.key}) does not need {last.name} ({last.key})",
                remedy="ask the other way round, or see `cmdb depends`",
            )
        if common.output is not Format.TABLE:
            print_rows([hop_row(hop) for hop in hops], (), common.output)
            return
        tree = Tree(Text(f"{first.name} ({first.key})", style="bold"))
        at = tree
        for hop in hops:
            at = at.add(
                Text.assemble(
                    (f"{hop.type} " if hop.forwards else f"← {hop.type} ", "dim"),
                    (hop.provider.name, "bold"),
                    f" ({hop.provider.key})",
                )
            )
        out.print(tree)
        err.print(f"{len(hops)} steps")
