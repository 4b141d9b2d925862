"""What each model of NetBox becomes: a table of classes, names, attributes and relationships.

An attribute's value is a field (`"serial"`), the name of the object a field refers to (`Named`), or computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from importers.netbox import values as v
from importers.netbox.dump import Fields
from importers.netbox.index import Index
from importers.netbox.roles import cluster_class, device_class


@dataclass(frozen=True, slots=True)
class Named:
    """The name of the object that a field refers to."""

    field: str
    model: str


Computed = Callable[[Fields, Index], object]
Source = str | Named | Computed


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship to the object that a field refers to; `reverse` starts at that object."""

    type: str
    field: str
    model: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """How the objects of one model are claimed.

    `unless` gives up a link when another field is set: a rack in a room is not claimed to be in the site as well.
    """

    class_name: str | Callable[[Fields, Index], str]
    name: Source = "name"
    attributes: Mapping[str, Source] = field(default_factory=dict[str, Source])
    links: tuple[Link, ...] = ()
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


SITE: Final = Named("site", "dcim.site")
PLATFORM: Final = Named("platform", "dcim.platform")
TENANT: Final = Link("FOR_CUSTOMER", "tenant", "tenancy.tenant")
IN_SITE: Final = Link("LOCATED_IN", "site", "dcim.site")
IN_LOCATION: Final = Link("LOCATED_IN", "location", "dcim.location")
OF_SITE: Final = Link("BELONGS_TO", "site", "dcim.site")
ON_DEVICE: Final = Link("ATTACHED_TO", "device", "dcim.device")
PORT: Final[Mapping[str, Source]] = {
    "device_name": v.device_name,
    "site_name": v.device_site,
    "port_kind": "type",
    "description": "description",
}
VLANS: Final = Link("IN_NETWORK", "untagged_vlan", "ipam.vlan")
IN_VRF: Final = Link("IN_NETWORK", "vrf", "ipam.vrf")
ADDRESS: Final[Mapping[str, Source]] = {"vrf": v.vrf, "address_status": "status", "description": "description"}


def _role(fields: Fields, index: Index) -> str | None:
    return v.role(fields, index)


