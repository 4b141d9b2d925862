"""A release on the estate of `tests.changes.office`: new database software for both databases, one change each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from cmdb.application import Application
from cmdb.application.control import Wish, take_step
from cmdb.application.releasing import Contents, Draft, Said, Taken, draft_release, plan_site, take_release_step
from cmdb.changes import Action as ChangeAction
from cmdb.changeset import ChangeSet, New, Operation, Patch, Put
from cmdb.reading.operation_text import WrittenOperation
from cmdb.releases import Action, Kind, TestResult
from cmdb.writing import INITIALISATION
from tests.changes.office import Hands, an_estate, carried, close_initialisation, drafted

GOOD = "sha256:" + "ab" * 32
BAD = "sha256:" + "cd" * 32
SITE, LAB, SOFTWARE = "Site:Frankfurt 1", "VirtualMachine:lab-1", "SoftwareRelease:Database 17"

RIGHTS = {
    "Release managers": (["manage_releases", "record_baselines", "write_records"], ["rolf", "rosa"]),
    "Testers": (["test_releases"], ["tina", "tom"]),
    "Deployers": (["deploy_releases"], ["ivan", "rosa"]),
}

PLAN: Patch = {
    "planned_on": "2026-03-03",
    "work_steps": ("stop it", "install it", "start it"),
    "communication": "mail to all",
    "back_out_plan": "install the old one",
}


@asynccontextmanager
async def a_launch(place: Path | str, *, closed: bool = True) -> AsyncGenerator[tuple[Application, Hands]]:
    """The estate with a site, a machine to test on, the new software, a known error, and people who release."""
    async with an_estate(place, closed=False) as (application, hands):
        operations: list[Operation] = [
            Put(node=New("site"), class_name="Site", name="Frankfurt 1"),
            Put(node=New("lab"), class_name="VirtualMachine", name="lab-1", attributes={"environment": "test"}),
            Put(node=New("live"), class_name="VirtualMachine", name="live-1", attributes={"environment": "production"}),
            Put(
                node=New("software"),
                class_name="SoftwareRelease",
                name="Database 17",
                attributes={"product": "Database", "version_number": "17.0", "checksum": GOOD},
            ),
            Put(node=New("error"), class_name="KnownError", name="Slow joins"),
            Put(node=New("other"), class_name="KnownError", name="Odd colours"),
            Put(
                node=New("problem"),
                class_name="Problem",
                name="Reports time out",
                state="investigating",
                attributes={"reported_at": "2026-01-07T08:00:00Z"},
            ),
        ]
        operations += [
            Put(
                node=New(name),
                class_name="Role",
                name=name,
                attributes={"rights": tuple(rights), "members": tuple(members)},
            )
            for name, (rights, members) in RIGHTS.items()
        ]
        await application.door.write(ChangeSet(operations), actor="carla", authority=INITIALISATION)
        if closed:
            await close_initialisation(application)
        yield application, hands


async def changes_for(
    application: Application,
    hands: Hands,
    *,
    until: ChangeAction | None = ChangeAction.SCHEDULE,
    planned: Mapping[str, Sequence[WrittenOperation]] | None = None,
    touching: Sequence[str] = ("DatabaseInstance:db-1", "DatabaseInstance:db-2"),
) -> list[str]:
    """The keys of a change for each of these, as far as that step; all have the same window."""
    keys: list[str] = []
    for reference in touching:
        operations = (planned or {}).get(reference, ())
        name = f"Upgrade {reference.partition(':')[2]}"
        taken = await drafted(application, hands, reference, name=name, operations=operations)
        keys.append(taken.change.key)
        if until is not None:
            before = ChangeAction.APPROVE if until is ChangeAction.SCHEDULE else until
            await carried(application, hands, taken.change.key, until=before)
        if until is ChangeAction.SCHEDULE:
            wish = Wish(until, "otto", override="ivan takes them one by one")
            await take_step(application, taken.change.key, wish)
    return keys


async def planned(
    application: Application, changes: Sequence[str], *, kind: Kind = Kind.MINOR, plan: Patch | None = None
) -> Taken:
    """A release of these changes by rolf, planned for Frankfurt."""
    contents = Contents(changes, ["KnownError:Slow joins", "Problem:Reports time out"], [SOFTWARE])
    draft = Draft("Database 17 everywhere", kind, {"description": "what is new"}, contents)
    release = (await draft_release(application, draft, actor="rolf")).release
    await plan_site(application, release.key, SITE, PLAN if plan is None else plan, actor="rolf")
    return await take_release_step(application, release.key, Action.PLAN, actor="rolf")


PROOF = Said("all test cases, see TR-7", TestResult.PASSED, LAB, ["KnownError:Odd colours"])


async def led(application: Application, key: str, *, until: Action) -> Taken:
    """A planned release taken by the usual people as far as that step."""
    steps = {
        Action.TEST: ("tina", PROOF),
        Action.ACCEPT: ("rolf", Said()),
        Action.DEPLOY: ("ivan", Said()),
    }
    taken: Taken | None = None
    for action, (actor, said) in steps.items():
        taken = await take_release_step(application, key, action, said, actor=actor)
        if action is until:
            break
    assert taken is not None
    return taken
