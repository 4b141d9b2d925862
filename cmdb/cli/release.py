"""release draft, edit, site, list, show and every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from cmdb.application.releasing import (
    Contents,
    Draft,
    Edit,
    Said,
    Taken,
    carry_out,
    draft_release,
    edit_release,
    plan_site,
    take_release_step,
)
from cmdb.changeset import Patch
from cmdb.cli.ci import patch_of
from cmdb.cli.options import ReleaseRef
from cmdb.cli.output import Format, Json, err, out, print_rows, print_value, table
from cmdb.cli.session import Acting, Common, opened, run
from cmdb.cli.showing import shown
from cmdb.errors import Failed, Usage
from cmdb.nodes import Node
from cmdb.releases import Action, Kind, Release, Stage, TestResult, load_release, releases_in
from graph_schema.values import Value

app = App(name="release", help="Plan releases, prove and accept them, deploy them, and back them out.")

for name, text in (
    ("order", "Show in which order it is deployed: what others need comes first, a ring goes as one step."),
    ("notice", "Write the release notice, as Markdown."),
    ("guide", "Write the install guide, as Markdown."),
    ("kpis", "Show how releases succeed and fail, month by month."),
):
    app.command(f"cmdb.cli.release_telling:{name}", name=name, help=text)


@Parameter(name="*")
@dataclass(frozen=True)
class About:
    """Options that say what a release is about."""

    carries: Annotated[
        tuple[str, ...], Parameter(name="--bundle", help="A change that it carries out; may be repeated.")
    ] = ()
    closes: Annotated[tuple[str, ...], Parameter(help="A problem or known error that it closes.")] = ()
    deliver: Annotated[tuple[str, ...], Parameter(help="A software release or other item that it delivers.")] = ()

    @property
    def contents(self) -> Contents:
        """As the application takes it."""
        return Contents(self.carries, self.closes, self.deliver)


Artefacts = Annotated[
    tuple[str, ...],
    Parameter(name="--artefact", help="REF=FILE: what is delivered, to be digested and held to its checksum."),
]


@app.command
def draft(
    name: str,
    /,
    *assignments: str,
    kind: Annotated[Kind, Parameter(help="A major one is proved before.")] = Kind.MINOR,
    about: About | None = None,
    acting: Acting | None = None,
) -> None:
    """Draft a release: `cmdb release draft "Booking 4.2" --kind major --bundle CHG-000001 --deliver SWR-000003`."""
    made = Draft(name, kind, patch_of(assignments), (about or About()).contents)
    run(_drafted(acting or Acting(), made))


async def _drafted(acting: Acting, made: Draft) -> None:
    async with opened(acting) as application:
        _tell(await draft_release(application, made, actor=acting.who), acting.output)


@app.command
def edit(
    ref: ReleaseRef,
    /,
    *assignments: str,
    kind: Annotated[Kind | None, Parameter(help="Another kind.")] = None,
    without: Annotated[
        tuple[str, ...], Parameter(help="A change, record, item or site plan that is taken out of it.")
    ] = (),
    about: About | None = None,
    acting: Acting | None = None,
) -> None:
    """Alter a release before it is deployed; it is planned, tested and accepted anew."""
    made = Edit(kind, patch_of(assignments), (about or About()).contents, without)
    run(_edited(acting or Acting(), ref, made))


async def _edited(acting: Acting, ref: str, made: Edit) -> None:
    async with opened(acting) as application:
        _tell(await edit_release(application, ref, made, actor=acting.who), acting.output)


@app.command
def site(
    ref: ReleaseRef,
    place: Annotated[str, Parameter(name="SITE", help="The site, by reference.")],
    /,
    *assignments: str,
    step: Annotated[tuple[str, ...], Parameter(help="A step of the work there; may be repeated, in order.")] = (),
    acting: Acting | None = None,
) -> None:
    """Plan how it comes to a site: `cmdb release site "Booking 4.2" "Site:Frankfurt 1" planned_on=2026-05-02 back_out_plan=…`."""
    said = patch_of(assignments)
    run(_planned(acting or Acting(), ref, place, said | {"work_steps": step} if step else said))


async def _planned(acting: Acting, ref: str, place: str, said: Patch) -> None:
    async with opened(acting) as application:
        _tell(await plan_site(application, ref, place, said, actor=acting.who), acting.output)


@app.command(name="list")
def list_(
    *stages: Annotated[Stage, Parameter(help="Only those in these states; all that are open if none is named.")],
    common: Common | None = None,
) -> None:
    """List releases."""
    chosen = stages or tuple(stage for stage in Stage if stage not in _ENDED)
    run(_list(common or Common(), chosen))


_ENDED = frozenset({Stage.CLOSED, Stage.CANCELLED, Stage.ARCHIVED})
_COLUMNS = ("key", "name", "kind", "state", "planned_on", "changes", "sites", "baseline")


async def _list(common: Common, stages: tuple[Stage, ...]) -> None:
    async with opened(common) as application:
        found = await releases_in(application.store, *stages)
        print_rows([release_row(release) for release in found], _COLUMNS, common.output)


@app.command
def show(ref: ReleaseRef, /, *, common: Common | None = None) -> None:
    """Show a release: what it says, what it carries out, delivers and closes, its site plans and reports."""
    run(_show(common or Common(), ref))


async def _show(common: Common, ref: str) -> None:
    async with opened(common) as application:
        release = await load_release(application.store, ref)
        if common.output is not Format.TABLE:
            print_value(_whole(release), common.output)
            return
        known = (await application.model()).attributes[release.node.class_name]
        said = release.node.attributes
        rows = [("State", release.stage.value.replace("_", " "))]
        rows += [(known[name].label.en, shown(said[name])) for name in known if name in said]
        rows += [
            ("Carries out", f"{change.node.name} ({change.key}), {change.stage.value}") for change in release.changes
        ]
        rows += [("Delivers", f"{d.item.name} ({d.item.key}) {d.planned or d.checksum}") for d in release.deliveries]
        rows += [(head, f"{node.name} ({node.key})") for head, nodes in _around(release) for node in nodes]
        out.print(table((release.key, release.name), rows))


def release_row(release: Release) -> dict[str, Json]:
    """A release in a line."""
    planned_on = release.node.attributes.get("planned_on")
    return {
        "key": release.key,
        "name": release.name,
        "kind": release.kind.value,
        "state": release.stage.value,
        "planned_on": None if planned_on is None else str(planned_on),
        "changes": [change.key for change in release.changes],
        "sites": [plan.name for plan in release.sites],
        "baseline": None if release.baseline is None else release.baseline.key,
    }


def _whole(release: Release) -> dict[str, Json]:
    return release_row(release) | {
        "attributes": {name: _json(value) for name, value in release.node.attributes.items()},
        "changes": [{"key": change.key, "state": change.stage.value} for change in release.changes],
        "delivers": [{"key": d.item.key, "planned": d.planned, "checksum": d.checksum} for d in release.deliveries],
        "sites": [
            {"key": plan.node.key, "site": plan.name, **{n: _json(v) for n, v in plan.node.attributes.items()}}
            for plan in release.sites
        ],
        "closes": [node.key for node in release.closes],
        "found": [node.key for node in release.found],
        "tested_in": None if release.tested_in is None else release.tested_in.key,
        "reports": [_record(report) for report in release.reports],
        "problems": [_record(problem) for problem in release.problems],
    }


def _record(node: Node) -> dict[str, Json]:
    return {"key": node.key, **{name: _json(value) for name, value in node.attributes.items()}}


def _json(value: Value) -> Json:
    return list(value) if isinstance(value, tuple) else value


def _around(release: Release) -> list[tuple[str, Sequence[Node]]]:
    return [
        ("Closes", release.closes),
        ("Found", release.found),
        ("Site plan", [plan.node for plan in release.sites]),
        ("Tested in", [release.tested_in] if release.tested_in else []),
        ("Baseline", [release.baseline] if release.baseline else []),
        ("Report", release.reports),
        ("Problem", release.problems),
    ]


@app.command
def plan(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Call the plan complete: every site has one with a way back. The checksums of its artefacts are noted."""
    _step(acting, ref, Action.PLAN)


