"""What a change is weighed by, over GraphQL: its certificate, risk and slots, and what fails beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

from cmdb.application.control import certificate
from cmdb.changes import load_change
from cmdb.reading import resolve
from tests.api.estate import at, items
from tests.api.office import ASKED, CLUSTER, DB_1, DB_2, IMPLEMENT, WEB, Office

CERTIFICATE = """query ($ref: String!, $first: Int! = 50, $after: String) { change(ref: $ref) { certificate {
  node { key } revision modelVersion digest proven complete scenario { key state } context { key state }
  counts { down atRisk } countsAfterwards { down atRisk } afterwards { key verdict }
  lost { owner pool } gained { owner pool } singlePoints { key takesDown }
  services { down degraded atRisk } customers agreements owners unknown
  hits(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { node { key name } verdict before distance reasons } } } } } }"""
RISK = """query ($ref: String!) { change(ref: $ref) { risk { score level levelLabel { zh } version
  parts { name label { en } points most facts { what count points keys } } } } }"""
IMPACT = """query ($of: [String!], $change: String, $ongoing: Boolean! = false, $context: [FailedInput!],
    $planned: [OperationInput!], $asOf: String) {
  impact(of: $of, change: $change, ongoing: $ongoing, context: $context, planned: $planned, asOf: $asOf) {
    sources { key } counts { down atRisk } plan { before { counts { down atRisk } } redundancyLost { totalCount } } } }"""


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
