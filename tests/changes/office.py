"""A small estate under change control: two databases in a pool, a service on them, and people with roles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cmdb.application import Application, initialise, open_application
from cmdb.application.baselines import Recording, record_baseline
from cmdb.application.control import Draft, Taken, Wish, draft_change, take_step
from cmdb.baselines.scope import Everything
from cmdb.changes import Action, Kind
from cmdb.changeset import ChangeSet, Link, New, Operation, Patch, Put
from cmdb.reading.operation_text import WrittenOperation
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RIGHTS = {
    "Requesters": (["request_changes", "write_records"], ["rita", "ivan"]),
    "Change managers": (
        ["assess_changes", "approve_normal", "approve_major", "schedule_changes", "review_changes", "edit_calendars"],
        ["mona", "max"],
    ),
    "Emergency approvers": (["approve_emergency"], ["ede"]),
    "Overriders": (["override_collisions", "schedule_changes"], ["otto"]),
    "Configuration managers": (["edit_access", "record_baselines", "approve_templates"], ["carla"]),
}


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def on(self, **by: float) -> None:
        self.now += timedelta(**by)


@asynccontextmanager
async def an_estate(place: Path | str, *, closed: bool = True) -> AsyncGenerator[tuple[Application, Hands]]:
    """In a folder, or behind a URL.

    db-1 and db-2 are members of a cluster that needs any one; shop, a service, depends on the cluster; web-1 stands alone.
    """
    hands = Hands()
    url = place if isinstance(place, str) else f"sqlite:///{place / 'store.sqlite'}"
    application = await open_application(url, create=True, clock=hands)
    try:
        await initialise(application, shipped_model(), actor="carla")
        await begin(application)
        if closed:
            await close_initialisation(application)
        yield application, hands
    finally:
        await application.close()


async def begin(application: Application) -> None:
    """The estate and the roles, under initialisation."""
    operations: list[Operation] = [
        Put(node=New("db-1"), class_name="DatabaseInstance", name="db-1"),
        Put(node=New("db-2"), class_name="DatabaseInstance", name="db-2"),
        Put(node=New("cluster"), class_name="DatabaseCluster", name="cluster"),
        Put(node=New("shop"), class_name="BusinessService", name="Shop"),
        Put(node=New("web-1"), class_name="VirtualMachine", name="web-1", attributes={"cpu_count": 2}),
        Put(node=New("team"), class_name="Team", name="Team A"),
        Link(type="HAS_MEMBER", source=New("cluster"), target=New("db-1")),
        Link(type="HAS_MEMBER", source=New("cluster"), target=New("db-2")),
        Link(type="DEPENDS_ON", source=New("shop"), target=New("cluster")),
        Link(type="OWNED_BY", source=New("shop"), target=New("team")),
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


async def close_initialisation(application: Application) -> None:
    """The first baseline ends it."""
    await record_baseline(application, Recording("first", "what there is", Everything()), actor="carla")


def window(hands: Hands, hours: float = 1, lasts: float = 2) -> tuple[str, str, str]:
    """A window that begins some hours from now."""
    start = hands.now + timedelta(hours=hours)
    return start.isoformat()[:19] + "Z", (start + timedelta(hours=lasts)).isoformat()[:19] + "Z", "Europe/Berlin"


async def drafted(
    application: Application,
    hands: Hands,
    *touches: str,
    kind: Kind = Kind.NORMAL,
    name: str = "Upgrade",
    leaving_out: str = "",
    operations: Sequence[WrittenOperation] = (),
    board: str | None = None,
    **more: str,
) -> Taken:
    """A change by rita, which ivan implements in an hour's time."""
    attributes: dict[str, str | tuple[str, ...]] = {
        "reason": "it is old",
        "back_out_plan": "put the old one back",
        "test_plan": "ask it something",
        "implementers": ("ivan",),
        **more,
    }
    kept: Patch = {name: value for name, value in attributes.items() if name != leaving_out}
    draft = Draft(name, kind, kept, touches, operations, board, window=window(hands))
    return await draft_change(application, draft, actor="rita")


STEPS = {
    Action.SUBMIT: "rita",
    Action.ASSESS: "mona",
    Action.APPROVE: "mona",
    Action.SCHEDULE: "mona",
    Action.BEGIN: "ivan",
    Action.COMPLETE: "ivan",
    Action.REVIEW: "mona",
    Action.CLOSE: "mona",
}


async def carried(application: Application, hands: Hands, key: str, *, until: Action) -> Taken:
    """A drafted change taken by the usual people as far as that step; the clock is moved into its window to begin."""
    taken: Taken | None = None
    for action, actor in STEPS.items():
        if action is Action.BEGIN:
            hands.on(hours=1)
        taken = await take_step(application, key, Wish(action, actor, comment="as agreed"))
        if action is until:
            break
    assert taken is not None
    return taken
