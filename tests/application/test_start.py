"""Before the first question: what stands is read once for all that follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application import initialise, open_application
from cmdb.changeset import ChangeSet, Link, New
from cmdb.errors import Failed
from cmdb.impact import State, WhatIf
from cmdb.projection import Direction
from cmdb.writing import INITIALISATION
from tests.api.counting import counted
from tests.reference.model import MODEL
from tests.store.places import SQLITE
from tests.writing.office import create


async def test_both_followers_start_from_one_reading(tmp_path: Path) -> None:
    plain = await open_application(f"{SQLITE}{tmp_path / 'store.db'}", create=True)
    await initialise(plain, MODEL, actor="tester")
    link = Link(type="RUNS_ON", source=New("web"), target=New("db"))
    change_set = ChangeSet((create("Server", "web"), create("Server", "db"), link))
    await plain.door.write(change_set, actor="tester", authority=INITIALISATION)
    application, calls = counted(plain)
    await application.load()
    assert (calls["node_columns"], calls["relationship_columns"]) == (1, 1)

    projection, standing = await application.follower.current(), await application.structures.current()
    assert (projection.revision, standing.structure.revision) == (2, 2)
    assert projection.reach([1], Direction.DEPENDENTS).ordinals.tolist() == [1, 0]
    assert standing.propagation.states(WhatIf({1: State.DOWN})).down.tolist() == [0, 1]
    assert (calls["node_columns"], calls["relationship_columns"]) == (1, 1)
    await application.close()


async def test_nothing_starts_on_an_empty_store(tmp_path: Path) -> None:
    application = await open_application(f"{SQLITE}{tmp_path / 'store.db'}", create=True)
    with pytest.raises(Failed, match="empty"):
        await application.load()
    await application.close()
