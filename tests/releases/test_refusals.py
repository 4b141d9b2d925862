"""What releases are refused for, and that nothing is changed by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.control import Edit as ChangeEdit
from cmdb.application.control import Wish, edit_change, take_step
from cmdb.application.releasing import (
    Contents,
    Draft,
    Edit,
    Said,
    carry_out,
    draft_release,
    edit_release,
    plan_site,
    take_release_step,
)
from cmdb.changes import Action as ChangeAction
from cmdb.changeset import ChangeSet, New, Operation, Put, Retire
from cmdb.errors import Conflict, Invalid, NotFound, Refused, Usage
from cmdb.reading import resolve
from cmdb.reading.operation_text import WrittenPut
from cmdb.releases import Action, Kind, Stage, TestResult, load_release
from tests.releases.launch import BAD, GOOD, LAB, PLAN, PROOF, SITE, SOFTWARE, a_launch, changes_for, led, planned


async def refused(application: Application, key: str, action: Action, actor: str, said: Said | None = None) -> str:
    """Everything that a step is refused for; the store is as it was."""
    before = await application.store.head()
    with pytest.raises(Refused) as caught:
        await take_release_step(application, key, action, said, actor=actor)
    assert await application.store.head() == before
    return "; ".join(map(str, caught.value.problems))


async def invalid(application: Application, draft: Draft) -> str:
    """Everything that is wrong with a draft."""
    with pytest.raises(Invalid) as caught:
        await draft_release(application, draft, actor="rolf")
    return "; ".join(map(str, caught.value.problems))


async def put(application: Application, *operations: Operation, actor: str = "carla", authority: str) -> dict[str, int]:
    return (await application.door.write(ChangeSet(operations), actor=actor, authority=authority)).created


@pytest.mark.parametrize("missing", [("back_out_plan", "back-out plan"), ("planned_on", "day"), ("work_steps", "step")])
async def test_without_a_plan_for_each_site_it_is_not_planned(tmp_path: Path, missing: tuple[str, str]) -> None:
    attribute, name = missing
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands, until=None)
        draft = Draft("R", contents=Contents(changes, [], [SOFTWARE]))
        release = (await draft_release(application, draft, actor="rolf")).release
        assert "has no plan for any site" in await refused(application, release.key, Action.PLAN, "rolf")
        said = {key: value for key, value in PLAN.items() if key != attribute}
        await plan_site(application, release.key, SITE, said, actor="rolf")
        found = await refused(application, release.key, Action.PLAN, "rolf")
        assert f"the plan for Frankfurt 1 has no {name}" in found
        await plan_site(application, release.key, SITE, {attribute: PLAN[attribute]}, actor="rolf")
        done = await take_release_step(application, release.key, Action.PLAN, actor="rolf")
        assert len(done.release.sites) == 1


async def test_a_way_back_cannot_be_taken_out_of_a_plan_afterwards(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        plan = Put(node=release.sites[0].node.ordinal, attributes={"back_out_plan": None})
        with pytest.raises(Refused, match="kept by control"):
            await put(application, plan, authority="records")
        await led(application, release.key, until=Action.ACCEPT)
        edited = await plan_site(application, release.key, SITE, {"back_out_plan": None}, actor="rolf")
        assert edited.release.stage is Stage.DRAFT
        assert "accepted_by" not in edited.release.node.attributes
        assert "is draft" in await refused(application, release.key, Action.DEPLOY, "ivan")


async def test_a_major_one_is_proved_outside_of_production(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands), kind=Kind.MAJOR)).release
        assert "not proved in a test environment" in await refused(application, release.key, Action.ACCEPT, "rolf")
        lacking = await refused(application, release.key, Action.TEST, "tina")
        assert all(part in lacking for part in ("no result", "no proof", "no test environment"))
        there = Said("TR-7", TestResult.PASSED, "VirtualMachine:live-1")
        assert "is for production" in await refused(application, release.key, Action.TEST, "tina", there)
        assert "has not the right test_releases" in await refused(application, release.key, Action.TEST, "ivan", PROOF)
        failed = await take_release_step(
            application, release.key, Action.TEST, Said("TR-7", TestResult.FAILED, LAB), actor="tina"
        )
        assert failed.release.stage is Stage.PLANNED
        assert "not proved" in await refused(application, release.key, Action.ACCEPT, "rolf")
        await led(application, release.key, until=Action.ACCEPT)


async def test_a_test_that_was_not_passed_stops_a_minor_one_too(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands, until=None))).release
        await take_release_step(application, release.key, Action.TEST, Said("x", TestResult.FAILED, LAB), actor="tina")
        assert "did not pass its test" in await refused(application, release.key, Action.ACCEPT, "rolf")


async def test_nobody_deploys_what_he_accepted_or_accepts_what_he_deploys(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        await take_release_step(application, release.key, Action.TEST, PROOF, actor="tina")
        assert "has not the right manage_releases" in await refused(application, release.key, Action.ACCEPT, "ivan")
        await take_release_step(application, release.key, Action.ACCEPT, actor="rosa")
        assert "nobody deploys what he accepted" in await refused(application, release.key, Action.DEPLOY, "rosa")
        assert "has not the right deploy_releases" in await refused(application, release.key, Action.DEPLOY, "rolf")


@pytest.mark.parametrize("until", [None, ChangeAction.ASSESS])
async def test_changes_that_are_not_approved_stop_it(tmp_path: Path, until: ChangeAction | None) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands, until=until))).release
        await led(application, release.key, until=Action.ACCEPT)
        found = await refused(application, release.key, Action.DEPLOY, "ivan")
        assert all(f"{key} is " in found for key in ("CHG-000001", "CHG-000002"))


async def alter(application: Application, checksum: str, references: Sequence[str] = (SOFTWARE,)) -> None:
    """Alter the software's checksum under initialisation, which must not have ended."""
    for reference in references:
        node = await resolve(application.store, reference)
        await put(application, Put(node=node.ordinal, attributes={"checksum": checksum}), authority="initialisation")


