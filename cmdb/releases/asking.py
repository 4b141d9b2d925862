"""A step of a release that somebody asks for, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cmdb.access import Policy
from cmdb.nodes import Node


class Action(StrEnum):
    """The steps of a release."""

    EDIT = "edit"
    PLAN = "plan"
    TEST = "test"
    ACCEPT = "accept"
    DEPLOY = "deploy"
    COMPLETE = "complete"
    FAIL = "fail"
    BACK_OUT = "back_out"
    CLOSE = "close"
    CANCEL = "cancel"


class TestResult(StrEnum):
    """How a test ended."""

    __test__ = False
    """It is no test itself."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was worked out for a step: which artefacts are not what was planned, a line each, and the deployment's steps.

    `closed` says that initialisation has ended.
    """

    altered: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that somebody wants to take now, and what he says with it."""

    action: Action
    actor: str
    now: datetime
    policy: Policy
    findings: Findings = Findings()
    comment: str = ""
    result: TestResult | None = None
    environment: Node | None = None
