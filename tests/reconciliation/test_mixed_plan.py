"""One import that has something of everything, written out as people would read it."""

from __future__ import annotations

from cmdb.changeset import New, Put, Retire
from cmdb.reconciliation.claims import Known
from cmdb.reconciliation.plan import Plan
from tests.reconciliation.world import World, link, node

EXPECTED = """
create Server 'api' in_use {'tier': 'gold'} from estate.csv:6
create Ticket 'move' working {'reference': 7} from estate.csv:7
update SRV-000009 count: 1 → 2 as s says (the source says so)
update SRV-000009 note: 'old' → None as s says (the source says so)
update SRV-000007 tier: 'gold' → 'silver' as third says (the source no longer says so)
link CONNECTED_TO api → Server:hand {'speed': 10} from estate.csv:12
link RUNS_ON api → web {} from estate.csv:11
relink RUNS_ON 1 port: 80 → 443 as s says
unlink RUNS_ON SRV-000009 → SRV-000004 (the source no longer has it)
retire SRV-000008 to dismantled (the source no longer has it)
error estate.csv:4: Server.count: expected a whole number, got 'many' (correct the value)
error estate.csv:13: RUNS_ON leads to or from 'nowhere', which no row and no node is (correct the reference, or add what it means)
error estate.csv:14: BACKED_BY does not lead from Server to Server (it leads from Service to Server)
warning estate.csv:5: Server 'gone' is about SRV-000006, which is retired (dismantled); it is left alone (take it out of the source)
warning estate.csv:6: Server: 'password' was left out: its value stands under the name of a secret (keep secrets in a vault, and record where, never what)
warning estate.csv:8: Server 'shared' SRV-000001.tier stays 'gold', which other claims; here it is 'bronze' (correct one of the two sources)
warning estate.csv:15: RUNS_ON leads to or from 'gone', which is retired (link another node, or take the row out of the source)
""".strip()  # noqa: E501 - as it is written out


async def test_a_plan_says_all_that_would_be_done_and_why(world: World) -> None:
    before = [node(name) for name in ("db", "cache", "gone", "broken")]
    await world.take_in("other", node("o", name="shared", tier="gold"))
    await world.by_hand(Put(node=New("h"), class_name="Server", name="hand"))
    everything = [node("web", count=1, note="old"), *before, node("spare"), node("pair", tier="gold"), node("shared")]
    links = [link("web", "db", port=80), link("web", "cache")]
    await world.take_in("s", *everything, *links)
    await world.by_hand(Retire(node=(await world.node("gone")).ordinal))
    await world.take_in("third", node("t", name="pair", tier="silver"))
    plan = await world.plan(
        "s",
        [
            node("web", count=2, row=1),
            node("cache", row=3),
            node("broken", count="many", row=4),
            node("gone", row=5, note="x"),
            node("api", tier="gold", row=6, said={"password": "hunter2-hunter2"}),
            node("move", "Ticket", state="working", reference=7, row=7),
            node("shared", tier="bronze", row=8),
            node("db", row=9),
            link("web", "db", port=443, row=10),
            link("api", "web", row=11),
            link("api", Known("Server:hand"), "CONNECTED_TO", speed=10, row=12),
            link("api", "nowhere", row=13),
            link("api", "web", "BACKED_BY", row=14),
            link("api", "gone", row=15),
        ],
    )
    assert written(plan) == EXPECTED.split("\n")


def written(plan: Plan) -> list[str]:
    lines = [f"create {c.class_name} {c.name!r} {c.then or c.state} {c.attributes} from {c.where}" for c in plan.create]
    for update in plan.update:
        lines += [
            f"update {update.key} {c.field}: {c.before!r} → {c.after!r} as {c.source} says ({update.reason})"
            for c in update.changes
        ]
    lines += [f"link {e.type} {e.from_node} → {e.to_node} {e.attributes} from {e.where}" for e in plan.link]
    lines += [
        f"relink {r.type} {r.id} {c.field}: {c.before!r} → {c.after!r} as {c.source} says"
        for r in plan.relink
        for c in r.changes
    ]
    lines += [f"unlink {u.type} {u.from_node} → {u.to_node} ({u.reason})" for u in plan.unlink]
    lines += [f"retire {r.key} to {r.state} ({r.reason})" for r in plan.retire]
    lines += [f"error {e.where}: {e.message} ({e.remedy})" for e in plan.errors]
    lines += [f"warning {w.where}: {w.message} ({w.remedy})" for w in plan.warnings]
    return lines