KINDS: Final[Mapping[str, Kind]] = {
    "tenancy.tenant": Kind("Customer", attributes={"description": "description"}),
    "tenancy.contact": Kind(
        "Person",
        attributes={"email": "email", "phone": "phone", "job_title": "title", "description": "description"},
    ),
    "dcim.region": Kind(
        "Region",
        attributes={"slug": "slug", "description": "description"},
        links=(Link("LOCATED_IN", "parent", "dcim.region"),),
    ),
    "dcim.site": Kind(
        "Site",
        attributes={
            "slug": "slug",
            "postal_address": "physical_address",
            "time_zone": "time_zone",
            "latitude": "latitude",
            "longitude": "longitude",
            "description": "description",
        },
        links=(Link("LOCATED_IN", "region", "dcim.region"), TENANT),
    ),
    "dcim.location": Kind(
        "Room",
        attributes={"site_name": SITE, "description": "description"},
        links=(Link("LOCATED_IN", "parent", "dcim.location"), IN_SITE, TENANT),
        unless={"site": ("parent",)},
    ),
    "dcim.rack": Kind(
        "Rack",
        attributes={
            "site_name": SITE,
            "room_name": Named("location", "dcim.location"),
            "serial_number": "serial",
            "asset_tag": "asset_tag",
            "role": Named("role", "dcim.rackrole"),
            "height_units": "u_height",
            "description": "description",
        },
        links=(IN_LOCATION, IN_SITE, TENANT),
        unless={"site": ("location",)},
    ),
    "dcim.device": Kind(
        lambda fields, index: device_class(_role(fields, index)),
        name=v.own_device_name,
        attributes={
            "serial_number": "serial",
            "asset_tag": "asset_tag",
            "manufacturer": v.manufacturer,
            "model": v.hardware_model,
            "role": v.role,
            "site_name": SITE,
            "platform_name": PLATFORM,
            "height_units": v.height,
            "rack_position": "position",
            "rack_face": "face",
            "description": "description",
        },
        links=(
            Link("LOCATED_IN", "rack", "dcim.rack"),
            IN_LOCATION,
            IN_SITE,
            TENANT,
            Link("HAS_MEMBER", "virtual_chassis", "dcim.virtualchassis", reverse=True),
            Link("HAS_MEMBER", "cluster", "virtualization.cluster", reverse=True),
            Link("HAS_ADDRESS", "primary_ip4", "ipam.ipaddress"),
            Link("HAS_ADDRESS", "primary_ip6", "ipam.ipaddress"),
        ),
        unless={"site": ("rack", "location"), "location": ("rack",)},
    ),
    "dcim.module": Kind(
        "HardwareModule",
        name=Named("module_bay", "dcim.modulebay"),
        attributes={
            "device_name": v.device_name,
            "site_name": v.device_site,
            "serial_number": "serial",
            "asset_tag": "asset_tag",
            "manufacturer": v.module_manufacturer,
            "model": v.module_model,
            "description": "description",
        },
        links=(ON_DEVICE,),
    ),
    "dcim.virtualchassis": Kind("DeviceStack", attributes={"site_name": v.master_site, "description": "description"}),
    "dcim.interface": Kind(
        "NetworkInterface",
        attributes={
            **PORT,
            "enabled": "enabled",
            "management_only": "mgmt_only",
            "mac_address": "mac_address",
            "mtu": "mtu",
            "speed": "speed",
        },
        links=(
            ON_DEVICE,
            Link("BELONGS_TO", "lag", "dcim.interface"),
            Link("BELONGS_TO", "parent", "dcim.interface"),
            VLANS,
            IN_VRF,
        ),
    ),
    "dcim.frontport": Kind(
        "FrontPort",
        attributes={**PORT, "position": "rear_port_position"},
        links=(ON_DEVICE, Link("CONNECTED_TO", "rear_port", "dcim.rearport")),
    ),
    "dcim.rearport": Kind("RearPort", attributes={**PORT, "positions": "positions"}, links=(ON_DEVICE,)),
    "dcim.consoleport": Kind("ConsolePort", attributes=PORT, links=(ON_DEVICE,)),
    "dcim.consoleserverport": Kind("ConsolePort", attributes=PORT, links=(ON_DEVICE,)),
    "dcim.powerport": Kind("PowerPort", attributes={**PORT, "maximum_draw": "maximum_draw"}, links=(ON_DEVICE,)),
    "dcim.poweroutlet": Kind(
        "PowerOutlet",
        attributes=PORT,
        links=(ON_DEVICE, Link("DEPENDS_ON", "power_port", "dcim.powerport")),
    ),
    "dcim.powerpanel": Kind(
        "PowerPanel",
        attributes={"site_name": SITE, "description": "description"},
        links=(IN_LOCATION, IN_SITE),
        unless={"site": ("location",)},
    ),
    "dcim.powerfeed": Kind(
        "PowerFeed",
        attributes={
            "site_name": v.feed_site,
            "panel_name": Named("power_panel", "dcim.powerpanel"),
            "feed_kind": v.feed_kind,
            "supply": "supply",
            "phase": v.phase,
            "voltage": "voltage",
            "amperage": "amperage",
            "description": "description",
        },
        links=(
            Link("POWERED_BY", "power_panel", "dcim.powerpanel"),
            Link("POWERED_BY", "rack", "dcim.rack", reverse=True),
        ),
    ),
    "dcim.cable": Kind(
        "Cable",
        name=v.cable_name,
        attributes={
            "cable_kind": "type",
            "cable_label": "label",
            "colour": "color",
            "length": v.cable_length,
            "description": "description",
        },
    ),
    "circuits.provider": Kind("Supplier", attributes={"description": "description"}),
    "circuits.providernetwork": Kind(
        "ProviderNetwork",
        attributes={"provider_name": Named("provider", "circuits.provider"), "description": "description"},
        links=(Link("SUPPLIED_BY", "provider", "circuits.provider"),),
    ),
    "circuits.circuit": Kind(
        "Circuit",
        name="cid",
        attributes={
            "provider_name": Named("provider", "circuits.provider"),
            "circuit_number": "cid",
            "circuit_kind": Named("type", "circuits.circuittype"),
            "bandwidth": "commit_rate",
            "description": "description",
        },
        links=(Link("SUPPLIED_BY", "provider", "circuits.provider"), TENANT),
    ),
    "ipam.vrf": Kind("Vrf", attributes={"route_distinguisher": "rd", "description": "description"}, links=(TENANT,)),
    "ipam.asn": Kind(
        "AutonomousSystem",
        name=v.as_name,
        attributes={"as_number": "asn", "description": "description"},
        links=(TENANT,),
    ),
    "ipam.prefix": Kind(
        "IpNetwork",
        name="prefix",
        attributes={**ADDRESS, "prefix": "prefix", "site_name": SITE, "role": Named("role", "ipam.role")},
        links=(Link("IN_NETWORK", "vlan", "ipam.vlan"), IN_VRF, OF_SITE, TENANT),
    ),
    "ipam.vlan": Kind(
        "Vlan",
        attributes={
            "vlan_id": "vid",
            "vlan_group": Named("group", "ipam.vlangroup"),
            "site_name": SITE,
            "role": Named("role", "ipam.role"),
            "description": "description",
        },
        links=(OF_SITE, TENANT),
    ),
    "ipam.ipaddress": Kind(
        "IpAddress",
        name=v.address,
        attributes={**ADDRESS, "address": v.address, "role": "role", "fqdn": "dns_name"},
        links=(IN_VRF, TENANT),
    ),
    "ipam.iprange": Kind(
        "IpRange",
        name=v.range_name,
        attributes={
            **ADDRESS,
            "start_address": v.start_address,
            "end_address": v.end_address,
            "role": Named("role", "ipam.role"),
        },
        links=(IN_VRF, TENANT),
    ),
    "virtualization.cluster": Kind(
        lambda fields, index: cluster_class(v.cluster_kind(fields, index)),
        attributes={"cluster_kind": v.cluster_kind, "site_name": SITE, "description": "description"},
        links=(IN_SITE, TENANT),
    ),
    "virtualization.virtualmachine": Kind(
        "VirtualMachine",
        attributes={
            "role": v.role,
            "platform_name": PLATFORM,
            "cluster_name": Named("cluster", "virtualization.cluster"),
            "site_name": SITE,
            "cpu_count": v.processors,
            "memory": "memory",
            "description": "description",
        },
        links=(
            Link("RUNS_ON", "cluster", "virtualization.cluster"),
            Link("RUNS_ON", "device", "dcim.device"),
            TENANT,
            Link("HAS_ADDRESS", "primary_ip4", "ipam.ipaddress"),
            Link("HAS_ADDRESS", "primary_ip6", "ipam.ipaddress"),
        ),
    ),
    "virtualization.vminterface": Kind(
        "NetworkInterface",
        attributes={
            "device_name": Named("virtual_machine", "virtualization.virtualmachine"),
            "cluster_name": v.machine_cluster,
            "enabled": "enabled",
            "mac_address": "mac_address",
            "mtu": "mtu",
            "description": "description",
        },
        links=(
            Link("ATTACHED_TO", "virtual_machine", "virtualization.virtualmachine"),
            Link("BELONGS_TO", "parent", "virtualization.vminterface"),
            VLANS,
            IN_VRF,
        ),
    ),
}

READ_THROUGH_OTHERS: Final = frozenset(
    {
        "circuits.circuittermination",
        "circuits.circuittype",
        "contenttypes.contenttype",
        "dcim.cabletermination",
        "dcim.devicebay",
        "dcim.devicerole",
        "dcim.devicetype",
        "dcim.manufacturer",
        "dcim.modulebay",
        "dcim.moduletype",
        "dcim.platform",
        "dcim.rackrole",
        "extras.tag",
        "extras.taggeditem",
        "ipam.role",
        "ipam.vlangroup",
        "tenancy.contactassignment",
        "virtualization.clustertype",
    }
)
"""Models that are no nodes, and are read for what they say about others."""
