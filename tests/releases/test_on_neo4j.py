"""Releases on Neo4j: one through its whole life, one backed out, to the same outcome as on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.baselines import find_baseline
from cmdb.application.proving import verify_baseline
from cmdb.application.releasing import (
    Contents,
    Draft,
    Said,
    carry_out,
    draft_release,
    plan_site,
    release_figures,
    release_paper,
    take_release_step,
)
from cmdb.nodes import many, said
from cmdb.reading import resolve
from cmdb.reading.operation_text import WrittenOperation, WrittenPut
from cmdb.releases import Action, Paper, Stage, load_release
from tests.changes.office import Hands
from tests.releases.launch import PLAN, SITE, a_launch, changes_for, led, planned

WEB, DB_1, CLUSTER = "VirtualMachine:web-1", "DatabaseInstance:db-1", "DatabaseCluster:cluster"


async def through_its_life(application: Application, hands: Hands) -> list[object]:
    """A release is deployed, sealed and closed: what was carried out, sealed, settled, and told."""
    work: dict[str, list[WrittenOperation]] = {
        CLUSTER: [WrittenPut(ref=CLUSTER, attributes={"description": "of 17s"})],
        DB_1: [WrittenPut(ref="@new", class_name="DatabaseInstance", name="db-3")],
    }
    changes = await changes_for(application, hands, planned=work, touching=(CLUSTER, DB_1))
    key = (await planned(application, changes)).release.key
    await led(application, key, until=Action.DEPLOY)
    hands.on(hours=1.5)
    done = await carry_out(application, key, actor="ivan")
    await take_release_step(application, key, Action.COMPLETE, actor="ivan")
    closed = (await take_release_step(application, key, Action.CLOSE, actor="rolf")).release
    assert closed.stage is Stage.CLOSED
    assert closed.baseline is not None
    seal = (await find_baseline(application, closed.baseline.key)).seal
    assert not (await verify_baseline(application, closed.baseline.key)).findings
    notice = await release_paper(application, key, Paper.NOTICE)
    settled = [(node.name, node.state) for node in closed.closes]
    order = many(closed.node, "deployment_order")
    return [done, order, str(seal.scope), seal.items, seal.relationships, settled, notice]


async def backed_out(application: Application, hands: Hands) -> list[object]:
    """A release is deployed, fails, and leaves nothing behind: what is kept of it."""
    work: dict[str, list[WrittenOperation]] = {WEB: [WrittenPut(ref=WEB, attributes={"cpu_count": 9})]}
    changes = await changes_for(application, hands, planned=work, touching=(WEB,))
    key = (await draft_release(application, Draft("Web 2", contents=Contents(changes)), actor="rolf")).release.key
    await plan_site(application, key, SITE, PLAN, actor="rolf")
    await take_release_step(application, key, Action.PLAN, actor="rolf")
    await take_release_step(application, key, Action.ACCEPT, actor="rolf")
    await take_release_step(application, key, Action.DEPLOY, actor="ivan")
    hands.on(hours=1.5)
    await carry_out(application, key, actor="ivan")
    assert (await resolve(application.store, WEB)).attributes["cpu_count"] == 9
    await take_release_step(application, key, Action.FAIL, Said("it is slow"), actor="ivan")
    await take_release_step(application, key, Action.BACK_OUT, actor="ivan")
    release = await load_release(application.store, key)
    assert release.stage is Stage.BACKED_OUT
    assert (await resolve(application.store, WEB)).attributes["cpu_count"] == 2
    reports = [(report.name, many(report, "circumstances")) for report in release.reports]
    problems = [(problem.name, said(problem, "symptoms")) for problem in release.problems]
    return [[change.stage for change in release.changes], reports, problems]


@pytest.mark.neo4j
async def test_releases_go_the_same_way_on_both_stores(tmp_path: Path, neo4j_graph: str) -> None:
    outcomes: list[list[object]] = []
    for place in (tmp_path, neo4j_graph):
        async with a_launch(place) as (application, hands):
            ended = [*await through_its_life(application, hands), *await backed_out(application, hands)]
            outcomes.append([*ended, await release_figures(application)])
    assert outcomes[0] == outcomes[1]
