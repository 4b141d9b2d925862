"""Faults that were injected into a shop: the cause is among what the alarming service needs, and its impact has the alarm."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import pytest

from cmdb.application import Application, Scenario, assess, describe, initialise, open_application, reach
from cmdb.projection import Direction
from cmdb.reconciliation.applying import apply_plan
from cmdb.reconciliation.importing import plan_import
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from importers.ndjson import Ndjson

pytestmark = pytest.mark.oracle


class Named(TypedDict):
    node: str


class Target(TypedDict):
    """The node that raised the alarm, and the one that a fault was injected into."""

    target: Named
    root_cause: Named


@dataclass(frozen=True)
class Shop:
    """A matrix in CSV: where it is not 0, the service of the row calls, and needs, that of the column."""

    graph: Path

    def lines(self) -> Iterator[str]:
        """The same as an export."""
        with self.graph.open(newline="", encoding="utf-8") as file:
            (_, *columns), *rows = csv.reader(file)
        names = list(dict.fromkeys([*columns, *(row[0] for row in rows)]))
        ids = {name: f"service {number}" for number, name in enumerate(names)}
        for name, identity in ids.items():
            yield json.dumps({"node": {"id": identity, "class": "Application", "name": name}})
        for caller, *cells in rows:
            for called, cell in zip(columns, cells, strict=True):
                if float(cell or 0):
                    ends = {"from": ids[caller], "to": ids[called]}
                    yield json.dumps({"relationship": {"type": "DEPENDS_ON", **ends}})

    def faults(self) -> list[tuple[str, str]]:
        """Alarm and cause of each fault."""
        paths = sorted(self.graph.parent.rglob("target.json"))
        said = [cast("Target", json.loads(path.read_text(encoding="utf-8"))) for path in paths]
        return [(fault["target"]["node"], fault["root_cause"]["node"]) for fault in said]


def shops(shared_data: Path) -> list[Shop]:
    found = [Shop(path) for path in sorted((shared_data / "graphs" / "petshop").rglob("graph.csv"))]
    if not found:
        pytest.skip(f"no graph.csv in {shared_data / 'graphs' / 'petshop'}")
    return found


@asynccontextmanager
async def opened(shop: Shop, folder: Path) -> AsyncGenerator[Application]:
    """An application on a new store that holds the shop."""
    export = folder / "shop.ndjson"
    export.write_text("\n".join(shop.lines()), encoding="utf-8")
    application = await open_application(f"sqlite:///{folder / 'shop.sqlite'}", create=True)
    try:
        model = shipped_model()
        await initialise(application, model, actor="tester")
        plan = await plan_import(application.store, model, Ndjson(), [export], "shop")
        assert not plan.errors
        await apply_plan(application.door, plan, actor="tester", authority=INITIALISATION, retire=False)
        yield application
    finally:
        await application.close()


async def providers(application: Application, name: str) -> set[str]:
    """Whom a service needs, directly or not."""
    found = await reach(application, [f"Application:{name}"], Direction.PROVIDERS)
    return {hit.node.name for hit in await describe(application, found, count=found.total)}


async def taken_down(application: Application, name: str) -> set[str]:
    """Who fails when a service does."""
    down = (await assess(application, Scenario(of=[f"Application:{name}"]))).impact.down.tolist()
    return {node.name for node in await application.store.nodes(down)}


async def test_causes_are_providers_and_alarms_are_in_their_impact(shared_data: Path, tmp_path: Path) -> None:
    for number, shop in enumerate(shops(shared_data)):
        folder = tmp_path / str(number)
        folder.mkdir()
        faults = shop.faults()
        async with opened(shop, folder) as application:
            unexplained = [
                (alarm, cause) for alarm, cause in faults if cause not in await providers(application, alarm)
            ]
            missed = [(alarm, cause) for alarm, cause in faults if alarm not in await taken_down(application, cause)]
        assert faults
        assert unexplained == []
        assert missed == []
