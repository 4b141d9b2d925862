"""Single points of failure that were asked for are kept as long as nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cmdb.application import Application, find_single_points, initialise, open_application
from cmdb.changeset import ChangeSet, Link, New, Operation, Put
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from tests.api.counting import counted

ONE, OTHER, BASE, SPARE = range(4)


async def write(application: Application, *operations: Operation) -> None:
    await application.door.write(ChangeSet(operations), actor="test", authority=INITIALISATION)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Application, Counter[str]]]:
    """Two services that need the same cluster, and what the store is asked."""
    plain = await open_application(f"sqlite:///{tmp_path / 'store.db'}", create=True)
    await initialise(plain, shipped_model(), actor="test")
    await write(
        plain,
        *(Put(node=New(name), class_name="BusinessService", name=name) for name in ("one", "other")),
        *(Put(node=New(name), class_name="Cluster", name=name) for name in ("base", "spare")),
        Link(type="DEPENDS_ON", source=New("one"), target=New("base")),
        Link(type="DEPENDS_ON", source=New("other"), target=New("base")),
    )
    application, calls = counted(plain)
    yield application, calls
    await plain.close()


async def test_the_same_question_is_worked_out_once(asked: tuple[Application, Counter[str]]) -> None:
    application, calls = asked
    first = await find_single_points(application, ["BusinessService:one", "BusinessService:other"])
    assert (first.points.ordinal.tolist(), first.points.services_down.tolist()) == ([BASE], [2])
    calls.clear()
    turned = await find_single_points(application, ["BusinessService:other", "BusinessService:one"])
    assert calls["node_values"] == 0
    assert turned.points is first.points
    assert [node.name for node in turned.services] == ["other", "one"]
    alone = await find_single_points(application, ["BusinessService:one"])
    assert alone.points.services_down.tolist() == [1]


async def test_what_is_written_counts_at_once(asked: tuple[Application, Counter[str]]) -> None:
    application, _ = asked
    before = await find_single_points(application, [])
    assert before.points.importance.tolist() == [0]
    await write(application, Link(type="DEPENDS_ON", source=ONE, target=SPARE))
    await write(application, Put(node=OTHER, attributes={"importance": "high"}))
    after = await find_single_points(application, [])
    assert after.points.ordinal.tolist() == [BASE, SPARE]
    assert after.points.importance.tolist()[0] > 0
    earlier = await find_single_points(application, [], str(before.revision))
    assert earlier.points.ordinal.tolist() == [BASE]
    assert (await find_single_points(application, [], str(before.revision))).points is earlier.points
