from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from cmdb.reconciliation.claims import NodeClaim, Progress
from importers.netbox import NetBox
from importers.netbox.models import KINDS
from importers.netbox.roles import cluster_class, device_class
from tests.importers.reading import assert_fits_model, faults, links, model, nodes, read, read_bytes

Object = dict[str, object]


def dump(*objects: tuple[str, int, Object]) -> bytes:
    return json.dumps([{"model": m, "pk": pk, "fields": f} for m, pk, f in objects]).encode()


ESTATE = dump(
    ("dcim.region", 1, {"name": "Europe", "slug": "europe", "parent": None}),
    ("dcim.site", 1, {"name": "FRA", "slug": "fra", "region": 1, "status": "active", "tenant": 4}),
    ("dcim.site", 2, {"name": "OLD", "slug": "old", "region": 1, "status": "retired"}),
    ("tenancy.tenant", 4, {"name": "Acme"}),
    ("dcim.rack", 7, {"name": "R1", "site": 1, "location": None, "u_height": 42}),
    ("dcim.manufacturer", 1, {"name": "Cisco"}),
    ("dcim.devicetype", 1, {"model": "C9300", "manufacturer": 1, "u_height": "1.0"}),
    ("dcim.devicerole", 1, {"name": "Access Switch"}),
    ("dcim.devicerole", 2, {"name": "Rack PDU"}),
    (
        "dcim.device",
        1,
        {"name": "sw1", "role": 1, "device_type": 1, "site": 1, "rack": 7, "position": "4.0", "serial": "X"},
    ),
    ("dcim.device", 2, {"name": None, "device_role": 2, "device_type": 1, "site": 1, "status": "planned"}),
    ("dcim.interface", 1, {"name": "ge-0/0/0", "device": 1, "enabled": True, "tagged_vlans": [1]}),
    ("ipam.vlan", 1, {"name": "Data", "vid": 100, "site": 1}),
    (
        "ipam.ipaddress",
        1,
        {"address": "10.0.0.1/24", "assigned_object_type": ["dcim", "interface"], "assigned_object_id": 1},
    ),
    ("dcim.powerport", 1, {"name": "PSU0", "device": 1}),
    ("dcim.poweroutlet", 1, {"name": "Outlet 1", "device": 2, "power_port": None}),
    ("dcim.cable", 1, {"label": "", "type": "power", "length": "2.5", "length_unit": "ft"}),
    (
        "dcim.cabletermination",
        1,
        {"cable": 1, "cable_end": "A", "termination_type": ["dcim", "powerport"], "termination_id": 1},
    ),
    ("dcim.cabletermination", 2, {"cable": 1, "cable_end": "B", "termination_type": 9, "termination_id": 1}),
    ("contenttypes.contenttype", 9, {"app_label": "dcim", "model": "poweroutlet"}),
    ("circuits.provider", 1, {"name": "Telco"}),
    ("circuits.circuit", 1, {"cid": "T-1", "provider": 1, "status": "active"}),
    ("circuits.circuittermination", 1, {"circuit": 1, "term_side": "A", "site": 1}),
    ("extras.tag", 1, {"name": "prod"}),
    ("extras.taggeditem", 1, {"tag": 1, "content_type": ["dcim", "device"], "object_id": 1}),
)


def test_a_dump_becomes_claims(tmp_path: Path) -> None:
    items = read_bytes(NetBox(), ESTATE, tmp_path, "netbox.json")
    assert faults(items) == []
    assert_fits_model(items)
    found = nodes(items)
    switch = found["dcim.device:1"]
    assert (switch.class_name, switch.name) == ("Switch", "sw1")
    assert str(switch.where).endswith("netbox.json[dcim.device]:1")
    assert switch.attributes == {
        "serial_number": "X",
        "manufacturer": "Cisco",
        "model": "C9300",
        "role": "Access Switch",
        "site_name": "FRA",
        "height_units": "1.0",
        "rack_position": "4.0",
        "tags": ["prod"],
    }
    assert found["dcim.device:2"].class_name == "PowerDistributionUnit"
    assert found["dcim.device:2"].name == "C9300 #2"
    assert found["dcim.device:2"].state == "ordered"
    assert found["dcim.cable:1"].attributes["length"] == "0.76200"
    assert "dcim.site:2" not in found
    assert links(items, "POWERED_BY") == {("dcim.device:1", "dcim.poweroutlet:1")}
    assert links(items, "CONNECTED_TO") == {("dcim.powerport:1", "dcim.poweroutlet:1")}
    assert links(items, "HAS_ADDRESS") == {("dcim.interface:1", "ipam.ipaddress:1")}
    assert links(items, "TERMINATES_AT") == {
        ("dcim.cable:1", "dcim.powerport:1"),
        ("dcim.cable:1", "dcim.poweroutlet:1"),
        ("circuits.circuit:1", "dcim.site:1"),
    }
    assert ("dcim.device:1", "dcim.rack:7") in links(items, "LOCATED_IN")
    assert ("dcim.device:1", "dcim.site:1") not in links(items, "LOCATED_IN")