async def test_an_artefact_that_is_not_what_was_planned_stops_it_and_is_named(tmp_path: Path) -> None:
    async with a_launch(tmp_path, closed=False) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        await led(application, release.key, until=Action.ACCEPT)
        assert "no baseline to build on" in await refused(application, release.key, Action.DEPLOY, "ivan")
        await alter(application, BAD)
        found = await refused(application, release.key, Action.DEPLOY, "ivan")
        assert f"Database 17 (SWR-000001): its checksum is {BAD}, {GOOD} was planned" in found
        software = await resolve(application.store, SOFTWARE)
        await put(application, Retire(node=software.ordinal), authority="initialisation")
        assert "SWR-000001 was retired" in await refused(application, release.key, Action.DEPLOY, "ivan")


async def test_what_is_delivered_is_measured_before_and_afterwards(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        await led(application, release.key, until=Action.ACCEPT)
        forged = Said(measured={SOFTWARE: BAD})
        assert f"what is delivered has {BAD}" in await refused(application, release.key, Action.DEPLOY, "ivan", forged)
        with pytest.raises(Usage, match="does not deliver"):
            await take_release_step(application, release.key, Action.DEPLOY, Said(measured={LAB: GOOD}), actor="ivan")
        twice = Said(measured={SOFTWARE: GOOD, release.deliveries[0].item.key: BAD})
        with pytest.raises(Usage, match="SWR-000001 is measured twice"):
            await take_release_step(application, release.key, Action.DEPLOY, twice, actor="ivan")
        same = Said(measured={SOFTWARE: GOOD.replace("ab", "AB")})
        await take_release_step(application, release.key, Action.DEPLOY, same, actor="ivan")
        found = await refused(application, release.key, Action.COMPLETE, "ivan", forged)
        assert "what is delivered" in found
        assert "CHG-000001 is scheduled, not implemented" in found


async def test_a_change_that_was_edited_after_the_proof_stops_it(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands, until=None)
        release = (await planned(application, changes)).release
        await edit_change(application, changes[0], ChangeEdit(attributes={"reason": "other words"}), actor="rita")
        await led(application, release.key, until=Action.ACCEPT)
        await edit_change(application, changes[0], ChangeEdit(touch=["VirtualMachine:web-1"]), actor="rita")
        await edit_change(
            application,
            changes[1],
            ChangeEdit(operations=[WrittenPut(ref="DatabaseInstance:db-2", attributes={"description": "x"})]),
            actor="rita",
        )
        found = await refused(application, release.key, Action.DEPLOY, "ivan")
        assert all(f"what {key} touches or does is not what was planned" in found for key in changes)
        await edit_release(application, release.key, Edit(), actor="rolf")
        await take_release_step(application, release.key, Action.PLAN, actor="rolf")
        await led(application, release.key, until=Action.ACCEPT)
        assert "not what was planned" not in await refused(application, release.key, Action.DEPLOY, "ivan")


async def test_an_artefact_without_checksum_is_not_planned(tmp_path: Path) -> None:
    async with a_launch(tmp_path, closed=False) as (application, hands):
        bare = Put(
            node=New("bare"),
            class_name="SoftwareRelease",
            name="Bare 1",
            attributes={"product": "Bare", "version_number": "1"},
        )
        await put(application, bare, authority="initialisation")
        changes = await changes_for(application, hands, until=None)
        release = (await planned(application, changes)).release
        await edit_release(
            application, release.key, Edit(contents=Contents(delivers=["SoftwareRelease:Bare 1"])), actor="rolf"
        )
        assert "Bare 1 (SWR-000002) has no checksum" in await refused(application, release.key, Action.PLAN, "rolf")
        await edit_release(application, release.key, Edit(without=["SWR-000002"]), actor="rolf")
        await take_release_step(application, release.key, Action.PLAN, actor="rolf")


async def test_the_policy_says_which_kinds_there_are_and_who_tests_them(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        said = {"release_kinds": ("minor",), "release_frequency": "monthly", "testing_roles": ("Deployers",)}
        policy = Put(node=New("p"), class_name="ReleasePolicy", name="Small ones", attributes=dict(said))
        with pytest.raises(Refused, match="manage_releases"):
            await put(application, policy, authority="records")
        await put(application, policy, actor="rolf", authority="records")
        release = (await planned(application, await changes_for(application, hands, until=None))).release
        found = await refused(application, release.key, Action.TEST, "tina", PROOF)
        assert "tina has no role that Small ones gives authority to" in found
        await edit_release(application, release.key, Edit(kind=Kind.MAJOR), actor="rolf")
        assert "no release policy is for major ones" in await refused(application, release.key, Action.PLAN, "rolf")


async def test_drafts_that_make_no_sense(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands, until=None)
        with pytest.raises(Refused, match="manage_releases"):
            await draft_release(application, Draft("R"), actor="rita")
        with pytest.raises(NotFound):
            await draft_release(application, Draft("R", contents=Contents(["CHG-000099"])), actor="rolf")
        assert "BUNDLES" in await invalid(application, Draft("R", contents=Contents([LAB])))
        with pytest.raises(Invalid, match="accepted_by: not set by hand"):
            await draft_release(application, Draft("R", attributes={"accepted_by": "me"}), actor="rolf")
        release = (await draft_release(application, Draft("R", contents=Contents(changes)), actor="rolf")).release
        with pytest.raises(Conflict, match="there is a release 'R' already"):
            await draft_release(application, Draft("R"), actor="rolf")
        assert "BUNDLES" in await invalid(application, Draft("S", contents=Contents(changes)))
        with pytest.raises(Refused, match="kept by control"):
            await put(application, Put(node=release.node.ordinal, state="planned"), actor="rolf", authority="records")
        with pytest.raises(Refused, match="kept by control"):
            await put(
                application,
                Put(node=release.node.ordinal, state="planned"),
                actor="rolf",
                authority=f"control:release:{release.key}",
            )
        await take_release_step(application, release.key, Action.CANCEL, Said("not needed"), actor="rolf")
        assert (await load_release(application.store, "R")).changes == ()
        await draft_release(application, Draft("S", contents=Contents(changes)), actor="rolf")


async def test_only_what_is_scheduled_is_carried_out(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        changes = await changes_for(application, hands, until=ChangeAction.APPROVE)
        release = (await planned(application, changes)).release
        with pytest.raises(Refused, match="not being deployed"):
            await carry_out(application, release.key, actor="ivan")
        await led(application, release.key, until=Action.DEPLOY)
        hands.on(hours=1.5)
        with pytest.raises(Refused, match="is approved, not scheduled"):
            await carry_out(application, release.key, actor="ivan")
        await take_step(application, changes[0], Wish(ChangeAction.SCHEDULE, "mona"))
        with pytest.raises(Refused, match="max is not assigned"):
            await carry_out(application, release.key, actor="max")
        with pytest.raises(Refused, match=f"{changes[1]} is approved"):
            await carry_out(application, release.key, actor="ivan")
        assert "not implemented" in await refused(application, release.key, Action.COMPLETE, "ivan")
