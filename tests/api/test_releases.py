"""Releases over GraphQL: from draft to close, backed out, and refused."""

from __future__ import annotations

import re

from cmdb.changes import Action as ChangeAction
from cmdb.nodes import said
from cmdb.reading import resolve
from tests.api.estate import at, items
from tests.api.launch import (
    ASKED,
    CARRY_OUT,
    CLUSTER,
    DB_1,
    DRAFT,
    EDIT,
    KPIS,
    NAME,
    PLAN_SITE,
    PROOF,
    RLS,
    STEP,
    Launch,
    described,
)
from tests.conftest import ROOT
from tests.releases.launch import BAD, GOOD, LAB, SITE, SOFTWARE, changes_for

WRITE = """mutation ($operations: [OperationInput!]!, $actor: String!) {
  write(operations: $operations, actor: $actor) { __typename ... on WriteFailure { message } } }"""

# --- from draft to close ---------------------------------------------------------------------------------------------


async def test_a_release_goes_its_way_from_draft_to_close(launch: Launch) -> None:
    changes = await changes_for(launch.application, launch.hands)
    made = await launch.draft(*changes, kind="MAJOR")
    assert at(made, "release") == {
        "stage": "DRAFT", "kind": "MAJOR", "node": {"key": RLS, "name": NAME},
    }  # fmt: skip
    await launch.usual("DEPLOY")
    launch.hands.on(hours=1.5)
    done = await launch.carry_out()
    assert (at(done, "carriedOut"), at(done, "release", "stage")) == (changes, "DEPLOYING")
    deployed = await launch.step("COMPLETE", "ivan", measured=[{"item": SOFTWARE, "checksum": GOOD}])
    assert at(deployed, "release", "stage") == "DEPLOYED"
    found = await launch.ask(ASKED, "release", ref=NAME)
    assert at(found, "changes", "edges", "*", "node", "stage") == ["IMPLEMENTED", "IMPLEMENTED"]
    assert at(found, "changes", "edges", 0, "node", "touches", "edges", "*", "node", "name") == ["db-1"]
    assert at(found, "deliveries", "edges", "*", "node") == [
        {"item": {"key": "SWR-000001", "name": "Database 17"}, "planned": GOOD, "checksum": GOOD}
    ]
    assert at(found, "sites", "edges", "*", "node") == [
        {
            "site": {"name": "Frankfurt 1"},
            "plan": {
                "plannedOn": "2026-03-03",
                "workSteps": ["stop it", "install it", "start it"],
                "backOutPlan": "install the old one",
            },
        }
    ]
    assert at(found, "closes", "edges", "*", "node", "name") == ["Slow joins"]
    assert at(found, "found", "edges", "*", "node", "name") == ["Odd colours"]
    assert at(found, "testedIn", "name") == "lab-1"
    assert at(found, "baseline") == {"key": "BSL-000002", "name": NAME}
    assert at(found, "reports", "edges") == []
    assert at(await launch.step("CLOSE", "rolf"), "release", "stage") == "CLOSED"
    [month] = items(await launch.ask(KPIS, "releaseKpis"))
    assert (at(month, "month"), at(month, "ended"), at(month, "successRate")) == ("2026-03", 1, 100)


