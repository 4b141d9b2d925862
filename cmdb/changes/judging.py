"""What the gate thinks of a commit. Pure.

A relationship belongs to the node that it leads from: one from a CI alters that CI, one from a record is the record's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cmdb.access import Policy, Right
from cmdb.changes.hurdles import outside_window, unassigned
from cmdb.changes.record import BOARD, CALENDAR, CERTIFICATE, CHANGE, TEMPLATE, VOTE, Change, Stage
from cmdb.changeset import (
    Effect,
    EstateFounded,
    Linked,
    ModelInstalled,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Relinked,
    Unlinked,
)
from cmdb.errors import Problem
from cmdb.nodes import said
from cmdb.writing import INITIALISATION, RECORDS, Warrant, WriteRequest
from graph_schema.metamodel import Kind, Model
from graph_schema.values import instant

GOVERNED: Final[Mapping[str, Right | None]] = {
    CHANGE: None,
    CERTIFICATE: None,
    VOTE: None,
    "Refusal": None,
    "Baseline": None,
    "Release": None,
    "SitePlan": None,
    "ReleasePolicy": Right.MANAGE_RELEASES,
    "ReleaseReport": Right.MANAGE_RELEASES,
    TEMPLATE: Right.APPROVE_TEMPLATES,
    CALENDAR: Right.EDIT_CALENDARS,
    BOARD: Right.EDIT_ACCESS,
    "Role": Right.EDIT_ACCESS,
}
"""Records on which decisions rest, and the right to write them; None: control alone writes them, step by step."""

CHANGE_AUTHORITY: Final = "change:"
"""What an authority begins with that names a change."""


@dataclass(frozen=True, slots=True)
class Case:
    """A commit before the gate.

    `classes` has the class of every node that an effect is about. `closed` says that initialisation has ended, `change`
    is the one that the authority names, if it names one that is there.
    """

    actor: str
    authority: str
    warrant: Warrant | None
    effects: tuple[Effect, ...]
    classes: Mapping[int, str]
    model: Model
    closed: bool
    policy: Policy
    change: Change | None
    now: datetime


def objections(case: Case) -> list[Problem]:
    """Everything that stands against a commit; nothing if it may be made. O(effects)."""
    if not case.actor.strip():
        return [Problem("nobody is named as the actor", remedy="say who writes with --as NAME")]
    found = _sorted(case)
    return [*_about_records(case, found), *_about_items(case, found)]


def model_digest(effects: Iterable[Effect]) -> str:
    """SHA-256 of the model that is installed by one of the effects; empty where none is."""
    document = next((effect.document for effect in effects if isinstance(effect, ModelInstalled)), None)
    return "" if document is None else sha256(document.encode()).hexdigest()


def is_plain(request: WriteRequest, model: Model) -> bool:
    """Whether no effect can be about a governed record: what an import is full of. O(effects), quick."""
    governed = GOVERNED.keys() & model.class_by_name.keys()
    if not governed:
        return True
    kinds = set(map(type, request.effects))
    if not kinds <= {NodeCreated, Linked}:
        return False
    created = {effect.class_name for effect in request.effects if isinstance(effect, NodeCreated)}
    linked = {effect.type for effect in request.effects if isinstance(effect, Linked)}
    sources = {
        name for kind in linked for ends in model.type_by_name[kind].ends for name in model.descendants[ends.source]
    }
    return not governed & (created | sources)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What the effects are about: CIs (the ends of what is done, and what that is), new CIs, records, the model."""

    items: tuple[tuple[frozenset[int], str], ...]
    created: tuple[NodeCreated, ...]
    governed: frozenset[str]
    records: bool
    model: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    """Whom an effect is about, who else takes part, and what it is called."""

    ordinal: int
    others: frozenset[int]
    what: str
    created: NodeCreated | None = None


