"""What goes wrong already, or went wrong before: outages and incidents around a change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cmdb.application import Application
from cmdb.application.control import Wish, certificate, risk_of_change, take_step
from cmdb.changes import Action, Change, Stage, load_change
from cmdb.changeset import ChangeSet, Link, New, Put
from cmdb.errors import Refused
from cmdb.reading import resolve
from graph_schema.values import instant
from tests.changes.office import Hands, an_estate, carried, drafted

DB_1, DB_2, SHOP = "DatabaseInstance:db-1", "DatabaseInstance:db-2", "BusinessService:Shop"


async def outage(
    application: Application, hands: Hands, of: str, *, effect: str = "down", state: str = "ongoing"
) -> int:
    """An outage that rita records; its ordinal."""
    target = (await resolve(application.store, of)).ordinal
    put = Put(
        node=New("outage"),
        class_name="Outage",
        name=f"{of} {effect}",
        state=state,
        attributes={"began_at": instant(hands.now), "outage_effect": effect},
    )
    link = Link(type="AFFECTS", source=New("outage"), target=target)
    written = await application.door.write(ChangeSet([put, link]), actor="rita", authority="records")
    return written.created["outage"]


async def ended(application: Application, ordinal: int) -> None:
    await application.door.write(ChangeSet([Put(node=ordinal, state="ended")]), actor="rita", authority="records")


async def incident(application: Application, hands: Hands, of: str, *, days: int, state: str = "new") -> str:
    """The key of an incident that was reported so many days ago."""
    target = (await resolve(application.store, of)).ordinal
    reported = instant(hands.now - timedelta(days=days))
    put = Put(
        node=New("it"),
        class_name="Incident",
        name=f"{days} days ago",
        state=state,
        attributes={"reported_at": reported},
    )
    link = Link(type="AFFECTS", source=New("it"), target=target)
    written = await application.door.write(ChangeSet([put, link]), actor="rita", authority="records")
    return (await application.store.nodes([written.created["it"]]))[0].key


async def states(application: Application, change: Change) -> tuple[dict[str, str], dict[str, str]]:
    """What the certificate has for context, and who goes down."""
    answer, _ = await certificate(application, change)
    return dict(answer.context), {hit.name: hit.verdict for hit in answer.hits}


async def test_what_an_outage_affects_has_failed_already(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        lasting = await outage(application, hands, DB_2)
        await outage(application, hands, DB_2, effect="degraded")
        await outage(application, hands, "VirtualMachine:web-1", state="planned")
        key = (await drafted(application, hands, DB_1)).change.key
        taken = await carried(application, hands, key, until=Action.ASSESS)
        db_2 = (await resolve(application.store, DB_2)).key
        context, hits = await states(application, taken.change)
        assert context == {db_2: "down"}
        assert hits["Shop"] == "down"
        await ended(application, lasting)
        another = (await drafted(application, hands, DB_1, name="Another")).change.key
        context, hits = await states(
            application, (await carried(application, hands, another, until=Action.ASSESS)).change
        )
        assert context == {db_2: "degraded"}
        assert hits["Shop"] == "degraded"


async def test_an_outage_that_begins_after_the_approval_suspends_it(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        key = (await drafted(application, hands, DB_1)).change.key
        await carried(application, hands, key, until=Action.APPROVE)
        await outage(application, hands, DB_2)
        with pytest.raises(Refused, match="the approval is suspended") as refused:
            await take_step(application, key, Wish(Action.SCHEDULE, "mona"))
        assert "Shop" in "\n".join(problem.message for problem in refused.value.problems)
        assert (await load_change(application.store, key)).stage is Stage.SUBMITTED


async def test_incidents_of_the_last_two_years_make_a_change_riskier(tmp_path: Path) -> None:
    async with an_estate(tmp_path) as (application, hands):
        recent = [await incident(application, hands, DB_1, days=days) for days in (1, 729)]
        await incident(application, hands, DB_1, days=731)
        await incident(application, hands, DB_1, days=2, state="closed")
        await incident(application, hands, DB_2, days=3)
        dropped = await incident(application, hands, DB_1, days=4)
        node = await resolve(application.store, dropped)
        cancel = ChangeSet([Put(node=node.ordinal, state="cancelled")])
        await application.door.write(cancel, actor="rita", authority="records")
        key = (await drafted(application, hands, DB_1)).change.key
        change = (await carried(application, hands, key, until=Action.ASSESS)).change
        answer, _ = await certificate(application, change)
        risk = await risk_of_change(application, change, answer, ())
        [history] = [part for part in risk.parts if part.name == "history"]
        [fact] = history.facts
        assert (fact.what, fact.count, history.points) == ("incident", 3, 6)
        assert set(recent) < set(fact.keys)
