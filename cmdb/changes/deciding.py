"""Each step of a change: from where to where, who may take it, and what must be there first. Pure.

A step that is not in the table is denied. All that is missing is said at once.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from cmdb.access import Right
from cmdb.changes import hurdles
from cmdb.changes.asking import Action, Asked
from cmdb.changes.hurdles import AFTERWARDS, OPEN, missing_documents
from cmdb.changes.record import Change, Kind, Stage
from cmdb.changes.tables import Rule, Step, pass_all
from cmdb.changeset import Patch
from cmdb.nodes import many, said, whole
from graph_schema.values import instant

REVIEW_WITHIN: Final = timedelta(days=14)
"""How long after its implementation a change is to be reviewed."""


Rules = dict[Action, Rule[Change, Asked, Stage]]


def step(change: Change, asked: Asked) -> Step[Stage]:
    """The step, decided. Raises Refused with everything that stands against it."""
    rule = RULES[asked.action]
    pass_all(rule, change, asked, see="see `cmdb change show`")
    return Step(_after(change, asked, rule), rule.patch(change, asked))


def overdue(change: Change, today: date) -> tuple[str, ...]:
    """What of a change is late: its review, or the documents of an emergency one that has been implemented."""
    after = {Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT}
    due = said(change.node, "review_due")
    late = (f"review was due on {due}",) if due and due < today.isoformat() and change.stage in after else ()
    if change.kind is Kind.EMERGENCY and change.stage in after | {Stage.REVIEWED}:
        late += tuple(f"{name} is missing" for name in missing_documents(change))
    return late


def _after(change: Change, asked: Asked, rule: Rule[Change, Asked, Stage]) -> Stage:
    """Where a step leads; for most the same whatever the change."""
    if asked.action is Action.EDIT:
        return change.stage if change.stage in {Stage.DRAFT, *AFTERWARDS} else Stage.DRAFT
    if asked.action is Action.SUBMIT and change.kind is Kind.STANDARD:
        return Stage.APPROVED
    return rule.after


# --- what a step writes ----------------------------------------------------------------------------------------------


def _submitted(change: Change, asked: Asked) -> Patch:
    said_so: Patch = {"submitted_at": instant(asked.now)}
    if change.kind is Kind.STANDARD and change.template is not None:
        said_so |= _approval(change, asked, many(change.template, "approved_by"))
    return said_so


def _approved(change: Change, asked: Asked) -> Patch:
    return _approval(change, asked, (asked.actor,))


def _approval(change: Change, asked: Asked, by: tuple[str, ...]) -> Patch:
    return {"approved_by": by, "approved_at": instant(asked.now), "approved_cost": f"{change.cost.normalize():f}"}


def _edited(change: Change, asked: Asked) -> Patch:
    return fallen(change) if change.stage in OPEN else {}


def _scheduled(change: Change, asked: Asked) -> Patch:
    if not asked.findings.collisions:
        return {"overridden_by": None, "override_reason": None}
    return {"overridden_by": asked.actor, "override_reason": asked.override}


def _ended(change: Change, asked: Asked) -> Patch:
    due = (asked.now + REVIEW_WITHIN).date().isoformat()
    return {"ended_at": instant(asked.now), "review_due": due, "deviations": asked.findings.differences or None}


def _reviewed(change: Change, asked: Asked) -> Patch:
    patch: Patch = {"reviewed_by": asked.actor, "reviewed_at": instant(asked.now), "lessons": asked.comment or None}
    if asked.outcome:
        patch["outcome"] = asked.outcome
    elif change.stage is Stage.IMPLEMENTED:
        patch["outcome"] = "with_deviations" if many(change.node, "deviations") else "successful"
    return patch


def fallen(change: Change) -> Patch:
    """What a record says when its approval falls: nothing of it is left but that it happened once more."""
    held = change.stage in {Stage.APPROVED, Stage.SCHEDULED}
    gone: Patch = dict.fromkeys(("approved_by", "approved_at", "approved_cost", "overridden_by", "override_reason"))
    return gone | ({"reapprovals": whole(change.node, "reapprovals") + 1} if held else {})


RULES: Final[Rules] = {
    Action.EDIT: Rule(
        OPEN | AFTERWARDS | {Stage.REJECTED},
        Stage.DRAFT,
        (hurdles.is_requester_or_manager, hurdles.is_open_to_edits),
        _edited,
    ),
    Action.SUBMIT: Rule(
        frozenset({Stage.DRAFT}),
        Stage.SUBMITTED,
        (hurdles.is_requester_or_manager, hurdles.has_right(Right.REQUEST_CHANGES), hurdles.is_described),
        _submitted,
    ),
    Action.ASSESS: Rule(
        frozenset({Stage.SUBMITTED}), Stage.ASSESSED, (hurdles.has_right(Right.ASSESS_CHANGES), hurdles.has_window)
    ),
    Action.APPROVE: Rule(
        frozenset({Stage.SUBMITTED, Stage.ASSESSED}),
        Stage.APPROVED,
        (
            hurdles.may_approve,
            hurdles.has_window,
            hurdles.can_be_reversed,
            hurdles.is_assessed,
            hurdles.board_is_in_favour,
        ),
        _approved,
    ),
    Action.REJECT: Rule(
        frozenset({Stage.ASSESSED}), Stage.REJECTED, (hurdles.may_approve, hurdles.says_why, hurdles.board_is_in_favour)
    ),
    Action.SCHEDULE: Rule(
        frozenset({Stage.APPROVED}),
        Stage.SCHEDULED,
        (hurdles.has_right(Right.SCHEDULE_CHANGES), hurdles.window_is_ahead, hurdles.is_free),
        _scheduled,
    ),
    Action.BEGIN: Rule(
        frozenset({Stage.SCHEDULED}),
        Stage.IMPLEMENTING,
        (hurdles.is_assigned, hurdles.window_is_open),
        lambda c, a: {"began_at": instant(a.now), "began_after": a.head},
    ),
    Action.COMPLETE: Rule(frozenset({Stage.IMPLEMENTING}), Stage.IMPLEMENTED, (hurdles.is_assigned,), _ended),
    Action.FAIL: Rule(
        frozenset({Stage.IMPLEMENTING, Stage.IMPLEMENTED}),
        Stage.FAILED,
        (hurdles.is_assigned, hurdles.says_why),
        lambda c, a: {**_ended(c, a), "outcome": "failed"},
    ),
    Action.BACK_OUT: Rule(
        frozenset({Stage.FAILED}), Stage.BACKED_OUT, (hurdles.is_assigned,), lambda c, a: {"outcome": "backed_out"}
    ),
    Action.REVIEW: Rule(
        frozenset({Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT}),
        Stage.REVIEWED,
        (hurdles.has_right(Right.REVIEW_CHANGES), hurdles.was_not_his),
        _reviewed,
    ),
    Action.CLOSE: Rule(
        frozenset({Stage.REVIEWED}),
        Stage.CLOSED,
        (hurdles.has_right(Right.REVIEW_CHANGES), hurdles.is_documented),
        lambda c, a: {"closed_at": instant(a.now)},
    ),
    Action.CANCEL: Rule(
        OPEN,
        Stage.CANCELLED,
        (hurdles.is_requester_or_manager, hurdles.says_why),
        lambda c, a: {"closed_at": instant(a.now)},
    ),
    Action.VOTE: Rule(frozenset({Stage.ASSESSED}), Stage.ASSESSED, (hurdles.may_vote, hurdles.says_why)),
}
"""The table of steps; whatever is not in it is denied."""
