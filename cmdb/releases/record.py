"""A release as a value: what its record and the records around it say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cmdb.changes import Change
from cmdb.nodes import Node, many, said

RELEASE: Final = "Release"
"""The class of releases."""

POLICY: Final = "ReleasePolicy"
SITE_PLAN: Final = "SitePlan"
REPORT: Final = "ReleaseReport"

BUNDLES, CLOSES, FOUND, DELIVERS = "BUNDLES", "CLOSES", "FOUND", "DELIVERS"
TESTED_IN, RESULTED_IN, PLANS, AT_SITE, REPORTS_ON = "TESTED_IN", "RESULTED_IN", "PLANS", "AT_SITE", "REPORTS_ON"

DIGEST: Final = "content_digest"
"""The attribute of `BUNDLES` that says what the change was to do when the release was planned."""


class Kind(StrEnum):
    """Kinds of release; a major one is proved in a test environment before it is accepted."""

    MAJOR = "major"
    MINOR = "minor"
    EMERGENCY = "emergency"


class Stage(StrEnum):
    """The states of the lifecycle `release`."""

    DRAFT = "draft"
    PLANNED = "planned"
    TESTED = "tested"
    ACCEPTED = "accepted"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    FAILED = "failed"
    BACKED_OUT = "backed_out"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An item that a release delivers, and the checksum that it had when the release was planned.

    `controlled` says that items of its class have a checksum, so this one must.
    """

    item: Node
    controlled: bool
    planned: str = ""

    @property
    def checksum(self) -> str:
        """The checksum that the item has now; empty where it has none."""
        return said(self.item, "checksum")


@dataclass(frozen=True, slots=True)
class SitePlan:
    """How a release is brought to a site. `site` is None where that was dismantled since."""

    node: Node
    site: Node | None

    @property
    def name(self) -> str:
        """The site's name, or the plan's."""
        return self.node.name if self.site is None else self.site.name


@dataclass(frozen=True, slots=True)
class Release:
    """A release with what decisions about it rest on; parts are in the order of their keys.

    `policies` are all release policies that are in force, whatever kinds they are for; `problems` are those that it caused;
    `planned` has, by the key of each
    change, the digest of what it was to do when the release was planned.
    """

    node: Node
    changes: tuple[Change, ...] = ()
    closes: tuple[Node, ...] = ()
    found: tuple[Node, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    sites: tuple[SitePlan, ...] = ()
    policies: tuple[Node, ...] = ()
    reports: tuple[Node, ...] = ()
    problems: tuple[Node, ...] = ()
    planned: Mapping[str, str] = field(default_factory=dict[str, str])
    tested_in: Node | None = None
    baseline: Node | None = None

    @property
    def key(self) -> str:
        """What people call it."""
        return self.node.key

    @property
    def name(self) -> str:
        """Its unique name."""
        return self.node.name

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return Stage(self.node.state)

    @property
    def kind(self) -> Kind:
        """Whether it must be proved before."""
        return Kind(said(self.node, "release_kind"))

    @property
    def policy(self) -> Node | None:
        """The policy for releases of its kind, the first by key; None where none is in force for it."""
        return next((found for found in self.policies if self.kind in many(found, "release_kinds")), None)
