"""The steps of a release, as the doors call them, with what they do beside its own record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cmdb.application.baselines import seal_scope
from cmdb.application.control import Wish as ChangeWish
from cmdb.application.control import implement, take_step
from cmdb.application.opening import Application
from cmdb.application.questions import live
from cmdb.application.releasing.order import deployment_order
from cmdb.application.releasing.stepping import Finding, Moving, Taken, Wish, nothing_found, take
from cmdb.baselines import OfRelease
from cmdb.baselines.record import recording
from cmdb.changes import Action as ChangeAction
from cmdb.changes import Change, initialisation_has_ended
from cmdb.changes import Stage as ChangeStage
from cmdb.changeset import NEW, Link, New, Operation, Patch, Put, Unlink
from cmdb.errors import Refused
from cmdb.ledger import Head
from cmdb.nodes import Node
from cmdb.reading import BASELINE
from cmdb.releases import Action, Findings, Release, Stage, TestResult, altered, load_release
from cmdb.releases.hurdles import DONE
from cmdb.releases.record import (
    CLOSES,
    DELIVERS,
    FOUND,
    REPORT,
    REPORTS_ON,
    RESULTED_IN,
    TESTED_IN,
    UNKNOWN,
)
from graph_schema.values import instant


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says with a step. `found` are known errors that a test found, by reference.

    `measured` has checksums that were taken of the artefacts themselves, by reference of the item.
    """

    comment: str = ""
    result: TestResult | None = None
    environment: str | None = None
    found: Sequence[str] = ()
    measured: Mapping[str, str] = field(default_factory=dict[str, str])


async def take_release_step(
    application: Application, reference: str, action: Action, said: Said | None = None, *, actor: str
) -> Taken:
    """Take a step of a release. Raises Refused with everything that stands against it, NotFound, Invalid, Conflict."""
    says = said or Said()
    [environment] = await live(application, [says.environment], None) if says.environment else [None]
    wish = Wish(action, actor, says.comment, says.result, environment)
    intact = await _integrity(application, says.measured)
    match action:
        case Action.PLAN:
            return await take(application, reference, wish, nothing_found, _with_checksums)
        case Action.TEST:
            found = await live(application, says.found, None) if says.found else []
            return await take(application, reference, wish, intact, _proved(environment, found))
        case Action.ACCEPT:
            return await take(application, reference, wish, intact)
        case Action.DEPLOY:
            return await take(application, reference, wish, _beginning(application, intact))
        case Action.COMPLETE:
            return await take(application, reference, wish, intact, _successful(application, actor))
        case Action.FAIL:
            return await take(application, reference, wish, nothing_found, _reported(wish.comment))
        case Action.BACK_OUT:
            return await _backed_out(application, reference, wish)
        case _:
            return await take(application, reference, wish, nothing_found)


async def carry_out(application: Application, reference: str, *, actor: str) -> tuple[str, ...]:
    """Begin, implement and complete the changes of a release that is being deployed, in its order; the keys of those done.

    Changes that are implemented are passed over, so after a refusal it goes on where it stopped. The actor must be assigned
    to each of them. Raises as the steps of a change do.
    """
    release = await load_release(application.store, reference)
    if release.stage is not Stage.DEPLOYING:
        raise Refused(f"{release.key} is {release.stage.value}, not being deployed", remedy="cmdb release deploy")
    done: list[str] = []
    for change in await _ordered(application, release):
        if change.stage in DONE:
            continue
        if change.stage is not ChangeStage.SCHEDULED:
            raise Refused(
                f"{change.key} is {change.stage.value}, not scheduled", remedy=f"see `cmdb change show {change.key}`"
            )
        await take_step(application, change.key, ChangeWish(ChangeAction.BEGIN, actor))
        if change.planned:
            await implement(application, change.key, actor=actor)
        await take_step(application, change.key, ChangeWish(ChangeAction.COMPLETE, actor))
        done.append(change.key)
    return tuple(done)


async def _ordered(application: Application, release: Release) -> list[Change]:
    by_key = {change.key: change for change in release.changes}
    return [by_key[key] for key in (await deployment_order(application, release)).changes]


async def _integrity(application: Application, measured: Mapping[str, str]) -> Finding:
    """What is not as it was planned."""
    items = await live(application, list(measured), None) if measured else []
    by_ordinal = {item.ordinal: checksum for item, checksum in zip(items, measured.values(), strict=True)}

    async def find(release: Release, head: Head) -> Findings:
        del head
        return Findings(altered=altered(release.deliveries, by_ordinal))

    return find


