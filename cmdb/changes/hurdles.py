"""What may stand against a step of a change, one hurdle each; a step lists those that it must pass. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cmdb.access import Right
from cmdb.changes.asking import Action, Asked
from cmdb.changes.record import RIGHT_TO_APPROVE, Change, Choice, Kind, Stage
from cmdb.changes.voting import Verdict, counted
from cmdb.errors import Problem
from cmdb.nodes import many, said
from graph_schema.values import instant

Hurdle = Callable[[Change, Asked], Iterator[Problem]]

DOCUMENTS: Final = frozenset({"reason", "benefit", "back_out_plan", "test_plan", "cost_lines", "description"})
KEPT: Final = frozenset(
    """requester approved_cost approved_by approved_at submitted_at began_at began_after ended_at closed_at outcome
    deviations reviewed_by reviewed_at review_due reapprovals risk_score risk_parts collisions
    overridden_by override_reason""".split()
)
"""Attributes that only steps write."""

WINDOW: Final = frozenset({"window_start", "window_end", "time_zone"})
"""Attributes that are written together, from local times that were checked."""

OPEN: Final = frozenset({Stage.DRAFT, Stage.SUBMITTED, Stage.ASSESSED, Stage.APPROVED, Stage.SCHEDULED})
AFTERWARDS: Final = frozenset({Stage.IMPLEMENTED, Stage.FAILED, Stage.BACKED_OUT, Stage.REVIEWED})
"""Stages in which an emergency change brings the documents that it still owes."""


def missing_documents(change: Change) -> tuple[str, ...]:
    """What an emergency change may bring later, but must bring before it is closed."""
    documents = {
        "a back-out plan": said(change.node, "back_out_plan"),
        "a test plan": said(change.node, "test_plan"),
        "a reason": said(change.node, "reason"),
    }
    return tuple(name for name, text in documents.items() if not text)


def has_right(right: Right) -> Hurdle:
    """Some role must give the actor this right."""

    def hurdle(change: Change, asked: Asked) -> Iterator[Problem]:
        if (problem := asked.policy.lacking(asked.actor, right)) is not None:
            yield problem

    return hurdle


def is_requester_or_manager(change: Change, asked: Asked) -> Iterator[Problem]:
    """Only who requested it, and who assesses changes, may do this."""
    if asked.actor != change.requester and not asked.policy.allows(asked.actor, Right.ASSESS_CHANGES):
        yield Problem(
            f"{asked.actor} neither requested it nor assesses changes", change.key, remedy=f"ask {change.requester}"
        )


def may_approve(change: Change, asked: Asked) -> Iterator[Problem]:
    """The right for its kind; and nobody approves what he requested or implements."""
    yield from has_right(RIGHT_TO_APPROVE[change.kind])(change, asked)
    if asked.actor == change.requester:
        yield Problem("nobody approves a change that he requested", change.key, remedy="let somebody else decide")
    if asked.actor in change.implementers:
        yield Problem("nobody approves a change that he implements", change.key, remedy="let somebody else decide")


def is_open_to_edits(change: Change, asked: Asked) -> Iterator[Problem]:
    """What control keeps cannot be edited; after the implementation only documents of emergency changes follow."""
    late = asked.edits - DOCUMENTS if change.stage in AFTERWARDS else frozenset[str]()
    if change.stage in AFTERWARDS and (late or change.kind is not Kind.EMERGENCY):
        yield Problem(
            f"is {change.stage.value}; only the documents of an emergency change follow then",
            change.key,
            remedy=f"these are {', '.join(sorted(DOCUMENTS))}",
        )
    if kept := asked.edits & KEPT:
        yield Problem(f"{', '.join(sorted(kept))}: kept by change control", change.key, remedy="leave it out")


def is_described(change: Change, asked: Asked) -> Iterator[Problem]:
    """It touches or plans something, and says why."""
    if not (change.touches or many(change.node, "planned_operations") or said(change.node, "planned_model")):
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


def has_window(change: Change, asked: Asked) -> Iterator[Problem]:
    """When, and by whom."""
    if change.window is None:
        yield Problem("has no window", change.key, remedy="give it with --from and --until")
    if not change.implementers:
        yield Problem("nobody is to implement it", change.key, remedy="name implementers")


def can_be_reversed(change: Change, asked: Asked) -> Iterator[Problem]:
    """No approval without a back-out plan; an emergency change brings it later."""
    if change.kind is not Kind.EMERGENCY and not said(change.node, "back_out_plan"):
        yield Problem("has no back-out plan", change.key, remedy="say how it is reversed or remedied")


def is_assessed(change: Change, asked: Asked) -> Iterator[Problem]:
    """There is a certificate, and the impact is not worse than it says; an emergency change gets one when it begins."""
    if change.kind is Kind.EMERGENCY:
        return
    if change.stage is Stage.SUBMITTED or change.certified is None:
        yield Problem("was not assessed", change.key, remedy="assess it first")
    elif asked.findings.worse:
        yield Problem(
            f"its impact is not what was assessed: {asked.findings.worse[0]}", change.key, remedy="assess it again"
        )


def board_is_in_favour(change: Change, asked: Asked) -> Iterator[Problem]:
    """The board of a major change has decided so."""
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


def window_is_ahead(change: Change, asked: Asked) -> Iterator[Problem]:
    """Its window is not over."""
    yield from has_window(change, asked)
    if change.window is not None and change.window[1] <= instant(asked.now):
        yield Problem(
            f"its window ended at {change.window[1]}", change.key, remedy="move the window; it is approved anew"
        )


def window_is_open(change: Change, asked: Asked) -> Iterator[Problem]:
    """Now is inside its window."""
    yield from outside_window(change, instant(asked.now))


def outside_window(change: Change, now: str) -> Iterator[Problem]:
    """What stands against doing something of a change now, a canonical instant."""
    if change.window is None or not change.window[0] <= now < change.window[1]:
        shown = "none" if change.window is None else f"{change.window[0]} to {change.window[1]}"
        yield Problem(f"now is {now}, outside its window", change.key, remedy=f"its window: {shown}")


def is_free(change: Change, asked: Asked) -> Iterator[Problem]:
    """It collides with nothing, or somebody who may overrides that."""
    if not asked.findings.collisions:
        return
    if not asked.override:
        for collision in asked.findings.collisions:
            yield Problem(collision, change.key, remedy="move it, or have it overridden with a reason")
    else:
        yield from has_right(Right.OVERRIDE_COLLISIONS)(change, asked)


def is_assigned(change: Change, asked: Asked) -> Iterator[Problem]:
    """Who implements it is named in it."""
    yield from unassigned(change, asked.actor)


def unassigned(change: Change, actor: str) -> Iterator[Problem]:
    """What stands against an actor who does something of a change."""
    if actor not in change.implementers:
        assigned = ", ".join(sorted(change.implementers)) or "nobody"
        yield Problem(f"{actor} is not assigned to it", change.key, remedy=f"assigned: {assigned}")


def was_not_his(change: Change, asked: Asked) -> Iterator[Problem]:
    """Nobody reviews what he implemented."""
    if asked.actor in change.implementers:
        yield Problem("nobody reviews a change that he implemented", change.key, remedy="let somebody else review it")


def is_documented(change: Change, asked: Asked) -> Iterator[Problem]:
    """An emergency change is closed only with all of its documents."""
    for name in missing_documents(change) if change.kind is Kind.EMERGENCY else ():
        yield Problem(f"{name} is missing", change.key, remedy="an emergency change brings it before it is closed")


def says_why(change: Change, asked: Asked) -> Iterator[Problem]:
    """A reason is given."""
    if not asked.comment.strip():
        yield Problem("no reason is given", change.key, remedy="say why with --reason")


def may_vote(change: Change, asked: Asked) -> Iterator[Problem]:
    """A member, once, while it is assessed."""
    if change.board is None:
        yield Problem("is referred to no board", change.key, remedy="refer it with --board REF")
    elif asked.actor not in change.board.members:
        yield Problem(f"{asked.actor} is no member of {change.board.node.name}", change.key)
    if any(vote.voter == asked.actor for vote in change.votes):
        yield Problem(f"{asked.actor} has voted already", change.key)
    if asked.outcome not in set(Choice):
        yield Problem(f"{asked.outcome!r} is no vote", change.key, remedy=f"vote {', '.join(Choice)}")