async def test_the_example_of_the_documents_can_be_carried_out(launch: Launch) -> None:
    text = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    mutation, query = re.findall(r"^```graphql\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    [change] = await changes_for(launch.application, launch.hands, touching=(DB_1,))
    launch.hands.on(hours=1.5)
    here = mutation.replace("CHG-000007", change).replace("SWR-000003", "SWR-000001")
    done = await launch.ask(re.sub(r"sha256:[0-9a-f]{64}", GOOD, here))
    stages = [at(done, name, "release", "stage") for name in ("drafted", "planned", "tested", "begun", "deployed")]
    assert stages == ["DRAFT", "PLANNED", "TESTED", "DEPLOYING", "DEPLOYED"]
    assert at(done, "done", "carriedOut") == [change]
    assert at(await launch.ask(query), "release", "stage") == "DEPLOYED"


async def test_a_release_that_fails_is_backed_out(launch: Launch) -> None:
    cluster, db_1 = await described(launch)
    await launch.draft(cluster, db_1)
    await launch.usual("DEPLOY")
    launch.hands.on(hours=1.5)
    assert at(await launch.carry_out(), "carriedOut") == [db_1, cluster]
    assert at(await launch.step("FAIL", "ivan", comment="it is slow"), "release", "stage") == "FAILED"
    assert at(await launch.step("BACK_OUT", "ivan"), "release", "stage") == "BACKED_OUT"
    assert said(await resolve(launch.application.store, CLUSTER), "description") == ""
    found = await launch.ask(ASKED, "release", ref=RLS)
    assert at(found, "changes", "edges", "*", "node", "stage") == ["BACKED_OUT", "BACKED_OUT"]
    [report] = items(at(found, "reports", "edges", "*", "node"))
    assert at(report, "reason") == "it is slow"
    assert at(report, "circumstances") == [
        f"{when}: {key} {stage}"
        for when, stage in (("failed", "implemented"), ("backed out", "backed out"))
        for key in (cluster, db_1)
    ]
    [problem] = items(at(found, "problems", "edges", "*", "node"))
    assert at(problem, "symptoms") == "it is slow"
    open_ = await launch.step("CLOSE", "rolf")
    assert (at(open_, "__typename"), "cause is not established" in str(open_)) == ("RefusedWrite", True)
    cause = {"put": {"ref": at(problem, "key"), "attributes": [{"name": "cause", "value": "an index is missing"}]}}
    assert at(await launch.ask(WRITE, "write", operations=[cause], actor="rolf"), "__typename") == "Written"
    assert at(await launch.step("CLOSE", "rolf"), "release", "stage") == "CLOSED"
    assert at(await launch.ask(KPIS, "releaseKpis"), 0, "backedOut") == 1


async def test_an_edit_leads_back_to_draft(launch: Launch) -> None:
    changes = await changes_for(launch.application, launch.hands, until=None)
    await launch.draft(*changes)
    await launch.usual("ACCEPT")
    edited = await launch.ask(
        EDIT, "editRelease", ref=RLS, actor="rolf",
        input={"kind": "EMERGENCY", "without": [changes[1], "SWR-000001"], "delivers": [LAB]},
    )  # fmt: skip
    assert (at(edited, "release", "stage"), at(edited, "release", "kind")) == ("DRAFT", "EMERGENCY")
    found = await launch.ask(ASKED, "release", ref=RLS)
    assert at(found, "changes", "edges", "*", "node", "node", "key") == changes[:1]
    assert at(found, "deliveries", "edges", "*", "node") == [
        {"item": {"key": "VMA-000002", "name": "lab-1"}, "planned": "", "checksum": ""}
    ]
    replanned = await launch.site(planned_on="2026-03-04")
    assert at(replanned, "release", "stage") == "DRAFT"
    found = await launch.ask(ASKED, "release", ref=RLS)
    assert at(found, "sites", "edges", "*", "node", "plan", "plannedOn") == ["2026-03-04"]


# --- what is refused -------------------------------------------------------------------------------------------------


async def test_what_may_not_be_drafted_says_why(launch: Launch) -> None:
    changes = await changes_for(launch.application, launch.hands, until=None)
    free = "people set"
    wrong: list[tuple[dict[str, object], str, str]] = [
        ({"changes": ["CHG-000099"]}, "MissingReference", "CHG-000099"),
        ({"changes": [LAB]}, "InvalidWrite", "BUNDLES"),
        ({"attributes": [{"name": "accepted_by", "value": "me"}]}, "InvalidWrite", free),
        ({"attributes": [{"name": "tags", "value": ["a"]}] * 2}, "InvalidWrite", "twice"),
        ({"delivers": [SOFTWARE] * 10_001}, "InvalidWrite", "at most"),
    ]
    for given, kind, words in wrong:
        failed = await launch.draft(*changes, **given)
        assert at(failed, "__typename") == kind
        assert words in str(failed)
    failed = await launch.ask(DRAFT, "draftRelease", input={"name": "R"}, actor="rita")
    assert (at(failed, "__typename"), "manage_releases" in str(failed)) == ("RefusedWrite", True)
    await launch.draft(*changes)
    assert at(await launch.draft(*changes), "__typename") == "ConflictingWrite"
    strange = await launch.ask(EDIT, "editRelease", ref=RLS, input={"without": [SITE]}, actor="rolf")
    assert (at(strange, "__typename"), f"not in {RLS}" in str(strange)) == ("InvalidWrite", True)
    nowhere = await launch.ask(PLAN_SITE, "planSite", ref=RLS, site="Site:Bonn", attributes=[], actor="rolf")
    assert at(nowhere, "__typename") == "MissingReference"


async def test_a_step_that_may_not_be_taken_says_everything_against_it(launch: Launch) -> None:
    changes = await changes_for(launch.application, launch.hands, until=ChangeAction.SUBMIT)
    await launch.draft(*changes)
    planless = await launch.step("PLAN", "rolf")
    assert (at(planless, "__typename"), "site" in str(at(planless, "problems"))) == ("RefusedWrite", True)
    await launch.site(back_out_plan=None)
    assert "back-out" in str(at(await launch.step("PLAN", "rolf"), "problems"))
    await launch.usual("ACCEPT")
    refused = await launch.step("DEPLOY", "rosa", measured=[{"item": SOFTWARE, "checksum": BAD}])
    assert at(refused, "__typename") == "RefusedWrite"
    told = str(at(refused, "problems", "*", "message"))
    assert all(f"{key} is submitted" in told for key in changes)
    assert f"what is delivered has {BAD}, {GOOD} was planned" in told
    assert "has not the right" in str(await launch.step("DEPLOY", "tina"))
    assert "not being deployed" in str(await launch.carry_out())
    early = await launch.step("COMPLETE", "ivan")
    assert (at(early, "__typename"), "is accepted" in str(early)) == ("RefusedWrite", True)
    assert at(await launch.ask(ASKED, "release", ref=RLS), "stage") == "ACCEPTED"


async def test_what_is_said_with_a_step_is_checked(launch: Launch) -> None:
    await launch.draft(*await changes_for(launch.application, launch.hands))
    await launch.usual("ACCEPT")
    twice = await launch.step("DEPLOY", "ivan", measured=[{"item": SOFTWARE, "checksum": GOOD}] * 2)
    assert (at(twice, "__typename"), "measured twice" in str(twice)) == ("InvalidWrite", True)
    strange = await launch.step("DEPLOY", "ivan", measured=[{"item": LAB, "checksum": GOOD}])
    assert (at(strange, "__typename"), "does not deliver" in str(strange)) == ("InvalidWrite", True)
    nowhere = await launch.step("TEST", "tina", **{**PROOF, "environment": "VirtualMachine:none"})
    assert at(nowhere, "__typename") == "MissingReference"
    assert at(await launch.ask(CARRY_OUT, "carryOutRelease", ref="RLS-000009", actor="ivan"), "__typename") == (
        "MissingReference"
    )
    code, message = await launch.error(STEP, ref=RLS, action="EDIT", actor="rolf")
    assert (code, "ReleaseAction" in str(message)) == ("usage", True)
    assert (await launch.error(ASKED, ref=LAB))[0] == "not_found"


async def test_what_is_refused_half_way_goes_on_there(launch: Launch) -> None:
    cluster, db_1 = await described(launch)
    await launch.draft(cluster, db_1)
    await launch.usual("DEPLOY")
    launch.hands.on(hours=1.5)
    refused = await launch.carry_out("rosa")
    assert (at(refused, "__typename"), "rosa is not assigned to it" in str(refused)) == ("RefusedWrite", True)
    step = """mutation { changeStep(ref: "CHG-000002", action: BEGIN, actor: "ivan") { __typename } }"""
    await launch.ask(step)
    stuck = await launch.carry_out()
    assert "is implementing, not scheduled" in str(at(stuck, "message"))
    await launch.ask(step.replace("BEGIN", "COMPLETE"))
    assert at(await launch.carry_out(), "carriedOut") == [cluster]
