"""Plans of imports as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Final

from rich.text import Text

from cmdb.cli.output import Json, err, out
from cmdb.cli.showing import shown
from cmdb.reconciliation.claims import RowError
from cmdb.reconciliation.plan import Link, Plan, Relink, Retire, Unlink, Update
from cmdb.reconciliation.settling import Change

SOME: Final = 10
"""Lines of a section that are shown when a plan is about to be applied."""

MANY: Final = 10_000
"""Lines of a section that are shown of a plan that was asked for."""


def print_messages(messages: Sequence[RowError], most: int = 50) -> None:
    """Row errors and warnings: where, what, and what to do."""
    for message in messages[:most]:
        kind = ("warning", "yellow") if message.warning else ("error", "red")
        err.print(Text.assemble(f"{message.where}: ", kind, f": {message.message}", (f" → {message.remedy}", "dim")))
    if len(messages) > most:
        err.print(f"… and {len(messages) - most} more")


def print_plan(plan: Plan, *, in_full: bool) -> None:
    """What would be done: counts, then each section, `in_full` or only its beginning."""
    print_messages(plan.errors)
    print_messages(plan.warnings, 50 if in_full else SOME)
    if plan.unchanged:
        return
    if plan.empty:
        if in_full:
            out.print("an empty plan: the graph says all of this already")
        return
    most = MANY if in_full else SOME
    for title, count, lines in _sections(plan):
        if count and (in_full or title == "retire"):
            out.print(Text(f"{title} {count}", style="bold"))
            for line in islice(lines, most):
                out.print(Text.assemble("  ", line))
            if count > most:
                out.print(f"  … and {count - most} more")


def _sections(plan: Plan) -> Iterator[tuple[str, int, Iterator[Text]]]:
    yield "create", len(plan.create), (Text(f"{c.class_name} {c.name}  ({c.where})") for c in plan.create)
    yield "update", len(plan.update), map(_update, plan.update)
    yield "link", len(plan.link), map(_link, plan.link)
    yield "relink", len(plan.relink), map(_relink, plan.relink)
    yield "unlink", len(plan.unlink), map(_unlink, plan.unlink)
    yield "retire", len(plan.retire), map(_retire, plan.retire)


def _update(update: Update) -> Text:
    return Text.assemble(f"{update.key} {update.name}: ", _changes(update.changes), (f"  {update.reason}", "dim"))


def _changes(changes: Iterable[Change]) -> Text:
    parts = [Text.assemble(f"{c.field} ", (shown(c.before), "red"), " → ", (shown(c.after), "green")) for c in changes]
    return Text(", ").join(parts)


def _link(link: Link) -> Text:
    named = f" [{link.key}]" if link.key else ""
    return Text(f"{link.from_node} —{link.type}{named}→ {link.to_node}  ({link.where})")


def _relink(relink: Relink) -> Text:
    return Text.assemble(f"{relink.type} {relink.id}: ", _changes(relink.changes), (f"  {relink.reason}", "dim"))


def _unlink(unlink: Unlink) -> Text:
    named = f" [{unlink.key}]" if unlink.key else ""
    what = f"{unlink.from_node} —{unlink.type}{named}→ {unlink.to_node}"
    return Text.assemble(what, (f"  {unlink.reason}", "dim"))


def _retire(retire: Retire) -> Text:
    return Text.assemble(f"{retire.key} {retire.class_name} {retire.name}", (f"  {retire.reason}", "dim"))


def plan_row(plan: Plan) -> dict[str, Json]:
    """A plan for programs: counts, every step but the plain creations and links in full, and all messages."""
    return {
        "source": plan.source,
        "format": plan.format,
        "revision": plan.revision,
        "empty": plan.empty,
        "counts": asdict(plan.summary()),
        "create": [{"class": c.class_name, "name": c.name, "where": str(c.where)} for c in plan.create],
        "update": [
            {
                "key": u.key,
                "name": u.name,
                "reason": u.reason,
                "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in u.changes],
            }
            for u in plan.update
        ],
        "link": [{"type": e.type, "from": e.from_node, "to": e.to_node, "key": e.key} for e in plan.link],
        "relink": [{"id": r.id, "type": r.type, "reason": r.reason} for r in plan.relink],
        "unlink": [{"id": u.id, "type": u.type, "from": u.from_node, "to": u.to_node} for u in plan.unlink],
        "retire": [{"key": r.key, "name": r.name, "reason": r.reason} for r in plan.retire],
        "messages": [
            {"where": str(m.where), "warning": m.warning, "message": m.message, "remedy": m.remedy}
            for m in plan.messages
        ],
    }
