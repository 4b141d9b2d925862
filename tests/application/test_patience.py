"""An answer that may take only so long says what it left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest

from cmdb.application import Application, Scenario, assess, initialise, open_application
from cmdb.changeset import ChangeSet, Link, New
from cmdb.errors import Usage
from cmdb.writing import INITIALISATION
from tests.reference.model import MODEL
from tests.store.places import SQLITE
from tests.writing.office import create


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    """The shop is backed by web, which runs on db."""
    opened = await open_application(f"{SQLITE}{tmp_path / 'store.db'}", create=True)
    await initialise(opened, MODEL, actor="tester")
    change_set = ChangeSet(
        (
            create("Service", "svc-shop", owner="ops"),
            create("Server", "web"),
            create("Server", "db"),
            Link(type="BACKED_BY", source=New("svc-shop"), target=New("web")),
            Link(type="RUNS_ON", source=New("web"), target=New("db")),
        )
    )
    await opened.door.write(change_set, actor="tester", authority=INITIALISATION)
    try:
        yield opened
    finally:
        await opened.close()


def seconds() -> Callable[[], float]:
    """A second more each time it is looked at."""
    passed = count()
    return lambda: float(next(passed))


async def test_without_time_only_the_sources_are_certain(application: Application) -> None:
    found = await assess(application, Scenario(["Server:db"]), patience=0, timer=seconds())
    assert [node.name for node in found.sources] == ["db"]
    assert found.counts == {"down": 1, "degraded": 0, "at_risk": 0, "saved": 0, "unchanged": 0, "no_effect": 0}
    assert not found.impact.complete
    assert found.left_out[0].startswith("who else is down")
    assert found.left_out[-1] == "who is saved and who is unchanged"


async def test_each_second_brings_more(application: Application) -> None:
    scenario = Scenario(["Server:db"])
    answers = [await assess(application, scenario, patience=wait, timer=seconds()) for wait in range(12)]
    lengths = [len(found.left_out) for found in answers]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] == 0
    whole = await assess(application, scenario)
    assert (answers[-1].counts, answers[-1].left_out) == (whole.counts, ())
    assert whole.counts["down"] == 3


@pytest.mark.parametrize("patience", [-1.0, float("nan")])
async def test_no_such_time_can_be_waited(application: Application, patience: float) -> None:
    with pytest.raises(Usage, match="cannot be waited"):
        await assess(application, Scenario(["Server:db"]), patience=patience)


async def test_what_takes_long_is_answered_alike_beside_the_loop(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = Scenario(["Server:db"])
    little = await assess(application, scenario)
    monkeypatch.setattr("cmdb.application.assessing._LITTLE", 0.0)
    much = await assess(application, scenario)
    assert much.impact.complete
    assert (list(much.impact.hits()), much.counts) == (list(little.impact.hits()), little.counts)
