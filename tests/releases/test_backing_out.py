"""Releases that fail: what was done is taken back, last first, and a report stays until the cause is known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.control import Wish, take_step
from cmdb.application.releasing import (
    Said,
    carry_out,
    deployment_order,
    release_figures,
    take_release_step,
)
from cmdb.changes import Action as ChangeAction
from cmdb.changes import Stage as ChangeStage
from cmdb.changes import load_change
from cmdb.changeset import ChangeSet, Put
from cmdb.errors import Refused
from cmdb.filters import Direction
from cmdb.nodes import many, said
from cmdb.reading import resolve
from cmdb.reading.operation_text import WrittenOperation, WrittenPut
from cmdb.releases import Action, Release, Stage, load_release
from tests.changes.office import Hands
from tests.releases.launch import a_launch, changes_for, led, planned

DB_1, CLUSTER = "DatabaseInstance:db-1", "DatabaseCluster:cluster"


async def deploying(application: Application, hands: Hands) -> Release:
    """A release that describes the cluster anew and, before that, one of its members; it is being deployed."""
    work: dict[str, list[WrittenOperation]] = {
        CLUSTER: [WrittenPut(ref=CLUSTER, attributes={"description": "of 17s"})],
        DB_1: [WrittenPut(ref=DB_1, attributes={"description": "a 17"})],
    }
    changes = await changes_for(application, hands, planned=work, touching=(CLUSTER, DB_1))
    release = (await planned(application, changes)).release
    await led(application, release.key, until=Action.DEPLOY)
    hands.on(hours=1.5)
    return await load_release(application.store, release.key)


async def description(application: Application, reference: str) -> str:
    return said(await resolve(application.store, reference), "description")


async def test_a_failed_release_is_backed_out_in_reverse_order(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        [_, *rest] = [
            [node.name for node in step.items] for step in (await deployment_order(application, release)).steps
        ]
        assert rest[-1] == ["cluster"]
        assert await carry_out(application, release.key, actor="ivan") == ("CHG-000002", "CHG-000001")
        assert await description(application, CLUSTER) == "of 17s"
        with pytest.raises(Refused, match="no reason is given"):
            await take_release_step(application, release.key, Action.FAIL, actor="ivan")
        failed = await take_release_step(application, release.key, Action.FAIL, Said("it is slow"), actor="ivan")
        [report] = failed.release.reports
        [problem] = failed.release.problems
        assert said(report, "reason") == said(problem, "symptoms") == "it is slow"
        assert (problem.state, said(problem, "reported_by")) == ("open", "ivan")
        links = await application.store.relationships([problem.ordinal], Direction.OUT)
        reached = {(link.type, node.key) for link in links for node in await application.store.nodes([link.target])}
        assert reached == {("CAUSED_BY", release.key), ("AFFECTS", release.deliveries[0].item.key)}
        before = (await application.store.head()).revision
        done = (await take_release_step(application, release.key, Action.BACK_OUT, actor="ivan")).release
        assert done.stage is Stage.BACKED_OUT
        assert {change.stage for change in done.changes} == {ChangeStage.BACKED_OUT}
        authorities = [c.header.authority async for c in application.store.commits(after=before)]
        assert authorities == ["change:CHG-000001"] * 2 + ["change:CHG-000002"] * 2 + ["control:release:RLS-000001"]
        assert (await description(application, CLUSTER), await description(application, DB_1)) == ("", "")
        assert many(done.reports[0], "circumstances") == (
            "failed: CHG-000001 implemented",
            "failed: CHG-000002 implemented",
            "backed out: CHG-000001 backed out",
            "backed out: CHG-000002 backed out",
        )
        with pytest.raises(Refused, match=f"the cause is not established in {problem.key}"):
            await take_release_step(application, release.key, Action.CLOSE, actor="rolf")
        cause = Put(node=problem.ordinal, state="cause_known", attributes={"cause": "an index is missing"})
        await application.door.write(ChangeSet([cause]), actor="rolf", authority="records")
        closed = await take_release_step(application, release.key, Action.CLOSE, actor="rolf")
        assert closed.release.stage is Stage.CLOSED
        [month] = await release_figures(application)
        assert (month.month, month.ended, month.backed_out, month.success_rate) == ("2026-03", 1, 1, 0)


async def test_what_was_not_begun_stays_as_it_is(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await take_step(application, "CHG-000002", Wish(ChangeAction.BEGIN, "ivan"))
        await take_release_step(application, release.key, Action.FAIL, Said("no time left"), actor="ivan")
        done = await take_release_step(application, release.key, Action.BACK_OUT, actor="ivan")
        stages = {change.key: change.stage for change in done.release.changes}
        assert stages == {"CHG-000001": ChangeStage.SCHEDULED, "CHG-000002": ChangeStage.BACKED_OUT}
        assert done.release.stage is Stage.BACKED_OUT


async def test_a_deployed_release_that_fails_later_is_backed_out_too(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await carry_out(application, release.key, actor="ivan")
        deployed = await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")
        hands.on(days=40)
        await take_release_step(application, release.key, Action.FAIL, Said("it leaks"), actor="ivan")
        done = await take_release_step(application, release.key, Action.BACK_OUT, actor="ivan")
        assert done.release.baseline == deployed.release.baseline
        figures = {month.month: month for month in await release_figures(application, "2026-03", "2026-04")}
        assert (figures["2026-03"].ended, figures["2026-03"].success_rate) == (0, None)
        assert figures["2026-04"].backed_out == 1


async def test_only_who_may_backs_out_and_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await carry_out(application, release.key, actor="ivan")
        await take_release_step(application, release.key, Action.FAIL, Said("it is slow"), actor="rosa")
        with pytest.raises(Refused, match="has not the right deploy_releases"):
            await take_release_step(application, release.key, Action.BACK_OUT, actor="rolf")
        with pytest.raises(Refused, match="rosa is not assigned to it"):
            await take_release_step(application, release.key, Action.BACK_OUT, actor="rosa")
        assert (await load_release(application.store, release.key)).stage is Stage.FAILED
        await take_step(application, "CHG-000001", Wish(ChangeAction.FAIL, "ivan", "as rosa says"))
        assert (await load_change(application.store, "CHG-000002")).stage is ChangeStage.IMPLEMENTED
        done = await take_release_step(application, release.key, Action.BACK_OUT, actor="ivan")
        assert done.release.stage is Stage.BACKED_OUT


async def test_a_change_that_was_reviewed_as_done_stands_in_the_way(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await carry_out(application, release.key, actor="ivan")
        await take_step(application, "CHG-000002", Wish(ChangeAction.REVIEW, "mona", "fine"))
        await take_release_step(application, release.key, Action.FAIL, Said("it is slow"), actor="ivan")
        with pytest.raises(Refused, match="CHG-000002 is reviewed, not backed out"):
            await take_release_step(application, release.key, Action.BACK_OUT, actor="ivan")
        [problem] = (await load_release(application.store, release.key)).problems
        cause = Put(node=problem.ordinal, state="cause_known", attributes={"cause": "an index is missing"})
        await application.door.write(ChangeSet([cause]), actor="rolf", authority="records")
        with pytest.raises(Refused, match="no reason is given"):
            await take_release_step(application, release.key, Action.CLOSE, actor="rolf")
        why = Said("CHG-000002 does no harm")
        closed = (await take_release_step(application, release.key, Action.CLOSE, why, actor="rolf")).release
        assert (closed.stage, said(closed.node, "outcome")) == (Stage.CLOSED, "failed")


async def test_a_change_that_failed_is_not_taken_for_done(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await carry_out(application, release.key, actor="ivan")
        await take_step(application, "CHG-000002", Wish(ChangeAction.FAIL, "ivan", "no"))
        await take_step(application, "CHG-000002", Wish(ChangeAction.REVIEW, "mona", "it failed"))
        with pytest.raises(Refused, match="CHG-000002 is failed, not implemented"):
            await take_release_step(application, release.key, Action.COMPLETE, actor="ivan")


async def test_of_two_who_end_it_at_once_one_is_told_so(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = await deploying(application, hands)
        await carry_out(application, release.key, actor="ivan")
        ended = await asyncio.gather(
            take_release_step(application, release.key, Action.COMPLETE, actor="ivan"),
            take_release_step(application, release.key, Action.COMPLETE, actor="rosa"),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in ended) == ["Refused", "Taken"]
        named = [node.class_name for node in await application.store.named(["Database 17 everywhere"])]
        assert sorted(named) == ["Baseline", "Release"]
