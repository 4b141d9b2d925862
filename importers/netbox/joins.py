"""Relationships that no single field holds: cables, circuits' ends, tagged networks, assigned addresses, contacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Final, cast

from cmdb.reconciliation.claims import Raw
from importers.netbox.dump import Entry
from importers.netbox.index import Index, Target, number


@dataclass(frozen=True, slots=True)
class Join:
    """A relationship between two objects of the dump."""

    type: str
    source: Target
    target: Target
    key: str = ""
    attributes: dict[str, Raw] = field(default_factory=dict[str, Raw])


def joins(entry: Entry, index: Index) -> Iterator[Join]:
    """What this object says about others, beyond its plain references."""
    own = (entry.model, entry.pk)
    match entry.model:
        case "dcim.cable":
            yield from _cable(own, index)
        case "dcim.cabletermination":
            yield from _lost_end(entry, index)
        case "dcim.devicebay":
            yield from _joined(
                "ATTACHED_TO",
                _target(entry, "installed_device", "dcim.device"),
                _target(entry, "device", "dcim.device"),
            )
        case "circuits.circuittermination":
            yield from _circuit_end(entry)
        case "dcim.interface" | "virtualization.vminterface":
            yield from (Join("IN_NETWORK", own, ("ipam.vlan", pk)) for pk in _numbers(entry, "tagged_vlans"))
        case "ipam.ipaddress":
            yield from _joined("HAS_ADDRESS", index.generic(entry.fields, "assigned_object"), own)
        case "tenancy.contactassignment":
            supported = index.generic(entry.fields, "", "content_type", "object_id") or index.generic(
                entry.fields, "object"
            )
            if supported is not None and supported[0] not in _NO_ITEMS:
                yield from _joined("SUPPORTED_BY", supported, _target(entry, "contact", "tenancy.contact"))
        case _:
            pass


_PORTS: Final = frozenset(
    {
        "dcim.interface",
        "dcim.frontport",
        "dcim.rearport",
        "dcim.consoleport",
        "dcim.consoleserverport",
        "dcim.powerport",
        "dcim.poweroutlet",
    }
)
_FAR_ENDS: Final = _PORTS | {"circuits.circuit", "dcim.powerfeed"}
_SUPPLIES: Final = frozenset({"dcim.poweroutlet", "dcim.powerfeed"})
_NO_ITEMS: Final = frozenset({"circuits.provider", "tenancy.tenant", "tenancy.contact"})


def _cable(cable: Target, index: Index) -> Iterator[Join]:
    """A cable ends at ports; these are connected, and what takes power through one is powered by the other."""
    sides: dict[str, list[Target]] = {"A": [], "B": []}
    for side, end in index.ends.get(cable[1], ()):
        at = _end(end, index)
        yield Join("TERMINATES_AT", cable, at, side, {"cable_end": side})
        sides.setdefault(side, []).append(at)
    for one, other in product(sides["A"], sides["B"]):
        near, far = (one, other) if one[0] in _PORTS else (other, one)
        if near[0] in _PORTS and far[0] in _FAR_ENDS and index.has(near) and index.has(far):
            yield Join("CONNECTED_TO", near, far)
        for port, supply in ((one, other), (other, one)):
            if port[0] == "dcim.powerport" and supply[0] in _SUPPLIES and index.has(port) and index.has(supply):
                device = number(index.of(*port), "device")
                if device is not None:
                    yield Join("POWERED_BY", ("dcim.device", device), supply)


def _end(end: Target, index: Index) -> Target:
    """What a cable ends at as a node: a circuit stands for its terminations."""
    circuit = number(index.of(*end), "circuit") if end[0] == "circuits.circuittermination" else None
    return end if circuit is None else ("circuits.circuit", circuit)


def _lost_end(entry: Entry, index: Index) -> Iterator[Join]:
    """The ends of a cable are claimed with the cable; one without its cable is dangling."""
    cable, end = _target(entry, "cable", "dcim.cable"), index.generic(entry.fields, "termination")
    if cable is not None and end is not None and not index.has(cable):
        yield Join("TERMINATES_AT", cable, _end(end, index))


def _circuit_end(entry: Entry) -> Iterator[Join]:
    circuit, side = _target(entry, "circuit", "circuits.circuit"), entry.fields.get("term_side")
    key = side if isinstance(side, str) else ""
    for field_name, model in (("site", "dcim.site"), ("provider_network", "circuits.providernetwork")):
        yield from _joined("TERMINATES_AT", circuit, _target(entry, field_name, model), key, {"cable_end": key})


def _joined(
    kind: str, source: Target | None, target: Target | None, key: str = "", attributes: dict[str, Raw] | None = None
) -> Iterator[Join]:
    if source is not None and target is not None:
        yield Join(kind, source, target, key, attributes or {})


def _target(entry: Entry, name: str, model: str) -> Target | None:
    pk = number(entry.fields, name)
    return None if pk is None else (model, pk)


def _numbers(entry: Entry, name: str) -> Iterator[int]:
    value = entry.fields.get(name)
    elements = cast("list[object]", value) if isinstance(value, list) else []
    yield from (pk for pk in elements if isinstance(pk, int) and not isinstance(pk, bool))
