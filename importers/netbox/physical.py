"""What can be touched: places, racks, devices, their ports, cables and power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from importers.netbox import values as v
from importers.netbox.kinds import (
    IN_LOCATION,
    IN_SITE,
    IN_VRF,
    ON_DEVICE,
    PLATFORM,
    PORT,
    SITE,
    TENANT,
    VLANS,
    Kind,
    Link,
    Named,
)
from importers.netbox.roles import device_class

PHYSICAL: Final[Mapping[str, Kind]] = {
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
        lambda fields, index: device_class(v.role(fields, index)),
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
}
