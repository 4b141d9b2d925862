"""Collisions of all open changes over GraphQL: pages of pairs."""

from __future__ import annotations

from tests.api.counting import counted
from tests.api.estate import Desk, at, items
from tests.api.office import DB_1, DB_2, WEB, Office

COLLISIONS = """query ($first: Int! = 50, $after: String) { changeCollisions(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { node { first { node { key } } second { node { key } } from until what } } } }"""


async def test_open_changes_that_meet_are_paged(office: Office) -> None:
    for touches in (DB_1, DB_2, DB_1):
        await office.draft(touches)
    for key in ("CHG-000001", "CHG-000002", "CHG-000003"):
        await office.usual(key, "ASSESS")
    whole = await office.ask(COLLISIONS, "changeCollisions")
    rows = items(at(whole, "edges", "*", "node"))
    assert at(whole, "totalCount") == len(rows) == 3
    assert {(at(row, "first", "node", "key"), at(row, "second", "node", "key")) for row in rows} == {
        ("CHG-000001", "CHG-000002"),
        ("CHG-000001", "CHG-000003"),
        ("CHG-000002", "CHG-000003"),
    }
    assert "implementer ivan" in str(at(rows[0], "what"))
    page = await office.ask(COLLISIONS, "changeCollisions", first=2)
    assert at(page, "pageInfo", "hasNextPage") is True
    rest = await office.ask(COLLISIONS, "changeCollisions", after=at(page, "pageInfo", "endCursor"))
    assert [*items(at(page, "edges", "*", "node")), *items(at(rest, "edges", "*", "node"))] == rows
    assert (await office.error(COLLISIONS, first=0))[0] == "usage"


async def test_a_longer_list_takes_no_more_statements(office: Office) -> None:
    seen: list[tuple[object, dict[str, int]]] = []
    for touches in ((DB_1, DB_2), (DB_1, WEB)):
        for each in touches:
            await office.draft(each)
        for number in (2 * len(seen) + 1, 2 * len(seen) + 2):
            await office.usual(f"CHG-{number:06}", "ASSESS")
        application, calls = counted(office.application)
        total = at(await Desk.on(application).ask(COLLISIONS, "changeCollisions"), "totalCount")
        seen.append((total, {name: count for name, count in calls.items() if name not in {"head", "model"}}))
    assert [total for total, _ in seen] == [1, 6]
    assert seen[0][1] == seen[1][1]
