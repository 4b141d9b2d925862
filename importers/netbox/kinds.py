"""How a model of NetBox is turned into claims: a class, a name, attributes and relationships.

An attribute's value is a field (`"serial"`), the name of the object a field refers to (`Named`), or computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from importers.netbox import values as v
from importers.netbox.dump import Fields
from importers.netbox.index import Index


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
