"""Whether the artefacts and the changes of a release are what was planned. Pure.

The checksum of every controlled artefact is noted when the release is planned. Before and after delivery the item's own must
still be the same, and so must be one that was measured on the artefact itself. What a change touches and does is noted
likewise, and must be the same until it is begun: else something else would be deployed than what was proved and accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from cmdb.changes import Change
from cmdb.nodes import many, said
from cmdb.releases.record import Delivery, Release, Stage


def altered(release: Release, measured: Mapping[int, str] | None = None) -> tuple[str, ...]:
    """What is not as it was planned, a line for each artefact. `measured` has checksums by the item's ordinal. O(n)."""
    there = {delivery.item.key for delivery in release.deliveries}
    gone = (f"{key} was retired since it was planned" for key in many(release.node, "artefacts") if key not in there)
    differ = (line for delivery in release.deliveries for line in _differences(delivery, (measured or {})))
    return (*gone, *differ, *_edited(release))


def digest_of(change: Change) -> str:
    """SHA-256 of what a change touches, its planned operations and its planned model. O(their length)."""
    touched = (str(ordinal) for ordinal in sorted(change.touches))
    parts = (",".join(touched), said(change.node, "planned_model"), *many(change.node, "planned_operations"))
    return sha256("\n".join(parts).encode()).hexdigest()


def _edited(release: Release) -> Iterator[str]:
    if release.stage not in {Stage.PLANNED, Stage.TESTED, Stage.ACCEPTED}:
        return
    for change in release.changes:
        if digest_of(change) != release.planned.get(change.key):
            yield f"what {change.key} touches or does is not what was planned"


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
