"""Taking one step of a change: decided on a head, committed only if that is still the newest, else decided again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cmdb.access import load_policy
from cmdb.application.newest import on_newest, record_put
from cmdb.application.opening import Application
from cmdb.changes import Action, Asked, Change, Findings, Stage, Step, load_change, step
from cmdb.changes.certificate import Answer
from cmdb.changeset import ChangeSet, Operation, Put
from cmdb.ledger import Head
from cmdb.writing import Warrant


@dataclass(frozen=True, slots=True)
class Wish:
    """A step that somebody wants to take, and what he says with it."""

    action: Action
    actor: str
    comment: str = ""
    override: str = ""
    outcome: str = ""
    edits: frozenset[str] = frozenset()
    follow_ups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken: the change afterwards, the revision, and what was found on the way.

    An assessment has the answer that it sealed.
    """

    change: Change
    revision: int
    findings: Findings
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a step writes beside the change's own record, and the CIs that it may alter."""

    operations: tuple[Operation, ...] = ()
    scope: frozenset[int] = frozenset()
    creates: bool = False


Moving = Callable[[Change, Head], Awaitable[Move]]
"""What a step writes beside the change's own record, for a change as it stands at a head."""


async def take(
    application: Application, reference: str, wish: Wish, moving: Moving, findings: Findings | None = None
) -> Taken:
    """The step, committed with what `moving` adds. Raises Refused with everything against it, NotFound, Invalid, Conflict."""
    found = findings or Findings()

    async def attempt(head: Head) -> Taken:
        change = await load_change(application.store, reference)
        decided = await decide(application, change, wish, found, head)
        move = await moving(change, head)
        written = await application.door.write(
            ChangeSet((record_put(change.node, decided.after.value, decided.patch), *move.operations)),
            actor=wish.actor,
            authority=Warrant(f"change:{change.key}", move.scope, creates=move.creates),
            reason=wish.comment or wish.override or wish.action.value,
            follows=head.revision,
        )
        return Taken(await load_change(application.store, change.key), written.head.revision, found)

    return await on_newest(application.store, attempt)


async def decide(application: Application, change: Change, wish: Wish, findings: Findings, head: Head) -> Step[Stage]:
    """The step, decided by the policy that is in force. Raises Refused."""
    asked = Asked(
        action=wish.action,
        actor=wish.actor,
        now=application.clock(),
        policy=await load_policy(application.store),
        findings=findings,
        comment=wish.comment,
        override=wish.override,
        outcome=wish.outcome,
        head=head.revision,
        edits=wish.edits,
    )
    return step(change, asked)


async def nothing_else(change: Change, head: Head) -> Move:
    """A step that writes the change's record alone."""
    del change, head
    return Move()


def votes_fall(change: Change) -> list[Operation]:
    """Votes are about what was assessed; when that changes they do not count any longer."""
    return [Put(node=vote.ordinal, state="superseded") for vote in change.votes]


def assessment_falls(change: Change) -> list[Operation]:
    """A certificate is about the change as it was: when that is edited, or assessed anew, neither it nor its votes count."""
    sealed = [Put(node=change.certified.node.ordinal, state="superseded")] if change.certified else []
    return [*sealed, *votes_fall(change)]
