"""What has to be known of the whole dump before the first claim: which objects there are, and the names they go by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cmdb.reconciliation.claims import RowError
from importers.netbox.dump import Entry, Fields

KEPT: Final[dict[str, tuple[str, ...]]] = {
    "circuits.circuit": ("status",),
    "circuits.circuittermination": ("circuit",),
    "circuits.circuittype": ("name",),
    "circuits.provider": ("name",),
    "contenttypes.contenttype": ("app_label", "model"),
    "dcim.device": ("name", "site", "device_type", "status"),
    "dcim.devicerole": ("name",),
    "dcim.devicetype": ("model", "manufacturer", "u_height"),
    "dcim.location": ("name",),
    "dcim.manufacturer": ("name",),
    "dcim.modulebay": ("name",),
    "dcim.moduletype": ("model", "manufacturer"),
    "dcim.platform": ("name",),
    "dcim.powerpanel": ("name", "site"),
    "dcim.powerport": ("device",),
    "dcim.rackrole": ("name",),
    "dcim.site": ("name", "status"),
    "extras.tag": ("name",),
    "ipam.role": ("name",),
    "ipam.vlangroup": ("name",),
    "ipam.vrf": ("name",),
    "virtualization.cluster": ("name",),
    "virtualization.clustertype": ("name",),
    "virtualization.virtualmachine": ("name", "cluster"),
}
"""The fields that other objects' claims are made with."""

Target = tuple[str, int]
"""A model and a number."""


class Index:
    """Memory is O(objects): a number for each, and the kept fields of those that others refer to by name."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.ends: dict[int, list[tuple[str, Target]]] = {}
        """The ends of each cable: `A` or `B`, and what it ends at."""
        self.tags: dict[Target, list[int]] = {}
        self._terminations: list[Fields] = []
        self._tagged: list[Fields] = []
        self._numbers: dict[str, set[int]] = {}
        self._kept: dict[str, dict[int, Fields]] = {}

    def add(self, entry: Entry) -> Iterator[RowError]:
        """Takes an object in; one with a number that its model had before is an error."""
        numbers = self._numbers.setdefault(entry.model, set())
        if entry.pk in numbers:
            message = f"{entry.model} {entry.pk} is in the dump twice"
            yield RowError(where=entry.where, message=message, remedy="export it again; do not join dumps by hand")
            return
        numbers.add(entry.pk)
        self.counts[entry.model] = self.counts.get(entry.model, 0) + 1
        if entry.model in KEPT:
            kept = {name: entry.fields[name] for name in KEPT[entry.model] if name in entry.fields}
            self._kept.setdefault(entry.model, {})[entry.pk] = kept
        elif entry.model == "dcim.cabletermination":
            self._terminations.append(entry.fields)
        elif entry.model == "extras.taggeditem":
            self._tagged.append(entry.fields)

    def finish(self) -> None:
        """Resolves what joins other objects, the ends of cables and tags, now that all objects are known."""
        for fields in self._terminations:
            cable, end, side = number(fields, "cable"), self.generic(fields, "termination"), fields.get("cable_end")
            if cable is not None and end is not None:
                self.ends.setdefault(cable, []).append((side if isinstance(side, str) else "", end))
        for fields in self._tagged:
            tag, target = number(fields, "tag"), self.generic(fields, "", "content_type", "object_id")
            if tag is not None and target is not None:
                self.tags.setdefault(target, []).append(tag)
        self._terminations, self._tagged = [], []

    def has(self, target: Target) -> bool:
        """Whether the object is in the dump."""
        return target[1] in self._numbers.get(target[0], ())

    def of(self, model: str, pk: int | None) -> Fields:
        """The kept fields of an object; empty when it is not there."""
        return self._kept.get(model, {}).get(pk, {}) if pk is not None else {}

    def name(self, model: str, pk: int | None, field: str = "name") -> str | None:
        """The name of an object, where it has one."""
        value = self.of(model, pk).get(field)
        return value if isinstance(value, str) and value else None

    def device_name(self, pk: int | None) -> str | None:
        """The name of a device, or one made from its type and number where it has none."""
        if pk is None or not self.has(("dcim.device", pk)):
            return None
        device = self.of("dcim.device", pk)
        model = self.name("dcim.devicetype", number(device, "device_type"), "model")
        return self.name("dcim.device", pk) or f"{model or 'device'} #{pk}"

    def generic(self, fields: Fields, prefix: str, type_field: str = "", id_field: str = "") -> Target | None:
        """The target of a generic reference: a content type, as natural key or number, and an object's number."""
        kind, pk = fields.get(type_field or f"{prefix}_type"), number(fields, id_field or f"{prefix}_id")
        if isinstance(kind, int):
            found = self.of("contenttypes.contenttype", kind)
            kind = [found.get("app_label"), found.get("model")]
        if pk is None or not isinstance(kind, list) or len(kind) != 2:  # pyright: ignore[reportUnknownArgumentType]  # its parts are checked next
            return None
        app, model = kind  # pyright: ignore[reportUnknownVariableType]  # the dump is untyped
        return (f"{app}.{model}", pk) if isinstance(app, str) and isinstance(model, str) else None


def number(fields: Fields, name: str) -> int | None:
    """The number of the object that a field refers to."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
