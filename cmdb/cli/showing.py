"""Nodes, hops and events as rows and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.text import Text

from cmdb.application import DescribedHit, DescribedHop
from cmdb.cli.output import Json, out
from cmdb.nodes import Node
from cmdb.reading import Event
from cmdb.safekeeping import Finding

NODE_COLUMNS = ("key", "class", "name", "state")

MARKS: Final = {"down": ("✗ down", "bold red"), "degraded": ("◐ degraded", "yellow"), "at_risk": ("△ at risk", "cyan")}
"""Sign, word and colour of each verdict; any one of them tells it."""


def named_row(node: Node) -> dict[str, Json]:
    """What a node is called, for programs."""
    return {"id": node.id, "key": node.key, "class": node.class_name, "name": node.name}


def node_row(node: Node) -> dict[str, Json]:
    """A node as export writes it, with its version."""
    return named_row(node) | {
        "state": node.state,
        "version": node.version,
        "since": node.since,
        "attributes": dict(node.attributes),
    }


def finding_rows(findings: Sequence[Finding]) -> list[dict[str, Json]]:
    """What a proof found, for programs."""
    return [{"subject": finding.subject, "message": finding.message} for finding in findings]


def print_findings(findings: Sequence[Finding], count: int) -> None:
    """What a proof found, and how much more there is than is listed."""
    for finding in findings:
        out.print(f"{finding.subject}: {finding.message}")
    if count > len(findings):
        out.print(f"… and {count - len(findings)} more")


def hop_row(hop: DescribedHop) -> dict[str, Json]:
    """One dependency of a path; the relationship can be checked by its id."""
    return {
        "relationship": hop.relationship,
        "type": hop.type,
        "dependent": hop.dependent.key,
        "provider": hop.provider.key,
    }


def hit_row(hit: DescribedHit) -> dict[str, Json]:
    """A hit with its path."""
    return named_row(hit.node) | {
        "state": hit.node.state,
        "distance": hit.distance,
        "path": [hop_row(hop) for hop in hit.path],
    }


def many(count: int, what: str) -> str:
    """A number of things in words: `1 service`, `2 services`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def chain(path: Sequence[DescribedHop]) -> Text:
    """A path as people read it, who needs first: `booking ←PROVIDES— shop —RUNS_ON→ host-1`."""
    text = Text()
    for place, hop in enumerate(path):
        if place == 0:
            text.append(hop.dependent.name, style="bold")
        text.append(f" —{hop.type}→ " if hop.forwards else f" ←{hop.type}— ", style="dim")
        text.append(hop.provider.name, style="bold")
    return text


def event_lines(event: Event) -> list[Text]:
    """One event of a history."""
    head = Text()
    head.append(f"r{event.header.revision} ", style="cyan")
    head.append(f"{event.header.time[:19]}Z ", style="dim")
    head.append(event.step.value, style="bold")
    if event.relationship is not None:
        r = event.relationship
        named = f" [{r.key}]" if r.key else ""
        head.append(f" {r.source.name} ({r.source.key}) —{r.type}{named}→ {r.target.name} ({r.target.key})")
    head.append(f"  by {event.header.actor}, {event.header.authority}", style="dim")
    if event.header.reason:
        head.append(f": {event.header.reason}", style="italic")
    changes = [
        Text.assemble(f"    {c.field}: ", (shown(c.before), "red"), " → ", (shown(c.after), "green"))
        for c in event.changes
    ]
    return [head, *changes]


def event_row(event: Event) -> dict[str, Json]:
    """One event of a history, for programs."""
    row: dict[str, Json] = {
        "revision": event.header.revision,
        "time": event.header.time,
        "actor": event.header.actor,
        "authority": event.header.authority,
        "reason": event.header.reason,
        "step": event.step.value,
        "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in event.changes],
    }
    if event.relationship is not None:
        r = event.relationship
        row["relationship"] = {
            "id": r.id,
            "type": r.type,
            "key": r.key,
            "from": {"key": r.source.key, "name": r.source.name},
            "to": {"key": r.target.key, "name": r.target.name},
        }
    return row


def shown(value: Json) -> str:
    """A value in a line; nothing is a dash."""
    if value is None:
        return "–"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={shown(v)}" for k, v in value.items())
    return ", ".join(shown(item) for item in value)
