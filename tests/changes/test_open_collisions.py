"""Which open changes are in each other's way, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application.control import OPEN_STAGES, Wish, collisions_with, open_collisions, take_step
from cmdb.changes import Action
from cmdb.errors import Usage
from tests.changes.office import an_estate, carried, drafted

WEB, DB_1, DB_2 = "VirtualMachine:web-1", "DatabaseInstance:db-1", "DatabaseInstance:db-2"


async def test_all_pairs_are_shown_with_what_they_meet_in(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        for name, touches, who in (("One", DB_1, "ivan"), ("Two", DB_2, "irma"), ("Three", WEB, "irma")):
            change = (await drafted(application, hands, touches, name=name, implementers=who)).change
            await carried(application, hands, change.key, until=Action.ASSESS)
        found = await open_collisions(application, first=10)
        assert (found.total, found.revision) == (2, (await application.store.head()).revision)
        pairs = {(row.first.node.name, row.second.node.name): row for row in found.rows}
        jointly = pairs["One", "Two"]
        assert jointly.what == (
            "together they take down CI cluster (DCL-000001)",
            "together they take down CI Shop (BSV-000001)",
        )
        assert (jointly.begin, jointly.end) == ("2026-03-02T10:00:00.000000Z", "2026-03-02T12:00:00.000000Z")
        assert pairs["Two", "Three"].what == ("implementer irma",)
        rest = await open_collisions(application, first=1, skip=1)
        assert (rest.total, rest.rows) == (2, found.rows[1:])
        assert await collisions_with(application, jointly.first, OPEN_STAGES)

        await take_step(application, pairs["Two", "Three"].second.key, Wish(Action.CANCEL, "rita", comment="no need"))
        assert [row.second.node.name for row in (await open_collisions(application, first=9)).rows] == ["Two"]
        hands.on(hours=3)
        assert (await open_collisions(application, first=9)).total == 0
        with pytest.raises(Usage, match="-1 is no number"):
            await open_collisions(application, first=-1)


async def test_what_stays_up_takes_nothing_down_jointly(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        for name, touches, fault in (("One", DB_1, "up"), ("Two", DB_2, "down")):
            change = (
                await drafted(application, hands, touches, name=name, implementers=name, fault_during=fault)
            ).change
            await carried(application, hands, change.key, until=Action.ASSESS)
            assert await collisions_with(application, change, OPEN_STAGES) == ()
        assert (await open_collisions(application, first=9)).rows == ()
