"""Rights, roles, and what they add up to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cmdb.errors import Problem, Refused


class Right(StrEnum):
    """What a role may allow; the values are those of the attribute `rights` of the class Role."""

    WRITE_RECORDS = "write_records"
    REQUEST_CHANGES = "request_changes"
    ASSESS_CHANGES = "assess_changes"
    APPROVE_TEMPLATES = "approve_templates"
    APPROVE_NORMAL = "approve_normal"
    APPROVE_MAJOR = "approve_major"
    APPROVE_EMERGENCY = "approve_emergency"
    SCHEDULE_CHANGES = "schedule_changes"
    OVERRIDE_COLLISIONS = "override_collisions"
    REVIEW_CHANGES = "review_changes"
    RECORD_BASELINES = "record_baselines"
    MANAGE_RELEASES = "manage_releases"
    TEST_RELEASES = "test_releases"
    DEPLOY_RELEASES = "deploy_releases"
    EDIT_CALENDARS = "edit_calendars"
    EDIT_ACCESS = "edit_access"


NEEDED_TO_CLOSE = (Right.EDIT_ACCESS, Right.ASSESS_CHANGES, Right.APPROVE_NORMAL, Right.SCHEDULE_CHANGES)
"""Rights that somebody must hold before initialisation may end: without them nothing could be changed ever after."""


@dataclass(frozen=True, slots=True)
class RoleOf:
    """A role: its rights, its members by the names they act under, and the filters of what these may see."""

    name: str
    rights: frozenset[str]
    members: frozenset[str]
    sees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """All roles. While there are none, everybody may do everything: so a CMDB begins."""

    roles: tuple[RoleOf, ...] = ()

    def allows(self, actor: str, right: Right) -> bool:
        """Whether some role gives this right to the actor. O(roles)."""
        return not self.roles or any(right in role.rights and actor in role.members for role in self.roles)

    def holders(self, right: Right) -> frozenset[str]:
        """Who has a right by a role."""
        return frozenset(member for role in self.roles if right in role.rights for member in role.members)

    def lacking(self, actor: str, right: Right, subject: str = "") -> Problem | None:
        """What stands against an actor who needs a right; None where he has it."""
        if self.allows(actor, right):
            return None
        holders = ", ".join(sorted(self.holders(right))) or "nobody yet"
        return Problem(f"{actor} has not the right {right.value}", subject, remedy=f"it is held by {holders}")

    def demand(self, actor: str, right: Right) -> None:
        """Raises Refused where an actor has not the right."""
        if (problem := self.lacking(actor, right)) is not None:
            raise Refused(problem.message, remedy=problem.remedy)

    def sees(self, actor: str) -> tuple[str, ...] | None:
        """The filters of what an actor may see, any of which is enough; None where nothing is kept from him.

        Somebody in a role without filters sees everything; somebody in no role sees nothing once any role has filters.
        """
        if not any(role.sees for role in self.roles):
            return None
        mine = [role for role in self.roles if actor in role.members]
        if any(not role.sees for role in mine):
            return None
        return tuple(text for role in mine for text in role.sees)

    def missing_to_close(self) -> tuple[Right, ...]:
        """The rights that nobody holds and without which nothing could be changed once initialisation has ended."""
        return () if not self.roles else tuple(right for right in NEEDED_TO_CLOSE if not self.holders(right))
