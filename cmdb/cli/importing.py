"""import: files become claims, claims a plan, and the plan a series of commits."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.prompt import Confirm
from rich.text import Text

from cmdb.application import Application
from cmdb.cli.output import Format, err, print_value, progress_bar
from cmdb.cli.plans import plan_row, print_messages, print_plan
from cmdb.cli.session import Acting, opened, run
from cmdb.errors import Failed, Invalid, NotFound, Usage
from cmdb.reconciliation.applying import Outcome, apply_plan
from cmdb.reconciliation.claims import Importer, Progress
from cmdb.reconciliation.importing import plan_import
from cmdb.reconciliation.plan import Plan
from importers.registry import Found, recognise, shipped_importers
from importers.workbook.template import template as workbook_template


def import_(
    *paths: Annotated[Path, Parameter(help="Files and folders; a format's name may stand before them.")],
    source: Annotated[str | None, Parameter(help="Who says so; claims are kept by source.")] = None,
    plan: Annotated[bool, Parameter(help="Show what would be done, and do nothing.")] = False,
    template: Annotated[
        Path | None, Parameter(help="Write an empty initialisation workbook, and import nothing.")
    ] = None,
    yes: Annotated[bool, Parameter(help="Retire, without asking, what the source no longer has.")] = False,
    skip_errors: Annotated[bool, Parameter(help="Import the good rows although others have errors.")] = False,
    acting: Acting | None = None,
) -> int:
    """Take in files: `cmdb import kubernetes deploy/`, or without a format, which is then told by the files.

    The same files again change nothing. What a source no longer has is shown, and retired only if that is confirmed.
    Ends with 6, having written nothing of that format, if rows have errors and --skip-errors is not given.
    """
    options = acting or Acting()
    chosen, files = _format(paths)
    if template is not None:
        return run(_template(options, template))
    if not files:
        raise Usage("no file is named", remedy="write cmdb import [FORMAT] PATH…")
    found = _found(chosen, files)
    if source is not None and len(found) > 1:
        formats = ", ".join(each.importer.name for each in found)
        raise Usage(
            f"{source} would be the source of several formats: {formats}",
            remedy="import one format at a time, or leave --source out",
        )
    return run(_import(options, found, source, only_plan=plan, yes=yes, skip_errors=skip_errors))


def _format(paths: tuple[Path, ...]) -> tuple[Importer | None, tuple[Path, ...]]:
    known = {importer.name: importer for importer in shipped_importers()}
    if paths and str(paths[0]) in known and not paths[0].exists():
        return known[str(paths[0])], paths[1:]
    return None, paths


def _found(chosen: Importer | None, paths: Sequence[Path]) -> tuple[Found, ...]:
    missing = [path for path in paths if not path.exists()]
    if missing:
        names = ", ".join(importer.name for importer in shipped_importers())
        raise NotFound(f"there is no file or folder {missing[0]}", remedy=f"check the path; the formats are {names}")
    found, passed_over = recognise(paths, (chosen,) if chosen else shipped_importers())
    if chosen is not None:
        named = [path for path in paths if path.is_file()]
        inside = [file for each in found for file in each.paths if file not in named]
        found = (Found(chosen, (*named, *inside)),)
        passed_over = tuple(row for row in passed_over if row.warning)
    print_messages(passed_over)
    if not found or not any(each.paths for each in found):
        raise Invalid("none of the files has a known format", remedy="name the format: cmdb import workbook FILE")
    return found


async def _template(acting: Acting, path: Path) -> int:
    async with opened(acting) as application:
        content = workbook_template(await application.model())
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}", remedy="name a new file") from error
    err.print(
        f"{path}: a sheet for each class and one for relationships; fill it in, then `cmdb import workbook {path}`"
    )
    return 0


async def _import(
    acting: Acting,
    found: tuple[Found, ...],
    source: str | None,
    *,
    only_plan: bool,
    yes: bool,
    skip_errors: bool,
) -> int:
    code = 0
    async with opened(acting) as application:
        authority = await application.authority(acting.change)
        for each in found:
            name = source or f"{each.importer.name}:{_common_name(each.paths)}"
            made = await planned(application, each, name)
            if acting.output is Format.TABLE:
                print_plan(made, in_full=only_plan)
            else:
                print_value(plan_row(made), acting.output)
            if only_plan:
                code = 6 if made.errors else code
                continue
            if made.errors and not skip_errors:
                code = 6
                err.print(f"{name}: nothing was imported; correct the rows, or add --skip-errors to import the others")
                continue
            retire = bool(made.retire) and (yes or _confirmed(made))
            outcome = await applied(application, made, acting, authority, retire=retire, skip_errors=skip_errors)
            _tell(made, outcome)
    return code


async def planned(application: Application, found: Found, source: str) -> Plan:
    """What importing some files as `source` would do."""
    with _progress(f"read {source}", "bytes") as show:
        return await plan_import(
            application.store, await application.model(), found.importer, found.paths, source, show
        )


async def applied(
    application: Application, plan: Plan, acting: Acting, authority: str, *, retire: bool, skip_errors: bool = False
) -> Outcome:
    """Do what a plan says."""
    with _progress(f"write {plan.source}", "items") as show:
        return await apply_plan(
            application.door,
            plan,
            actor=acting.who,
            authority=authority,
            reason=acting.reason or f"import of {plan.source}",
            retire=retire,
            skip_errors=skip_errors,
            progress=show,
        )


@contextmanager
def _progress(title: str, what: str) -> Generator[Callable[[Progress], None]]:
    with progress_bar(title) as bar:
        task = bar.add_task(what, total=None)
        yield lambda progress: bar.update(task, completed=progress.done, total=progress.total)


def _confirmed(plan: Plan) -> bool:
    if not sys.stdin.isatty():
        return False
    question = Text(f"Retire {len(plan.retire)} nodes that {plan.source} no longer has?")
    with _ended_by_the_first_interrupt():
        return Confirm.ask(question, console=err, default=False)


@contextmanager
def _ended_by_the_first_interrupt() -> Generator[None]:
    """The event loop keeps an interrupt until the question is answered; here it counts at once."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(plan: Plan, outcome: Outcome) -> None:
    if plan.empty:
        err.print(f"{plan.source}: nothing to do; revision {outcome.revision}")
        return
    err.print(
        f"{plan.source}: {outcome.created} created, {outcome.updated} updated, {outcome.linked + outcome.relinked} linked, "
        f"{outcome.unlinked} unlinked, {outcome.retired} retired in {outcome.commits} commits; revision {outcome.revision}"
    )
    if outcome.not_retired:
        err.print(f"  {outcome.not_retired} nodes it no longer has are left as they are; --yes retires them")


def _common_name(paths: Sequence[Path]) -> str:
    """A short name for these files that stays the same from import to import: their folder's, or the one file's."""
    if len(paths) == 1:
        return _printable(paths[0].name)
    parents = [path.absolute().parent for path in paths]
    common = parents[0]
    while not all(parent.is_relative_to(common) for parent in parents):
        common = common.parent
    return _printable(common.name)


def _printable(name: str) -> str:
    """A file's name as text that a store can keep; file systems allow bytes that are none."""
    return name.encode(errors="backslashreplace").decode()
