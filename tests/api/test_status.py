"""The configuration status report over GraphQL."""

from __future__ import annotations

from tests.api.estate import at
from tests.api.office import CLUSTER, DB_1, IMPLEMENT, SHOP, WEB, Office

REPORT = """query ($ref: String!, $asOf: String) { statusReport(ref: $ref, asOf: $asOf) {
  revision node { key name state } location { name } masters { edges { node { name } } } includedIn { totalCount }
  releases { totalCount } baselines { edges { node { name } } }
  needs { total nearest { node { name } distance path { type } } } neededBy { total nearest { node { name } } }
  history { totalCount edges { node { step commit { revision } } } } } }"""


async def test_a_node_is_reported_now_and_then(office: Office) -> None:
    head = await office.application.store.head()
    report = await office.ask(REPORT, "statusReport", ref=CLUSTER)
    assert at(report, "revision") == head.revision
    assert at(report, "node", "key") == "DCL-000001"
    assert at(report, "needs") == {
        "total": 2,
        "nearest": [
            {"node": {"name": name}, "distance": 1, "path": [{"type": "HAS_MEMBER"}]} for name in ("db-1", "db-2")
        ],
    }
    assert at(report, "neededBy") == {"total": 1, "nearest": [{"node": {"name": "Shop"}}]}
    assert at(await office.ask(REPORT, "statusReport", ref=SHOP), "needs", "total") == 3

    await office.draft(DB_1, operations=[{"put": {"ref": DB_1, "attributes": [{"name": "description", "value": "x"}]}}])
    await office.usual("CHG-000001", "BEGIN")
    await office.ask(IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan")
    now = await office.ask(REPORT, "statusReport", ref=DB_1)
    then = await office.ask(REPORT, "statusReport", ref=DB_1, asOf=f"r{head.revision}")
    assert (at(now, "node", "state"), at(then, "node", "state")) == ("under_change", "in_use")
    assert len(str(at(now, "history"))) > len(str(at(then, "history")))
    assert at(then, "revision") == head.revision
    assert (await office.error(REPORT, ref="SRV-999999"))[0] == "not_found"


async def test_originals_and_places_are_named(office: Office) -> None:
    operations = [
        {"put": {"ref": "@library", "class": "DefinitiveLibrary", "name": "Originals"}},
        {"put": {"ref": "@site", "class": "Site", "name": "Frankfurt 1"}},
        {"link": {"type": "INCLUDES", "from": "@library", "to": WEB}},
        {"link": {"type": "LOCATED_IN", "from": WEB, "to": "@site"}},
    ]
    await office.draft(WEB, operations=operations)
    await office.usual("CHG-000001", "BEGIN")
    done = await office.ask(IMPLEMENT, "implementChange", ref="CHG-000001", actor="ivan")
    assert at(done, "__typename") == "ChangeTaken", done
    report = await office.ask(REPORT, "statusReport", ref=WEB)
    assert at(report, "location") == [{"name": "Frankfurt 1"}]
    assert at(report, "masters", "edges") == [{"node": {"name": "Originals"}}]
    assert at(report, "includedIn", "totalCount") == 1
