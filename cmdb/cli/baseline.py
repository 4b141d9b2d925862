"""baseline record, list, show, verify, compare, restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from cmdb.application import Application
from cmdb.application.baselines import Recording, find_baseline, list_baselines, record_baseline
from cmdb.application.comparing import NOW, compare_moments
from cmdb.application.control import draft_restore
from cmdb.application.planned_graph import planned_graph
from cmdb.application.proving import verify_baseline
from cmdb.application.restoring import RestorePlan, restore_plan
from cmdb.baselines import Baseline, Filtered, Scope, one_scope
from cmdb.cli.comparing import comparison_page, comparison_row, difference_row, print_comparison, side_row
from cmdb.cli.options import AsOf, Limit, Page
from cmdb.cli.output import (
    Format,
    Json,
    err,
    out,
    print_line,
    print_rows,
    print_value,
    progress_bar,
    table,
    write,
)
from cmdb.cli.planned import plan_row, print_plan
from cmdb.cli.session import Acting, Common, opened, run
from cmdb.cli.showing import finding_rows, print_findings
from cmdb.reading.operation_text import WrittenOperation, operation_line, written

app = App(name="baseline", help="Record, list, verify and compare baselines, and plan the way back to one.")


Where = Annotated[
    str | None, Parameter(name=["--scope", "--where"], help="The configuration items that a filter accepts.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Covering:
    """Options that say what is sealed, in one way."""

    every: Annotated[bool, Parameter(name="--all", negative="", help="All configuration items.")] = False
    where: Where = None
    service: Annotated[str | None, Parameter(help="A service with everything it needs.")] = None
    release: Annotated[str | None, Parameter(help="What a release delivers and its changes touch or make.")] = None

    @property
    def scope(self) -> Scope:
        """What these options mean. Raises Usage unless one of them is given."""
        return one_scope(every=self.every, where=self.where, service=self.service, release=self.release)


@app.command
def record(
    name: str,
    /,
    *,
    purpose: Annotated[str, Parameter(help="What it is for.")],
    covering: Covering | None = None,
    supersedes: Annotated[str | None, Parameter(help="The baseline whose place it takes.")] = None,
    as_of: AsOf = None,
    acting: Acting | None = None,
) -> None:
    """Seal the configuration as it stands, or as it stood: a reference with counts and a root, no copy."""
    wanted = Recording(name, purpose, (covering or Covering()).scope, as_of, supersedes)
    run(_record(acting or Acting(), wanted))


async def _record(acting: Acting, wanted: Recording) -> None:
    async with opened(acting) as application:
        made = await record_baseline(application, wanted, actor=acting.who, reason=acting.reason)
        print_rows([baseline_row(made)], _COLUMNS, acting.output)
        seal = made.seal
        err.print(
            f"sealed revision {seal.revision}: {seal.items} items, {seal.relationships} relationships between them"
        )


_COLUMNS = ("key", "name", "state", "scope", "revision", "items", "relationships", "purpose")


@app.command(name="list")
def list_(*, common: Common | None = None) -> None:
    """List all baselines, the newest first."""
    run(_list(common or Common()))


async def _list(common: Common) -> None:
    async with opened(common) as application:
        print_rows([baseline_row(found) for found in await list_baselines(application)], _COLUMNS, common.output)


@app.command
def show(ref: str, /, *, common: Common | None = None) -> None:
    """Show one baseline: what it seals, by which hash and root, who recorded it and when."""
    run(_show(common or Common(), ref))


async def _show(common: Common, ref: str) -> None:
    async with opened(common) as application:
        row = baseline_row(await find_baseline(application, ref))
        if common.output is Format.TABLE:
            out.print(table(("", ""), [(Text(name, "bold"), str(value)) for name, value in row.items()]))
        else:
            print_value(row, common.output)


@app.command(name="compare")
def compare_(
    before: str,
    after: str = NOW,
    /,
    *,
    where: Annotated[str | None, Parameter(help="Compare what this filter accepts, instead.")] = None,
    page: Annotated[
        Page | None, Parameter(name="--format", help="A page that people can read, to standard output.")
    ] = None,
    limit: Limit = 50,
    common: Common | None = None,
) -> None:
    """Say what differs between two moments: baselines, revisions, instants, days or `now`."""
    run(_compare(common or Common(), before, after, where, page, limit))


async def _compare(common: Common, before: str, after: str, where: str | None, page: Page | None, limit: int) -> None:
    async with opened(common) as application:
        scope = None if where is None else Filtered(where)
        found = await compare_moments(application, before, after, scope)
        if page is not None:
            write(comparison_page(found, await application.model()).encode())
            return
        match common.output:
            case Format.TABLE:
                print_comparison(found, limit)
            case Format.JSON | Format.YAML:
                print_value(comparison_row(found), common.output)
            case _:
                print_rows([difference_row(found, one) for one in found.differences], (), common.output)


@app.command
def verify(ref: str, /, *, common: Common | None = None) -> int:
    """Prove a baseline against the ledger: the chain, its record, and the state that it sealed, line by line.

    Ends with 1 if anything is found; each finding names what was altered.
    """
    return run(_verify(common or Common(), ref))


async def _verify(common: Common, ref: str) -> int:
    async with opened(common) as application:
        with progress_bar("verify") as bar:
            task = bar.add_task("commits", total=(await application.store.head()).revision)
            proof = await verify_baseline(application, ref, progress=lambda done: bar.update(task, completed=done))
    found = proof.baseline
    if common.output is not Format.TABLE:
        row: dict[str, Json] = {"key": found.key, "holds": proof.holds, "count": proof.count}
        print_value(row | {"findings": finding_rows(proof.findings)}, common.output)
    else:
        print_findings(proof.findings, proof.count)
        verdict = "holds" if proof.holds else f"does not hold: {proof.count} findings"
        err.print(f"{found.key} {found.name}, revision {found.seal.revision}: {verdict}")
        err.print(f"hash {found.seal.commit_hash}")
    return int(not proof.holds)


@app.command
def restore(
    ref: str,
    /,
    *,
    where: Annotated[
        str | None, Parameter(name="--scope", help="Only the part that this filter accepts, then or now.")
    ] = None,
    replace: Annotated[
        bool, Parameter(negative="", help="Put new nodes in the place of those that were retired.")
    ] = False,
    draft: Annotated[bool, Parameter(negative="", help="Draft the change that leads back.")] = False,
    limit: Limit = 50,
    acting: Acting | None = None,
) -> None:
    """Plan the way back to a baseline: the operations, what they would make of what fails, and what is impossible.

    No CI is altered: with --draft a change is drafted that does it once it is approved. With -o ndjson the operations alone
    are printed, as a change takes them.
    """
    options = acting or Acting()
    if draft:
        run(_drafted(options, ref, where, replace=replace, limit=limit))
    else:
        run(_restore(options, ref, where, replace, limit))


async def _drafted(acting: Acting, ref: str, where: str | None, *, replace: bool, limit: int) -> None:
    async with opened(acting) as application:
        taken, plan = await draft_restore(application, ref, actor=acting.who, where=where, replace_retired=replace)
        operations = await written(application.store, plan.operations)
        if acting.output is Format.TABLE:
            _print_restore(plan, [operation_line(operation) for operation in operations], limit)
        else:
            print_value(await _restore_row(application, plan, operations), acting.output)
        if taken is None:
            err.print("there is nothing to lead back, so nothing was drafted")
        else:
            err.print(f"{taken.change.key} is drafted; say when and by whom: cmdb change edit {taken.change.key}")


async def _restore(common: Common, ref: str, where: str | None, replace: bool, limit: int) -> None:
    async with opened(common) as application:
        plan = await restore_plan(application, ref, where, replace_retired=replace)
        operations = await written(application.store, plan.operations)
        match common.output:
            case Format.NDJSON:
                for operation in operations:
                    print_line(operation_line(operation))
            case Format.TABLE:
                _print_restore(plan, [operation_line(operation) for operation in operations], limit)
                if operations:
                    await print_plan(await planned_graph(application, operations), None, limit)
            case _:
                print_value(await _restore_row(application, plan, operations), common.output)


def _print_restore(plan: RestorePlan, lines: list[str], limit: int) -> None:
    before = plan.before
    out.print(
        Text(f"from revision {plan.revision} back to {before.label}, revision {before.revision}: ", "bold")
        + Text(f"{len(lines)} operations, {len(plan.impossible)} impossible")
    )
    for line in lines[: limit or None]:
        print_line(f"  {line}")
    if 0 < limit < len(lines):
        err.print(f"the first {limit} of {len(lines)}; --limit 0 prints all")
    for one in plan.impossible[: limit or None]:
        advice = (f" → {one.instead}", "dim") if one.instead else ""
        out.print(Text.assemble(("✗ ", "red"), (one.subject, "cyan"), f": {one.reason}", advice))


async def _restore_row(
    application: Application, plan: RestorePlan, operations: tuple[WrittenOperation, ...]
) -> dict[str, Json]:
    touched = await application.store.nodes(plan.touches) if plan.touches else []
    impossible: list[Json] = [{"subject": i.subject, "reason": i.reason, "instead": i.instead} for i in plan.impossible]
    return {
        "from": plan.revision,
        "to": side_row(plan.before),
        "operations": [msgspec.json.decode(operation_line(operation)) for operation in operations],
        "touches": [node.key for node in touched],
        "impossible": impossible,
        "impact": await plan_row(await planned_graph(application, operations), None) if operations else None,
    }


def baseline_row(baseline: Baseline) -> dict[str, Json]:
    """A baseline for programs."""
    seal = baseline.seal
    return {
        "key": baseline.key,
        "name": baseline.name,
        "state": baseline.node.state,
        "purpose": baseline.purpose,
        "scope": str(seal.scope),
        "revision": seal.revision,
        "hash": seal.commit_hash,
        "root": seal.root,
        "items": seal.items,
        "relationships": seal.relationships,
        "model": seal.model_version,
        "recorded_by": baseline.recorded_by,
        "recorded_at": baseline.recorded_at,
    }
