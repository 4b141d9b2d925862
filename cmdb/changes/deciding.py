"""Each step of a change: from where to where, who may take it, and what must be there first. Pure.

A step that is not in the table is denied. All that is missing is said at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from cmdb.access import Policy, Right
from cmdb.changes.record import RIGHT_TO_APPROVE, Change, Choice, Kind, Stage, many, said, whole
from cmdb.changes.voting import Verdict, counted
from cmdb.changeset import Patch
from cmdb.errors import Problem, Refused
from graph_schema.values import instant

REVIEW_WITHIN: Final = timedelta(days=14)
"""How long after its implementation a change is to be reviewed."""


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


@dataclass(frozen=True, slots=True)
class Step:
    """Where a change goes, and what its record says afterwards."""

    after: Stage
    patch: Patch


Objection = Callable[[Change, Asked], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class _Rule:
    before: frozenset[Stage]
    after: Stage
    objections: tuple[Objection, ...]
    patch: Callable[[Change, Asked], Patch] = lambda change, asked: {}


def step(change: Change, asked: Asked) -> Step:
    """The step, decided. Raises Refused with everything that stands against it."""
    rule = RULES[asked.action]
    after = _after(change, asked, rule)
    problems = [] if asked.actor.strip() else [Problem("nobody is named as the actor", remedy="say who with --as NAME")]
    if change.stage not in rule.before or after is None:
        known = ", ".join(sorted(stage.value for stage in rule.before))
        problems.append(
            Problem(f"is {change.stage.value}; {asked.action.value} is for one that is {known}", change.key)
        )
    else:
        problems += [problem for objection in rule.objections for problem in objection(change, asked)]
    if problems or after is None:
        raise Refused(
            f"{asked.action.value.replace('_', ' ')} {change.key}: {problems[0].message}",
            remedy=problems[0].remedy or "see `cmdb change show`",
            problems=tuple(problems),
        )
    return Step(after, rule.patch(change, asked))


def missing_documents(change: Change) -> tuple[str, ...]:
    """What an emergency change may bring later, but must bring before it is closed."""
    documents = {
        "a back-out plan": said(change.node, "back_out_plan"),
        "a test plan": said(change.node, "test_plan"),
        "a reason": said(change.node, "reason"),
    }
    return tuple(name for name, text in documents.items() if not text) + (
        () if change.certified else ("an assessment",)
    )


def overdue(change: Change, today: date) -> tuple[str, ...]:
    """What of a change is late: its review, or the documents of an emergency one that has been implemented."""
    after = {Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT}
    due = said(change.node, "review_due")
    late = (f"review was due on {due}",) if due and due < today.isoformat() and change.stage in after else ()
    if change.kind is Kind.EMERGENCY and change.stage in after | {Stage.REVIEWED}:
        late += tuple(f"{name} is missing" for name in missing_documents(change))
    return late


def _after(change: Change, asked: Asked, rule: _Rule) -> Stage | None:
    """Where a step leads; for most the same whatever the change."""
    if asked.action is Action.EDIT:
        return change.stage if change.stage in {Stage.DRAFT, *_AFTERWARDS} else Stage.DRAFT
    if asked.action is Action.SUBMIT and change.kind is Kind.STANDARD:
        return Stage.APPROVED
    return rule.after


# --- what stands against a step --------------------------------------------------------------------------------------


def _has_right(right: Right) -> Objection:
    def objection(change: Change, asked: Asked) -> Iterator[Problem]:
        if not asked.policy.allows(asked.actor, right):
            holders = ", ".join(sorted(asked.policy.holders(right))) or "nobody yet"
            yield Problem(f"{asked.actor} has not the right {right.value}", remedy=f"it is held by {holders}")

    return objection


def _is_requester_or_manager(change: Change, asked: Asked) -> Iterator[Problem]:
    if asked.actor != change.requester and not asked.policy.allows(asked.actor, Right.ASSESS_CHANGES):
        yield Problem(
            f"{asked.actor} neither requested it nor assesses changes", change.key, remedy=f"ask {change.requester}"
        )


def _may_approve(change: Change, asked: Asked) -> Iterator[Problem]:
    yield from _has_right(RIGHT_TO_APPROVE[change.kind])(change, asked)
    if asked.actor == change.requester:
        yield Problem("nobody approves a change that he requested", change.key, remedy="let somebody else decide")
    if asked.actor in change.implementers:
        yield Problem("nobody approves a change that he implements", change.key, remedy="let somebody else decide")


def _is_open_to_edits(change: Change, asked: Asked) -> Iterator[Problem]:
    late = asked.edits - _DOCUMENTS if change.stage in _AFTERWARDS else frozenset[str]()
    if change.stage in _AFTERWARDS and (late or change.kind is not Kind.EMERGENCY):
        yield Problem(
            f"is {change.stage.value}; only the documents of an emergency change follow then",
            change.key,
            remedy=f"these are {', '.join(sorted(_DOCUMENTS))}",
        )
    if kept := asked.edits & _KEPT:
        yield Problem(f"{', '.join(sorted(kept))}: kept by change control", change.key, remedy="leave it out")


def _is_described(change: Change, asked: Asked) -> Iterator[Problem]:
    if not change.touches and not many(change.node, "planned_operations"):
        yield Problem("touches no CI and plans nothing", change.key, remedy="name what it touches")
    if not said(change.node, "reason"):
        yield Problem("has no reason", change.key, remedy="say why with reason=…")
    if change.kind is Kind.STANDARD:
        yield from _follows_template(change)


def _follows_template(change: Change) -> Iterator[Problem]:
    template = change.template
    if template is None:
        yield Problem("is standard, but made from no template", change.key, remedy="draft it with --template KEY")
        return
    if template.retired or template.state != "active" or not many(template, "approved_by"):
        yield Problem(f"its template {template.key} is not approved", change.key, remedy="have the template approved")
    for name in ("back_out_plan", "test_plan", "planned_operations", "cost_lines", "fault_during"):
        if change.node.attributes.get(name) != template.attributes.get(name):
            yield Problem(f"departs from its template in {name}", change.key, remedy="make it a normal change")


def _has_window(change: Change, asked: Asked) -> Iterator[Problem]:
    if change.window is None:
        yield Problem("has no window", change.key, remedy="give it with --from and --until")
    if not change.implementers:
        yield Problem("nobody is to implement it", change.key, remedy="name implementers")


def _can_be_reversed(change: Change, asked: Asked) -> Iterator[Problem]:
    if change.kind is not Kind.EMERGENCY and not said(change.node, "back_out_plan"):
        yield Problem("has no back-out plan", change.key, remedy="say how it is reversed or remedied")


def _is_assessed(change: Change, asked: Asked) -> Iterator[Problem]:
    if change.kind is Kind.EMERGENCY:
        return
    if change.stage is Stage.SUBMITTED or change.certified is None:
        yield Problem("was not assessed", change.key, remedy="assess it first")
    elif asked.findings.worse:
        yield Problem(
            f"its impact is not what was assessed: {asked.findings.worse[0]}", change.key, remedy="assess it again"
        )


def _board_is_in_favour(change: Change, asked: Asked) -> Iterator[Problem]:
    if change.kind is not Kind.MAJOR:
        return
    if change.board is None:
        yield Problem("is major, and referred to no board", change.key, remedy="refer it with --board REF")
        return
    verdict = counted(change.board, change.votes)
    wanted = Verdict.AGAINST if asked.action is Action.REJECT else Verdict.IN_FAVOUR
    if verdict is not wanted:
        outcome = "has not decided" if verdict is Verdict.OPEN else f"is {verdict.value.replace('_', ' ')}"
        yield Problem(f"the board {change.board.node.name} {outcome}", change.key, remedy="see its votes")


def _window_is_ahead(change: Change, asked: Asked) -> Iterator[Problem]:
    yield from _has_window(change, asked)
    if change.window is not None and change.window[1] <= instant(asked.now):
        yield Problem(
            f"its window ended at {change.window[1]}", change.key, remedy="move the window; it is approved anew"
        )


def _window_is_open(change: Change, asked: Asked) -> Iterator[Problem]:
    now = instant(asked.now)
    if change.window is None or not change.window[0] <= now < change.window[1]:
        shown = "it has none" if change.window is None else f"it is {change.window[0]} to {change.window[1]}"
        yield Problem(f"now is {now}, outside its window", change.key, remedy=shown)


def _is_free(change: Change, asked: Asked) -> Iterator[Problem]:
    if not asked.findings.collisions:
        return
    if not asked.override:
        for collision in asked.findings.collisions:
            yield Problem(collision, change.key, remedy="move it, or have it overridden with a reason")
    else:
        yield from _has_right(Right.OVERRIDE_COLLISIONS)(change, asked)


def _is_assigned(change: Change, asked: Asked) -> Iterator[Problem]:
    if asked.actor not in change.implementers:
        assigned = ", ".join(sorted(change.implementers)) or "nobody"
        yield Problem(f"{asked.actor} is not assigned to it", change.key, remedy=f"assigned: {assigned}")


def _was_not_his(change: Change, asked: Asked) -> Iterator[Problem]:
    if asked.actor in change.implementers:
        yield Problem("nobody reviews a change that he implemented", change.key, remedy="let somebody else review it")


def _is_documented(change: Change, asked: Asked) -> Iterator[Problem]:
    for name in missing_documents(change) if change.kind is Kind.EMERGENCY else ():
        yield Problem(f"{name} is missing", change.key, remedy="an emergency change brings it before it is closed")


def _says_why(change: Change, asked: Asked) -> Iterator[Problem]:
    if not asked.comment.strip():
        yield Problem("no reason is given", change.key, remedy="say why with --reason")


def _may_vote(change: Change, asked: Asked) -> Iterator[Problem]:
    if change.board is None:
        yield Problem("is referred to no board", change.key, remedy="refer it with --board REF")
    elif asked.actor not in change.board.members:
        yield Problem(f"{asked.actor} is no member of {change.board.node.name}", change.key)
    if any(vote.voter == asked.actor for vote in change.votes):
        yield Problem(f"{asked.actor} has voted already", change.key)
    if asked.outcome not in set(Choice):
        yield Problem(f"{asked.outcome!r} is no vote", change.key, remedy=f"vote {', '.join(Choice)}")


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
    return fallen(change) if change.stage in _OPEN else {}


def _scheduled(change: Change, asked: Asked) -> Patch:
    if not asked.findings.collisions:
        return {"overridden_by": None, "override_reason": None}
    return {"overridden_by": asked.actor, "override_reason": asked.override}


def _ended(change: Change, asked: Asked) -> Patch:
    due = (asked.now + REVIEW_WITHIN).date().isoformat()
    return {"ended_at": instant(asked.now), "review_due": due, "deviations": asked.findings.differences or None}


def _reviewed(change: Change, asked: Asked) -> Patch:
    patch: Patch = {"reviewed_by": asked.actor, "lessons": asked.comment or None}
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


_DOCUMENTS: Final = frozenset({"reason", "benefit", "back_out_plan", "test_plan", "cost_lines", "description"})
_KEPT: Final = frozenset(
    """requester approved_cost approved_by approved_at submitted_at began_at began_after ended_at closed_at outcome
    deviations reviewed_by review_due reapprovals overridden_by override_reason""".split()
)
"""Attributes that only steps write."""

_OPEN: Final = frozenset({Stage.DRAFT, Stage.SUBMITTED, Stage.ASSESSED, Stage.APPROVED, Stage.SCHEDULED})
_AFTERWARDS: Final = frozenset({Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT, Stage.REVIEWED})
"""Stages in which an emergency change brings the documents that it still owes."""

RULES: Final[dict[Action, _Rule]] = {
    Action.EDIT: _Rule(
        _OPEN | _AFTERWARDS | {Stage.REJECTED}, Stage.DRAFT, (_is_requester_or_manager, _is_open_to_edits), _edited
    ),
    Action.SUBMIT: _Rule(
        frozenset({Stage.DRAFT}),
        Stage.SUBMITTED,
        (_is_requester_or_manager, _has_right(Right.REQUEST_CHANGES), _is_described),
        _submitted,
    ),
    Action.ASSESS: _Rule(frozenset({Stage.SUBMITTED}), Stage.ASSESSED, (_has_right(Right.ASSESS_CHANGES), _has_window)),
    Action.APPROVE: _Rule(
        frozenset({Stage.SUBMITTED, Stage.ASSESSED}),
        Stage.APPROVED,
        (_may_approve, _has_window, _can_be_reversed, _is_assessed, _board_is_in_favour),
        _approved,
    ),
    Action.REJECT: _Rule(frozenset({Stage.ASSESSED}), Stage.REJECTED, (_may_approve, _says_why, _board_is_in_favour)),
    Action.SCHEDULE: _Rule(
        frozenset({Stage.APPROVED}),
        Stage.SCHEDULED,
        (_has_right(Right.SCHEDULE_CHANGES), _window_is_ahead, _is_free),
        _scheduled,
    ),
    Action.BEGIN: _Rule(
        frozenset({Stage.SCHEDULED}),
        Stage.IMPLEMENTING,
        (_is_assigned, _window_is_open),
        lambda c, a: {"began_at": instant(a.now), "began_after": a.head},
    ),
    Action.COMPLETE: _Rule(frozenset({Stage.IMPLEMENTING}), Stage.IMPLEMENTED, (_is_assigned,), _ended),
    Action.FAIL: _Rule(
        frozenset({Stage.IMPLEMENTING, Stage.IMPLEMENTED}),
        Stage.FAILED,
        (_is_assigned, _says_why),
        lambda c, a: {**_ended(c, a), "outcome": "failed"},
    ),
    Action.BACK_OUT: _Rule(
        frozenset({Stage.FAILED}), Stage.BACKED_OUT, (_is_assigned,), lambda c, a: {"outcome": "backed_out"}
    ),
    Action.REVIEW: _Rule(
        frozenset({Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT}),
        Stage.REVIEWED,
        (_has_right(Right.REVIEW_CHANGES), _was_not_his),
        lambda c, a: (
            {"reviewed_by": a.actor, "lessons": a.comment or None} | ({"outcome": a.outcome} if a.outcome else {})
        ),
    ),
    Action.CLOSE: _Rule(
        frozenset({Stage.REVIEWED}),
        Stage.CLOSED,
        (_has_right(Right.REVIEW_CHANGES), _is_documented),
        lambda c, a: {"closed_at": instant(a.now)},
    ),
    Action.CANCEL: _Rule(
        _OPEN, Stage.CANCELLED, (_is_requester_or_manager, _says_why), lambda c, a: {"closed_at": instant(a.now)}
    ),
    Action.VOTE: _Rule(frozenset({Stage.ASSESSED}), Stage.ASSESSED, (_may_vote, _says_why)),
}
"""The table of steps; whatever is not in it is denied."""
