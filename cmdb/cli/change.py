"""change draft, edit, and every step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from cmdb.application.control import (
    Draft,
    Edit,
    Taken,
    Wish,
    draft_change,
    edit_change,
    implement,
    take_step,
)
from cmdb.changes import Action, Choice, Kind
from cmdb.changeset import Patch
from cmdb.cli.certifying import print_answer
from cmdb.cli.ci import patch_of
from cmdb.cli.options import ChangeRef
from cmdb.cli.output import Format, err, print_rows
from cmdb.cli.planned import operations_in
from cmdb.cli.session import Acting, opened, run
from cmdb.reading.operation_text import WrittenOperation
from graph_schema.reader import read_model

app = App(name="change", help="Draft changes, weigh them, and take them step by step to their close.")

for name, target, text in (
    ("list", "change_telling:list_", "List changes, with what is overdue of each."),
    ("show", "change_telling:show", "Show a change: what it says, what it touches, its votes and what it is to do."),
    (
        "certificate",
        "change_telling:certificate_",
        "Show what a change was found to break, as it was sealed. Ends with 6 if it is not what was sealed.",
    ),
    (
        "collisions",
        "weighing:collisions",
        "Show what it meets: other open changes, freezes, maintenance windows, people in two places.",
    ),
    ("slots", "weighing:slots", "Show the next times at which it is in nobody's way."),
    ("risk", "weighing:risk", "Show how risky it is, part by part."),
    ("kpis", "weighing:kpis", "Show how well change control does, month by month, beside its targets."),
):
    app.command(f"cmdb.cli.{target}", name=name, help=text)


@Parameter(name="*")
@dataclass(frozen=True)
class Described:
    """Options that say what a change is about, when it is made, and by whom."""

    touch: Annotated[tuple[str, ...], Parameter(help="A CI that it works on; may be repeated.")] = ()
    operations: Annotated[
        Path | None, Parameter(help="A file of planned operations: JSON, JSON lines or YAML; - is standard input.")
    ] = None
    implementer: Annotated[tuple[str, ...], Parameter(help="Who makes it; may be repeated.")] = ()
    start: Annotated[str | None, Parameter(name="--from", help="Start of its window: 2026-03-01T22:00.")] = None
    end: Annotated[str | None, Parameter(name="--until", help="End of its window.")] = None
    zone: Annotated[str, Parameter(help="The time zone that these times are in.")] = "UTC"
    board: Annotated[str | None, Parameter(help="The advisory board of a major change.")] = None
    concerns: Annotated[tuple[str, ...], Parameter(help="A record that it answers; may be repeated.")] = ()

    @property
    def window(self) -> tuple[str, str, str] | None:
        """Begin, end and zone, as far as they are said."""
        return None if self.start is None and self.end is None else (self.start or "", self.end or "", self.zone)

    def attributes(self, assignments: tuple[str, ...]) -> Patch:
        """Assignments and implementers as a patch."""
        patch = patch_of(assignments)
        return patch | {"implementers": self.implementer} if self.implementer else patch


@app.command
def draft(
    name: str,
    /,
    *assignments: str,
    kind: Annotated[Kind, Parameter(help="Which way it goes.")] = Kind.NORMAL,
    template: Annotated[str | None, Parameter(help="The approved template of a standard change.")] = None,
    model: Annotated[Path | None, Parameter(help="A folder of model files that it is to put in force.")] = None,
    described: Described | None = None,
    acting: Acting | None = None,
) -> None:
    """Draft a change: `cmdb change draft "New firmware" reason="security fix" back_out_plan="old one" --touch STD-000001`."""
    says = described or Described()
    planned = _operations(says.operations) or ()
    planned_model = None if model is None else read_model(model)
    made = Draft(
        name=name,
        kind=kind,
        attributes=says.attributes(assignments),
        touches=says.touch,
        operations=planned,
        board=says.board,
        template=template,
        window=says.window,
        model=planned_model,
        concerns=says.concerns,
    )
    run(_drafted(acting or Acting(), made))


async def _drafted(acting: Acting, made: Draft) -> None:
    async with opened(acting) as application:
        _tell(await draft_change(application, made, actor=acting.who), acting.output)


@app.command
def edit(
    ref: ChangeRef,
    /,
    *assignments: str,
    name: str | None = None,
    untouch: Annotated[tuple[str, ...], Parameter(help="A CI that it does not work on after all.")] = (),
    described: Described | None = None,
    acting: Acting | None = None,
) -> None:
    """Alter a change. An approval that rests on what it was falls."""
    says = described or Described()
    planned = _operations(says.operations)
    made = Edit(
        name, says.attributes(assignments), says.touch, untouch, planned, says.board, says.window, says.concerns
    )
    run(_edited(acting or Acting(), ref, made))


async def _edited(acting: Acting, ref: str, made: Edit) -> None:
    async with opened(acting) as application:
        _tell(await edit_change(application, ref, made, actor=acting.who), acting.output)


@app.command
def submit(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Hand a draft in; a standard change is approved by its template."""
    _step(acting, ref, Action.SUBMIT)


