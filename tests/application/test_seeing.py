"""What somebody may not see has no name, is counted, and changes no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application import Scenario, assess, concerned, describe_hits
from cmdb.application.seeing import HIDDEN, as_seen_by, hidden_counts, is_hidden
from cmdb.changeset import ChangeSet, New, Put
from cmdb.errors import NotFound
from cmdb.reading import resolve
from cmdb.writing import INITIALISATION
from tests.changes.office import an_estate

BOTH = Scenario(["DatabaseInstance:db-1", "DatabaseInstance:db-2"])


async def test_the_verdict_is_the_same_for_everybody(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        role = {"members": ("pia",), "sees": ("is DatabaseInstance", "is BusinessService")}
        put = Put(node=New("r"), class_name="Role", name="Data base people", attributes=dict(role))
        await application.door.write(ChangeSet((put,)), actor="carla", authority=INITIALISATION)
        whole = await assess(application, BOTH)
        for viewer, hidden in (("mona", 0), ("pia", 1), ("stranger", 4), (None, 0)):
            seen = await as_seen_by(application, viewer)
            found = await assess(application, BOTH) if viewer == "stranger" else await assess(seen, BOTH)
            assert (found.counts, found.impact.ordinals.tolist()) == (whole.counts, whole.impact.ordinals.tolist())
            hits = await describe_hits(seen, found)
            assert sum(is_hidden(hit.node) for hit in hits) == hidden
            assert sum((await hidden_counts(seen, found)).values()) == hidden
            told = repr([hits, await concerned(seen, found)])
            assert ("DCL-000001" in told, HIDDEN in told) == (hidden == 0, hidden > 0)


async def test_what_is_hidden_is_not_found(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        role = {"members": ("pia",), "sees": ("is DatabaseInstance",)}
        put = Put(node=New("r"), class_name="Role", name="Data base people", attributes=dict(role))
        await application.door.write(ChangeSet((put,)), actor="carla", authority=INITIALISATION)
        seen = await as_seen_by(application, "pia")
        assert (await resolve(seen.store, "DBI-000001")).name == "db-1"
        assert (await resolve(seen.store, "Team:Team A")).name == "Team A"
        for reference in ("VMA-000001", "VirtualMachine:web-1"):
            with pytest.raises(NotFound):
                await resolve(seen.store, reference)
