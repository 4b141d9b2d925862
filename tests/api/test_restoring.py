"""The way back to a baseline, drafted over GraphQL as a change like any other."""

from __future__ import annotations

from cmdb.reading import resolve
from tests.api.estate import at, items
from tests.api.office import DB_1, EDIT, GROW, IMPLEMENT, WEB, Office
from tests.changes.office import window

RESTORE = """mutation ($baseline: String!, $actor: String! = "rita", $where: String, $replace: Boolean! = false) {
  draftRestore(baseline: $baseline, actor: $actor, where: $where, replaceRetired: $replace) { __typename
    ... on DraftedRestore { revision backTo { moment revision scope } impossible { subject reason instead }
      change { stage plannedOperations touches { edges { node { key } } } node { key name } } }
    ... on WriteFailure { message remedy } } }"""
SAME = '{ compareBaselines(from: "first") { same } }'


async def implemented(office: Office, *operations: object, touches: tuple[str, ...] = (WEB,)) -> None:
    """A change that is carried out."""
    await office.draft(*touches, operations=list(operations))
    await office.usual("CHG-000001", "BEGIN")
    done = await office.ask(IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan")
    assert at(done, "__typename") == "ChangeTaken", done
    await office.step("CHG-000001", "COMPLETE", "ivan")


async def test_the_change_that_leads_back_is_drafted_and_leads_there(office: Office) -> None:
    await implemented(office, *GROW)
    assert await office.ask(SAME, "compareBaselines", "same") is False
    drafted = await office.ask(RESTORE, "draftRestore", baseline="first")
    assert at(drafted, "impossible") == []
    assert at(drafted, "backTo", "scope") == "all"
    change = at(drafted, "change")
    assert (at(change, "stage"), at(change, "node", "key")) == ("DRAFT", "CHG-000002")
    assert len(items(at(change, "plannedOperations"))) == 2
    assert set(map(str, items(at(change, "touches", "edges", "*", "node", "key")))) == {"VMA-000001", "VMA-000002"}
    office.hands.on(hours=3)
    begin, end, zone = window(office.hands)
    said = {"back_out_plan": "none is needed", "test_plan": "compare", "implementers": ["ivan"]}
    ready = {
        "attributes": [{"name": name, "value": value} for name, value in said.items()],
        "window": {"from": begin, "until": end, "zone": zone},
    }
    edited = await office.ask(EDIT, "editChange", ref="CHG-000002", input=ready, actor="rita")
    assert at(edited, "__typename") == "ChangeTaken"
    await office.usual("CHG-000002", "BEGIN")
    await office.ask(IMPLEMENT, "implementChange", ref="CHG-000002", actor="ivan")
    await office.step("CHG-000002", "COMPLETE", "ivan")
    assert await office.ask(SAME, "compareBaselines", "same") is True
    again = await office.ask(RESTORE, "draftRestore", baseline="first")
    assert (at(again, "__typename"), at(again, "change")) == ("DraftedRestore", None)


async def test_what_cannot_be_led_back_is_told_with_the_reason(office: Office) -> None:
    await implemented(office, {"retire": {"ref": DB_1}}, touches=(DB_1,))
    plain = await office.ask(RESTORE, "draftRestore", baseline="Baseline:first", where="name = db-1")
    [gone] = [one for one in items(at(plain, "impossible")) if at(one, "subject") == "DBI-000001"]
    assert "is retired" in str(at(gone, "reason"))
    assert at(plain, "change") is None
    replaced = await office.ask(RESTORE, "draftRestore", baseline="first", where="name = db-1", replace=True)
    assert at(replaced, "impossible", 0, "instead") == "a new node takes its place"
    assert "db-1" in str(at(replaced, "change", "plannedOperations"))


async def test_a_part_alone_is_led_back(office: Office) -> None:
    await implemented(office, *GROW)
    drafted = await office.ask(RESTORE, "draftRestore", baseline="first", where="name = web-1")
    assert at(drafted, "change", "touches", "edges", "*", "node", "key") == ["VMA-000001"]
    assert (await resolve(office.application.store, WEB)).attributes["cpu_count"] == 8


async def test_a_way_back_that_cannot_be_drafted_says_why(office: Office) -> None:
    await implemented(office, *GROW)
    head = await office.application.store.head()
    for asked, kind in (
        ({"baseline": "none"}, "MissingReference"),
        ({"baseline": WEB}, "MissingReference"),
        ({"baseline": "first", "where": "shade = red"}, "InvalidWrite"),
        ({"baseline": "first", "actor": ""}, "RefusedWrite"),
    ):
        assert at(await office.ask(RESTORE, "draftRestore", **asked), "__typename") == kind, asked
    assert await office.application.store.head() == head
