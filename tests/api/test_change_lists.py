"""Changes and their figures listed over GraphQL, in a bounded number of statements and of one revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from cmdb.application import Application
from cmdb.changeset import ChangeSet, New, Put
from cmdb.filters import Direction
from cmdb.nodes import Relationship
from cmdb.store.port import Store
from tests.api.counting import counted
from tests.api.estate import Desk, at, items
from tests.api.office import CLUSTER, DB_1, DB_2, SHOP, WEB, Office
from tests.changes.office import drafted

LIST = """query ($stages: [ChangeStage!], $overdue: Boolean! = false, $first: Int! = 50, $after: String) {
  changes(stages: $stages, overdue: $overdue, first: $first, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } edges { node { node { key } stage overdue touches { edges { node { key } } }
      votes { node { key } } board { chair } window { from } } } } }"""


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
