"""The model that comes with the product covers what an estate has, in both languages, and hangs together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from graph_schema.metamodel import Attribute, AttributeType, Control, Kind, Label, NodeClass
from graph_schema.reader import shipped_model
from graph_schema.values import normalise

MODEL = shipped_model()
CONCRETE = tuple(c for c in MODEL.classes if not c.abstract)

KINDS_THAT_MUST_BE_THERE = {
    "information systems": "InformationSystem",
    "software": "Application",
    "software, third-party": "Application",
    "releases of software": "SoftwareRelease",
    "requirement documents": "RequirementDocument",
    "design documents": "DesignDocument",
    "test reports": "TestReport",
    "release documents": "ReleaseDocument",
    "a description of each application environment": "EnvironmentDescription",
    "application environments": "Environment",
    "standard hardware builds": "HardwareBuild",
    "releases of hardware builds": "HardwareBuildRelease",
    "backups": "Backup",
    "electronic libraries such as the definitive software library": "DefinitiveLibrary",
    "configuration-management tools": "ConfigurationManagementTool",
    "configuration-management packages": "ConfigurationManagementPackage",
    "licences": "Licence",
    "security components such as firewalls": "Firewall",
    "certificates": "Certificate",
    "service documents such as SLAs": "ServiceLevelDocument",
    "procedures": "Procedure",
    "facilities such as machine-room power": "PowerFeed",
    "servers": "Server",
    "hypervisors": "Hypervisor",
    "virtual machines": "VirtualMachine",
    "containers": "Container",
    "orchestrated workloads": "Deployment",
    "databases": "Database",
    "database instances": "DatabaseInstance",
    "middleware": "Middleware",
    "queues": "MessageQueue",
    "network devices": "Switch",
    "storage devices": "StorageDevice",
    "volumes": "Volume",
    "interfaces": "NetworkInterface",
    "IP networks": "IpNetwork",
    "IP addresses": "IpAddress",
    "cables": "Cable",
    "racks": "Rack",
    "rooms": "Room",
    "sites": "Site",
    "power": "UninterruptiblePowerSupply",
    "cloud resources": "CloudResource",
    "libraries": "Library",
    "packages": "Package",
    "people": "Person",
    "teams": "Team",
    "organisations": "Organisation",
    "suppliers": "Supplier",
    "agreements": "Agreement",
    "business services": "BusinessService",
    "service components": "ServiceComponent",
}


@pytest.mark.parametrize(("phrase", "name"), KINDS_THAT_MUST_BE_THERE.items())
def test_every_kind_is_covered(phrase: str, name: str) -> None:
    assert not MODEL.class_by_name[name].abstract, phrase


def test_configuration_items_live_from_order_to_disposal() -> None:
    lifecycle = MODEL.lifecycle_of["Server"]
    expected = {"ordered", "received", "in_test", "in_use", "under_change", "dismantled", "cancelled"}
    assert set(lifecycle.by_name) == expected
    assert {s.name for s in lifecycle.states if s.final} == {"dismantled", "cancelled"}
    path = ["ordered", "received", "in_test", "in_use", "under_change", "in_use", "dismantled"]
    assert all(lifecycle.allows(a, b) for a, b in pairwise(path))
    assert not lifecycle.allows("ordered", "in_use")
    assert not lifecycle.allows("in_use", "cancelled")
    assert not lifecycle.allows("dismantled", "in_use")


def test_every_class_has_what_its_classification_needs() -> None:
    for c in CONCRETE:
        assert MODEL.naming_of[c.name], c.name
        assert MODEL.level_of[c.name], c.name
        assert MODEL.owner_of[c.name], c.name
        if c.kind is Kind.CI:
            assert MODEL.version_numbering_of[c.name], c.name
            assert MODEL.is_a(c.name, "ConfigurationItem")
            assert {"importance", "priority", "redundancy"} <= MODEL.attributes[c.name].keys()


def _labels() -> Iterator[tuple[str, Label]]:
    for area in MODEL.areas:
        yield area.name, area.label
    for lifecycle in MODEL.lifecycles:
        yield from ((state.name, state.label) for state in lifecycle.states)
    for c in MODEL.classes:
        yield from ((c.name, label) for label in (c.label, c.description, c.owner, c.version_numbering) if label)
    for t in MODEL.relationship_types:
        yield from ((t.name, label) for label in (t.label, t.inverse, t.description))
    for owner, attribute in _attributes():
        yield f"{owner}.{attribute.name}", attribute.label
        yield from ((f"{owner}.{attribute.name}", label) for label in attribute.value_labels.values())
        if attribute.description:
            yield f"{owner}.{attribute.name}", attribute.description


def _attributes() -> Iterator[tuple[str, Attribute]]:
    for owner in (*MODEL.classes, *MODEL.relationship_types):
        yield from ((owner.name, attribute) for attribute in owner.attributes)


NAMES_OF_THINGS = {"MTU", "REST", "GraphQL", "gRPC", "SOAP"}


def test_every_text_is_english_and_chinese() -> None:
    chinese = re.compile(r"[一-鿿]")
    for where, label in _labels():
        assert re.search(r"[A-Za-z]", label.en), where
        assert not chinese.search(label.en), where
        assert chinese.search(label.zh) or label.zh in NAMES_OF_THINGS, where


def test_classes_are_told_apart_by_their_labels() -> None:
    for language in ("en", "zh"):
        labels = [getattr(c.label, language) for c in MODEL.classes]
        assert len(labels) == len(set(labels))


def test_a_name_alone_identifies_only_what_people_name_once() -> None:
    alone = {c.name for c in CONCRETE if ("name",) in MODEL.identification_of[c.name]}
    named_once = {
        "Service", "InformationSystem", "Application", "Cluster", "Site", "Team", "Organisation", "HardwareBuild",
        "DefinitiveLibrary", "ConfigurationManagementTool", "ContainerImage",
        "AdvisoryBoard", "ChangeCalendar", "Role", "Baseline",
        "Release", "ReleasePolicy", "SitePlan", "ReleaseReport",
    }  # fmt: skip
    assert all(any(MODEL.is_a(name, ancestor) for ancestor in named_once) for name in alone)


@pytest.mark.parametrize("c", CONCRETE, ids=lambda c: c.name)
def test_identification_can_be_looked_up(c: NodeClass) -> None:
    """Each rule has the name or an indexed attribute, so no store must search all nodes for it."""
    attributes = MODEL.attributes[c.name]
    assert MODEL.identification_of[c.name]
    for rule in MODEL.identification_of[c.name]:
        assert "name" in rule or any(attributes[a].indexed or attributes[a].unique for a in rule), rule
        assert all(attributes[a].control is Control.CONTROLLED for a in rule if a != "name"), rule


def test_dependencies_can_be_put_into_pools() -> None:
    for t in MODEL.dependency_types:
        attributes = {a.name: a for a in t.attributes}
        assert attributes["pool"].type is AttributeType.STRING
        assert attributes["weight"].minimum == 1


def test_what_discovery_owns_is_observed() -> None:
    server = MODEL.attributes["Server"]
    assert server["last_boot"].control is Control.OBSERVED
    assert server["free_disk"].control is Control.OBSERVED
    assert server["serial_number"].control is Control.CONTROLLED


def test_no_attribute_asks_for_a_secret() -> None:
    words = re.compile(r"passw|token|credential|private_key|api_key|licence_key|secret_value|connection_string")
    assert not [name for _, a in _attributes() if words.search(name := a.name)]


def test_personal_data_is_sensitive() -> None:
    person = MODEL.attributes["Person"]
    assert person["email"].sensitive
    assert person["phone"].sensitive


@pytest.mark.parametrize(
    "need",
    ["nodes=all", "web tier=any", "quorum of db=quorum:51%", "any:POWERED_BY=1", "a=0%", "a=66.7%,soft", "a=100%"],
)
def test_redundancy_takes_every_kind_of_need(need: str) -> None:
    assert normalise(MODEL.attributes["Cluster"]["redundancy"], [need]) == (need,)


@pytest.mark.parametrize(
    "need", ["", "a", "=1", "a=", "a=101%", "a=-1", "a=quorum:0%", "a=quorum:0.0%", "a=1,weak", "a=1.5"]
)
def test_redundancy_takes_nothing_else(need: str) -> None:
    with pytest.raises(ValueError, match="does not match"):
        normalise(MODEL.attributes["Cluster"]["redundancy"], [need])
