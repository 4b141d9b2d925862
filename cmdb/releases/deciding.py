"""Each step of a release: from where to where, who may take it, and what must be there first. Pure.

A step that is not in the table is denied. All that is missing is said at once.
"""

from __future__ import annotations

from typing import Final

from cmdb.access import Right
from cmdb.changes.tables import Rule, Step, pass_all
from cmdb.changeset import Patch
from cmdb.releases import hurdles
from cmdb.releases.asking import Action, Asked, TestResult
from cmdb.releases.record import Release, Stage
from graph_schema.values import instant

OPEN: Final = frozenset({Stage.DRAFT, Stage.PLANNED, Stage.TESTED, Stage.ACCEPTED})
"""Stages in which a release may be altered; it is planned anew then."""


Rules = dict[Action, Rule[Release, Asked, Stage]]


def step(release: Release, asked: Asked) -> Step[Stage]:
    """The step, decided. Raises Refused with everything that stands against it."""
    rule = RULES[asked.action]
    pass_all(rule, release, asked, see="see `cmdb release show`")
    not_passed = asked.action is Action.TEST and asked.result is TestResult.FAILED
    return Step(Stage.PLANNED if not_passed else rule.after, rule.patch(release, asked))


# --- what a step writes ----------------------------------------------------------------------------------------------


def _edited(release: Release, asked: Asked) -> Patch:
    del release, asked
    return dict.fromkeys(
        ("artefacts", "test_result", "test_proof", "tested_by", "tested_at", "accepted_by", "accepted_at")
    )


def _tested(release: Release, asked: Asked) -> Patch:
    del release
    result = None if asked.result is None else asked.result.value
    return {
        "test_result": result,
        "test_proof": asked.comment,
        "tested_by": asked.actor,
        "tested_at": instant(asked.now),
    }


def _begun(release: Release, asked: Asked) -> Patch:
    del release
    return {
        "began_at": instant(asked.now),
        "deployed_by": asked.actor,
        "deployment_order": asked.findings.order or None,
    }


_MAY_DEPLOY: Final = hurdles.has_authority(Right.DEPLOY_RELEASES, "deploying_roles")

RULES: Final[Rules] = {
    Action.EDIT: Rule(OPEN, Stage.DRAFT, (hurdles.has_right(Right.MANAGE_RELEASES),), _edited),
    Action.PLAN: Rule(
        frozenset({Stage.DRAFT}),
        Stage.PLANNED,
        (
            hurdles.has_right(Right.MANAGE_RELEASES),
            hurdles.is_in_policy,
            hurdles.is_grouped,
            hurdles.is_planned_for_sites,
            hurdles.has_checksums,
        ),
        lambda r, a: {"artefacts": tuple(delivery.item.key for delivery in r.deliveries) or None},
    ),
    Action.TEST: Rule(
        frozenset({Stage.PLANNED, Stage.TESTED}),
        Stage.TESTED,
        (
            hurdles.has_authority(Right.TEST_RELEASES, "testing_roles"),
            hurdles.says_how_it_was_tested,
            hurdles.is_intact,
        ),
        _tested,
    ),
    Action.ACCEPT: Rule(
        frozenset({Stage.PLANNED, Stage.TESTED}),
        Stage.ACCEPTED,
        (hurdles.has_right(Right.MANAGE_RELEASES), hurdles.is_proved, hurdles.is_not_his, hurdles.is_intact),
        lambda r, a: {"accepted_by": a.actor, "accepted_at": instant(a.now)},
    ),
    Action.DEPLOY: Rule(
        frozenset({Stage.ACCEPTED}),
        Stage.DEPLOYING,
        (
            _MAY_DEPLOY,
            hurdles.was_accepted_by_another,
            hurdles.has_a_footing,
            hurdles.is_planned_for_sites,
            hurdles.changes_are_ready,
            hurdles.is_intact,
        ),
        _begun,
    ),
    Action.COMPLETE: Rule(
        frozenset({Stage.DEPLOYING}),
        Stage.DEPLOYED,
        (_MAY_DEPLOY, hurdles.changes_are_done, hurdles.is_intact),
        lambda r, a: {"ended_at": instant(a.now), "outcome": "successful"},
    ),
    Action.FAIL: Rule(
        frozenset({Stage.DEPLOYING, Stage.DEPLOYED}),
        Stage.FAILED,
        (_MAY_DEPLOY, hurdles.says_why),
        lambda r, a: {"ended_at": instant(a.now), "outcome": "failed"},
    ),
    Action.BACK_OUT: Rule(
        frozenset({Stage.FAILED}),
        Stage.BACKED_OUT,
        (_MAY_DEPLOY, hurdles.nothing_stands),
        lambda r, a: {"outcome": "backed_out"},
    ),
    Action.CLOSE: Rule(
        frozenset({Stage.DEPLOYED, Stage.FAILED, Stage.BACKED_OUT}),
        Stage.CLOSED,
        (hurdles.has_right(Right.MANAGE_RELEASES), hurdles.cause_is_known, hurdles.is_settled),
        lambda r, a: {"closed_at": instant(a.now)},
    ),
    Action.CANCEL: Rule(
        OPEN,
        Stage.CANCELLED,
        (hurdles.has_right(Right.MANAGE_RELEASES), hurdles.says_why),
        lambda r, a: {"closed_at": instant(a.now)},
    ),
}
"""The table of steps; whatever is not in it is denied."""
