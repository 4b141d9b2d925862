"""A change as a value: what its record and the records around it say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cmdb.access import Right
from cmdb.nodes import Node, many, said, whole
from cmdb.reading.operation_text import WrittenOperation, WrittenPut, operation_of_line

CHANGE: Final = "Change"
"""The class of changes."""

CERTIFICATE: Final = "ImpactCertificate"
VOTE: Final = "Vote"
BOARD: Final = "AdvisoryBoard"
TEMPLATE: Final = "ChangeTemplate"
CALENDAR: Final = "ChangeCalendar"

TOUCHES, IMPACTS, CERTIFIES = "TOUCHES", "IMPACTS", "CERTIFIES"
VOTES_ON, REFERRED_TO, MADE_FROM, CONCERNS = "VOTES_ON", "REFERRED_TO", "MADE_FROM", "CONCERNS"


class Kind(StrEnum):
    """Kinds of change; each has its way to approval."""

    STANDARD = "standard"
    NORMAL = "normal"
    MAJOR = "major"
    EMERGENCY = "emergency"


class Stage(StrEnum):
    """The states of the lifecycle `change`."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ASSESSED = "assessed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    IMPLEMENTING = "implementing"
    IMPLEMENTED = "implemented"
    FAILED = "failed"
    BACKED_OUT = "backed_out"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


RIGHT_TO_APPROVE: Final = {
    Kind.STANDARD: Right.APPROVE_TEMPLATES,
    Kind.NORMAL: Right.APPROVE_NORMAL,
    Kind.MAJOR: Right.APPROVE_MAJOR,
    Kind.EMERGENCY: Right.APPROVE_EMERGENCY,
}
"""The right that approving a change of each kind takes; of a standard one, the template."""


class Choice(StrEnum):
    """What a member of the board votes."""

    IN_FAVOUR = "in_favour"
    AGAINST = "against"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class CastVote:
    """A vote that counts: it was cast in this round of the change. `ordinal` is its record's."""

    ordinal: int
    voter: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class Board:
    """An advisory board. `quorum` is a share of the members, `majority` one of the votes that say yes or no; percent."""

    node: Node
    members: frozenset[str]
    chair: str
    quorum: int
    majority: int


@dataclass(frozen=True, slots=True)
class Certified:
    """The newest certificate of a change: its record, and the revision of the graph that it is about."""

    node: Node

    @property
    def revision(self) -> int:
        """The revision that was assessed."""
        return whole(self.node, "at_revision")


@dataclass(frozen=True, slots=True)
class Change:
    """A change with what decisions about it rest on. `touches` are ordinals of CIs."""

    node: Node
    touches: frozenset[int] = frozenset()
    votes: tuple[CastVote, ...] = ()
    board: Board | None = None
    certified: Certified | None = None
    template: Node | None = None

    @property
    def key(self) -> str:
        """What people call it."""
        return self.node.key

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return Stage(self.node.state)

    @property
    def kind(self) -> Kind:
        """Which way it goes."""
        return Kind(said(self.node, "change_kind"))

    @property
    def requester(self) -> str:
        """Who asks for it."""
        return said(self.node, "requester")

    @property
    def implementers(self) -> frozenset[str]:
        """Who is assigned to make it."""
        return frozenset(many(self.node, "implementers"))

    @property
    def window(self) -> tuple[str, str] | None:
        """Begin and end of its window as canonical instants; None until both are given."""
        start, end = said(self.node, "window_start"), said(self.node, "window_end")
        return (start, end) if start and end else None

    @property
    def planned(self) -> tuple[WrittenOperation, ...]:
        """What it is to do, operation by operation. Raises Invalid if the record was not written by control."""
        return tuple(operation_of_line(line) for line in many(self.node, "planned_operations"))

    @property
    def creates(self) -> frozenset[tuple[str, str]]:
        """(class, name) of the nodes that it plans to create."""
        puts = (operation for operation in self.planned if isinstance(operation, WrittenPut))
        return frozenset((put.class_name or "", put.name or "") for put in puts if put.ref.startswith("@"))

    @property
    def cost(self) -> Decimal:
        """The total of its cost lines."""
        return sum(
            (Decimal(line.partition("=")[2].split(" ", 1)[0]) for line in many(self.node, "cost_lines")), Decimal(0)
        )