@app.command
def assess(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Work out what it breaks, and seal that as its certificate."""
    _step(acting, ref, Action.ASSESS)


@app.command
def vote(
    ref: ChangeRef,
    choice: Annotated[Choice, Parameter(help="in-favour, against or abstained.")],
    /,
    *,
    acting: Acting | None = None,
) -> None:
    """Vote as a member of the board; say why with --reason."""
    _step(acting, ref, Action.VOTE, outcome=choice.value)


@app.command
def approve(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Approve what the certificate shows, and the cost."""
    _step(acting, ref, Action.APPROVE)


@app.command
def reject(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Reject it; say why with --reason."""
    _step(acting, ref, Action.REJECT)


@app.command
def schedule(
    ref: ChangeRef,
    /,
    *,
    override: Annotated[str, Parameter(help="Why it goes ahead although it collides.")] = "",
    acting: Acting | None = None,
) -> None:
    """Take it into the schedule, if nothing has become worse and nothing collides."""
    _step(acting, ref, Action.SCHEDULE, override=override)


@app.command
def begin(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Begin to implement it, inside its window."""
    _step(acting, ref, Action.BEGIN)


@app.command(name="implement")
def implement_(
    ref: ChangeRef,
    /,
    *,
    operations: Annotated[Path | None, Parameter(help="Other operations than the planned ones.")] = None,
    acting: Acting | None = None,
) -> None:
    """Carry out the planned operations, all of them or none; single ones: `cmdb ci set … --change KEY`."""
    run(_implemented(acting or Acting(), ref, _operations(operations)))


async def _implemented(acting: Acting, ref: str, operations: tuple[WrittenOperation, ...] | None) -> None:
    async with opened(acting) as application:
        revision = await implement(application, ref, actor=acting.who, operations=operations)
        err.print(f"revision {revision}")


@app.command
def complete(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Say that it is implemented; what departs from the plan is listed."""
    _step(acting, ref, Action.COMPLETE)


@app.command
def fail(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Say that it failed, and why with --reason."""
    _step(acting, ref, Action.FAIL)


@app.command
def back_out(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Take back what was done under it; what others did since stays."""
    _step(acting, ref, Action.BACK_OUT)


@app.command
def review(
    ref: ChangeRef,
    /,
    *,
    outcome: Annotated[
        str, Parameter(help="successful, with_deviations, failed or backed_out, if it is not what it seems.")
    ] = "",
    follow_up: Annotated[tuple[str, ...], Parameter(help="A record that follows from it; may be repeated.")] = (),
    acting: Acting | None = None,
) -> None:
    """Review it after its implementation; lessons go into --reason."""
    options = acting or Acting()
    wish = Wish(Action.REVIEW, options.who, options.reason, outcome=outcome, follow_ups=follow_up)
    run(_stepped(options, ref, wish))


@app.command
def close(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Close it."""
    _step(acting, ref, Action.CLOSE)


@app.command
def cancel(ref: ChangeRef, /, *, acting: Acting | None = None) -> None:
    """Give it up; say why with --reason."""
    _step(acting, ref, Action.CANCEL)


def _step(acting: Acting | None, ref: str, action: Action, *, override: str = "", outcome: str = "") -> None:
    options = acting or Acting()
    run(_stepped(options, ref, Wish(action, options.who, options.reason, override, outcome)))


async def _stepped(acting: Acting, ref: str, wish: Wish) -> None:
    async with opened(acting) as application:
        taken = await take_step(application, ref, wish)
        _tell(taken, acting.output)
        if taken.answer is not None and acting.output is Format.TABLE:
            print_answer(taken.change, taken.answer)


def _tell(taken: Taken, output: Format) -> None:
    change = taken.change
    row = {"key": change.key, "name": change.node.name, "kind": change.kind.value, "state": change.stage.value}
    print_rows([row], ("key", "name", "kind", "state"), output)
    err.print(f"revision {taken.revision}")
    for line in (*taken.findings.collisions, *taken.findings.differences):
        err.print(f"  {line}")


def _operations(path: Path | None) -> tuple[WrittenOperation, ...] | None:
    return None if path is None else operations_in(path)
