"""Whether the artefacts of a release are what was planned. Pure.

The checksum of every controlled artefact is noted when the release is planned. Before and after delivery the item's own must
still be the same, and so must be one that was measured on the artefact itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cmdb.releases.record import Delivery


def altered(deliveries: Sequence[Delivery], measured: Mapping[int, str] | None = None) -> tuple[str, ...]:
    """What is not as it was planned, a line for each artefact. `measured` has checksums by the item's ordinal. O(n)."""
    return tuple(line for delivery in deliveries for line in _differences(delivery, (measured or {})))


def _differences(delivery: Delivery, measured: Mapping[int, str]) -> Iterator[str]:
    name = f"{delivery.item.name} ({delivery.item.key})"
    if delivery.item.retired:
        yield f"{name} was retired since it was planned"
    if not delivery.planned:
        return
    if not _same(delivery.checksum, delivery.planned):
        yield f"{name}: its checksum is {delivery.checksum or 'gone'}, {delivery.planned} was planned"
    found = measured.get(delivery.item.ordinal)
    if found is not None and not _same(found, delivery.planned):
        yield f"{name}: what is delivered has {found}, {delivery.planned} was planned"


def _same(one: str, other: str) -> bool:
    """Hexadecimal digits may be written large or small."""
    return one.lower() == other.lower()
