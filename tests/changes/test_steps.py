"""A change from draft to close: who may take which step, and what it does."""

from __future__ import annotations

from pathlib import Path

from cmdb.application.control import Wish, take_step
from cmdb.changes import Action, Stage
from cmdb.reading import resolve
from tests.changes.office import an_estate, carried, drafted


async def test_a_change_goes_from_draft_to_close(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "VirtualMachine:web-1")).change
        assert change.stage is Stage.DRAFT
        began = await carried(application, hands, change.key, until=Action.BEGIN)
        assert began.change.stage is Stage.IMPLEMENTING
        assert (await resolve(application.store, "VirtualMachine:web-1")).state == "under_change"
        for action, actor in ((Action.COMPLETE, "ivan"), (Action.REVIEW, "mona"), (Action.CLOSE, "mona")):
            taken = await take_step(application, change.key, Wish(action, actor, comment="went well"))
        assert taken.change.stage is Stage.CLOSED
        assert (await resolve(application.store, "VirtualMachine:web-1")).state == "in_use"
        assert taken.change.node.attributes["outcome"] == "successful"
