"""report status: one configuration item, baseline, build or release, with all that is on record of it."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App
from rich.padding import Padding
from rich.text import Text

from cmdb.application.status import Depending, Status, status_of
from cmdb.cli.options import AsOf, Limit
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import chain, event_lines, event_row, hit_row, node_row, shown
from cmdb.nodes import Node

app = App(name="report", help="Reports on the configuration.")


@app.command
def status(ref: str, /, *, as_of: AsOf = None, limit: Limit = 20, common: Common | None = None) -> None:
    """Report the status of one node: newest version, location, master copy, dependencies, version history."""
    run(_status(common or Common(), ref, as_of, limit))


async def _status(common: Common, ref: str, as_of: str | None, limit: int) -> None:
    async with opened(common) as application:
        found = await status_of(application, ref, as_of)
        match common.output:
            case Format.TABLE:
                _print(found, limit)
            case Format.CSV | Format.NDJSON:
                print_rows([event_row(event) for event in found.history], (), common.output)
            case _:
                print_value(_row(found), common.output)


def _print(found: Status, limit: int) -> None:
    node = found.node
    out.print(
        Text.assemble(
            (f"{node.key} ", "cyan"),
            (node.name, "bold"),
            f"  {node.class_name}  ",
            (node.state, "red" if node.retired else "green"),
            (f"  as of revision {found.revision}", "dim"),
        )
    )
    rows = [
        ("newest version", _version(node)),
        ("location", " in ".join(map(_named, found.location)) or shown(node.attributes.get("location"))),
        ("master copy", _list(found.masters)),
        ("included in", _list(found.included_in)),
        ("releases", _list(found.releases)),
        ("baselines", _list(found.baselines)),
        ("needs", str(found.needs.total)),
        ("needed by", str(found.needed_by.total)),
    ]
    out.print(Padding(table(("", ""), [(Text(name, "bold"), value) for name, value in rows]), (0, 0, 0, 2)))
    for title, depending in (("needs", found.needs), ("needed by", found.needed_by)):
        _print_depending(title, depending)
    out.print(Text("history", "bold"))
    for event in found.history[: limit or None]:
        for line in event_lines(event):
            out.print(line)
    if 0 < limit < len(found.history):
        err.print(f"the newest {limit} of {len(found.history)} events; --limit 0 prints all")


def _print_depending(title: str, depending: Depending) -> None:
    if depending.nearest:
        rows = [
            (Text(str(h.distance)), Text(h.node.key), Text(h.node.class_name), Text(h.node.name), chain(h.path))
            for h in depending.nearest
        ]
        of = "" if depending.total == len(rows) else f", the nearest {len(rows)} of {depending.total}"
        out.print(Text(f"{title}{of}", "bold"))
        out.print(Padding(table(("distance", "key", "class", "name", "because"), rows), (0, 0, 0, 2)))


def _version(node: Node) -> str:
    said = node.attributes.get("version_number")
    of_record = f"record version {node.version}, since revision {node.since}"
    return of_record if said is None else f"{shown(said)} ({of_record})"


def _list(nodes: Sequence[Node]) -> str:
    return ", ".join(map(_named, nodes)) or "–"


def _named(node: Node) -> str:
    version = node.attributes.get("version_number")
    return f"{node.name}{'' if version is None else f' {shown(version)}'} ({node.key})"


def _row(found: Status) -> dict[str, Json]:
    return {
        **node_row(found.node),
        "as_of": found.revision,
        "newest_version": found.node.attributes.get("version_number"),
        "location": [_end(node) for node in found.location] or found.node.attributes.get("location"),
        "masters": [_end(node) for node in found.masters],
        "included_in": [_end(node) for node in found.included_in],
        "releases": [_end(node) for node in found.releases],
        "baselines": [_end(node) for node in found.baselines],
        "needs": _depending_row(found.needs),
        "needed_by": _depending_row(found.needed_by),
        "history": [event_row(event) for event in found.history],
    }


def _depending_row(depending: Depending) -> dict[str, Json]:
    return {"total": depending.total, "nearest": [hit_row(hit) for hit in depending.nearest]}


def _end(node: Node) -> dict[str, Json]:
    return {
        "key": node.key,
        "class": node.class_name,
        "name": node.name,
        "version": node.attributes.get("version_number"),
    }
