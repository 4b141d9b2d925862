"""Releases from draft to close, through the application."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application.baselines import Recording, find_baseline, record_baseline
from cmdb.application.proving import verify_baseline
from cmdb.application.releasing import (
    Contents,
    Draft,
    Edit,
    carry_out,
    draft_release,
    edit_release,
    plan_site,
    take_release_step,
)
from cmdb.baselines import Everything
from cmdb.errors import Invalid
from cmdb.filters import Direction
from cmdb.nodes import said
from cmdb.reading.operation_text import WrittenOperation, WrittenPut, WrittenRetire
from cmdb.releases import Action, Stage, load_release
from cmdb.releases.contents import delivered_by
from tests.releases.launch import PLAN, SITE, a_launch, changes_for, led, planned

WEB = "VirtualMachine:web-1"


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
        now = said(done.node, "ended_at")
        closes = await application.store.relationships([release.node.ordinal], Direction.OUT, ["CLOSES"])
        assert [link.attributes["resolved_at"] for link in closes] == [now, now]
        assert [(n.name, n.state, said(n, "resolved_at"), said(n, "resolution")) for n in done.closes] == [
            ("Slow joins", "fixed", now, f"release Database 17 everywhere ({release.key})"),
            ("Reports time out", "resolved", now, f"release Database 17 everywhere ({release.key})"),
        ]
        closed = await take_release_step(application, release.key, Action.CLOSE, actor="rolf")
        assert closed.release.stage is Stage.CLOSED


async def test_what_the_changes_create_is_sealed_too(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        new: list[WrittenOperation] = [WrittenPut(ref="@new", class_name="VirtualMachine", name="web-2")]
        changes = await changes_for(application, hands, touching=(WEB,), planned={WEB: new})
        release = (await planned(application, changes)).release
        await led(application, release.key, until=Action.DEPLOY)
        hands.on(hours=1.5)
        await carry_out(application, release.key, actor="ivan")
        done = (await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")).release
        sealed = await delivered_by(application.store, release.key)
        assert {node.name for node in sealed} == {"web-1", "web-2", "Database 17"}
        assert done.baseline is not None
        assert (await find_baseline(application, done.baseline.key)).seal.items == 3


async def test_a_release_that_leaves_nothing_of_its_own_seals_everything(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands, touching=(WEB,), planned={WEB: [WrittenRetire(ref=WEB)]})
        draft = Draft("web-1 goes", contents=Contents(changes))
        release = (await draft_release(application, draft, actor="rolf")).release
        await plan_site(application, release.key, SITE, PLAN, actor="rolf")
        await take_release_step(application, release.key, Action.PLAN, actor="rolf")
        await led(application, release.key, until=Action.DEPLOY)
        hands.on(hours=1.5)
        await carry_out(application, release.key, actor="ivan")
        done = (await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")).release
        assert done.baseline is not None
        assert str((await find_baseline(application, done.baseline.key)).seal.scope) == "all"


async def test_a_baseline_of_that_name_is_not_in_the_way(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        await record_baseline(application, Recording(release.name, "mine", Everything()), actor="carla")
        await led(application, release.key, until=Action.DEPLOY)
        hands.on(hours=1.5)
        await carry_out(application, release.key, actor="ivan")
        done = (await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")).release
        assert done.baseline is not None
        assert done.baseline.name == "Database 17 everywhere (2)"


async def test_a_site_plan_is_taken_out_and_the_release_named_by_its_key(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands, until=None))).release
        await draft_release(application, Draft(release.key), actor="rolf")
        assert (await load_release(application.store, release.key)).name == release.name
        [plan] = release.sites
        edited = (await edit_release(application, release.key, Edit(without=[plan.node.key]), actor="rolf")).release
        assert (edited.stage, edited.sites) == (Stage.DRAFT, ())
        with pytest.raises(Invalid, match="not in RLS-000001"):
            await edit_release(application, release.key, Edit(without=[SITE]), actor="rolf")
