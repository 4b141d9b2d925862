"""What the roles of somebody do not see, over GraphQL: counted, never named, and no other verdict."""

from __future__ import annotations

from pathlib import Path

import msgspec

from api.graphql import Answering, Question
from cmdb.changeset import ChangeSet, New, Put
from cmdb.writing import INITIALISATION
from tests.api.estate import at, items
from tests.changes.office import an_estate

ASKED = """query ($viewer: String) { impact(of: ["DatabaseInstance:db-1", "DatabaseInstance:db-2"], viewer: $viewer) {
  counts { down } hidden { down degraded atRisk } hits { totalCount edges { node { verdict node { name } path { type } } } }
  services { totalCount edges { node { node { name } } } } } }"""


async def test_what_is_hidden_is_counted_and_not_named(tmp_path: Path) -> None:
    async with an_estate(tmp_path, closed=False) as (application, _):
        role = {"members": ("pia",), "sees": ("is DatabaseInstance", "is BusinessService")}
        put = Put(node=New("r"), class_name="Role", name="Data base people", attributes=dict(role))
        await application.door.write(ChangeSet((put,)), actor="carla", authority=INITIALISATION)
        answering = Answering(application)
        for viewer, hidden in (("mona", 0), ("pia", 1), (None, 0)):
            answer = await answering.answer(Question(ASKED, {"viewer": viewer}, None))
            impact = at(msgspec.json.decode(answer.encoded), "data", "impact")
            assert at(impact, "counts") == {"down": 4}
            assert at(impact, "hidden") == {"down": hidden, "degraded": 0, "atRisk": 0}
            assert at(impact, "hits", "totalCount") == 4
            names = items(at(impact, "hits", "edges", "*", "node", "node", "name"))
            assert set(names) == {"db-1", "db-2", "cluster", "Shop"} - ({"cluster"} if hidden else set())
            assert ("cluster" in answer.encoded.decode()) is not bool(hidden)
