"""Changes drafted and edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from cmdb.application.control.modelling import digest_of_model, installable
from cmdb.application.control.stepping import Move, Taken, Wish, assessment_falls, take
from cmdb.application.opening import Application
from cmdb.application.planning import decided
from cmdb.application.questions import live
from cmdb.application.restoring import RestorePlan, restore_plan
from cmdb.changes import Action, Change, Findings, Kind, changes_of
from cmdb.changes.hurdles import AFTERWARDS, KEPT, WINDOW
from cmdb.changes.record import CHANGE, CONCERNS, MADE_FROM, REFERRED_TO, TOUCHES
from cmdb.changes.windows import read_window
from cmdb.changeset import NEW, ChangeSet, Link, New, Operation, Patch, Put, Unlink
from cmdb.errors import Invalid
from cmdb.ledger import Head
from cmdb.nodes import Node
from cmdb.reading.operation_text import WrittenOperation, WrittenUnlink, operation_line, to_change_set, written
from cmdb.writing import Warrant
from graph_schema.metamodel import Kind as ModelKind
from graph_schema.metamodel import Model

_FROM_TEMPLATE: Final = frozenset(
    """category reason benefit fault_during planned_operations back_out_plan test_plan cost_lines currency
    implementers""".split()
)
"""What a standard change takes from its template."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a change begins with. References name what it touches and concerns, its board and its template.

    `window` is begin and end in local time, and the time zone (see `cmdb.changes.windows`). A standard change takes from
    its template what is not said here.
    """

    name: str
    kind: Kind = Kind.NORMAL
    attributes: Patch = field(default_factory=Patch)
    touches: Sequence[str] = ()
    operations: Sequence[WrittenOperation] = ()
    board: str | None = None
    template: str | None = None
    window: tuple[str, str, str] | None = None
    model: Model | None = None
    concerns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What is altered in a change; None leaves it as it is."""

    name: str | None = None
    attributes: Patch = field(default_factory=Patch)
    touch: Sequence[str] = ()
    untouch: Sequence[str] = ()
    operations: Sequence[WrittenOperation] | None = None
    board: str | None = None
    window: tuple[str, str, str] | None = None
    concerns: Sequence[str] = ()


async def draft_change(application: Application, draft: Draft, *, actor: str) -> Taken:
    """Draft a change. Raises NotFound and Usage for references, Invalid with every problem, also of planned operations."""
    store = application.store
    touched = await live(application, draft.touches, None) if draft.touches else []
    attributes: Patch = {"change_kind": draft.kind.value, "requester": actor}
    links: list[Operation] = []
    if draft.template is not None:
        [template] = await live(application, [draft.template], None)
        attributes |= {name: value for name, value in template.attributes.items() if name in _FROM_TEMPLATE}
        links.append(Link(type=MADE_FROM, source=New("it"), target=template.ordinal))
    if draft.board is not None:
        [board] = await live(application, [draft.board], None)
        links.append(Link(type=REFERRED_TO, source=New("it"), target=board.ordinal))
    _check_free(draft.attributes)
    attributes |= draft.attributes | _window(application, draft.window)
    if draft.model is not None:
        attributes["planned_model"] = digest_of_model(await installable(application, draft.model))
    if draft.operations:
        attributes["planned_operations"] = await _lines(application, draft.operations)
    links += [Link(type=TOUCHES, source=New("it"), target=node.ordinal) for node in touched]
    links += [Link(type=CONCERNS, source=New("it"), target=n.ordinal) for n in await _live(application, draft.concerns)]
    put = Put(node=New("it"), class_name=CHANGE, name=draft.name, attributes=attributes, expects=NEW)
    written = await application.door.write(
        ChangeSet((put, *links)), actor=actor, authority=Warrant("control:draft"), reason="drafted"
    )
    [node] = await store.nodes([written.created["it"]])
    return Taken((await changes_of(store, [node]))[0], written.head.revision, Findings())


