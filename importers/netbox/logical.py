"""What cannot: tenants and contacts, circuits, addresses, clusters and virtual machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from importers.netbox import values as v
from importers.netbox.kinds import ADDRESS, IN_SITE, IN_VRF, OF_SITE, PLATFORM, SITE, TENANT, VLANS, Kind, Link, Named
from importers.netbox.roles import cluster_class

LOGICAL: Final[Mapping[str, Kind]] = {
    "tenancy.tenant": Kind("Customer", attributes={"description": "description"}),
    "tenancy.contact": Kind(
        "Person",
        attributes={"email": "email", "phone": "phone", "job_title": "title", "description": "description"},
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
