"""Releases from draft to close, through the application."""

from __future__ import annotations

from pathlib import Path

from cmdb.application.baselines import find_baseline
from cmdb.application.proving import verify_baseline
from cmdb.application.releasing import carry_out, take_release_step
from cmdb.changes.record import said
from cmdb.filters import Direction
from cmdb.releases import Action, Stage
from tests.releases.launch import a_launch, changes_for, led, planned


async def test_a_release_is_deployed_and_results_in_a_baseline(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands)
        release = (await planned(application, changes)).release
        assert release.stage is Stage.PLANNED
        taken = await led(application, release.key, until=Action.DEPLOY)
        assert taken.release.stage is Stage.DEPLOYING
        assert [node.name for node in taken.release.found] == ["Odd colours"]
        assert taken.release.tested_in is not None
        hands.on(hours=1.5)
        assert await carry_out(application, release.key, actor="ivan") == tuple(changes)
        done = (await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")).release
        assert done.stage is Stage.DEPLOYED
        assert done.baseline is not None
        assert done.baseline.name == "Database 17 everywhere"
        baseline = await find_baseline(application, done.baseline.key)
        assert str(baseline.seal.scope) == f"release {release.key}"
        assert baseline.seal.items == 3
        assert not (await verify_baseline(application, done.baseline.key)).findings
        [closes] = await application.store.relationships([release.node.ordinal], Direction.OUT, ["CLOSES"])
        assert closes.attributes["resolved_at"] == said(done.node, "ended_at")
        closed = await take_release_step(application, release.key, Action.CLOSE, actor="rolf")
        assert closed.release.stage is Stage.CLOSED
