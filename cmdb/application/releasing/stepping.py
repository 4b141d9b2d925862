"""Taking one step of a release: decided on a head, committed only if that is still the newest, else decided again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cmdb.access import load_policy
from cmdb.application.newest import on_newest, record_put
from cmdb.application.opening import Application
from cmdb.changeset import ChangeSet, Operation
from cmdb.ledger import Head
from cmdb.nodes import Node
from cmdb.releases import Action, Asked, Findings, Release, Stage, Step, TestResult, load_release, step
from cmdb.writing import Warrant


@dataclass(frozen=True, slots=True)
class Wish:
    """A step that somebody wants to take, and what he says with it."""

    action: Action
    actor: str
    comment: str = ""
    result: TestResult | None = None
    environment: Node | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken: the release afterwards, and the revision."""

    release: Release
    revision: int


Finding = Callable[[Release, Head], Awaitable[Findings]]
"""What is worked out for a step, of a release as it stands at a head."""

Moving = Callable[[Release, Head], Awaitable[tuple[Operation, ...]]]
"""What a step writes beside the release's own record, once it is decided."""


async def take(
    application: Application, reference: str, wish: Wish, finding: Finding, moving: Moving | None = None
) -> Taken:
    """The step, committed with what `moving` adds. Raises Refused with everything against it, NotFound, Invalid, Conflict."""

    async def attempt(head: Head) -> Taken:
        release = await load_release(application.store, reference)
        decided = await decide(application, release, wish, await finding(release, head))
        more = () if moving is None else await moving(release, head)
        written = await application.door.write(
            ChangeSet((record_put(release.node, decided.after.value, decided.patch), *more)),
            actor=wish.actor,
            authority=authority(release.key),
            reason=wish.comment or wish.action.value,
            follows=head.revision,
        )
        return Taken(await load_release(application.store, release.key), written.head.revision)

    return await on_newest(application.store, attempt)


def authority(key: str) -> Warrant:
    """By which authority a release's records are written."""
    return Warrant(f"control:release:{key}")


async def nothing_found(release: Release, head: Head) -> Findings:
    """A step that rests on the release alone."""
    del release, head
    return Findings()


async def decide(application: Application, release: Release, wish: Wish, findings: Findings) -> Step[Stage]:
    """The step, decided by the policy that is in force. Raises Refused."""
    asked = Asked(
        action=wish.action,
        actor=wish.actor,
        now=application.clock(),
        policy=await load_policy(application.store),
        findings=findings,
        comment=wish.comment,
        result=wish.result,
        environment=wish.environment,
    )
    return step(release, asked)
