"""The steps of a release, as the doors call them, with what they do beside its own record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cmdb.application.control import Wish as ChangeWish
from cmdb.application.control import implement, take_step
from cmdb.application.opening import Application
from cmdb.application.questions import live
from cmdb.application.releasing.moves import let_go, proved, reported, successful, told_of, with_digests
from cmdb.application.releasing.order import deployment_order
from cmdb.application.releasing.stepping import Finding, Moving, Taken, Wish, decide, nothing_found, take
from cmdb.changes import Action as ChangeAction
from cmdb.changes import Change, initialisation_has_ended
from cmdb.changes import Stage as ChangeStage
from cmdb.errors import Refused, Usage
from cmdb.ledger import Head
from cmdb.releases import Action, Findings, Release, Stage, TestResult, altered, load_release
from cmdb.releases.hurdles import BEGUN, is_done
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
    if action is Action.BACK_OUT:
        return await _backed_out(application, reference, wish)
    found = await live(application, says.found, None) if says.found else []
    findings: dict[Action, Finding] = {
        Action.TEST: intact,
        Action.ACCEPT: intact,
        Action.DEPLOY: _beginning(application, intact),
        Action.COMPLETE: intact,
    }
    moves: dict[Action, Moving] = {
        Action.PLAN: with_digests,
        Action.TEST: proved(environment, found),
        Action.COMPLETE: successful(application, actor),
        Action.FAIL: reported(says.comment, actor=actor, now=instant(application.clock())),
        Action.CANCEL: let_go,
    }
    return await take(application, reference, wish, findings.get(action, nothing_found), moves.get(action))


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
        if is_done(change):
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
    if len(by_ordinal) < len(items):
        twice = sorted(key for key, times in Counter(item.key for item in items).items() if times > 1)
        raise Usage(f"{', '.join(twice)} is measured twice", remedy="give each artefact once")

    async def find(release: Release, head: Head) -> Findings:
        del head
        delivered = {delivery.item.ordinal for delivery in release.deliveries}
        if strange := [item.key for item in items if item.ordinal not in delivered]:
            raise Usage(f"{release.key} does not deliver {', '.join(strange)}", remedy="see `cmdb release show`")
        return Findings(altered=altered(release, by_ordinal))

    return find


def _beginning(application: Application, intact: Finding) -> Finding:
    async def find(release: Release, head: Head) -> Findings:
        return Findings(
            altered=(await intact(release, head)).altered,
            order=(await deployment_order(application, release)).lines(),
            closed=await initialisation_has_ended(application.store),
        )

    return find


async def _backed_out(application: Application, reference: str, wish: Wish) -> Taken:
    """Take back, last first, what its changes did; then say so. After a refusal it goes on where it stopped."""
    release = await load_release(application.store, reference)
    await decide(application, replace(release, changes=()), wish, Findings())
    why = wish.comment or f"release {release.key} failed"
    for change in reversed(await _ordered(application, release)):
        if change.stage in {ChangeStage.IMPLEMENTING, ChangeStage.IMPLEMENTED}:
            await take_step(application, change.key, ChangeWish(ChangeAction.FAIL, wish.actor, why))
        if change.stage in BEGUN:
            await take_step(application, change.key, ChangeWish(ChangeAction.BACK_OUT, wish.actor, why))
    return await take(application, reference, wish, nothing_found, told_of)
