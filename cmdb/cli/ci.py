"""ci list, show, history, set, link, unlink, retire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from cmdb.application import Application
from cmdb.changeset import ChangeSet, Link, New, Operation, Patch, Put, Retire, Unlink
from cmdb.cli.options import AsOf, Limit, Retired, SortBy
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table
from cmdb.cli.questions import filter_of, listed, print_nodes
from cmdb.cli.session import Acting, Common, opened, run
from cmdb.cli.showing import NODE_COLUMNS, event_lines, event_row, node_row, shown
from cmdb.errors import Usage
from cmdb.filters import Direction
from cmdb.nodes import Node, Relationship
from cmdb.reading import moment_revision, node_events, resolve, resolve_all
from cmdb.store.port import ClaimKind
from graph_schema.metamodel import Model

app = App(name="ci", help="List, show, alter, link and retire configuration items and records.")


@app.command(name="list")
def list_(
    class_name: Annotated[str | None, Parameter(help="This class and those below it.")] = None,
    /,
    *,
    where: Annotated[str | None, Parameter(help="A filter: environment = production and name contains db")] = None,
    sort: SortBy = "name",
    limit: Limit = 50,
    as_of: AsOf = None,
    retired: Retired = False,
    common: Common | None = None,
) -> None:
    """List nodes of a class."""
    run(_list(common or Common(), where, class_name, sort, limit, as_of, retired))


async def _list(
    common: Common, where: str | None, class_name: str | None, sort: str, limit: int, as_of: str | None, retired: bool
) -> None:
    async with opened(common) as application:
        accepted = filter_of(await application.model(), where, class_name, retired)
        nodes, total = await listed(application, accepted, sort, limit, as_of)
        print_nodes(nodes, total, common.output)


@app.command
def show(ref: str, /, *, as_of: AsOf = None, common: Common | None = None) -> None:
    """Show one node: its attributes, what sources observed of it, and its relationships."""
    run(_show(common or Common(), ref, as_of))


async def _show(common: Common, ref: str, moment: str | None) -> None:
    async with opened(common) as application:
        as_of = None if moment is None else await moment_revision(application.store, moment)
        node = await resolve(application.store, ref, as_of)
        out_edges = await application.store.relationships([node.ordinal], Direction.OUT, as_of=as_of)
        in_edges = await application.store.relationships([node.ordinal], Direction.IN, as_of=as_of)
        ends = {e for r in (*out_edges, *in_edges) for e in (r.source, r.target)}
        names = {n.ordinal: n for n in await application.store.nodes(sorted(ends), as_of)}
        claimed = (await application.store.claims_on(ClaimKind.NODE, [node.ordinal])).get(node.ordinal, [])
        if common.output is not Format.TABLE:
            row = node_row(node)
            row["relationships"] = [_edge_row(r, names) for r in (*out_edges, *in_edges)]
            row["sources"] = [{"source": source, "seen": claim.seen} for source, claim in claimed]
            print_value(row, common.output)
            return
        _print_node(await application.model(), node)
        for source, claim in claimed:
            out.print(Text(f"  claimed by {source}, last at {claim.seen[:19]}Z", style="dim"))
        _print_edges(node, [*out_edges, *in_edges], names)


def _print_node(model: Model, node: Node) -> None:
    node_class = model.class_by_name[node.class_name]
    out.print(
        Text.assemble(
            (f"{node.key} ", "cyan"),
            (node.name, "bold"),
            f"  {node_class.label.en} / {node_class.label.zh}",
            (f"  {node.state}", "red" if node.retired else "green"),
            (f"  version {node.version} since r{node.since}", "dim"),
        )
    )
    known = model.attributes[node.class_name]
    rows = [(known[n].label.en, shown(v), known[n].unit or "") for n, v in sorted(node.attributes.items())]
    if rows:
        out.print(table(("attribute", "value", "unit"), rows))


def _print_edges(node: Node, edges: list[Relationship], names: dict[int, Node]) -> None:
    rows = [
        (
            "→" if r.source == node.ordinal else "←",
            r.type,
            names[other].key,
            names[other].class_name,
            names[other].name,
            r.key,
        )
        for r in edges
        for other in [r.target if r.source == node.ordinal else r.source]
    ]
    if rows:
        out.print()
        out.print(table(("", "relationship", "key", "class", "name", "as"), rows))


def _edge_row(r: Relationship, names: dict[int, Node]) -> dict[str, Json]:
    return {
        "id": r.id,
        "type": r.type,
        "from": names[r.source].key,
        "to": names[r.target].key,
        "key": r.key,
        "attributes": dict(r.attributes),
    }


@app.command
def history(ref: str, /, *, common: Common | None = None) -> None:
    """Tell the story of a node and of its relationships: who changed what, when, by which authority."""
    run(_history(common or Common(), ref))


async def _history(common: Common, ref: str) -> None:
    async with opened(common) as application:
        node = await resolve(application.store, ref)
        events = await node_events(application.store, node.ordinal)
        if common.output is not Format.TABLE:
            print_rows([event_row(event) for event in events], (), common.output)
            return
        for event in events:
            for line in event_lines(event):
                out.print(line)


@app.command
def add(
    class_name: str,
    name: str,
    /,
    *assignments: str,
    state: str | None = None,
    acting: Acting | None = None,
) -> None:
    """Create a node: `cmdb ci add Server web-1 serial_number=X1 site_name=Berlin`."""
    options = acting or Acting()
    put = Put(node=New("it"), class_name=class_name, name=name, state=state, attributes=patch_of(assignments))
    run(_write(options, lambda _: _just(put)))


@app.command(name="set")
def set_(
    ref: str,
    /,
    *assignments: str,
    name: str | None = None,
    state: str | None = None,
    expects: Annotated[int | None, Parameter(help="The version you saw; another one is a conflict.")] = None,
    acting: Acting | None = None,
) -> None:
    """Change a node: `cmdb ci set SRV-000001 role=web environment=production`."""

    async def operation(application: Application) -> Operation:
        node = await resolve(application.store, ref)
        return Put(node=node.ordinal, name=name, state=state, attributes=patch_of(assignments), expects=expects)

    run(_write(acting or Acting(), operation))


@app.command
def retire(
    ref: str,
    /,
    *,
    state: Annotated[str | None, Parameter(help="A final state of its lifecycle; the first if not given.")] = None,
    expects: int | None = None,
    acting: Acting | None = None,
) -> None:
    """Retire a node: it goes to a final state and its relationships end; it stays readable for ever."""

    async def operation(application: Application) -> Operation:
        return Retire(node=(await resolve(application.store, ref)).ordinal, state=state, expects=expects)

    run(_write(acting or Acting(), operation))


@app.command
def link(
    source: str,
    type_name: Annotated[str, Parameter(name="TYPE")],
    target: str,
    /,
    *assignments: str,
    key: str = "",
    acting: Acting | None = None,
) -> None:
    """Relate two nodes: `cmdb ci link Application:shop DEPENDS_ON Database:orders`."""

    async def operation(application: Application) -> Operation:
        ends = await resolve_all(application.store, [source, target])
        patch = patch_of(assignments)
        return Link(type=type_name, source=ends[0].ordinal, target=ends[1].ordinal, key=key, attributes=patch)

    run(_write(acting or Acting(), operation))


@app.command
def unlink(
    source: str,
    type_name: Annotated[str, Parameter(name="TYPE")],
    target: str,
    /,
    *,
    key: str = "",
    acting: Acting | None = None,
) -> None:
    """End a relationship."""

    async def operation(application: Application) -> Operation:
        ends = await resolve_all(application.store, [source, target])
        return Unlink(type=type_name, source=ends[0].ordinal, target=ends[1].ordinal, key=key)

    run(_write(acting or Acting(), operation))


async def _write(acting: Acting, operation: Callable[[Application], Awaitable[Operation]]) -> None:
    async with opened(acting) as application:
        change_set = ChangeSet((await operation(application),))
        written = await application.door.write(
            change_set, actor=acting.who, authority=await application.authority(acting.change), reason=acting.reason
        )
        if not written.effects:
            err.print(f"nothing to change; revision {written.head.revision} stays")
            return
        err.print(f"revision {written.head.revision}: {written.effects} effects")
        touched = [
            *written.created.values(),
            *(o.node for o in change_set if isinstance(o, Put | Retire) and isinstance(o.node, int)),
        ]
        if touched:
            print_nodes_plain(await application.store.nodes(touched), acting.output)


async def _just(operation: Operation) -> Operation:
    return operation


def print_nodes_plain(nodes: list[Node], output: Format) -> None:
    """Print what was written, for the next command."""
    print_rows([node_row(node) for node in nodes], NODE_COLUMNS, output)


def patch_of(assignments: tuple[str, ...]) -> Patch:
    """Attributes as `name=value`; an empty value takes one away."""
    patch: Patch = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise Usage(f"{assignment!r} assigns nothing", remedy="write name=value")
        patch[name] = value or None
    return patch
