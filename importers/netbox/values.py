"""Values that are more than a field: names through references, addresses without masks, lengths in metres."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from importers.netbox.dump import Fields
from importers.netbox.index import Index, number


def device_name(fields: Fields, index: Index) -> str | None:
    """The name of the device that this belongs to."""
    return index.device_name(number(fields, "device"))


def own_device_name(fields: Fields, index: Index) -> str | None:
    """The device's name, or one made of its type and number; a dump may hold devices without a name."""
    name = text(fields, "name")
    return name or index.device_name(number(fields, PK))


def device_site(fields: Fields, index: Index) -> str | None:
    """The site of the device that this belongs to."""
    return _site_of(index, number(fields, "device"))


def master_site(fields: Fields, index: Index) -> str | None:
    """The site of a stack's master."""
    return _site_of(index, number(fields, "master"))


def feed_site(fields: Fields, index: Index) -> str | None:
    """The site of a feed's panel."""
    return index.name("dcim.site", number(index.of("dcim.powerpanel", number(fields, "power_panel")), "site"))


def role(fields: Fields, index: Index) -> str | None:
    """The role of a device or machine; the field was `device_role` before version 3.6."""
    pk = number(fields, "role")
    return index.name("dcim.devicerole", pk if pk is not None else number(fields, "device_role"))


def manufacturer(fields: Fields, index: Index) -> str | None:
    """Who made a device."""
    kind = index.of("dcim.devicetype", number(fields, "device_type"))
    return index.name("dcim.manufacturer", number(kind, "manufacturer"))


def hardware_model(fields: Fields, index: Index) -> str | None:
    """The model of a device."""
    return index.name("dcim.devicetype", number(fields, "device_type"), "model")


def height(fields: Fields, index: Index) -> object:
    """The rack units that a device takes."""
    return index.of("dcim.devicetype", number(fields, "device_type")).get("u_height")


def module_manufacturer(fields: Fields, index: Index) -> str | None:
    """Who made a module."""
    kind = index.of("dcim.moduletype", number(fields, "module_type"))
    return index.name("dcim.manufacturer", number(kind, "manufacturer"))


def module_model(fields: Fields, index: Index) -> str | None:
    """The model of a module."""
    return index.name("dcim.moduletype", number(fields, "module_type"), "model")


def machine_cluster(fields: Fields, index: Index) -> str | None:
    """The cluster of the machine that an interface belongs to."""
    machine = index.of("virtualization.virtualmachine", number(fields, "virtual_machine"))
    return index.name("virtualization.cluster", number(machine, "cluster"))


def cluster_kind(fields: Fields, index: Index) -> str | None:
    """The type of a cluster."""
    return index.name("virtualization.clustertype", number(fields, "type"))


def vrf(fields: Fields, index: Index) -> str | None:
    """The routing domain of an address; `global` when it has none."""
    pk = number(fields, "vrf")
    return "global" if pk is None else index.name("ipam.vrf", pk)


def address(fields: Fields, _: Index) -> str | None:
    """An address without its mask."""
    return _host(text(fields, "address"))


def start_address(fields: Fields, _: Index) -> str | None:
    """The first address of a range."""
    return _host(text(fields, "start_address"))


def end_address(fields: Fields, _: Index) -> str | None:
    """The last address of a range."""
    return _host(text(fields, "end_address"))


def range_name(fields: Fields, index: Index) -> str | None:
    """First and last address of a range."""
    first, last = start_address(fields, index), end_address(fields, index)
    return f"{first}-{last}" if first and last else None


def as_name(fields: Fields, _: Index) -> str | None:
    """The number of an autonomous system as people write it."""
    asn = number(fields, "asn")
    return f"AS{asn}" if asn is not None else None


def cable_name(fields: Fields, _: Index) -> str | None:
    """The label of a cable, or its number."""
    return text(fields, "label") or f"Cable #{number(fields, PK)}"


def cable_length(fields: Fields, _: Index) -> str | None:
    """The length of a cable in metres."""
    factor = _METRES.get(text(fields, "length_unit") or "")
    try:
        return str(Decimal(str(fields.get("length"))) * factor) if factor else None
    except InvalidOperation:
        return None


def feed_kind(fields: Fields, _: Index) -> str | None:
    """Whether a feed is primary or redundant."""
    return _known(text(fields, "type"), {"primary", "redundant"})


def phase(fields: Fields, _: Index) -> str | None:
    """The phases of a feed."""
    return _known((text(fields, "phase") or "").replace("-", "_"), {"single_phase", "three_phase"})


def processors(fields: Fields, _: Index) -> int | None:
    """Virtual processors, rounded up: NetBox allows parts of one."""
    try:
        count = Decimal(str(fields.get("vcpus")))
        return -int(-count // 1) if count.is_finite() and 0 <= count <= 10_000 else None
    except InvalidOperation:
        return None


def text(fields: Fields, name: str) -> str | None:
    """A field that is a text and not empty."""
    value = fields.get(name)
    return value.strip() or None if isinstance(value, str) else None


PK: Final = "pk"
"""Under this name the fields also hold the object's own number."""

_METRES: Final = {
    "km": Decimal(1000),
    "m": Decimal(1),
    "cm": Decimal("0.01"),
    "mi": Decimal("1609.344"),
    "ft": Decimal("0.3048"),
    "in": Decimal("0.0254"),
}


def _site_of(index: Index, device: int | None) -> str | None:
    return index.name("dcim.site", number(index.of("dcim.device", device), "site"))


def _host(value: str | None) -> str | None:
    return value.partition("/")[0] if value else None


def _known(value: str | None, values: set[str]) -> str | None:
    return value if value in values else None
