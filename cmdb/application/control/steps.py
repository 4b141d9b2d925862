"""The steps of a change, as the doors call them, with what they do beside the change's own record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cmdb.application.control.certificates import answer_now, sealing, worsened
from cmdb.application.control.colliding import collisions_with
from cmdb.application.control.stepping import (
    Move,
    Moving,
    Taken,
    Wish,
    assessment_falls,
    decide,
    nothing_else,
    take,
    votes_fall,
)
from cmdb.application.control.weighing import risk_of_change
from cmdb.application.control.work import departures, undoing
from cmdb.application.control.works import FIRM_STAGES, OPEN_STAGES
from cmdb.application.newest import on_newest
from cmdb.application.opening import Application
from cmdb.application.questions import live
from cmdb.changes import Action, Change, Choice, Findings, Stage, changes_in, fallen, load_change
from cmdb.changes.certificate import Answer
from cmdb.changes.own_work import UNDER_CHANGE
from cmdb.changes.record import CONCERNS, VOTE, VOTES_ON
from cmdb.changeset import ChangeSet, Link, New, Operation, Patch, Put
from cmdb.errors import Conflict, Problem, Refused
from cmdb.ledger import Head
from cmdb.reading.operation_text import WrittenOperation, to_change_set
from cmdb.writing import Warrant
from graph_schema.values import instant


async def take_step(application: Application, reference: str, wish: Wish) -> Taken:
    """Take a step of a change. Raises Refused with everything that stands against it, NotFound, Invalid, Conflict."""
    match wish.action:
        case Action.ASSESS:
            return await _assess(application, reference, wish)
        case Action.APPROVE | Action.SCHEDULE | Action.BEGIN:
            return await _go_on(application, reference, wish)
        case Action.VOTE:
            return await take(application, reference, wish, _voted(application, wish))
        case Action.COMPLETE:
            change = await load_change(application.store, reference)
            findings = Findings(differences=await departures(application, change))
            return await take(application, reference, wish, _handing_back(application), findings)
        case Action.FAIL:
            return await take(application, reference, wish, _handing_back(application))
        case Action.BACK_OUT:
            return await take(application, reference, wish, _undone(application))
        case Action.REVIEW:
            return await take(application, reference, wish, await _followed_up(application, wish))
        case _:
            return await take(application, reference, wish, nothing_else)


async def implement(
    application: Application, reference: str, *, actor: str, operations: Sequence[WrittenOperation] | None = None
) -> int:
    """Carry out operations under a change, its planned ones if none are given; the revision. The gate has its say."""
    change = await load_change(application.store, reference)
    wanted = change.planned if operations is None else operations
    change_set = await to_change_set(application.store, wanted)
    written = await application.door.write(
        change_set, actor=actor, authority=f"change:{change.key}", reason=change.node.name
    )
    return written.head.revision


async def _assess(application: Application, reference: str, wish: Wish) -> Taken:
    """Seal a certificate, and link what the change impacts."""
    change = await load_change(application.store, reference)
    await decide(application, change, wish, Findings(), await application.store.head())
    answer, question = await answer_now(application, change)

    async def move(now: Change, head: Head) -> Move:
        del head
        return Move((*assessment_falls(now), *await sealing(application, now, answer, question)))

    taken = await take(application, reference, wish, move)
    return await _weighed(application, taken, answer, wish)


async def _weighed(application: Application, taken: Taken, answer: Answer, wish: Wish) -> Taken:
    """Collisions and risk, worked out on the impacts that were just recorded, and kept with the change."""
    change = taken.change
    collisions = await collisions_with(application, change, OPEN_STAGES)
    risk = await risk_of_change(application, change, answer, collisions)
    said: Patch = {
        "collisions": collisions or None,
        "risk_score": risk.score,
        "risk_parts": tuple(f"{part.name}={part.points}" for part in risk.parts if part.points),
    }
    put = Put(node=change.node.ordinal, attributes=said, expects=change.node.version)
    written = await application.door.write(
        ChangeSet((put,)), actor=wish.actor, authority=Warrant(f"change:{change.key}"), reason="weighed"
    )
    findings = replace(taken.findings, collisions=collisions)
    return Taken(await load_change(application.store, change.key), written.head.revision, findings, answer)


async def _go_on(application: Application, reference: str, wish: Wish) -> Taken:
    """Approve, schedule or begin, if the impact is not worse than what was assessed; else the approval falls."""
    change = await load_change(application.store, reference)
    await decide(application, change, wish, Findings(), await application.store.head())
    worse = await worsened(application, change)
    firm = await collisions_with(application, change, FIRM_STAGES) if wish.action is Action.SCHEDULE else ()
    findings = Findings(worse=worse, collisions=firm)
    if worse and change.stage in {Stage.APPROVED, Stage.SCHEDULED}:
        await _suspend(application, reference, wish)
        raise Refused(
            f"{change.key}: the approval is suspended, since its impact has become worse: {worse[0]}",
            remedy=f"assess it again: cmdb change assess {change.key}",
            problems=tuple(Problem(line, change.key) for line in worse),
        )
    moving = await _beginning(application, change) if wish.action is Action.BEGIN else nothing_else
    return await take(application, reference, wish, moving, findings)


async def _suspend(application: Application, reference: str, wish: Wish) -> None:
    """The approval falls, unless it has fallen already."""

    async def attempt(head: Head) -> None:
        change = await load_change(application.store, reference)
        if change.stage not in {Stage.APPROVED, Stage.SCHEDULED}:
            return
        put = Put(
            node=change.node.ordinal,
            state=Stage.SUBMITTED.value,
            attributes=fallen(change),
            expects=change.node.version,
        )
        await application.door.write(
            ChangeSet((put, *votes_fall(change))),
            actor=wish.actor,
            authority=Warrant(f"change:{change.key}"),
            reason="the impact has become worse than what was approved",
            follows=head.revision,
        )

    await on_newest(application.store, attempt)


def _voted(application: Application, wish: Wish) -> Moving:
    async def move(change: Change, head: Head) -> Move:
        del head
        attributes: Patch = {
            "voter": wish.actor,
            "choice": Choice(wish.outcome).value,
            "reason": wish.comment,
            "cast_at": instant(application.clock()),
        }
        name = f"{change.key}: {wish.actor}"
        put = Put(node=New("vote"), class_name=VOTE, name=name, attributes=attributes)
        return Move((put, Link(type=VOTES_ON, source=New("vote"), target=change.node.ordinal)))

    return move


async def _beginning(application: Application, change: Change) -> Moving:
    """The CIs that it touches go to `under_change`, those that may; who was never assessed gets a certificate now."""
    unassessed = change.certified is None
    answer, question = await answer_now(application, change) if unassessed else (None, None)

    async def move(change: Change, head: Head) -> Move:
        del head
        lifecycles = (await application.model()).lifecycle_of
        nodes = await application.store.nodes(sorted(change.touches))
        going = [
            Put(node=node.ordinal, state=UNDER_CHANGE, expects=node.version)
            for node in nodes
            if UNDER_CHANGE in lifecycles[node.class_name].transitions.get(node.state, ())
        ]
        sealed = () if answer is None or question is None else await sealing(application, change, answer, question)
        return Move((*going, *sealed), change.touches)

    return move


def _handing_back(application: Application) -> Moving:
    """The CIs that are still under change go back to where they came from, unless another change has them too."""

    async def move(change: Change, head: Head) -> Move:
        del head
        held = {
            ordinal
            for other in await changes_in(application.store, Stage.IMPLEMENTING)
            if other.key != change.key
            for ordinal in other.touches
        }
        back: list[Operation] = []
        for node in await application.store.nodes(sorted(change.touches - held)):
            if node.state == UNDER_CHANGE:
                versions = reversed(await application.store.history(node.ordinal))
                before = next((v.node.state for v in versions if v.node.state != UNDER_CHANGE), "in_use")
                back.append(Put(node=node.ordinal, state=before, expects=node.version))
        return Move(tuple(back), change.touches)

    return move


async def _followed_up(application: Application, wish: Wish) -> Moving:
    """Records that follow from what was learned are linked."""
    records = await live(application, wish.follow_ups, None) if wish.follow_ups else []

    async def move(change: Change, head: Head) -> Move:
        del head
        said: Patch = {"purpose": "follow-up"}
        me = change.node.ordinal
        return Move(tuple(Link(type=CONCERNS, source=me, target=r.ordinal, attributes=said) for r in records))

    return move


def _undone(application: Application) -> Moving:
    """What was done under the change is taken back; what others did since is kept, or refused as a conflict."""

    async def move(change: Change, head: Head) -> Move:
        del head
        found = await undoing(application, change)
        if found.conflicts:
            raise Conflict(
                f"{change.key} cannot be backed out whole: {found.conflicts[0]}",
                remedy="settle these by a change of their own, then back out again",
                problems=found.conflicts,
            )
        return Move(found.operations, found.scope, creates=True)

    return move