async def edit_change(application: Application, reference: str, edit: Edit, *, actor: str) -> Taken:
    """Alter a change; an approval that rests on what it was falls. Raises as `draft_change`, and Refused."""
    patch = edit.attributes | _window(application, edit.window)
    if edit.operations is not None:
        patch["planned_operations"] = await _lines(application, edit.operations) or None
    links = [Link(type=TOUCHES, source=New(""), target=n.ordinal) for n in await _live(application, edit.touch)]
    links += [Link(type=CONCERNS, source=New(""), target=n.ordinal) for n in await _live(application, edit.concerns)]
    ends = [Unlink(type=TOUCHES, source=New(""), target=n.ordinal) for n in await _live(application, edit.untouch)]
    boards = await _live(application, [edit.board] if edit.board else [])

    async def move(change: Change, head: Head) -> Move:
        del head
        me = change.node.ordinal
        old = [Unlink(type=REFERRED_TO, source=me, target=b.node.ordinal) for b in (change.board,) if boards and b]
        new = [Link(type=REFERRED_TO, source=me, target=board.ordinal) for board in boards]
        own = [_at(operation, me) for operation in (*links, *ends)]
        put = [Put(node=me, name=edit.name, attributes=patch)] if patch or edit.name else []
        falls = () if change.stage in AFTERWARDS else assessment_falls(change)
        return Move((*old, *new, *own, *put, *falls))

    _check_free(edit.attributes)
    edits: set[str] = set(patch)
    if links or ends:
        edits.add("touches")
    return await take(application, reference, Wish(Action.EDIT, actor, edits=frozenset(edits)), move)


async def draft_restore(
    application: Application, baseline: str, *, actor: str, where: str | None = None, replace_retired: bool = False
) -> tuple[Taken | None, RestorePlan]:
    """Draft a change that leads back to a baseline (see `restore_plan`); none where there is nothing to lead back."""
    plan = await restore_plan(application, baseline, where, replace_retired=replace_retired)
    if not len(plan.operations):
        return None, plan
    touched = await application.store.nodes(plan.touches) if plan.touches else []
    items = (await application.model()).class_by_name
    draft = Draft(
        name=f"Back to {plan.before.label}",
        attributes={"reason": f"{plan.before.label} is to stand again, as of revision {plan.before.revision}"},
        touches=[node.id for node in touched if items[node.class_name].kind is ModelKind.CI],
        operations=[_whatever_version(operation) for operation in await written(application.store, plan.operations)],
    )
    return await draft_change(application, draft, actor=actor), plan


def _whatever_version(operation: WrittenOperation) -> WrittenOperation:
    """An operation for later: beginning a change makes a new version of what it touches."""
    return operation if isinstance(operation, WrittenUnlink) else structs.replace(operation, expects=None)


def _window(application: Application, window: tuple[str, str, str] | None) -> Patch:
    """The window's attributes. Raises Invalid for one that is none, or past."""
    if window is None:
        return {}
    start, end, zone = window
    found = read_window(start, end, zone, now=application.clock())
    return {"window_start": found.start, "window_end": found.end, "time_zone": found.zone}


def _check_free(attributes: Patch) -> None:
    """Raises Invalid for attributes that only control writes."""
    if kept := sorted(attributes.keys() & (KEPT | WINDOW)):
        raise Invalid(
            f"{', '.join(kept)}: not set as attributes",
            remedy="the window is given as such, the rest follows from steps",
        )


async def _lines(application: Application, operations: Sequence[WrittenOperation]) -> tuple[str, ...]:
    """Planned operations as the record keeps them, checked against the model and the graph as they stand."""
    if operations:
        await decided(application, await to_change_set(application.store, operations))
    return tuple(operation_line(operation) for operation in operations)


async def _live(application: Application, references: Sequence[str]) -> list[Node]:
    return await live(application, references, None) if references else []


def _at(operation: Link | Unlink, source: int) -> Operation:
    kind, target = operation.type, operation.target
    return (
        Link(type=kind, source=source, target=target)
        if isinstance(operation, Link)
        else Unlink(type=kind, source=source, target=target)
    )
