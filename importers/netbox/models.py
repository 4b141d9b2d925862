"""All models of NetBox that are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from importers.netbox.kinds import Kind
from importers.netbox.logical import LOGICAL
from importers.netbox.physical import PHYSICAL

KINDS: Final[Mapping[str, Kind]] = {**PHYSICAL, **LOGICAL}
"""What each model becomes."""

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