@app.command(name="test")
def prove(
    ref: ReleaseRef,
    result: Annotated[TestResult, Parameter(help="passed or failed.")],
    /,
    *,
    environment: Annotated[str | None, Parameter(help="Where it was tested; not production.")] = None,
    found: Annotated[tuple[str, ...], Parameter(help="A known error that the test found.")] = (),
    artefact: Artefacts = (),
    acting: Acting | None = None,
) -> None:
    """Say how its test ended; what proves it goes into --reason."""
    _step(acting, ref, Action.TEST, Said(result=result, environment=environment, found=found), artefact)


@app.command
def accept(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Accept it for deployment; nobody accepts what he deploys."""
    _step(acting, ref, Action.ACCEPT)


@app.command
def deploy(ref: ReleaseRef, /, *, artefact: Artefacts = (), acting: Acting | None = None) -> None:
    """Begin to deploy it: its changes are approved, its artefacts are what was planned."""
    _step(acting, ref, Action.DEPLOY, artefact=artefact)


@app.command(name="carry-out")
def carry_out_(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Begin, implement and complete its changes in order, as one who is assigned to them; or step by step by `cmdb change`."""
    run(_carried_out(acting or Acting(), ref))


async def _carried_out(acting: Acting, ref: str) -> None:
    async with opened(acting) as application:
        done = await carry_out(application, ref, actor=acting.who)
        print_rows([{"key": key} for key in done], ("key",), acting.output)


@app.command
def complete(ref: ReleaseRef, /, *, artefact: Artefacts = (), acting: Acting | None = None) -> None:
    """Say that it is deployed: a baseline of what it brought about is recorded, what it closes is told so."""
    _step(acting, ref, Action.COMPLETE, artefact=artefact)


@app.command
def fail(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Say that it failed, and why with --reason; a report is opened."""
    _step(acting, ref, Action.FAIL)


@app.command
def back_out(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Take back what its changes did, the last one first."""
    _step(acting, ref, Action.BACK_OUT)


@app.command
def close(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Close it; the cause of a failure is established by then."""
    _step(acting, ref, Action.CLOSE)


@app.command
def cancel(ref: ReleaseRef, /, *, acting: Acting | None = None) -> None:
    """Give it up; say why with --reason."""
    _step(acting, ref, Action.CANCEL)


def _step(
    acting: Acting | None, ref: str, action: Action, said: Said | None = None, artefact: tuple[str, ...] = ()
) -> None:
    options = acting or Acting()
    run(_stepped(options, ref, action, replace(said or Said(), comment=options.reason), artefact))


async def _stepped(acting: Acting, ref: str, action: Action, said: Said, artefact: tuple[str, ...]) -> None:
    async with opened(acting) as application:
        release = await load_release(application.store, ref)
        measured = dict([_measured(release, text) for text in artefact])
        told = replace(said, measured=measured)
        _tell(await take_release_step(application, release.key, action, told, actor=acting.who), acting.output)


_ALGORITHMS: Final = ("sha256", "sha384", "sha512", "sha1")


def _measured(release: Release, text: str) -> tuple[str, str]:
    """`REF=FILE`, as key and checksum of the file, by the algorithm that was planned."""
    reference, _, path = text.partition("=")
    known = {name: d for d in release.deliveries for name in (d.item.key, f"{d.item.class_name}:{d.item.name}")}
    delivery = known.get(reference)
    if delivery is None or not path:
        raise Usage(f"{text!r} names no artefact of {release.key}", remedy="write SWR-000001=FILE")
    algorithm = (delivery.planned or delivery.checksum).partition(":")[0]
    if algorithm not in _ALGORITHMS:
        raise Usage(
            f"the checksum of {delivery.item.key} is by {algorithm or 'nothing'}",
            remedy=f"known: {', '.join(_ALGORITHMS)}",
        )
    try:
        with Path(path).open("rb") as file:
            return delivery.item.key, f"{algorithm}:{file_digest(file, algorithm).hexdigest()}"
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}", remedy="check the path") from error


def _tell(taken: Taken, output: Format) -> None:
    print_rows([release_row(taken.release)], _COLUMNS, output)
    err.print(f"revision {taken.revision}")
