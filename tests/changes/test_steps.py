"""A change from draft to close: who may take which step, and what it does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from cmdb.application.control import Draft, Edit, Wish, certificate, draft_change, edit_change, take_step
from cmdb.changes import Action, Change, Stage, load_change
from cmdb.changeset import ChangeSet, New, Put, Retire, Unlink
from cmdb.errors import Invalid, Refused
from cmdb.filters import Direction
from cmdb.nodes import Node, said
from cmdb.reading import resolve, resolve_all
from cmdb.reading.operation_text import read_operations
from tests.changes.office import an_estate, carried, drafted

WEB = "VirtualMachine:web-1"


def first_certificate(change: Change) -> Node:
    assert change.certified is not None
    return change.certified.node


def first_revision(change: Change) -> int:
    assert change.certified is not None
    return change.certified.revision


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


async def test_an_approver_sees_what_breaks(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "DatabaseInstance:db-1", "DatabaseInstance:db-2")).change
        taken = await carried(application, hands, change.key, until=Action.ASSESS)
        answer, proven = await certificate(application, taken.change)
        assert proven
        assert taken.answer == answer
        assert answer.services["down"] == ("Shop (BSV-000001)",)
        assert answer.owners == ("Team A (TEA-000001)",)
        assert {hit.name: hit.verdict for hit in answer.hits} == {
            "db-1": "down", "db-2": "down", "cluster": "down", "Shop": "down",
        }  # fmt: skip
        cluster = next(hit for hit in answer.hits if hit.name == "cluster")
        assert cluster.reasons == ("any:HAS_MEMBER: needs 1 of 2, 0 left without DBI-000001, DBI-000002",)
        impacted = await application.store.relationships([change.node.ordinal], Direction.OUT, ["IMPACTS"])
        nodes = await application.store.nodes(sorted(r.target for r in impacted))
        assert {node.name for node in nodes} == {"cluster", "Shop"}


async def test_what_has_become_worse_since_suspends_the_approval(tmp_path: Path) -> None:
    """db-2 is taken out of the cluster by another change; the first, on db-1, would now take the shop down."""
    async with an_estate(tmp_path) as (application, hands):
        first = (await drafted(application, hands, "DatabaseInstance:db-1")).change
        await carried(application, hands, first.key, until=Action.APPROVE)
        [cluster, db_2] = await resolve_all(application.store, ["DatabaseCluster:cluster", "DatabaseInstance:db-2"])
        second = (await drafted(application, hands, cluster.key, name="Take db-2 out")).change
        await carried(application, hands, second.key, until=Action.BEGIN)
        unlink = Unlink(type="HAS_MEMBER", source=cluster.ordinal, target=db_2.ordinal)
        await application.door.write(ChangeSet((unlink,)), actor="ivan", authority=f"change:{second.key}")
        await take_step(application, second.key, Wish(Action.COMPLETE, "ivan"))
        with pytest.raises(Refused, match="has not the right schedule_changes"):
            await take_step(application, first.key, Wish(Action.SCHEDULE, "eve"))
        with pytest.raises(Refused, match="suspended, since its impact has become worse") as refused:
            await take_step(application, first.key, Wish(Action.SCHEDULE, "mona"))
        assert any("Shop (BSV-000001) would be down; it was not hit" in str(p) for p in refused.value.problems)
        fallen = await load_change(application.store, first.key)
        assert (fallen.stage, fallen.node.attributes["reapprovals"]) == (Stage.SUBMITTED, 1)
        assert "approved_by" not in fallen.node.attributes
        kept = await application.store.having("content_digest", [said(first_certificate(fallen), "content_digest")])
        assert len(kept) == 1
        again = await take_step(application, first.key, Wish(Action.ASSESS, "mona"))
        await take_step(application, first.key, Wish(Action.APPROVE, "max"))
        await take_step(application, first.key, Wish(Action.SCHEDULE, "mona"))
        before = await application.store.nodes([first_certificate(fallen).ordinal])
        assert before[0].state == "superseded"
        assert again.change.certified is not None
        assert again.change.certified.revision > first_revision(fallen)


async def test_impact_that_is_the_same_goes_on_although_the_graph_moved(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "DatabaseInstance:db-1")).change
        await carried(application, hands, change.key, until=Action.APPROVE)
        team = Put(node=New("team"), class_name="Team", name="Another team")
        await application.door.write(ChangeSet((team,)), actor="rita", authority="records")
        taken = await take_step(application, change.key, Wish(Action.SCHEDULE, "mona"))
        assert taken.change.stage is Stage.SCHEDULED


@pytest.mark.parametrize(
    ("until", "action", "actor", "message"),
    [
        (None, Action.ASSESS, "mona", "is draft; assess is for one that is"),
        (None, Action.SUBMIT, "otto", "neither requested it nor assesses"),
        (Action.SUBMIT, Action.ASSESS, "rita", "has not the right assess_changes"),
        (Action.SUBMIT, Action.APPROVE, "max", "was not assessed"),
        (Action.ASSESS, Action.APPROVE, "rita", "nobody approves a change that he requested"),
        (Action.ASSESS, Action.APPROVE, "ivan", "has not the right approve_normal"),
        (Action.ASSESS, Action.REJECT, "max", "no reason is given"),
        (Action.APPROVE, Action.APPROVE, "max", "is approved; approve is for"),
        (Action.APPROVE, Action.BEGIN, "ivan", "is approved; begin is for one that is scheduled"),
        (Action.SCHEDULE, Action.BEGIN, "mona", "mona is not assigned"),
        (Action.SCHEDULE, Action.BEGIN, "ivan", "outside its window"),
        (Action.BEGIN, Action.CANCEL, "rita", "is implementing; cancel is for"),
        (Action.COMPLETE, Action.REVIEW, "ivan", "has not the right review_changes"),
        (Action.COMPLETE, Action.CLOSE, "mona", "is implemented; close is for one that is reviewed"),
        (Action.CLOSE, Action.EDIT, "rita", "is closed; edit is for"),
    ],
)
async def test_a_step_that_is_not_allowed_is_refused_and_changes_nothing(
    tmp_path: Path, until: Action | None, action: Action, actor: str, message: str
) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "VirtualMachine:web-1")).change
        if until is not None:
            await carried(application, hands, change.key, until=until)
        before = await application.store.head()
        with pytest.raises(Refused) as refused:
            await take_step(application, change.key, Wish(action, actor))
        assert any(message in str(problem) for problem in refused.value.problems), refused.value.problems
        assert await application.store.head() == before


@pytest.mark.parametrize(
    ("without", "action", "message"),
    [
        ("reason", Action.SUBMIT, "has no reason"),
        ("back_out_plan", Action.APPROVE, "has no back-out plan"),
        ("implementers", Action.ASSESS, "nobody is to implement it"),
    ],
)
async def test_what_is_missing_is_named(tmp_path: Path, without: str, action: Action, message: str) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, WEB, leaving_out=without)).change
        with pytest.raises(Refused, match=message):
            await carried(application, hands, change.key, until=action)


async def test_an_approved_change_that_is_edited_has_to_be_approved_again(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (
            await drafted(application, hands, "VirtualMachine:web-1", cost_lines="labour=100.50;supplier=20")
        ).change
        approved = await carried(application, hands, change.key, until=Action.APPROVE)
        assert approved.change.node.attributes["approved_cost"] == "120.5"
        edited = await edit_change(application, change.key, Edit(touch=["DatabaseInstance:db-1"]), actor="rita")
        assert edited.change.stage is Stage.DRAFT
        assert "approved_by" not in edited.change.node.attributes
        with pytest.raises(Refused, match="is draft; begin is for"):
            await take_step(application, change.key, Wish(Action.BEGIN, "ivan"))


async def test_two_who_approve_at_once(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "VirtualMachine:web-1")).change
        await carried(application, hands, change.key, until=Action.ASSESS)
        both = [take_step(application, change.key, Wish(Action.APPROVE, who)) for who in ("mona", "max")]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Refused", "Taken"]
        history = await application.store.history(change.node.ordinal)
        assert sum(version.node.state == "approved" for version in history) == 1


async def test_a_clock_that_is_set_back_opens_no_window(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, "VirtualMachine:web-1")).change
        await carried(application, hands, change.key, until=Action.BEGIN)
        hands.on(hours=-5)
        [web] = await resolve_all(application.store, [WEB])
        put = Put(node=web.ordinal, attributes={"cpu_count": 4})
        with pytest.raises(Refused, match="outside its window"):
            await application.door.write(ChangeSet((put,)), actor="ivan", authority=f"change:{change.key}")


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (("2026-03-03T02:00", "2026-03-03T01:00", "UTC"), "end"),
        (("2026-03-01T02:00", "2026-03-01T03:00", "UTC"), "past|before|over"),
        (("2026-03-29T02:30", "2026-03-29T05:00", "Europe/Berlin"), "2026-03-29"),
        (("2026-03-03T02:00", "2026-03-03T05:00", "Europe/Berlinn"), "Berlin"),
    ],
)
async def test_a_window_that_is_none(tmp_path: Path, window: tuple[str, str, str], message: str) -> None:
    async with an_estate(tmp_path) as (application, _):
        before = await application.store.head()
        with pytest.raises(Invalid) as refused:
            await draft_change(application, Draft("x", touches=[WEB], window=window), actor="rita")
        told = " ".join([str(refused.value), *map(str, refused.value.problems)])
        assert re.search(message, told), told
        assert await application.store.head() == before


async def test_planned_operations_on_what_is_retired(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        [web] = await resolve_all(application.store, [WEB])
        await application.door.write(ChangeSet((Retire(node=web.ordinal),)), actor="carla", authority="initialisation")
        planned = read_operations(b'[{"put": {"ref": "VMA-000001", "attributes": {"cpu_count": 4}}}]', "plan")
        with pytest.raises(Invalid) as refused:
            await draft_change(application, Draft("x", operations=planned), actor="rita")
        assert any("retired" in str(problem) for problem in refused.value.problems)
