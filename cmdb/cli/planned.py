"""Operations from a file, and what they would make of what fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.padding import Padding
from rich.text import Text

from cmdb.application.grouping import verdict_of
from cmdb.application.planned_graph import Compared, PlannedGraph
from cmdb.application.planning import PoolOf, SinglePoint, new_single_points, redundancy_gained, redundancy_lost
from cmdb.cli.output import Json, err, out, table
from cmdb.cli.showing import MARKS, many
from cmdb.errors import Failed
from cmdb.impact import Impact
from cmdb.nodes import Node
from cmdb.projection.columns import Int32s
from cmdb.reading import nodes_by_ordinal, read_operations
from cmdb.reading.operation_text import LARGEST_INPUT, WrittenOperation

Cells = tuple[str | Text, ...]


def operations_in(path: Path) -> tuple[WrittenOperation, ...]:
    """The operations in a file, or on standard input where it is `-`. Raises Failed, and Invalid with every problem."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(LARGEST_INPUT + 1)
        else:
            with path.open("rb") as file:
                data = file.read(LARGEST_INPUT + 1)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}", remedy="check the path") from error
    return read_operations(data, "standard input" if str(path) == "-" else str(path))


async def print_plan(graph: PlannedGraph, compared: Compared | None, limit: int) -> None:
    """What differs, in a table for each kind of difference that there is."""
    points = _points(graph)
    lost, gained = redundancy_lost(graph.planned), redundancy_gained(graph.planned)
    nodes = await _nodes(graph, compared, (*lost, *gained), points)
    sections: list[tuple[str, Sequence[Cells]]] = []
    if compared is not None:
        sections += [
            (title, [_hit(nodes[ordinal], compared, ordinal) for ordinal in ordinals.tolist()])
            for title, ordinals in zip(
                ("hit only as planned", "hit only as it stands", "worse as planned", "better as planned"),
                _columns(compared),
                strict=True,
            )
        ]
    sections += [
        ("loses its spare", [(*_named(nodes[pool.owner]), f"pool {pool.name}") for pool in lost]),
        ("gains a spare", [(*_named(nodes[pool.owner]), f"pool {pool.name}") for pool in gained]),
        ("becomes a single point of failure", [(*_named(nodes[p.ordinal]), _newly(p, nodes)) for p in points]),
    ]
    for title, rows in sections:
        if rows:
            out.print(Text.assemble("\n", (title, "bold"), f" · {len(rows)}"))
            out.print(Padding(table(("name", "key", ""), rows[: limit or None]), (0, 0, 0, 2)))
            if 0 < limit < len(rows):
                err.print(f"the first {limit} of {len(rows)}; --limit 0 prints all")
    if not any(rows for _, rows in sections):
        out.print("what is planned makes no difference to what fails")


async def plan_row(graph: PlannedGraph, compared: Compared | None) -> dict[str, Json]:
    """What differs, for programs; nodes by key, those that would be created by their handle."""
    points = _points(graph)
    lost, gained = redundancy_lost(graph.planned), redundancy_gained(graph.planned)
    nodes = await _nodes(graph, compared, (*lost, *gained), points)
    row: dict[str, Json] = {
        "revision": graph.revision,
        "redundancy_lost": [{"owner": nodes[pool.owner].key, "pool": pool.name} for pool in lost],
        "redundancy_gained": [{"owner": nodes[pool.owner].key, "pool": pool.name} for pool in gained],
        "new_single_points": [
            {"key": nodes[p.ordinal].key, "takes_down": [nodes[o].key for o in p.newly.tolist()]} for p in points
        ],
    }
    if compared is not None:
        names = ("only_after", "only_before", "worse", "better")
        row["difference"] = {
            name: [nodes[ordinal].key for ordinal in ordinals.tolist()]
            for name, ordinals in zip(names, _columns(compared), strict=True)
        }
    return row


def _columns(compared: Compared) -> tuple[Int32s, ...]:
    found = compared.difference
    return found.only_after, found.only_before, found.worse, found.better


def _points(graph: PlannedGraph) -> list[SinglePoint]:
    """Those that take down the most first."""
    return sorted(new_single_points(graph.planned), key=lambda point: -len(point.newly))


async def _nodes(
    graph: PlannedGraph, compared: Compared | None, pools: Sequence[PoolOf], points: Sequence[SinglePoint]
) -> dict[int, Node]:
    """Everybody who is named, as planned."""
    named = [np.array([*(pool.owner for pool in pools), *(point.ordinal for point in points)], dtype=np.int32)]
    named += [point.newly for point in points] + list(() if compared is None else _columns(compared))
    wanted: list[int] = np.unique(np.concatenate(named)).tolist()
    return await nodes_by_ordinal(graph.application.store, wanted, graph.revision)


def _named(node: Node) -> tuple[Text, str]:
    return Text(node.name, "bold"), node.key


def _hit(node: Node, compared: Compared, ordinal: int) -> Cells:
    marks = [_mark(side.impact, ordinal) for side in (compared.before, compared.after)]
    return (*_named(node), Text.assemble(marks[0], " → ", marks[1]))


def _mark(impact: Impact, ordinal: int) -> Text:
    verdict = verdict_of(impact, ordinal)
    return Text("no hit", "dim") if verdict is None else Text(*MARKS[verdict])


def _newly(point: SinglePoint, nodes: dict[int, Node]) -> str:
    some: list[int] = point.newly[:5].tolist()
    names = ", ".join(nodes[ordinal].name for ordinal in some)
    return f"takes down {many(len(point.newly), 'more CI')}: {names}{', …' if len(point.newly) > len(some) else ''}"