def test_forms_of_one_dump_give_the_same(tmp_path: Path) -> None:
    plain = [repr(i).replace("a.json", "b") for i in read_bytes(NetBox(), ESTATE, tmp_path, "a.json")]
    pretty = json.dumps(json.loads(ESTATE), indent=2).encode()
    as_lines = b"\n".join(json.dumps(o).encode() for o in json.loads(ESTATE))
    for content, name in ((gzip.compress(ESTATE), "a.json.gz"), (pretty, "a.json"), (as_lines, "a.jsonl")):
        items = read_bytes(NetBox(), content, tmp_path, name)
        assert [repr(i).replace(name, "b") for i in items] == plain


def test_dangling_references_are_named(tmp_path: Path) -> None:
    items = read_bytes(NetBox(), dump(("dcim.rack", 3, {"name": "R", "site": 99})), tmp_path, "n.json")
    assert [(str(e.where.sheet), e.where.row, e.message) for e in faults(items, warnings=True)] == [
        ("dcim.rack", 3, "refers to dcim.site 99, which is not in the dump")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'[{"model": "dcim.site"', "object 1 of the dump cannot be read"),
        (b'[{"model": "dcim.site", "pk": 1}]', "no `fields`"),
        (b"[1]", "no object"),
        (b'[{"model": "dcim.site", "pk": 1, "fields": {"name": "x"}} \xff]', "byte 58"),
        (b'[{"model": "dcim.site", "pk": 1, "fields": {"name": NaN}}]', "a number is too long"),
        (b'[{"a":' * 100_000, "nested too deep"),
        (b'[{"model": "dcim.site", "pk": 1, "fields": {"name": ""}}]', "without a name"),
        (b'[{"model": "dcim.site", "pk": 1, "fields": {"name": "a", "slug": [1]}}]', "neither text nor number"),
        (
            b'[{"model": "dcim.site", "pk": 1, "fields": {"name": "a"}},{"model": "dcim.site", "pk": 1, "fields": {}}]',
            "in the dump twice",
        ),
        (b'[{"model": "dcim.site", "pk": 1, "fields": {"name": "' + b"x" * 9_000_000 + b'"}}]', "too large"),
        (gzip.compress(ESTATE)[:-100], "compressed data is damaged"),
    ],
)
def test_damaged_dumps_give_errors(content: bytes, words: str, tmp_path: Path) -> None:
    errors = faults(read_bytes(NetBox(), content, tmp_path, "n.json"))
    assert words in errors[0].message
    assert errors[0].remedy


def test_progress_covers_both_passes(tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    path.write_bytes(ESTATE * 200)
    told: list[Progress] = []
    list(NetBox().read([path], model(), told.append))
    assert told[-1] == Progress(2 * len(ESTATE) * 200, 2 * len(ESTATE) * 200) or told[-1].done < told[-1].total
    assert [p.done for p in told] == sorted(p.done for p in told)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("Access Switch", "Switch"),
        ("ToR", "Switch"),
        ("Wireless AP", "AccessPoint"),
        ("Core Router", "Router"),
        ("Patch Panel", "PatchPanel"),
        ("Application Server", "Server"),
        ("ESXi Host", "Hypervisor"),
        ("Monitor", "Device"),
        (None, "Device"),
    ],
)
def test_roles_tell_classes(role: str | None, name: str) -> None:
    assert device_class(role) == name


def test_cluster_types_tell_classes() -> None:
    assert [cluster_class(t) for t in ("VMware vSphere", "Kubernetes", "Amazon Web Services", None)] == [
        "HypervisorCluster",
        "OrchestratorCluster",
        "Cluster",
        "Cluster",
    ]


def dumps(shared_data: Path) -> list[Path]:
    files = sorted((shared_data / "discovery" / "netbox").glob("*.json*"))
    if not files:
        pytest.skip("no NetBox dump in the shared data")
    return files


@pytest.mark.oracle
def test_counts_equal_those_of_the_dump(shared_data: Path) -> None:
    for path in dumps(shared_data):
        content = path.read_bytes()
        objects: list[dict[str, str]] = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        expected = Counter(o["model"] for o in objects if o["model"] in KINDS)
        items = read(NetBox(), path)
        assert NetBox().recognises(path)
        assert_fits_model(items)
        assert faults(items) == []
        found = Counter(i.source_key.partition(":")[0] for i in items if isinstance(i, NodeClaim))
        assert found == expected
        ends = Counter(o["model"] for o in objects)["dcim.cabletermination"]
        assert len([pair for pair in links(items, "TERMINATES_AT") if pair[0].startswith("dcim.cable:")]) == ends


@pytest.mark.oracle
def test_the_stated_counts(shared_data: Path) -> None:
    stated = {
        "dcim.device": 72,
        "virtualization.virtualmachine": 180,
        "dcim.interface": 1586,
        "virtualization.vminterface": 720,
        "dcim.cable": 108,
        "dcim.site": 24,
        "dcim.rack": 42,
    }
    files = [path for path in dumps(shared_data) if path.match("netbox-demo-v3.6*")]
    if not files:
        pytest.skip("no demo dump of version 3.6 in the shared data")
    found = Counter(key.partition(":")[0] for key in nodes(read(NetBox(), *files)))
    assert {name: found[name] for name in stated} == stated
