"""The ways of the kinds of change, collisions, what is taken back, and what is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.comparing import compare_moments
from cmdb.application.control import (
    Draft,
    Edit,
    Wish,
    apply_model,
    certificate,
    change_kpis,
    draft_change,
    draft_restore,
    edit_change,
    implement,
    next_slots,
    take_step,
)
from cmdb.changes import Action, Kind, Stage, load_change, overdue
from cmdb.changes.kpis import Measure
from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire, Unlink
from cmdb.errors import Conflict, Invalid, Refused
from cmdb.filters import Direction
from cmdb.nodes import many
from cmdb.reading import resolve, resolve_all
from cmdb.reading.operation_text import read_operations
from graph_schema.metamodel import Model, NodeClass
from tests.changes.office import Hands, an_estate, carried, drafted, window

WEB, DB_1, DB_2 = "VirtualMachine:web-1", "DatabaseInstance:db-1", "DatabaseInstance:db-2"


async def write(
    application: Application, *operations: Operation, actor: str, authority: str = "records"
) -> dict[str, int]:
    return (await application.door.write(ChangeSet(operations), actor=actor, authority=authority)).created


# --- kinds -----------------------------------------------------------------------------------------------------------


async def test_a_standard_change_is_approved_by_its_template(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        said = {
            "reason": "restart", "back_out_plan": "start it again", "implementers": ("ivan",), "approved_by": ("carla",),
        }  # fmt: skip
        template = Put(node=New("t"), class_name="ChangeTemplate", name="Restart", attributes=dict(said))
        with pytest.raises(Refused, match="approve_templates"):
            await write(application, template, actor="rita")
        await write(application, template, actor="carla")
        draft = Draft(
            "Restart web-1", Kind.STANDARD, touches=[WEB], template="ChangeTemplate:Restart", window=window(hands)
        )
        change = (await draft_change(application, draft, actor="rita")).change
        taken = await take_step(application, change.key, Wish(Action.SUBMIT, "rita"))
        assert taken.change.stage is Stage.APPROVED
        assert many(taken.change.node, "approved_by") == ("carla",)
        await edit_change(application, change.key, Edit(attributes={"back_out_plan": "hope"}), actor="rita")
        with pytest.raises(Refused, match="departs from its template in back_out_plan"):
            await take_step(application, change.key, Wish(Action.SUBMIT, "rita"))


async def test_an_emergency_is_approved_at_once_and_documented_before_it_is_closed(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        draft = Draft(
            "Disk is full", Kind.EMERGENCY, {"reason": "down", "implementers": ("ivan",)}, [WEB], window=window(hands)
        )
        change = (await draft_change(application, draft, actor="rita")).change
        await take_step(application, change.key, Wish(Action.SUBMIT, "rita"))
        with pytest.raises(Refused, match="approve_emergency"):
            await take_step(application, change.key, Wish(Action.APPROVE, "mona"))
        await take_step(application, change.key, Wish(Action.APPROVE, "ede"))
        await take_step(application, change.key, Wish(Action.SCHEDULE, "mona"))
        hands.on(hours=1)
        await take_step(application, change.key, Wish(Action.BEGIN, "ivan"))
        done = await take_step(application, change.key, Wish(Action.COMPLETE, "ivan"))
        assert overdue(done.change, hands.now.date()) == ("a back-out plan is missing", "a test plan is missing")
        hands.on(days=15)
        assert "review was due" in overdue(done.change, hands.now.date())[0]
        await take_step(application, change.key, Wish(Action.REVIEW, "mona"))
        with pytest.raises(Refused, match="a back-out plan is missing"):
            await take_step(application, change.key, Wish(Action.CLOSE, "mona"))
        with pytest.raises(Refused, match="only the documents"):
            await edit_change(application, change.key, Edit(touch=[DB_1]), actor="rita")
        brought = Edit(attributes={"back_out_plan": "restore", "test_plan": "look"})
        await edit_change(application, change.key, brought, actor="rita")
        assert (await take_step(application, change.key, Wish(Action.CLOSE, "mona"))).change.stage is Stage.CLOSED


async def test_an_edited_emergency_is_not_certified_by_what_it_was(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, WEB, DB_1, kind=Kind.EMERGENCY)).change
        assessed = await carried(application, hands, change.key, until=Action.ASSESS)
        assert assessed.change.certified
        edited = (await edit_change(application, change.key, Edit(untouch=[DB_1]), actor="rita")).change
        assert edited.certified is None
        [old] = await application.store.nodes([assessed.change.certified.node.ordinal])
        assert old.state == "superseded"
        for action, who in ((Action.SUBMIT, "rita"), (Action.APPROVE, "ede"), (Action.SCHEDULE, "mona")):
            await take_step(application, change.key, Wish(action, who))
        hands.on(hours=1)
        begun = (await take_step(application, change.key, Wish(Action.BEGIN, "ivan"))).change
        answer, same = await certificate(application, begun)
        assert same
        assert len(answer.scenario) == 1


async def test_a_board_votes_on_a_major_change(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        board: dict[str, str | int | tuple[str, ...]] = {
            "members": ("anna", "bela", "chen"), "chair": "dora", "quorum": 75, "majority": 50,
        }  # fmt: skip
        await write(
            application,
            Put(node=New("b"), class_name="AdvisoryBoard", name="Board", attributes=dict(board)),
            actor="carla",
        )
        change = (await drafted(application, hands, WEB, kind=Kind.MAJOR, board="AdvisoryBoard:Board")).change
        await carried(application, hands, change.key, until=Action.ASSESS)

        async def vote(who: str, choice: str) -> None:
            await take_step(application, change.key, Wish(Action.VOTE, who, comment="my view", outcome=choice))

        with pytest.raises(Refused, match="eve is no member"):
            await vote("eve", "in_favour")
        await vote("anna", "in_favour")
        await vote("bela", "against")
        with pytest.raises(Refused, match="anna has voted already"):
            await vote("anna", "in_favour")
        with pytest.raises(Refused, match="has not decided"):
            await take_step(application, change.key, Wish(Action.APPROVE, "mona"))
        await vote("dora", "in_favour")
        assert (await take_step(application, change.key, Wish(Action.APPROVE, "mona"))).change.stage is Stage.APPROVED
        with pytest.raises(Refused, match="is approved; vote is for"):
            await vote("chen", "against")
        edited = await edit_change(application, change.key, Edit(name="Other"), actor="rita")
        assert edited.change.votes == ()


# --- collisions ------------------------------------------------------------------------------------------------------


async def test_changes_that_meet_are_shown_and_not_scheduled(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        one = (await drafted(application, hands, DB_1, name="One")).change
        await carried(application, hands, one.key, until=Action.SCHEDULE)
        two = (await drafted(application, hands, DB_2, name="Two", implementers="irma")).change
        assessed = await carried(application, hands, two.key, until=Action.ASSESS)
        together = (
            "takes down CI cluster (DCL-000001), CI Shop (BSV-000001) together with CHG-000001 (One)",
            "takes down CI Shop (BSV-000001), CI cluster (DCL-000001) together with CHG-000001 (One)",
        )
        assert set(assessed.findings.collisions) & set(together)
        await take_step(application, two.key, Wish(Action.APPROVE, "max"))
        with pytest.raises(Refused, match="takes down"):
            await take_step(application, two.key, Wish(Action.SCHEDULE, "mona"))
        with pytest.raises(Refused, match="override_collisions"):
            await take_step(application, two.key, Wish(Action.SCHEDULE, "mona", override="I say so"))
        taken = await take_step(application, two.key, Wish(Action.SCHEDULE, "otto", override="nobody shops at night"))
        assert taken.change.node.attributes["overridden_by"] == "otto"


async def test_a_freeze_keeps_changes_off_and_slots_avoid_it(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        said = {
            "calendar_kind": "freeze", "starts_local": "2026-03-02T00:00", "ends_local": "2026-03-03T00:00",
            "time_zone": "UTC", "recurrence": "FREQ=WEEKLY",
        }  # fmt: skip
        freeze = Put(node=New("c"), class_name="ChangeCalendar", name="Mondays", attributes=dict(said))
        await write(application, freeze, actor="mona")
        change = (await drafted(application, hands, WEB)).change
        assessed = await carried(application, hands, change.key, until=Action.APPROVE)
        assert assessed.change.node.attributes["collisions"] == (
            "falls into the freeze Mondays of CI web-1 (VMA-000001)",
        )
        with pytest.raises(Refused, match="falls into the freeze Mondays"):
            await take_step(application, change.key, Wish(Action.SCHEDULE, "mona"))
        slots = await next_slots(application, change, count=80, duration=None, days=10)
        assert slots[0].start.isoformat() == "2026-03-03T00:00:00+00:00"
        assert not [slot for slot in slots if slot.start.weekday() == 0 or (slot.end.weekday() == 0 and slot.end.hour)]


# --- what was done, and taken back -----------------------------------------------------------------------------------

PLAN = b"""
- put: {ref: VMA-000001, attributes: {cpu_count: 8}}
- put: {ref: "@new", class: VirtualMachine, name: web-2, attributes: {cpu_count: 4}}
- link: {type: DEPENDS_ON, from: BSV-000001, to: "@new"}
"""


async def implementing(application: Application, hands: Hands, *touches: str) -> str:
    change = (await drafted(application, hands, *touches, operations=read_operations(PLAN, "plan"))).change
    await carried(application, hands, change.key, until=Action.BEGIN)
    return change.key


async def test_what_departs_from_the_plan_is_listed(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        key = await implementing(application, hands, WEB, "BusinessService:Shop")
        [web] = await resolve_all(application.store, [WEB])
        extra = Put(node=web.ordinal, attributes={"cpu_count": 16, "description": "bigger"})
        await write(application, extra, actor="ivan", authority=f"change:{key}")
        taken = await take_step(application, key, Wish(Action.COMPLETE, "ivan"))
        assert set(many(taken.change.node, "deviations")) == {
            "planned, not done: create VirtualMachine:web-2",
            "planned, not done: link BSV-000001 —DEPENDS_ON→ VirtualMachine:web-2",
            "planned, not done: set VMA-000001 cpu_count to 8",
            "planned, not done: set VirtualMachine:web-2 cpu_count to 4",
            "done, not planned: set VMA-000001 cpu_count to 16",
            "done, not planned: set VMA-000001 description to bigger",
        }


async def test_as_planned_nothing_departs(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        key = await implementing(application, hands, WEB, "BusinessService:Shop")
        await implement(application, key, actor="ivan")
        taken = await take_step(application, key, Wish(Action.COMPLETE, "ivan"))
        assert taken.findings.differences == ()
        follow_up = ("Team:Team A",)
        reviewed = await take_step(application, key, Wish(Action.REVIEW, "mona", "watch it", follow_ups=follow_up))
        assert reviewed.change.node.attributes["outcome"] == "successful"
        [link] = await application.store.relationships([reviewed.change.node.ordinal], Direction.OUT, ["CONCERNS"])
        assert link.attributes == {"purpose": "follow-up"}


async def test_nothing_outside_the_scope_is_done_under_a_change(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        key = await implementing(application, hands, WEB, "BusinessService:Shop")
        db_1 = await resolve(application.store, DB_1)
        for operation, message in (
            (Put(node=db_1.ordinal, attributes={"description": "x"}), "DatabaseInstance changed is not in its scope"),
            (Put(node=New("x"), class_name="VirtualMachine", name="web-3"), "it does not plan to create this"),
            (Link(type="USES", source=db_1.ordinal, target=db_1.ordinal), "USES is not in its scope"),
        ):
            with pytest.raises(Refused) as refused:
                await write(application, operation, actor="ivan", authority=f"change:{key}")
            assert any(message in str(problem) for problem in refused.value.problems)
        web = await resolve(application.store, WEB)
        grow = Put(node=web.ordinal, attributes={"cpu_count": 3})
        with pytest.raises(Refused, match="rita is not assigned"):
            await write(application, grow, actor="rita", authority=f"change:{key}")


async def test_a_change_is_backed_out_and_what_others_did_stays(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        before = await resolve(application.store, WEB)
        key = await implementing(application, hands, WEB, "BusinessService:Shop")
        await implement(application, key, actor="ivan")
        team = await resolve(application.store, "Team:Team A")
        await write(application, Put(node=team.ordinal, attributes={"description": "by others"}), actor="rita")
        await take_step(application, key, Wish(Action.FAIL, "ivan", comment="it smokes"))
        taken = await take_step(application, key, Wish(Action.BACK_OUT, "ivan"))
        assert taken.change.stage is Stage.BACKED_OUT
        after = await resolve(application.store, WEB)
        assert (after.attributes, after.state, after.name) == (before.attributes, before.state, before.name)
        assert (await resolve(application.store, "VirtualMachine:web-2")).retired
        shop = await resolve(application.store, "BusinessService:Shop")
        needs = await application.store.relationships([shop.ordinal], Direction.OUT, ["DEPENDS_ON"])
        assert len(needs) == 1
        assert (await resolve(application.store, "Team:Team A")).attributes["description"] == "by others"


async def test_what_was_retired_comes_back_as_a_new_node_with_its_relationships(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        change = (await drafted(application, hands, DB_1)).change
        await carried(application, hands, change.key, until=Action.BEGIN)
        old = await resolve(application.store, DB_1)
        await write(application, Retire(node=old.ordinal), actor="ivan", authority=f"change:{change.key}")
        await take_step(application, change.key, Wish(Action.FAIL, "ivan", comment="wrong one"))
        await take_step(application, change.key, Wish(Action.BACK_OUT, "ivan"))
        new = await resolve(application.store, DB_1)
        assert (new.ordinal != old.ordinal, new.retired, new.state) == (True, False, "in_use")
        members = await application.store.relationships([new.ordinal], Direction.IN, ["HAS_MEMBER"])
        assert len(members) == 1


async def test_what_somebody_else_altered_since_is_a_conflict_and_nothing_is_half_done(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        one = await implementing(application, hands, WEB, "BusinessService:Shop")
        await implement(application, one, actor="ivan")
        two = (await drafted(application, hands, WEB, name="Two")).change
        hands.on(minutes=-60)
        for action, who in ((Action.SUBMIT, "rita"), (Action.ASSESS, "mona"), (Action.APPROVE, "mona")):
            await take_step(application, two.key, Wish(action, who))
        await take_step(application, two.key, Wish(Action.SCHEDULE, "otto", override="both are ours"))
        hands.on(minutes=120)
        await take_step(application, two.key, Wish(Action.BEGIN, "ivan"))
        web = await resolve(application.store, WEB)
        await write(
            application,
            Put(node=web.ordinal, attributes={"cpu_count": 32}),
            actor="ivan",
            authority=f"change:{two.key}",
        )
        await take_step(application, one, Wish(Action.FAIL, "ivan", comment="no good"))
        before = await application.store.head()
        with pytest.raises(Conflict, match="cpu_count was altered by somebody else since: it is 32"):
            await take_step(application, one, Wish(Action.BACK_OUT, "ivan"))
        assert await application.store.head() == before
        assert (await load_change(application.store, one)).stage is Stage.FAILED


# --- the model -------------------------------------------------------------------------------------------------------


def with_a_class(model: Model, **more: object) -> Model:
    """The model and a class Robot."""
    robot = NodeClass.model_validate(
        {
            "name": "Robot", "code": "RBT", "parent": "Hardware", "area": "compute", "identification": (("name",),),
            "label": {"en": "Robot", "zh": "机器人"}, "description": {"en": "A robot.", "zh": "机器人。"}, **more,
        }
    )  # fmt: skip
    return with_classes(model, (*model.classes, robot))


def with_classes(model: Model, classes: tuple[NodeClass, ...]) -> Model:
    fields = {name: getattr(model, name) for name in Model.model_fields}
    return Model.model_validate({**fields, "classes": classes})


async def test_the_model_is_altered_only_under_a_change_that_plans_it(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        wanted = with_a_class(await application.model())
        with pytest.raises(Refused, match="without an approved change"):
            await apply_model(application, wanted, actor="ivan", change=None)
        attributes = {"reason": "robots come", "back_out_plan": "use them not", "implementers": ("ivan",)}
        draft = Draft("Robots", attributes=dict(attributes), window=window(hands), model=wanted)
        change = (await draft_change(application, draft, actor="rita")).change
        await carried(application, hands, change.key, until=Action.BEGIN)
        other = with_a_class(await application.model(), level=2)
        with pytest.raises(Refused, match="is not to install this model"):
            await apply_model(application, other, actor="ivan", change=change.key)
        await apply_model(application, wanted, actor="ivan", change=change.key)
        assert "Robot" in (await application.model()).class_by_name
        taken = await take_step(application, change.key, Wish(Action.COMPLETE, "ivan"))
        assert taken.change.stage is Stage.IMPLEMENTED


async def test_a_model_that_breaks_what_is_there_is_not_even_drafted(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        await apply_model(application, with_a_class(await application.model()), actor="carla", change=None)
        model = await application.model()
        fewer = with_classes(model, tuple(c for c in model.classes if c.name != "Robot"))
        with pytest.raises(Invalid, match="breaks"):
            await draft_change(application, Draft("Less", model=fewer), actor="rita")


# --- counted ---------------------------------------------------------------------------------------------------------


async def test_what_is_refused_is_counted(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        web, cluster, db_1 = await resolve_all(application.store, [WEB, "DatabaseCluster:cluster", DB_1])
        for operation in (
            Put(node=web.ordinal, attributes={"cpu_count": 9}),
            Unlink(type="HAS_MEMBER", source=cluster.ordinal, target=db_1.ordinal),
        ):
            with pytest.raises(Refused, match="initialisation ended"):
                await write(application, operation, actor="eve", authority="initialisation")
        change = (await drafted(application, hands, WEB)).change
        await carried(application, hands, change.key, until=Action.CLOSE)
        hands.on(minutes=1)
        [month] = await change_kpis(application)
        values = {kpi.measure: (kpi.value, kpi.of) for kpi in month.kpis}
        assert values[Measure.UNAUTHORISED_REFUSED][0] == 2
        assert values[Measure.SUCCESS_RATE] == (100, 1)
        assert values[Measure.BACKLOG][0] == 0


# --- baselines -------------------------------------------------------------------------------------------------------


async def test_the_way_back_to_a_baseline_is_a_change_like_any_other(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        key = await implementing(application, hands, WEB, "BusinessService:Shop")
        planned = await compare_moments(application, "first", f"planned:{key}")
        assert planned.differences.counts["nodes"] == {"added": 1, "removed": 0, "changed": 2, "returned": 0}
        await implement(application, key, actor="ivan")
        await take_step(application, key, Wish(Action.COMPLETE, "ivan"))
        drafted_back, plan = await draft_restore(application, "first", actor="rita")
        assert drafted_back is not None
        assert not plan.impossible
        back = drafted_back.change
        said = {"back_out_plan": "none is needed", "test_plan": "compare", "implementers": ("ivan",)}
        hands.on(hours=3)
        await edit_change(application, back.key, Edit(attributes=dict(said), window=window(hands)), actor="rita")
        await carried(application, hands, back.key, until=Action.BEGIN)
        await implement(application, back.key, actor="ivan")
        done = await take_step(application, back.key, Wish(Action.COMPLETE, "ivan"))
        assert done.findings.differences == ()
        assert (await compare_moments(application, "first", "now")).differences.same
