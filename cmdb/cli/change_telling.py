"""change list, show, certificate: what is on record about changes."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from cmdb.application import Application
from cmdb.application.control import certificate, certificate_record
from cmdb.changes import Change, Stage, changes_in, load_change, overdue
from cmdb.cli.certifying import answer_row, certificate_page, print_answer
from cmdb.cli.options import ChangeRef, Page
from cmdb.cli.output import Format, err, out, print_rows, print_value, table, write
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import shown
from cmdb.reading.operation_text import operation_line
from graph_schema.metamodel import Model

_ENDED: Final = frozenset({Stage.CLOSED, Stage.CANCELLED, Stage.REJECTED, Stage.ARCHIVED})


def list_(
    *stages: Annotated[Stage, Parameter(help="Only those in these states; all that are open if none is named.")],
    late: Annotated[bool, Parameter(name="--overdue", negative="", help="Only those that are late.")] = False,
    common: Common | None = None,
) -> None:
    """List changes, with what is overdue of each."""
    chosen = stages or tuple(stage for stage in Stage if stage not in _ENDED)
    run(_list(common or Common(), chosen, late=late))


async def _list(common: Common, stages: tuple[Stage, ...], *, late: bool) -> None:
    async with opened(common) as application:
        today = application.clock().date()
        rows = [
            {
                "key": change.key,
                "name": change.node.name,
                "kind": change.kind.value,
                "state": change.stage.value,
                "window": " – ".join(text[:16] + "Z" for text in change.window) if change.window else None,
                "requester": change.requester,
                "overdue": list(overdue(change, today)),
            }
            for change in await changes_in(application.store, *stages)
        ]
        found = [row for row in rows if row["overdue"] or not late]
        print_rows(found, ("key", "name", "kind", "state", "window", "requester", "overdue"), common.output)


def show(ref: ChangeRef, /, *, common: Common | None = None) -> None:
    """Show a change: what it says, what it touches, its votes and what it is to do."""
    run(_show(common or Common(), ref))


async def _show(common: Common, ref: str) -> None:
    async with opened(common) as application:
        await _print(application, await load_change(application.store, ref), common.output)


async def _print(application: Application, change: Change, output: Format) -> None:
    nodes = {node.ordinal: node for node in await application.store.nodes(sorted(change.touches))}
    if output is not Format.TABLE:
        print_value(
            {
                "key": change.key,
                "name": change.node.name,
                "state": change.stage.value,
                "attributes": dict(change.node.attributes),
                "touches": [node.key for node in nodes.values()],
                "votes": [{"voter": vote.voter, "choice": vote.choice.value} for vote in change.votes],
                "certificate": change.certified.node.key if change.certified else None,
                "cost": str(change.cost),
                "overdue": list(overdue(change, application.clock().date())),
            },
            output,
        )
        return
    rows = _rows(await application.model(), change)
    rows.append(("Touches", ", ".join(f"{node.name} ({node.key})" for node in nodes.values()) or "–"))
    rows += [(f"Vote of {vote.voter}", vote.choice.value.replace("_", " ")) for vote in change.votes]
    rows += [("Overdue", line) for line in overdue(change, application.clock().date())]
    if change.certified:
        rows.append(("Certificate", f"{change.certified.node.key}, revision {change.certified.revision}"))
    out.print(table((change.key, change.node.name), rows))


def _rows(model: Model, change: Change) -> list[tuple[str, str]]:
    known = model.attributes[change.node.class_name]
    said = change.node.attributes
    rows = [("State", change.stage.value.replace("_", " "))]
    rows += [(known[n].label.en, shown(said[n])) for n in known if n in said and n != "planned_operations"]
    rows += [("Plans", operation_line(operation)) for operation in change.planned]
    return [*rows, ("Total cost", f"{change.cost} {said.get('currency', '')}".strip())] if change.cost else rows


def certificate_(
    ref: ChangeRef,
    /,
    *,
    page: Annotated[Page | None, Parameter(name="--format", help="A page to print, to standard output.")] = None,
    common: Common | None = None,
) -> int:
    """Show what a change was found to break, as it was sealed. Ends with 6 if it is not what was sealed."""
    return run(_certificate(common or Common(), ref, page))


async def _certificate(common: Common, ref: str, page: Page | None) -> int:
    async with opened(common) as application:
        change = await load_change(application.store, ref)
        answer, same = await certificate(application, change)
        if page is not None:
            write(certificate_page(change, answer, proven=same).encode())
        elif common.output is Format.TABLE:
            print_answer(change, answer)
        else:
            print_value(answer_row(change, answer, proven=same), common.output)
        if not same:
            err.print(
                f"{certificate_record(change).key}: worked out again, it is not what was sealed; run `cmdb ledger verify`"
            )
        return 0 if same else 6
