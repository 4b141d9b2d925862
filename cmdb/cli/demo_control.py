"""The demo's second half: initialisation ends, and from then on everything is a change."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from rich.padding import Padding
from rich.text import Text

from cmdb.application import Application
from cmdb.application.baselines import Recording, record_baseline
from cmdb.application.comparing import compare_moments
from cmdb.application.control import (
    Draft,
    Taken,
    Wish,
    draft_change,
    draft_restore,
    implement,
    risk_of_change,
    take_step,
)
from cmdb.baselines import Everything
from cmdb.changes import Action, Change
from cmdb.changes.certificate import Answer
from cmdb.changeset import ChangeSet, New, Operation, Put
from cmdb.cli.certifying import print_answer
from cmdb.cli.comparing import print_comparison
from cmdb.cli.output import out
from cmdb.errors import Refused
from cmdb.reading import resolve
from cmdb.reading.operation_text import operation_line, read_operations
from cmdb.writing import INITIALISATION

ARRAY: Final = "StorageDevice:dui-sto-01"
MONITOR: Final = "VirtualMachine:dui-mon-01"
PLAN: Final = b"""
- put: {ref: "StorageDevice:dui-sto-01", attributes: {version_number: "9.16.1"}}
"""

ROLES: Final = {
    "Requesters": (("request_changes",), ("rita",)),
    "Change managers": (("assess_changes", "approve_normal", "schedule_changes", "review_changes"), ("mona",)),
    "Configuration managers": (("edit_access", "record_baselines", "write_records"), ("carla",)),
}
"""Who may do what in the demo; ivan implements and needs no right but to be assigned."""


async def begin_control(application: Application) -> None:
    """Roles, and the first baseline, which ends initialisation."""
    puts: list[Operation] = [
        Put(node=New(name), class_name="Role", name=name, attributes={"rights": rights, "members": members})
        for name, (rights, members) in ROLES.items()
    ]
    await application.door.write(ChangeSet(puts), actor="carla", authority=INITIALISATION, reason="who may do what")
    made = await record_baseline(
        application,
        Recording("Start", "what we began with", Everything()),
        actor="carla",
        reason="the estate is complete",
    )
    seal = made.seal
    out.print(
        Text(f"{made.key} seals {seal.items} items and {seal.relationships} relationships: {seal.root[:16]}…", "bold")
    )
    out.print(Text("\nFrom here on nothing is altered without an approved change. Somebody tries:"))
    array = await resolve(application.store, ARRAY)
    try:
        patch = Put(node=array.ordinal, attributes={"version_number": "9.16.1"})
        await application.door.write(ChangeSet((patch,)), actor="eve", authority=await application.authority())
    except Refused as refused:
        out.print(
            Padding(Text.assemble(("refused: ", "bold red"), f"{refused.message} → {refused.remedy}"), (0, 0, 0, 2))
        )


async def change_the_array(application: Application) -> None:
    """A change on the storage array, with its blast radius and a collision; approved, implemented and reviewed."""
    start = application.clock() + timedelta(seconds=3)
    window = (_text(start), _text(start + timedelta(hours=2)), "Europe/Berlin")
    meanwhile = await _drafted(application, "Memory for dui-mon-01", (MONITOR,), window, b"[]", "irma")
    await _taken(application, meanwhile, Action.SUBMIT, "rita")
    change = await _drafted(application, "Firmware of dui-sto-01", (ARRAY,), window, PLAN, "ivan")
    out.print(Text(f"{change.key} plans {operation_line(change.planned[0])}\n"))
    await _taken(application, change, Action.SUBMIT, "rita")
    await _taken(application, meanwhile, Action.ASSESS, "mona")
    assessed = await _taken(application, change, Action.ASSESS, "mona")
    if assessed.answer is not None:
        await _weighed(application, assessed.change, assessed.answer, assessed.findings.collisions)
    await _taken(application, meanwhile, Action.CANCEL, "rita")
    for action in (Action.APPROVE, Action.SCHEDULE):
        await _taken(application, change, action, "mona")
    await asyncio.sleep(max(0.0, (start - application.clock()).total_seconds()) + 0.05)
    await _taken(application, change, Action.BEGIN, "ivan")
    await implement(application, change.key, actor="ivan")
    done = await take_step(application, change.key, Wish(Action.COMPLETE, "ivan"))
    await _taken(application, change, Action.REVIEW, "mona")
    closed = await _taken(application, change, Action.CLOSE, "mona")
    out.print(
        Text(
            f"\nThe other change gives way; this one is approved by mona, implemented by ivan "
            f"({len(done.findings.differences)} departures from the plan), reviewed and {closed.change.stage.value}."
        )
    )


async def compare_and_lead_back(application: Application) -> None:
    """What differs from the first baseline now, and the change that would lead back."""
    print_comparison(await compare_moments(application, "Start", "now"), 5)
    taken, plan = await draft_restore(application, "Start", actor="rita")
    if taken is not None:
        lines = "; ".join(operation_line(operation) for operation in taken.change.planned)
        out.print(Text(f"\nThe way back is drafted as {taken.change.key}: {lines}"))
        out.print(Text(f"{len(plan.impossible)} things cannot be led back.", style="dim"))


async def _drafted(
    application: Application, name: str, touches: tuple[str, ...], window: tuple[str, str, str], plan: bytes, who: str
) -> Change:
    said: dict[str, str | tuple[str, ...]] = {
        "reason": "security fix",
        "back_out_plan": "the old firmware is kept",
        "test_plan": "read and write a block",
        "implementers": (who,),
    }
    draft = Draft(name, attributes=dict(said), touches=touches, operations=read_operations(plan, "plan"), window=window)
    return (await draft_change(application, draft, actor="rita")).change


async def _taken(application: Application, change: Change, action: Action, actor: str) -> Taken:
    return await take_step(application, change.key, Wish(action, actor, comment="as agreed"))


async def _weighed(application: Application, change: Change, answer: Answer, collisions: tuple[str, ...]) -> None:
    print_answer(change, answer, shown=4)
    for line in collisions:
        out.print(Text.assemble(("\ncollision: ", "bold yellow"), line))
    risk = await risk_of_change(application, change, answer, collisions)
    parts = ", ".join(f"{part.label.en} {part.points}" for part in risk.parts if part.points)
    out.print(Text(f"\nrisk {risk.score} of 100 ({risk.level_label.en}): {parts}"))


def _text(moment: datetime) -> str:
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"
