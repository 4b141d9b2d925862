"""Change control over GraphQL: from draft to close, what a change is weighed by, and what nobody gets past."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import graphql
import pytest

from api.graphql import build_schema
from cmdb.access import Right, load_policy
from cmdb.application import Application
from cmdb.application.control import certificate
from cmdb.changes import Action, load_change
from cmdb.changeset import ChangeSet, New, Put
from cmdb.filters import Direction, IsA
from cmdb.nodes import Relationship
from cmdb.reading import every, resolve
from cmdb.store.port import Store
from graph_schema.reader import shipped_model
from tests.api.counting import counted
from tests.api.estate import Desk, at, items
from tests.changes.office import STEPS, Hands, an_estate, drafted, window

WEB, DB_1, DB_2, CLUSTER, SHOP = (
    "VirtualMachine:web-1",
    "DatabaseInstance:db-1",
    "DatabaseInstance:db-2",
    "DatabaseCluster:cluster",
    "BusinessService:Shop",
)

RESULT = """{ __typename
  ... on ChangeTaken { revision collisions differences change { stage node { key name } } }
  ... on WriteFailure { message remedy problems { message subject remedy } } }"""
DRAFT = (
    f"mutation ($input: ChangeDraftInput!, $actor: String!) {{ draftChange(input: $input, actor: $actor) {RESULT} }}"
)
EDIT = f"""mutation ($ref: String!, $input: ChangeEditInput!, $actor: String!) {{
  editChange(ref: $ref, input: $input, actor: $actor) {RESULT} }}"""
STEP = f"""mutation ($ref: String!, $action: ChangeAction!, $actor: String!, $comment: String! = "", $override: String! = "",
    $outcome: String! = "") {{ changeStep(ref: $ref, action: $action, actor: $actor, comment: $comment,
    override: $override, outcome: $outcome) {RESULT} }}"""
IMPLEMENT = f"""mutation ($ref: String!, $actor: String!, $operations: [OperationInput!]) {{
  implementChange(ref: $ref, actor: $actor, operations: $operations) {RESULT} }}"""
WRITE = """mutation ($operations: [OperationInput!]!, $actor: String!, $change: String) {
  write(operations: $operations, actor: $actor, change: $change) { __typename ... on Written { revision }
    ... on WriteFailure { message problems { message } } } }"""

ASKED = """query ($ref: String!) { change(ref: $ref) {
  stage kind requester implementers plannedOperations cost overdue collisions
  node { key name ... on Change { reason } } touches { totalCount edges { node { key } } }
  votes { voter choice node { ... on Vote { reason } } } board { node { name } members chair quorum majority }
  window { from until zone } slots(count: 2, days: 3) { from until } } }"""
CERTIFICATE = """query ($ref: String!, $first: Int! = 50, $after: String) { change(ref: $ref) { certificate {
  node { key } revision modelVersion digest proven complete scenario { key state } context { key state }
  counts { down atRisk } countsAfterwards { down atRisk } afterwards { key verdict }
  lost { owner pool } gained { owner pool } singlePoints { key takesDown }
  services { down degraded atRisk } customers agreements owners unknown
  hits(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { node { key name } verdict before distance reasons } } } } } }"""
RISK = """query ($ref: String!) { change(ref: $ref) { risk { score level levelLabel { zh } version
  parts { name label { en } points most facts { what count points keys } } } } }"""
LIST = """query ($stages: [ChangeStage!], $overdue: Boolean! = false, $first: Int! = 50, $after: String) {
  changes(stages: $stages, overdue: $overdue, first: $first, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } edges { node { node { key } stage overdue touches { edges { node { key } } }
      votes { node { key } } board { chair } window { from } } } } }"""

GROW = [
    {"put": {"ref": WEB, "attributes": [{"name": "cpu_count", "value": 8}]}},
    {"put": {"ref": "@new", "class": "VirtualMachine", "name": "web-2"}},
]


@dataclass
class Office(Desk):
    """A desk in the estate under change control, whose clock is moved by hand."""

    hands: Hands

    async def draft(self, *touches: str, **more: object) -> object:
        """A change that ivan makes in an hour, as GraphQL takes it."""
        begin, end, zone = window(self.hands)
        said = {"reason": "it is old", "back_out_plan": "undo", "test_plan": "look", "implementers": ["ivan"]}
        made: dict[str, object] = {
            "name": "Upgrade",
            "touches": list(touches),
            "attributes": [{"name": name, "value": value} for name, value in said.items()],
            "window": {"from": begin, "until": end, "zone": zone},
            **more,
        }
        return await self.ask(DRAFT, "draftChange", input=made, actor="rita")

    async def step(self, ref: str, action: str, actor: str, **said: str) -> object:
        return await self.ask(STEP, "changeStep", ref=ref, action=action, actor=actor, **said)

    async def usual(self, ref: str, until: str) -> object:
        """The usual steps of the usual people, up to and with one of them."""
        for action, actor in STEPS.items():
            if action is Action.BEGIN:
                self.hands.on(hours=1)
            taken = await self.step(ref, action.name, actor, comment="as agreed")
            assert at(taken, "__typename") == "ChangeTaken", taken
            if action.name == until:
                return taken
        raise AssertionError(until)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_estate(tmp_path) as (application, hands):
        desk = Desk.on(application)
        yield Office(application, desk.answering, hands)


# --- from draft to close ---------------------------------------------------------------------------------------------


async def test_a_change_goes_its_way_from_draft_to_close(office: Office) -> None:
    made = await office.draft(WEB, operations=GROW)
    assert (at(made, "change", "stage"), at(made, "change", "node", "key")) == ("DRAFT", "CHG-000001")
    found = await office.ask(ASKED, "change", ref="CHG-000001")
    assert at(found, "touches") == {"totalCount": 1, "edges": [{"node": {"key": "VMA-000001"}}]}
    assert (at(found, "kind"), at(found, "requester"), at(found, "implementers")) == ("NORMAL", "rita", ["ivan"])
    assert at(found, "node", "reason") == "it is old"
    assert at(found, "window") == {
        "from": "2026-03-02T10:00:00.000000Z",
        "until": "2026-03-02T12:00:00.000000Z",
        "zone": "Europe/Berlin",
    }
    assert len(items(at(found, "plannedOperations"))) == 2
    await office.usual("CHG-000001", "BEGIN")
    done = await office.ask(IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan")
    assert at(done, "change", "stage") == "IMPLEMENTING"
    assert (await resolve(office.application.store, WEB)).attributes["cpu_count"] == 8
    ended = await office.step("CHG-000001", "COMPLETE", "ivan")
    assert (at(ended, "change", "stage"), at(ended, "differences")) == ("IMPLEMENTED", [])
    strange = await office.step("CHG-000001", "REVIEW", "mona", outcome="splendid")
    assert at(strange, "__typename") == "InvalidWrite"
    await office.step("CHG-000001", "REVIEW", "mona", outcome="successful")
    assert at(await office.step("CHG-000001", "CLOSE", "mona"), "change", "stage") == "CLOSED"


async def test_what_was_done_beside_the_plan_is_told(office: Office) -> None:
    await office.draft(WEB, operations=GROW)
    await office.usual("CHG-000001", "BEGIN")
    await office.ask(IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan", operations=GROW[:1])
    ended = await office.step("CHG-000001", "COMPLETE", "ivan")
    assert at(ended, "differences") == ["planned, not done: create VirtualMachine:web-2"]


async def test_an_edit_lets_the_approval_fall(office: Office) -> None:
    await office.draft(WEB)
    await office.usual("CHG-000001", "APPROVE")
    edited = await office.ask(
        EDIT, "editChange", ref="CHG-000001", actor="rita", input={"name": "More", "touch": [DB_1], "untouch": [WEB]}
    )
    assert (at(edited, "change", "stage"), at(edited, "change", "node", "name")) == ("DRAFT", "More")
    found = await office.ask(ASKED, "change", ref="CHG-000001")
    assert at(found, "touches", "edges", "*", "node", "key") == ["DBI-000001"]
    planned = await office.ask(EDIT, "editChange", ref="CHG-000001", actor="rita", input={"operations": GROW})
    assert at(planned, "__typename") == "ChangeTaken"
    emptied = await office.ask(EDIT, "editChange", ref="CHG-000001", actor="rita", input={"operations": []})
    assert at(emptied, "__typename") == "ChangeTaken"
    assert at(await office.ask(ASKED, "change", ref="CHG-000001"), "plannedOperations") == []


async def test_a_board_votes(office: Office) -> None:
    said = {"members": ["anna", "bela"], "chair": "dora", "quorum": 60, "majority": 50}
    attributes = [{"name": name, "value": value} for name, value in said.items()]
    board = {"put": {"ref": "@b", "class": "AdvisoryBoard", "name": "Board", "attributes": attributes}}
    assert at(await office.ask(WRITE, "write", operations=[board], actor="carla"), "__typename") == "Written"
    await office.draft(WEB, kind="MAJOR", board="AdvisoryBoard:Board")
    await office.usual("CHG-000001", "ASSESS")
    for who, choice in (("anna", "in_favour"), ("dora", "in_favour"), ("bela", "against")):
        await office.step("CHG-000001", "VOTE", who, outcome=choice, comment=f"{who} thinks so")
    found = await office.ask(ASKED, "change", ref="CHG-000001")
    assert at(found, "votes") == [
        {"voter": who, "choice": choice, "node": {"reason": f"{who} thinks so"}}
        for who, choice in (("anna", "IN_FAVOUR"), ("dora", "IN_FAVOUR"), ("bela", "AGAINST"))
    ]
    assert at(found, "board") == {
        "node": {"name": "Board"}, "members": ["anna", "bela", "dora"], "chair": "dora", "quorum": 60, "majority": 50,
    }  # fmt: skip
    assert at(await office.step("CHG-000001", "APPROVE", "mona"), "change", "stage") == "APPROVED"


NO_STEP: list[tuple[str, str, dict[str, str], str]] = [
    ("APPROVE", "mona", {}, "is draft; approve is for one that is assessed"),
    ("SUBMIT", "eve", {}, "neither requested it"),
    ("SUBMIT", "", {}, ""),
    ("VOTE", "mona", {"outcome": "maybe"}, "is draft; vote is for"),
    ("REVIEW", "mona", {"outcome": "splendid"}, "is draft"),
    ("BEGIN", "ivan", {}, "is draft"),
]


async def test_a_step_that_may_not_be_taken_says_why(office: Office) -> None:
    await office.draft(WEB)
    head = await office.application.store.head()
    for action, actor, said, words in NO_STEP:
        failed = await office.step("CHG-000001", action, actor, **said)
        assert at(failed, "__typename") == "RefusedWrite"
        assert words in str(failed)
    assert at(await office.step("CHG-000009", "SUBMIT", "rita"), "__typename") == "MissingReference"
    assert await office.application.store.head() == head
    await office.usual("CHG-000001", "ASSESS")
    failed = await office.step("CHG-000001", "VOTE", "mona", outcome="maybe")
    assert "'maybe' is no vote" in str(at(failed, "problems", "*", "message"))
    code, message = await office.error(STEP, ref="CHG-000001", action="EDIT", actor="rita")
    assert (code, "ChangeAction" in str(message)) == ("usage", True)


NO_DRAFT: list[tuple[dict[str, object], str, str]] = [
    ({"window": {"from": "2026-03-02T12:00", "until": "2026-03-02T11:00"}}, "InvalidWrite", "ends"),
    ({"window": {"from": "2026-02-02T12:00", "until": "2026-02-02T13:00"}}, "InvalidWrite", "past"),
    ({"attributes": [{"name": "requester", "value": "max"}]}, "InvalidWrite", "requester"),
    ({"attributes": [{"name": "approved_by", "value": ["mona"]}]}, "InvalidWrite", "approved_by"),
    ({"attributes": [{"name": "reason", "value": "a"}] * 2}, "InvalidWrite", "twice"),
    ({"operations": [{"retire": {"ref": "Server:none"}}]}, "MissingReference", "Server:none"),
    ({"operations": [{"put": {"ref": WEB, "attributes": [{"name": "legs", "value": 4}]}}]}, "InvalidWrite", "legs"),
    ({"board": "AdvisoryBoard:none"}, "MissingReference", "none"),
]


async def test_a_draft_that_cannot_be_says_why(office: Office) -> None:
    head = await office.application.store.head()
    for given, kind, words in NO_DRAFT:
        failed = await office.draft(WEB, **given)
        assert at(failed, "__typename") == kind
        assert words in str(failed)
    assert at(await office.draft("Server:none"), "__typename") == "MissingReference"
    assert "at most" in str(at(await office.draft(*[WEB] * 10_001), "remedy"))
    assert await office.application.store.head() == head


# --- what a change is weighed by -------------------------------------------------------------------------------------


async def test_a_certificate_is_what_was_sealed(office: Office) -> None:
    await office.draft(DB_1)
    assert at(await office.ask(CERTIFICATE, "change", ref="CHG-000001"), "certificate") is None
    assert at(await office.ask(RISK, "change", ref="CHG-000001"), "risk") is None
    await office.usual("CHG-000001", "ASSESS")
    answer, _ = await certificate(office.application, await load_change(office.application.store, "CHG-000001"))
    found = at(await office.ask(CERTIFICATE, "change", ref="CHG-000001"), "certificate")
    assert (at(found, "proven"), at(found, "complete"), at(found, "revision")) == (True, True, answer.revision)
    assert at(found, "scenario") == [{"key": "DBI-000001", "state": "DOWN"}]
    assert at(found, "counts") == {"down": answer.counts["down"], "atRisk": answer.counts["at_risk"]}
    assert len(str(at(found, "digest"))) == 64
    hits = items(at(found, "hits", "edges", "*", "node"))
    assert [at(hit, "node", "key") for hit in hits] == [hit.key for hit in answer.hits] == ["DBI-000001", "DCL-000001"]
    assert [at(hit, "reasons") for hit in hits] == [list(hit.reasons) for hit in answer.hits]
    assert at(hits[1], "verdict") == "AT_RISK"
    assert at(found, "services") == {"down": [], "degraded": [], "atRisk": []}
    page = await office.ask(CERTIFICATE, "change", "certificate", "hits", ref="CHG-000001", first=1)
    rest = await office.ask(
        CERTIFICATE, "change", "certificate", "hits", ref="CHG-000001", after=at(page, "pageInfo", "endCursor")
    )
    assert [*items(at(page, "edges", "*", "node")), *items(at(rest, "edges", "*", "node"))] == hits


async def test_a_certificate_has_what_the_plan_makes_of_the_graph(office: Office) -> None:
    await office.draft(CLUSTER, operations=[{"unlink": {"type": "HAS_MEMBER", "from": CLUSTER, "to": DB_2}}])
    await office.usual("CHG-000001", "ASSESS")
    answer, _ = await certificate(office.application, await load_change(office.application.store, "CHG-000001"))
    found = at(await office.ask(CERTIFICATE, "change", ref="CHG-000001"), "certificate")
    assert at(found, "lost") == [{"owner": owner, "pool": pool} for owner, pool in answer.lost] != []
    assert at(found, "singlePoints") == [{"key": p, "takesDown": list(down)} for p, down in answer.single_points]
    assert {str(at(point, "key")) for point in items(at(found, "singlePoints"))} >= {"DBI-000001"}
    assert at(found, "services", "down") == ["Shop (BSV-000001)"]
    assert at(found, "owners") == ["Team A (TEA-000001)"]
    risk = at(await office.ask(RISK, "change", ref="CHG-000001"), "risk")
    parts = items(at(risk, "parts"))
    assert at(risk, "score") == sum(int(str(at(part, "points"))) for part in parts) > 0
    assert at(risk, "score") == (await resolve(office.application.store, "CHG-000001")).attributes["risk_score"]


async def test_what_stands_in_its_way_is_told_and_slots_lie_beside_it(office: Office) -> None:
    await office.draft(DB_1)
    await office.usual("CHG-000001", "SCHEDULE")
    await office.draft(DB_1, name="Again")
    found = await office.ask(ASKED, "change", ref="CHG-000002")
    [line] = [str(line) for line in items(at(found, "collisions"))]
    assert "meets CHG-000001 (Upgrade) in CI db-1 (DBI-000001)" in line
    taken = at(await office.ask(ASKED, "change", ref="CHG-000001"), "window")
    slots = items(at(found, "slots"))
    assert len(slots) == 2
    for slot in slots:
        assert str(at(slot, "from")) >= str(at(taken, "until")) or str(at(slot, "until")) <= str(at(taken, "from"))


async def test_slots_have_bounds(office: Office) -> None:
    await office.draft(WEB)
    far = 999_999_999
    for asked in ("count: 0", "count: 1001", "days: 0", f"days: {far}", "minutes: 0", f"minutes: {far}"):
        query = f'{{ change(ref: "CHG-000001") {{ slots({asked}) {{ from }} }} }}'
        assert (await office.error(query))[0] == "usage"
    longer = await office.ask(
        '{ change(ref: "CHG-000001") { slots(count: 1, minutes: 600) { from until } } }', "change"
    )
    first, last = (datetime.fromisoformat(str(at(longer, "slots", 0, end))) for end in ("from", "until"))
    assert last - first == timedelta(hours=10)


# --- lists and figures -----------------------------------------------------------------------------------------------


async def test_changes_are_listed_by_stage_in_pages(office: Office) -> None:
    for touched in (WEB, DB_1, DB_2):
        await drafted(office.application, office.hands, touched)
    await office.usual("CHG-000002", "SUBMIT")
    await office.step("CHG-000003", "CANCEL", "rita", comment="not now")
    whole = await office.ask(LIST, "changes")
    keys = at(whole, "edges", "*", "node", "node", "key")
    assert (at(whole, "totalCount"), keys) == (2, ["CHG-000001", "CHG-000002"])
    assert at(whole, "edges", 0, "node", "touches", "edges", 0, "node", "key") == "VMA-000001"
    first = await office.ask(LIST, "changes", first=1)
    assert at(first, "pageInfo", "hasNextPage") is True
    rest = await office.ask(LIST, "changes", after=at(first, "pageInfo", "endCursor"))
    assert [*items(at(first, "edges")), *items(at(rest, "edges"))] == items(at(whole, "edges"))
    for stage, wanted in (("SUBMITTED", ["CHG-000002"]), ("CANCELLED", ["CHG-000003"]), ("CLOSED", [])):
        found = await office.ask(LIST, "changes", stages=[stage])
        assert at(found, "edges", "*", "node", "node", "key") == wanted
    assert at(await office.ask(LIST, "changes", stages=[]), "totalCount") == 0
    records = await office.ask(
        '{ nodes(class: "Change") { edges { node { ... on Change { collisions } } } } }', "nodes"
    )
    assert len(items(at(records, "edges"))) == 3


async def test_what_is_late_is_listed(office: Office) -> None:
    for touched in (WEB, DB_1):
        await drafted(office.application, office.hands, touched)
    await office.usual("CHG-000001", "COMPLETE")
    assert at(await office.ask(LIST, "changes", overdue=True), "totalCount") == 0
    office.hands.on(days=40)
    late = await office.ask(LIST, "changes", overdue=True)
    assert at(late, "edges", "*", "node", "node", "key") == ["CHG-000001"]
    assert "review was due" in str(at(late, "edges", 0, "node", "overdue"))
    assert at(await office.ask(LIST, "changes", overdue=True, stages=["DRAFT"]), "totalCount") == 0


async def test_a_longer_list_takes_no_more_statements(office: Office) -> None:
    await drafted(office.application, office.hands, WEB)
    seen: list[dict[str, int]] = []
    for _ in range(2):
        application, calls = counted(office.application)
        await Desk.on(application).ask(LIST)
        seen.append({name: count for name, count in calls.items() if name not in {"head", "model"}})
        for touched in (DB_1, DB_2, CLUSTER, SHOP):
            await drafted(office.application, office.hands, touched, name=f"about {touched}")
    assert seen[0] == seen[1]


async def test_months_are_measured(office: Office) -> None:
    await drafted(office.application, office.hands, WEB)
    await office.usual("CHG-000001", "CLOSE")
    office.hands.on(minutes=1)
    query = """query ($from: String, $to: String, $zone: String! = "UTC") { changeKpis(from: $from, to: $to, zone: $zone) {
        month version kpis { measure label { en zh } value of atLeast atMost met } } }"""
    [month] = items(await office.ask(query, "changeKpis"))
    values = {at(kpi, "measure"): (at(kpi, "value"), at(kpi, "of")) for kpi in items(at(month, "kpis"))}
    assert (at(month, "month"), values["SUCCESS_RATE"]) == ("2026-03", (100, 1))
    assert len(items(await office.ask(query, "changeKpis", **{"from": "2026-01", "to": "2026-03"}))) == 3
    assert (await office.error(query, **{"from": "2026-13"}))[0] == "invalid"
    assert (await office.error(query, zone="Mars/Olympus"))[0] == "invalid"


async def test_what_takes_work_is_asked_of_few_at_once(office: Office) -> None:
    await office.draft(DB_1)
    aliases = " ".join(f'c{n}: change(ref: "CHG-000001") {{ ...weighed }}' for n in range(6))
    query = f"{{ {aliases} }} fragment weighed on ChangeRecord {{ certificate {{ digest }} }}"
    assert (await office.error(query))[0] == "usage"
    listed = "{ changes { edges { node { ... on ChangeRecord { risk { score } } } } } }"
    assert (await office.error(listed))[0] == "usage"


# --- what fails beside changes ---------------------------------------------------------------------------------------

IMPACT = """query ($of: [String!], $change: String, $ongoing: Boolean! = false, $context: [FailedInput!],
    $planned: [OperationInput!], $asOf: String) {
  impact(of: $of, change: $change, ongoing: $ongoing, context: $context, planned: $planned, asOf: $asOf) {
    sources { key } counts { down atRisk } plan { before { counts { down atRisk } } redundancyLost { totalCount } } } }"""


async def test_a_change_is_short_for_what_it_plans(office: Office) -> None:
    unlink = [{"unlink": {"type": "HAS_MEMBER", "from": CLUSTER, "to": DB_2}}]
    await office.draft(DB_1, operations=unlink)
    found = await office.ask(IMPACT, "impact", change="CHG-000001")
    assert found == await office.ask(IMPACT, "impact", of=[DB_1], planned=unlink)
    assert at(found, "counts") == {"down": 3, "atRisk": 0}
    assert at(found, "plan", "before", "counts") == {"down": 1, "atRisk": 1}
    other = await office.ask(IMPACT, "impact", of=[DB_2], change="CHG-000001")
    assert at(other, "sources") == [{"key": "DBI-000002"}]


async def test_what_is_being_worked_on_has_failed_already(office: Office) -> None:
    await office.draft(DB_1)
    before = await office.ask(IMPACT, "impact", of=[DB_2], ongoing=True)
    assert before == await office.ask(IMPACT, "impact", of=[DB_2])
    await office.usual("CHG-000001", "BEGIN")
    found = await office.ask(IMPACT, "impact", of=[DB_2], ongoing=True)
    assert at(found, "counts") == {"down": 3, "atRisk": 0}
    assert found == await office.ask(IMPACT, "impact", of=[DB_2], context=[{"ref": DB_1}])
    own = await office.ask(IMPACT, "impact", change="CHG-000001", ongoing=True)
    assert at(own, "counts") == {"down": 1, "atRisk": 1}
    await office.ask(
        IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan", operations=[{"retire": {"ref": DB_1}}]
    )
    gone = await office.ask(IMPACT, "impact", of=[DB_2], ongoing=True)
    assert gone == await office.ask(IMPACT, "impact", of=[DB_2])


async def test_what_cannot_be_asked_together_is_refused(office: Office) -> None:
    await office.draft(DB_1)
    retire = [{"retire": {"ref": DB_2}}]
    assert (await office.error(IMPACT, change="CHG-000001", planned=retire))[0] == "usage"
    assert (await office.error(IMPACT, change="CHG-000001", asOf="r2"))[0] == "usage"
    assert (await office.error(IMPACT, of=[DB_1], ongoing=True, asOf="r2"))[0] == "usage"
    assert (await office.error(IMPACT, ongoing=True))[0] == "usage"
    assert (await office.error(IMPACT, change=WEB))[0] == "not_found"
    assert (await office.error('{ change(ref: "CHG-000009") { stage } }'))[0] == "not_found"


class Restless:
    """A store to which somebody else writes a record whenever relationships are read, `times` times."""

    def __init__(self, application: Application, times: int) -> None:
        self._application, self._times = application, times

    def __getattr__(self, name: str) -> object:
        return getattr(self._application.store, name)

    async def relationships(
        self, ordinals: Sequence[int], direction: Direction, types: Sequence[str] | None = None
    ) -> list[Relationship]:
        if self._times:
            self._times -= 1
            team = Put(node=New("t"), class_name="Team", name=f"Team {self._times}")
            await self._application.door.write(ChangeSet((team,)), actor="rita", authority="records")
        return await self._application.store.relationships(ordinals, direction, types)


async def test_an_answer_is_of_one_revision_or_none(office: Office) -> None:
    await office.draft(WEB)
    query = '{ revision change(ref: "CHG-000001") { stage } }'
    head = (await office.application.store.head()).revision
    store = cast("Store", Restless(office.application, 2))
    answer = await Desk.on(replace(office.application, store=store)).answer(query)
    assert at(answer.body, "data") == {"revision": head + 2, "change": {"stage": "DRAFT"}}
    store = cast("Store", Restless(office.application, 100))
    code, message = await Desk.on(replace(office.application, store=store)).error(query)
    assert (code, message) == ("conflict", "others keep writing while this is looked at")


# --- nobody gets past the gate ---------------------------------------------------------------------------------------


async def test_no_client_alters_a_ci_without_authority(office: Office) -> None:
    """CHG-000001, of ivan, is being implemented on db-1; CHG-000002, on web-1, is a draft."""
    await office.draft(DB_1)
    await office.usual("CHG-000001", "BEGIN")
    await office.draft(WEB)
    before = await _items(office)
    operations = [
        {"put": {"ref": WEB, "attributes": [{"name": "cpu_count", "value": 64}]}},
        {"put": {"ref": WEB, "state": "in_test"}},
        {"retire": {"ref": WEB}},
        {"link": {"type": "DEPENDS_ON", "from": SHOP, "to": WEB}},
        {"unlink": {"type": "DEPENDS_ON", "from": SHOP, "to": CLUSTER}},
        {"put": {"ref": "@x", "class": "VirtualMachine", "name": "web-9"}},
    ]
    claims = (
        None, "", "control:draft", "control:x", "initialisation", "records", "CHG-000001", "CHG-000002", "CHG-000009",
        "CHG-000001 ", "change:CHG-000001", "standing:CHT-000001", WEB,
    )  # fmt: skip
    for change in claims:
        for operation in operations:
            for actor in ("ivan", "eve"):
                failed = await office.ask(WRITE, "write", operations=[operation], actor=actor, change=change)
                assert at(failed, "__typename") in {"RefusedWrite", "MissingReference"}, (change, operation)
    for ref, actor in (("CHG-000001", "eve"), ("CHG-000001", "mona"), ("CHG-000002", "ivan"), ("CHG-000001", "ivan")):
        for operation in operations:
            failed = await office.ask(IMPLEMENT, "implementChange", ref=ref, actor=actor, operations=[operation])
            assert at(failed, "__typename") == "RefusedWrite", (ref, actor, operation)
    grow = {"put": {"ref": DB_1, "attributes": [{"name": "description", "value": "bigger"}]}}
    for actor in ("eve", "mona", ""):
        failed = await office.ask(WRITE, "write", operations=[grow], actor=actor, change="CHG-000001")
        assert at(failed, "__typename") == "RefusedWrite"
    assert await _items(office) == before
    done = await office.ask(WRITE, "write", operations=[grow], actor="ivan", change="CHG-000001")
    assert at(done, "__typename") == "Written"


async def test_no_client_writes_what_control_keeps(office: Office) -> None:
    await office.draft(WEB)
    await office.usual("CHG-000001", "APPROVE")
    change = await load_change(office.application.store, "CHG-000001")
    policy = await load_policy(office.application.store)
    rights = [{"name": "rights", "value": [right.value for right in Right]}, {"name": "members", "value": ["eve"]}]
    tampering = [
        {"put": {"ref": "CHG-000001", "attributes": [{"name": "implementers", "value": ["eve"]}]}},
        {"put": {"ref": "CHG-000001", "attributes": [{"name": "approved_by", "value": ["eve"]}]}},
        {"put": {"ref": "CHG-000001", "state": "implementing"}},
        {"link": {"type": "TOUCHES", "from": "CHG-000001", "to": SHOP}},
        {"unlink": {"type": "TOUCHES", "from": "CHG-000001", "to": WEB}},
        {"put": {"ref": "@c", "class": "Change", "name": "mine", "state": "implementing"}},
        {"put": {"ref": "@v", "class": "Vote", "name": "mine"}},
        {"put": {"ref": "@i", "class": "ImpactCertificate", "name": "mine"}},
        {"put": {"ref": "@r", "class": "Role", "name": "mine", "attributes": rights}},
        {"put": {"ref": "Role:Requesters", "attributes": [{"name": "members", "value": ["eve"]}]}},
        {"retire": {"ref": "Role:Change managers"}},
    ]
    for operation in tampering:
        for claim in (None, "control:draft", "CHG-000001"):
            for actor in ("eve", "rita", "ivan"):
                failed = await office.ask(WRITE, "write", operations=[operation], actor=actor, change=claim)
                assert at(failed, "__typename") in {"RefusedWrite", "InvalidWrite"}, (operation, claim, actor)
    for name, value in (("approved_by", ["eve"]), ("requester", "eve"), ("window_end", "2027-01-01T00:00:00Z")):
        said = {"attributes": [{"name": name, "value": value}]}
        failed = await office.ask(EDIT, "editChange", ref="CHG-000001", actor="rita", input=said)
        assert at(failed, "__typename") in {"RefusedWrite", "InvalidWrite"}
    assert await load_change(office.application.store, "CHG-000001") == change
    assert await load_policy(office.application.store) == policy


def test_no_mutation_takes_an_authority() -> None:
    """Who writes is said, and under which change; what that allows is found out within."""
    schema = graphql.build_schema(build_schema(shipped_model()).as_str())
    assert schema.mutation_type is not None
    said = {name for field in schema.mutation_type.fields.values() for name in field.args}
    said |= {
        name
        for kind in schema.type_map.values()
        if isinstance(kind, graphql.GraphQLInputObjectType)
        for name in kind.fields
    }
    assert {"actor", "change", "operations", "ref"} <= said
    assert not [name for name in said if "author" in name.lower() or "warrant" in name.lower()]


async def _items(office: Office) -> object:
    """Every CI of the estate, with what leads from it."""
    store = office.application.store
    nodes = await every(store, IsA("ConfigurationItem"))
    assert {node.name for node in nodes} == {"db-1", "db-2", "cluster", "Shop", "web-1"}
    return nodes, await store.relationships(sorted(node.ordinal for node in nodes), Direction.OUT)
