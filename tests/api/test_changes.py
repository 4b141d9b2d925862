"""Changes over GraphQL: from draft to close."""

from __future__ import annotations

from cmdb.reading import resolve
from tests.api.estate import at, items
from tests.api.office import ASKED, DB_1, EDIT, GROW, IMPLEMENT, STEP, WEB, WRITE, Office


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


async def test_each_step_of_a_request_shows_what_it_made(office: Office) -> None:
    await office.draft(WEB, DB_1)
    await office.usual("CHG-000001", "SCHEDULE")
    office.hands.on(hours=1)
    touched = (
        "... on ChangeTaken { change { touches(first: 1) { pageInfo { endCursor } edges { node { name state } } } } }"
    )
    steps = f"""mutation {{
      {
        " ".join(
            f'{action.lower()}: changeStep(ref: "CHG-000001", action: {action}, actor: "ivan") {{ {touched} }}'
            for action in ("BEGIN", "COMPLETE")
        )
    } }}"""
    done = await office.ask(steps)
    began, ended = (at(done, step, "change", "touches") for step in ("begin", "complete"))
    assert at(began, "edges") == [{"node": {"name": "db-1", "state": "under_change"}}]
    assert at(ended, "edges") == [{"node": {"name": "db-1", "state": "in_use"}}]
    rest = """query ($after: String) { change(ref: "CHG-000001") { touches(after: $after) { edges { node { name } } } } }"""
    found = await office.ask(rest, "change", "touches", "edges", "*", "node", after=at(ended, "pageInfo", "endCursor"))
    assert found == [{"name": "web-1"}]


async def test_what_a_change_answers_and_what_follows_from_it_is_linked(office: Office) -> None:
    puts = [
        {"put": {"ref": f"@{name}", "class": name, "name": name, "attributes": [said]}}
        for said in [{"name": "reported_at", "value": "2026-03-01T08:00:00Z"}]
        for name in ("Incident", "Problem")
    ]
    await office.ask(WRITE, "write", operations=puts, actor="rita")
    await office.draft(WEB, concerns=["Incident:Incident"])
    await office.usual("CHG-000001", "COMPLETE")
    step = """mutation ($action: ChangeAction!) { changeStep(ref: "CHG-000001", action: $action, actor: "mona",
      outcome: "successful", followUps: ["Problem:Problem"]) { __typename ... on WriteFailure { message } } }"""
    early = await office.ask(step, "changeStep", action="CLOSE")
    assert early == {"__typename": "InvalidWrite", "message": "only a review has followUps"}
    assert at(await office.ask(step, "changeStep", action="REVIEW"), "__typename") == "ChangeTaken"
    linked = """{ change(ref: "CHG-000001") { node { relationships(types: ["CONCERNS"]) { edges { node { key }
      relationship { attributes { name value } } } } } } }"""
    found = items(await office.ask(linked, "change", "node", "relationships", "edges"))
    assert [at(link, "node", "key") for link in found] == ["INC-000001", "PRB-000001"]
    assert at(found[1], "relationship", "attributes") == [{"name": "purpose", "value": "follow-up"}]


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
