"""What may stand against a step of a release, one hurdle each; a step lists those that it must pass. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cmdb.access import Right
from cmdb.changes import Change
from cmdb.changes import Stage as ChangeStage
from cmdb.errors import Problem
from cmdb.nodes import many, said
from cmdb.releases.asking import Asked, TestResult
from cmdb.releases.record import Kind, Release, Stage

Hurdle = Callable[[Release, Asked], Iterator[Problem]]

READY: Final = frozenset({ChangeStage.APPROVED, ChangeStage.SCHEDULED})
BEGUN: Final = frozenset({ChangeStage.IMPLEMENTING, ChangeStage.IMPLEMENTED, ChangeStage.FAILED})
"""Stages of a change that can be backed out."""

DONE: Final = frozenset({ChangeStage.IMPLEMENTED, ChangeStage.REVIEWED, ChangeStage.CLOSED})
LOST: Final = frozenset({ChangeStage.REJECTED, ChangeStage.CANCELLED, ChangeStage.ARCHIVED})


def has_right(right: Right) -> Hurdle:
    """Some role must give the actor this right."""

    def hurdle(release: Release, asked: Asked) -> Iterator[Problem]:
        if (problem := asked.policy.lacking(asked.actor, right)) is not None:
            yield problem

    return hurdle


def has_authority(right: Right, naming: str) -> Hurdle:
    """The right, and a role among those that the release policy names in this attribute, if it names any."""

    def hurdle(release: Release, asked: Asked) -> Iterator[Problem]:
        yield from has_right(right)(release, asked)
        roles = () if release.policy is None else many(release.policy, naming)
        members = {member for role in asked.policy.roles if role.name in roles for member in role.members}
        if roles and release.policy is not None and asked.actor not in members:
            yield Problem(
                f"{asked.actor} has no role that {release.policy.name} gives authority to",
                release.key,
                remedy=f"it names {', '.join(roles)}",
            )

    return hurdle


def is_in_policy(release: Release, asked: Asked) -> Iterator[Problem]:
    """Where there are release policies, one is for its kind."""
    if release.policies and release.policy is None:
        kinds = sorted({kind for policy in release.policies for kind in many(policy, "release_kinds")})
        yield Problem(
            f"no release policy is for {release.kind.value} ones", release.key, remedy=f"of {', '.join(kinds)}"
        )


def is_grouped(release: Release, asked: Asked) -> Iterator[Problem]:
    """It carries out changes, none of which was given up, and delivers something."""
    if not release.changes:
        yield Problem("bundles no change", release.key, remedy="add what it carries out with --change")
    for change in release.changes:
        if change.stage in LOST:
            yield Problem(f"{change.key} is {change.stage.value}", release.key, remedy="take it out with --without")
    if not release.deliveries and not any(change.touches or change.creates for change in release.changes):
        yield Problem("delivers nothing", release.key, remedy="name what it brings with --deliver")


def is_planned_for_sites(release: Release, asked: Asked) -> Iterator[Problem]:
    """Every site that it goes to has a plan with a day, its steps and a way back; there is one at least."""
    if not release.sites:
        yield Problem("has no plan for any site", release.key, remedy="plan each: cmdb release site")
    for plan in release.sites:
        if plan.site is None or plan.site.retired:
            yield Problem(
                f"the site of {plan.node.key} is gone", release.key, remedy="take the plan out with --without"
            )
        for name, text in (("back-out plan", "back_out_plan"), ("day", "planned_on"), ("step", "work_steps")):
            if not plan.node.attributes.get(text):
                yield Problem(
                    f"the plan for {plan.name} has no {name}",
                    release.key,
                    remedy=f"say it: cmdb release site … {text}=",
                )


def has_checksums(release: Release, asked: Asked) -> Iterator[Problem]:
    """Every artefact whose class has checksums has one."""
    for delivery in release.deliveries:
        name = f"{delivery.item.name} ({delivery.item.key})"
        if delivery.controlled and not delivery.checksum:
            yield Problem(f"{name} has no checksum", release.key, remedy="record it with the artefact, under a change")


def is_intact(release: Release, asked: Asked) -> Iterator[Problem]:
    """Its artefacts and its changes are what was planned."""
    for line in asked.findings.altered:
        yield Problem(line, release.key, remedy="find out who altered it, then plan the release anew")


def says_how_it_was_tested(release: Release, asked: Asked) -> Iterator[Problem]:
    """A result, what proves it, and an environment that is not production."""
    if asked.result is None:
        yield Problem("no result is said", release.key, remedy=f"say {' or '.join(TestResult)}")
    if not asked.comment.strip():
        yield Problem("no proof is given", release.key, remedy="say with --reason what was tested and where it is kept")
    if asked.environment is None:
        yield Problem("no test environment is named", release.key, remedy="name it with --environment REF")
    elif said(asked.environment, "environment") in {"production", "disaster_recovery"}:
        kind = said(asked.environment, "environment").replace("_", " ")
        yield Problem(f"{asked.environment.key} is for {kind}", release.key, remedy="prove it in a test environment")


def is_proved(release: Release, asked: Asked) -> Iterator[Problem]:
    """A major one has passed its test."""
    passed = release.stage is Stage.TESTED and said(release.node, "test_result") == TestResult.PASSED
    if release.kind is Kind.MAJOR and not passed:
        yield Problem("is major, and not proved in a test environment", release.key, remedy="cmdb release test")
    elif said(release.node, "test_result") == TestResult.FAILED:
        yield Problem("did not pass its test", release.key, remedy="correct it and test it again")


def is_not_his(release: Release, asked: Asked) -> Iterator[Problem]:
    """Nobody accepts what he deploys."""
    own = [change.key for change in release.changes if asked.actor in change.implementers]
    if own:
        yield Problem(f"nobody accepts what he deploys; {asked.actor} implements {', '.join(own)}", release.key)


def was_accepted_by_another(release: Release, asked: Asked) -> Iterator[Problem]:
    """Nobody deploys what he accepted."""
    if asked.actor == said(release.node, "accepted_by"):
        yield Problem("nobody deploys what he accepted", release.key, remedy="let somebody else deploy it")


def changes_are_ready(release: Release, asked: Asked) -> Iterator[Problem]:
    """Its changes are approved or scheduled."""
    for change in release.changes:
        if change.stage not in READY:
            yield Problem(
                f"{change.key} is {change.stage.value}, not approved or scheduled",
                release.key,
                remedy=f"see `cmdb change show {change.key}`",
            )


def has_a_footing(release: Release, asked: Asked) -> Iterator[Problem]:
    """There is a baseline to build on: initialisation has ended."""
    if not asked.findings.closed:
        yield Problem(
            "there is no baseline to build on", release.key, remedy="record the first one: cmdb baseline record"
        )


def changes_are_done(release: Release, asked: Asked) -> Iterator[Problem]:
    """All of its changes are implemented, and succeeded."""
    for change in release.changes:
        if not is_done(change):
            how = said(change.node, "outcome") if change.stage in DONE else change.stage.value
            yield Problem(f"{change.key} is {how.replace('_', ' ')}, not implemented", release.key)


def nothing_stands(release: Release, asked: Asked) -> Iterator[Problem]:
    """Whatever of its changes was begun is backed out."""
    for change in release.changes:
        if is_standing(change):
            yield Problem(
                f"{change.key} is {change.stage.value}, not backed out",
                release.key,
                remedy=f"cmdb change back-out {change.key}",
            )


def is_settled(release: Release, asked: Asked) -> Iterator[Problem]:
    """One that failed is backed out, as far as its changes still can be, and why the rest stays is said."""
    if release.stage is not Stage.FAILED:
        return
    for change in release.changes:
        if change.stage in BEGUN:
            yield Problem(f"{change.key} is {change.stage.value}", release.key, remedy="back the release out")
    yield from says_why(release, asked)


def is_done(change: Change) -> bool:
    """Whether a change is in place as it was meant to be."""
    return change.stage in DONE and said(change.node, "outcome") not in {"failed", "backed_out"}


def is_standing(change: Change) -> bool:
    """Whether something of a change is in place, or half of it."""
    if change.stage in {ChangeStage.REVIEWED, ChangeStage.CLOSED}:
        return said(change.node, "outcome") != "backed_out"
    return change.stage in BEGUN


def cause_is_known(release: Release, asked: Asked) -> Iterator[Problem]:
    """Why it failed has been established."""
    if release.reports and not release.problems:
        yield Problem("no problem says why it failed", release.key, remedy="open one, and link it: CAUSED_BY")
    for problem in release.problems:
        if not said(problem, "cause"):
            yield Problem(
                f"the cause is not established in {problem.key}",
                release.key,
                remedy=f"cmdb ci set {problem.key} cause=…",
            )


def says_why(release: Release, asked: Asked) -> Iterator[Problem]:
    """A reason is given."""
    if not asked.comment.strip():
        yield Problem("no reason is given", release.key, remedy="say why with --reason")
