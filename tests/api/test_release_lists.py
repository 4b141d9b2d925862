"""Releases over GraphQL: their order and papers, the baseline of one, lists and figures."""

from __future__ import annotations

from cmdb.application.releasing import Contents, Draft, deployment_order, draft_release, plan_site
from cmdb.releases import load_release
from tests.api.counting import counted
from tests.api.estate import Desk, at, items
from tests.api.launch import ASKED, KPIS, NAME, RLS, STEP, WHOLE, Launch, described
from tests.releases.launch import PLAN, SITE, SOFTWARE, changes_for

TOLD = """query ($ref: String!, $first: Int! = 50, $after: String) { release(ref: $ref) {
  order(first: $first, after: $after) { totalCount changes pageInfo { hasNextPage endCursor }
    edges { node { ring changes deploys { totalCount edges { node { name } } } } } }
  notice guide(language: ZH) } }"""
LIST = f"""query ($stages: [ReleaseStage!], $first: Int! = 50, $after: String) {{
  releases(stages: $stages, first: $first, after: $after) {{ totalCount pageInfo {{ hasNextPage endCursor }}
    edges {{ node {{ ...whole }} }} }} }} {WHOLE}"""
RECORD = """mutation ($name: String!, $scope: ScopeInput!) {
  recordBaseline(name: $name, purpose: "to compare", scope: $scope, actor: "carla") { __typename
    ... on RecordedBaseline { node { ... on Baseline { itemCount scope } } } ... on WriteFailure { message } } }"""


# --- order, papers, baselines ----------------------------------------------------------------------------------------


async def test_the_order_is_told_step_by_step_in_pages(launch: Launch) -> None:
    cluster, db_1 = await described(launch)
    await launch.draft(cluster, db_1)
    await launch.site()
    whole = await launch.ask(TOLD, "release", ref=RLS)
    order = await deployment_order(launch.application, await load_release(launch.application.store, RLS))
    steps = [
        {
            "ring": step.is_ring,
            "changes": list(step.changes),
            "deploys": {"totalCount": len(step.items), "edges": [{"node": {"name": node.name}} for node in step.items]},
        }
        for step in order.steps
    ]
    assert at(whole, "order", "edges", "*", "node") == steps
    assert at(whole, "order", "changes") == [db_1, cluster]
    assert at(whole, "order", "totalCount") == len(steps) > 2
    first = await launch.ask(TOLD, "release", "order", ref=RLS, first=1)
    rest = await launch.ask(TOLD, "release", "order", ref=RLS, after=at(first, "pageInfo", "endCursor"))
    assert at(first, "pageInfo", "hasNextPage") is True
    assert [*items(at(first, "edges")), *items(at(rest, "edges"))] == at(whole, "order", "edges")
    assert f"# Release notice: {NAME}" in str(at(whole, "notice"))
    assert "1. stop it\n2. install it" in str(at(whole, "guide"))
    assert "计划日期" in str(at(whole, "guide"))


async def test_a_baseline_of_a_release_seals_what_it_brings_about(launch: Launch) -> None:
    await launch.draft(*await changes_for(launch.application, launch.hands, until=None))
    sealed = await launch.ask(RECORD, "recordBaseline", name="mine", scope={"release": f"Release:{NAME}"})
    assert at(sealed, "node") == {"itemCount": 3, "scope": f"release {RLS}"}
    for scope, kind in (
        ({"release": "RLS-000009"}, "MissingReference"),
        ({"release": RLS, "everything": True}, "InvalidWrite"),
    ):
        assert at(await launch.ask(RECORD, "recordBaseline", name=kind, scope=scope), "__typename") == kind


# --- lists and figures -----------------------------------------------------------------------------------------------


async def another(launch: Launch, name: str) -> None:
    """A release with a change of its own and all that a release may have."""
    changes = await changes_for(launch.application, launch.hands, until=None, touching=("VirtualMachine:web-1",))
    contents = Contents(changes, ["KnownError:Slow joins"], [SOFTWARE])
    made = await draft_release(launch.application, Draft(name, contents=contents), actor="rolf")
    await plan_site(launch.application, made.release.key, SITE, PLAN, actor="rolf")


async def test_releases_are_listed_by_stage_in_pages(launch: Launch) -> None:
    for name in ("one", "two", "three"):
        await another(launch, name)
    await launch.step("PLAN", "rolf")
    await launch.ask(STEP, ref="three", action="CANCEL", actor="rolf", comment="not now")
    whole = await launch.ask(LIST, "releases")
    assert (at(whole, "totalCount"), at(whole, "edges", "*", "node", "node", "name")) == (2, ["one", "two"])
    assert at(whole, "edges", 0, "node") == await launch.ask(ASKED, "release", ref="one")
    first = await launch.ask(LIST, "releases", first=1)
    assert at(first, "pageInfo", "hasNextPage") is True
    rest = await launch.ask(LIST, "releases", after=at(first, "pageInfo", "endCursor"))
    assert [*items(at(first, "edges")), *items(at(rest, "edges"))] == items(at(whole, "edges"))
    for stage, wanted in (("PLANNED", ["one"]), ("CANCELLED", ["three"]), ("CLOSED", [])):
        found = await launch.ask(LIST, "releases", stages=[stage])
        assert at(found, "edges", "*", "node", "node", "name") == wanted
    assert at(await launch.ask(LIST, "releases", stages=[]), "totalCount") == 0
    assert (await launch.error(LIST, after="x"))[0] == "usage"


async def test_a_longer_list_takes_no_more_statements(launch: Launch) -> None:
    await another(launch, "one")
    seen: list[dict[str, int]] = []
    for more in (("two", "three", "four"), ()):
        application, calls = counted(launch.application)
        await Desk.on(application).ask(LIST)
        seen.append({name: count for name, count in calls.items() if name not in {"head", "model"}})
        for name in more:
            await another(launch, name)
    assert seen[0] == seen[1]


async def test_months_are_counted(launch: Launch) -> None:
    months = items(await launch.ask(KPIS, "releaseKpis", **{"from": "2026-01", "to": "2026-03"}))
    assert [at(month, "ended") for month in months] == [0, 0, 0]
    assert at(months[0], "successRate") is None
    assert (await launch.error(KPIS, **{"from": "2026-13"}))[0] == "invalid"
    assert (await launch.error(KPIS, zone="Mars/Olympus"))[0] == "invalid"


async def test_what_takes_work_is_asked_of_few_at_once(launch: Launch) -> None:
    await launch.draft()
    aliases = " ".join(f'r{n}: release(ref: "{RLS}") {{ ...told }}' for n in range(12))
    query = f"{{ {aliases} }} fragment told on ReleaseRecord {{ notice guide }}"
    assert (await launch.error(query))[0] == "usage"
    listed = "{ releases { edges { node { ... on ReleaseRecord { notice } } } } }"
    assert (await launch.error(listed))[0] == "usage"
    far = "{ releases(first: 1000) { edges { node { deliveries(first: 1000) { edges { cursor } } } } } }"
    assert (await launch.error(far))[0] == "usage"