def _sorted(case: Case) -> _Sorted:
    own = {effect.ordinal: effect.class_name for effect in case.effects if isinstance(effect, NodeCreated)}
    retired = {effect.ordinal for effect in case.effects if isinstance(effect, NodeRetired)}
    items = frozenset(c.name for c in case.model.classes if c.kind is Kind.CI)

    def class_of(ordinal: int) -> str:
        return own.get(ordinal) or case.classes[ordinal]

    def ends_with_its_end(effect: Effect) -> bool:
        """A relationship between a CI and a record ends with whichever of them is retired, and is no matter of its own."""
        if not isinstance(effect, Unlinked) or not {effect.source, effect.target} & retired:
            return False
        return (class_of(effect.source) in items) is not (class_of(effect.target) in items)

    subjects = [s for e in case.effects if not ends_with_its_end(e) and (s := _subject(e)) is not None]
    of_items = [subject for subject in subjects if class_of(subject.ordinal) in items]
    of_records = {class_of(subject.ordinal) for subject in subjects} - items
    return _Sorted(
        items=tuple((s.others | {s.ordinal}, f"{class_of(s.ordinal)} {s.what}") for s in of_items if s.created is None),
        created=tuple(s.created for s in of_items if s.created is not None),
        governed=frozenset(of_records & GOVERNED.keys()),
        records=bool(of_records - GOVERNED.keys()),
        model=any(isinstance(effect, ModelInstalled) for effect in case.effects),
    )


def _subject(effect: Effect) -> _Subject | None:
    match effect:
        case NodeCreated():
            return _Subject(effect.ordinal, frozenset(), "created", effect)
        case NodeChanged():
            return _Subject(effect.ordinal, frozenset(), "changed")
        case NodeRetired():
            return _Subject(effect.ordinal, frozenset(), "retired")
        case Linked() | Relinked() | Unlinked():
            return _Subject(effect.source, frozenset({effect.target}), effect.type)
        case ModelInstalled() | EstateFounded():
            return None


def _about_records(case: Case, found: _Sorted) -> Iterator[Problem]:
    if case.warrant is not None:
        return
    for name in sorted(found.governed):
        right = GOVERNED[name]
        if right is None:
            yield Problem(
                "is kept by control, and changed step by step",
                name,
                remedy="use `cmdb change`, `cmdb release` or `cmdb baseline`",
            )
        elif (problem := case.policy.lacking(case.actor, right, name)) is not None:
            yield problem
    lacking = case.policy.lacking(case.actor, Right.WRITE_RECORDS, "records")
    if found.records and case.closed and lacking is not None:
        yield lacking


def _about_items(case: Case, found: _Sorted) -> Iterator[Problem]:
    if not (found.items or found.created or found.model):
        return
    if case.warrant is not None:
        scope = case.warrant.scope | {effect.ordinal for effect in found.created}
        outside = any(not ordinals & scope for ordinals, _ in found.items)
        if outside or (found.created and not case.warrant.creates) or found.model:
            yield Problem("the step is about other CIs than it was judged for", case.authority)
        return
    if case.authority == INITIALISATION:
        if case.closed:
            yield Problem(
                "initialisation ended with the first baseline",
                case.authority,
                remedy="draft a change, have it approved, and name it: --change KEY",
            )
        return
    if not case.authority.startswith(CHANGE_AUTHORITY):
        what = "" if case.authority in {"", RECORDS} else f"{case.authority!r} is no authority: "
        yield Problem(
            f"{what}no CI is altered without an approved change",
            remedy="name an approved change: --change KEY",
        )
        return
    yield from _under_change(case, found)


def _under_change(case: Case, found: _Sorted) -> Iterator[Problem]:
    change = case.change
    if change is None:
        yield Problem("there is no such change", case.authority, remedy="see `cmdb ci list Change`")
        return
    if change.stage is not Stage.IMPLEMENTING:
        yield Problem(f"is {change.stage.value}, not being implemented", change.key, remedy="see `cmdb change show`")
    yield from outside_window(change, instant(case.now))
    yield from unassigned(change, case.actor)
    if found.model and model_digest(case.effects) != said(change.node, "planned_model"):
        yield Problem("is not to install this model", change.key, remedy="draft it with --model FOLDER")
    yield from _in_scope(change, found)


def _in_scope(change: Change, found: _Sorted) -> Iterator[Problem]:
    planned = change.creates
    scope = change.touches | {effect.ordinal for effect in found.created if (effect.class_name, effect.name) in planned}
    for effect in found.created:
        if (effect.class_name, effect.name) not in planned:
            yield Problem(
                "it does not plan to create this", f"{effect.class_name}:{effect.name}", change.key, "plan it first"
            )
    for ordinals, what in found.items:
        if not ordinals & scope:
            yield Problem(
                f"{what} is not in its scope", change.key, remedy="let the change touch it, and be approved so"
            )
