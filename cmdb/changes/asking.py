"""A step that somebody asks for, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cmdb.access import Policy


class Action(StrEnum):
    """The steps of a change."""

    EDIT = "edit"
    SUBMIT = "submit"
    ASSESS = "assess"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    BEGIN = "begin"
    COMPLETE = "complete"
    FAIL = "fail"
    BACK_OUT = "back_out"
    REVIEW = "review"
    CLOSE = "close"
    CANCEL = "cancel"
    VOTE = "vote"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was worked out for a step: how the impact differs from the certificate's, and what it collides with.

    `worse` says, line by line, what has become worse; None where there is nothing to compare with. `differences` is how
    what was done departs from what was planned.
    """

    worse: tuple[str, ...] | None = None
    collisions: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that somebody wants to take now, and what he says with it."""

    action: Action
    actor: str
    now: datetime
    policy: Policy
    findings: Findings = Findings()
    comment: str = ""
    override: str = ""
    outcome: str = ""
    head: int = 0
    edits: frozenset[str] = frozenset()
