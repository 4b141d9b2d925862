"""No client of GraphQL gets past change control."""

from __future__ import annotations

import graphql

from api.graphql import build_schema
from cmdb.access import Right, load_policy
from cmdb.changes import load_change
from cmdb.filters import Direction, IsA
from cmdb.reading import every
from graph_schema.reader import shipped_model
from tests.api.estate import at
from tests.api.office import CLUSTER, DB_1, EDIT, IMPLEMENT, SHOP, WEB, WRITE, Office


async def test_no_client_alters_a_ci_without_authority(office: Office) -> None:
    """CHG-000001, of ivan, is being implemented on db-1; CHG-000002, on web-1, is a draft."""
    await office.draft(DB_1)
    await office.usual("CHG-000001", "BEGIN")
    await office.draft(WEB)
    before = await _items(office)
    operations = [
        {"put": {"ref": WEB, "attributes": [{"name": "cpu_count", "value": 64}]}},
        {"put": {"ref": WEB, "state": "in_test"}},
        {"retire": {"ref": WEB}},
        {"link": {"type": "DEPENDS_ON", "from": SHOP, "to": WEB}},
        {"unlink": {"type": "DEPENDS_ON", "from": SHOP, "to": CLUSTER}},
        {"put": {"ref": "@x", "class": "VirtualMachine", "name": "web-9"}},
    ]
    claims = (
        None, "", "control:draft", "control:x", "initialisation", "records", "CHG-000001", "CHG-000002", "CHG-000009",
        "CHG-000001 ", "change:CHG-000001", "standing:CHT-000001", WEB,
    )  # fmt: skip
    for change in claims:
        for operation in operations:
            for actor in ("ivan", "eve"):
                failed = await office.ask(WRITE, "write", operations=[operation], actor=actor, change=change)
                assert at(failed, "__typename") in {"RefusedWrite", "MissingReference"}, (change, operation)
    for ref, actor in (("CHG-000001", "eve"), ("CHG-000001", "mona"), ("CHG-000002", "ivan"), ("CHG-000001", "ivan")):
        for operation in operations:
            failed = await office.ask(IMPLEMENT, "implementChange", ref=ref, actor=actor, operations=[operation])
            assert at(failed, "__typename") == "RefusedWrite", (ref, actor, operation)
    grow = {"put": {"ref": DB_1, "attributes": [{"name": "description", "value": "bigger"}]}}
    for actor in ("eve", "mona", ""):
        failed = await office.ask(WRITE, "write", operations=[grow], actor=actor, change="CHG-000001")
        assert at(failed, "__typename") == "RefusedWrite"
    assert await _items(office) == before
    done = await office.ask(WRITE, "write", operations=[grow], actor="ivan", change="CHG-000001")
    assert at(done, "__typename") == "Written"


async def test_no_client_writes_what_control_keeps(office: Office) -> None:
    await office.draft(WEB)
    await office.usual("CHG-000001", "APPROVE")
    change = await load_change(office.application.store, "CHG-000001")
    policy = await load_policy(office.application.store)
    rights = [{"name": "rights", "value": [right.value for right in Right]}, {"name": "members", "value": ["eve"]}]
    tampering = [
        {"put": {"ref": "CHG-000001", "attributes": [{"name": "implementers", "value": ["eve"]}]}},
        {"put": {"ref": "CHG-000001", "attributes": [{"name": "approved_by", "value": ["eve"]}]}},
        {"put": {"ref": "CHG-000001", "state": "implementing"}},
        {"link": {"type": "TOUCHES", "from": "CHG-000001", "to": SHOP}},
        {"unlink": {"type": "TOUCHES", "from": "CHG-000001", "to": WEB}},
        {"put": {"ref": "@c", "class": "Change", "name": "mine", "state": "implementing"}},
        {"put": {"ref": "@v", "class": "Vote", "name": "mine"}},
        {"put": {"ref": "@i", "class": "ImpactCertificate", "name": "mine"}},
        {"put": {"ref": "@r", "class": "Role", "name": "mine", "attributes": rights}},
        {"put": {"ref": "Role:Requesters", "attributes": [{"name": "members", "value": ["eve"]}]}},
        {"retire": {"ref": "Role:Change managers"}},
    ]
    for operation in tampering:
        for claim in (None, "control:draft", "CHG-000001"):
            for actor in ("eve", "rita", "ivan"):
                failed = await office.ask(WRITE, "write", operations=[operation], actor=actor, change=claim)
                assert at(failed, "__typename") in {"RefusedWrite", "InvalidWrite"}, (operation, claim, actor)
    for name, value in (("approved_by", ["eve"]), ("requester", "eve"), ("window_end", "2027-01-01T00:00:00Z")):
        said = {"attributes": [{"name": name, "value": value}]}
        failed = await office.ask(EDIT, "editChange", ref="CHG-000001", actor="rita", input=said)
        assert at(failed, "__typename") in {"RefusedWrite", "InvalidWrite"}
    assert await load_change(office.application.store, "CHG-000001") == change
    assert await load_policy(office.application.store) == policy


def test_no_mutation_takes_an_authority() -> None:
    """Who writes is said, and under which change; what that allows is found out within."""
    schema = graphql.build_schema(build_schema(shipped_model()).as_str())
    assert schema.mutation_type is not None
    said = {name for field in schema.mutation_type.fields.values() for name in field.args}
    said |= {
        name
        for kind in schema.type_map.values()
        if isinstance(kind, graphql.GraphQLInputObjectType)
        for name in kind.fields
    }
    assert {"actor", "change", "operations", "ref"} <= said
    assert not [name for name in said if "author" in name.lower() or "warrant" in name.lower()]


async def _items(office: Office) -> object:
    """Every CI of the estate, with what leads from it."""
    store = office.application.store
    nodes = await every(store, IsA("ConfigurationItem"))
    assert {node.name for node in nodes} == {"db-1", "db-2", "cluster", "Shop", "web-1"}
    return nodes, await store.relationships(sorted(node.ordinal for node in nodes), Direction.OUT)