def _beginning(application: Application, intact: Finding) -> Finding:
    async def find(release: Release, head: Head) -> Findings:
        return Findings(
            altered=(await intact(release, head)).altered,
            order=(await deployment_order(application, release)).lines(),
            closed=await initialisation_has_ended(application.store),
        )

    return find


async def _with_checksums(release: Release, head: Head) -> tuple[Operation, ...]:
    """The checksums of its artefacts as they are now are what was planned."""
    del head
    me = release.node.ordinal
    return tuple(
        Link(type=DELIVERS, source=me, target=d.item.ordinal, attributes={"checksum": d.checksum})
        for d in release.deliveries
        if d.controlled
    )


def _proved(environment: Node | None, found: Sequence[Node]) -> Moving:
    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        me, before = release.node.ordinal, release.tested_in
        if environment is None:
            raise AssertionError("a test without an environment is refused")
        old = [before] if before is not None and before.ordinal != environment.ordinal else []
        return (
            *(Unlink(type=TESTED_IN, source=me, target=node.ordinal) for node in old),
            Link(type=TESTED_IN, source=me, target=environment.ordinal),
            *(Link(type=FOUND, source=me, target=node.ordinal) for node in found),
        )

    return move


def _successful(application: Application, actor: str) -> Moving:
    """A baseline of what was delivered, and word of it with each record that the release closes."""

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        me, now = release.node.ordinal, instant(application.clock())
        made = await seal_scope(application, OfRelease(release.key), head)
        sealed = recording(
            made,
            name=await _free_name(application, release.name),
            purpose=f"what release {release.key} resulted in",
            actor=actor,
            time=now,
        )
        [record] = [operation.node for operation in sealed if isinstance(operation, Put)]
        resolved: Patch = {"resolved_at": now}
        return (
            *sealed,
            Link(type=RESULTED_IN, source=me, target=record),
            *(Link(type=CLOSES, source=me, target=node.ordinal, attributes=resolved) for node in release.closes),
        )

    return move


async def _free_name(application: Application, name: str) -> str:
    """The release's name, with a number after it where a baseline has that already."""
    number, wanted = 1, name
    while any(node.class_name == BASELINE for node in await application.store.named([wanted])):
        number += 1
        wanted = f"{name[:240]} ({number})"
    return wanted


def _reported(reason: str) -> Moving:
    """A report that is kept until the cause is established."""

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        said: Patch = {"reason": reason, "cause": UNKNOWN, "circumstances": _circumstances("failed", release)}
        name = f"{release.key}: failed"
        put = Put(node=New("report"), class_name=REPORT, name=name, attributes=said, expects=NEW)
        return put, Link(type=REPORTS_ON, source=New("report"), target=release.node.ordinal)

    return move


async def _backed_out(application: Application, reference: str, wish: Wish) -> Taken:
    """Take back, last first, what its changes did; then say so. After a refusal it goes on where it stopped."""
    release = await load_release(application.store, reference)
    if release.stage is Stage.FAILED:
        for change in reversed(await _ordered(application, release)):
            why = wish.comment or f"release {release.key} failed"
            if change.stage in {ChangeStage.IMPLEMENTING, ChangeStage.IMPLEMENTED}:
                await take_step(application, change.key, ChangeWish(ChangeAction.FAIL, wish.actor, why))
            if change.stage in {ChangeStage.IMPLEMENTING, ChangeStage.IMPLEMENTED, ChangeStage.FAILED}:
                await take_step(application, change.key, ChangeWish(ChangeAction.BACK_OUT, wish.actor, why))

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        told = _circumstances("backed out", release)
        return tuple(
            Put(node=report.ordinal, attributes={"circumstances": (*_lines(report), *told)})
            for report in release.reports
        )

    return await take(application, reference, wish, nothing_found, move)


def _circumstances(when: str, release: Release) -> tuple[str, ...]:
    return tuple(f"{when}: {change.key} {change.stage.value.replace('_', ' ')}" for change in release.changes)


def _lines(report: Node) -> tuple[str, ...]:
    value = report.attributes.get("circumstances")
    return tuple(str(line) for line in value) if isinstance(value, tuple) else ()
