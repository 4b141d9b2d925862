"""Whether the artefacts of a release are what was planned. Pure.

The checksum of every controlled artefact is noted when the release is planned. Before and after delivery the item's own must
still be the same, and so must be one that was measured on the artefact itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cmdb.changes.record import many
from cmdb.releases.record import Delivery, Release


def altered(release: Release, measured: Mapping[int, str] | None = None) -> tuple[str, ...]:
    """What is not as it was planned, a line for each artefact. `measured` has checksums by the item's ordinal. O(n)."""
    there = {delivery.item.key for delivery in release.deliveries}
    gone = (f"{key} was retired since it was planned" for key in many(release.node, "artefacts") if key not in there)
    differ = (line for delivery in release.deliveries for line in _differences(delivery, (measured or {})))
    return (*gone, *differ)


def _differences(delivery: Delivery, measured: Mapping[int, str]) -> Iterator[str]:
    name = f"{delivery.item.name} ({delivery.item.key})"
    found = measured.get(delivery.item.ordinal)
    if not delivery.planned:
        if found is not None:
            yield f"{name}: no checksum was planned that {found} could be held to"
        return
    if not _same(delivery.checksum, delivery.planned):
        yield f"{name}: its checksum is {delivery.checksum or 'gone'}, {delivery.planned} was planned"
    if found is not None and not _same(found, delivery.planned):
        yield f"{name}: what is delivered has {found}, {delivery.planned} was planned"


def _same(one: str, other: str) -> bool:
    """Hexadecimal digits may be written large or small."""
    return one.lower() == other.lower()
