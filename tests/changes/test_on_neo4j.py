"""Control on Neo4j: the same steps, the same gate, the same certificate to the last letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.comparing import compare_moments
from cmdb.application.control import Wish, certificate, draft_restore, implement, take_step
from cmdb.changes import Action, Stage, load_change
from cmdb.changeset import ChangeSet, Put
from cmdb.errors import Refused
from cmdb.reading import resolve
from cmdb.reading.operation_text import read_operations
from tests.changes.office import Hands, an_estate, carried, drafted

WEB, SHOP = "VirtualMachine:web-1", "BusinessService:Shop"
PLAN = b"""
- put: {ref: VMA-000001, attributes: {cpu_count: 8}}
- put: {ref: "@new", class: VirtualMachine, name: web-2, attributes: {cpu_count: 4}}
- link: {type: DEPENDS_ON, from: BSV-000001, to: "@new"}
"""


async def through_control(application: Application, hands: Hands) -> tuple[str, str, list[str]]:
    """A change that is approved, carried out, fails and is backed out: its digest, its state, and what differs after."""
    change = (await drafted(application, hands, WEB, SHOP, operations=read_operations(PLAN, "plan"))).change
    web = await resolve(application.store, WEB)
    grow = ChangeSet((Put(node=web.ordinal, attributes={"cpu_count": 9}),))
    with pytest.raises(Refused, match="initialisation ended"):
        await application.door.write(grow, actor="ivan", authority="initialisation")
    with pytest.raises(Refused, match="is draft, not being implemented"):
        await application.door.write(grow, actor="ivan", authority=f"change:{change.key}")
    began = await carried(application, hands, change.key, until=Action.BEGIN)
    await implement(application, change.key, actor="ivan")
    answer, proven = await certificate(application, began.change)
    assert proven
    await take_step(application, change.key, Wish(Action.FAIL, "ivan", comment="it smokes"))
    await take_step(application, change.key, Wish(Action.BACK_OUT, "ivan"))
    found = await compare_moments(application, "first", "now")
    way_back, plan = await draft_restore(application, "first", actor="rita")
    assert way_back is None
    assert not plan.impossible
    ended = await load_change(application.store, change.key)
    lines = [f"{one.node.name} {one.change.value}" for one in found.differences.nodes]
    assert began.change.certified is not None
    return (
        str(began.change.certified.node.attributes["content_digest"]),
        ended.stage.value,
        [*lines, *map(str, answer.hits)],
    )


@pytest.mark.neo4j
async def test_a_change_goes_the_same_way_on_both_stores(tmp_path: Path, neo4j_graph: str) -> None:
    async with an_estate(tmp_path) as (application, hands):
        on_sqlite = await through_control(application, hands)
    async with an_estate(neo4j_graph) as (application, hands):
        on_neo4j = await through_control(application, hands)
    assert on_sqlite == on_neo4j
    assert on_sqlite[1] == Stage.BACKED_OUT.value
