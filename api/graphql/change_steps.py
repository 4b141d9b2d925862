"""Changes drafted, edited, taken step by step, and carried out; who asks is named, what he may is control's to say."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Annotated

import strawberry

from api.graphql.changes import ChangeRecord, record_of
from api.graphql.failures import Failure, attempted
from api.graphql.model_files import ModelFileInput, model_in
from api.graphql.operations import AttributeInput, OperationInput, few, patch_of, taken_operations
from api.graphql.reading import Reading
from cmdb.application.control import Draft, Edit, Taken, Wish, draft_change, edit_change, implement, take_step
from cmdb.changes import Action, Change, Findings, Kind, load_change
from cmdb.errors import Usage

Info = strawberry.Info[Reading, None]


@strawberry.enum(description="The steps of a change, beside editing it.")
class ChangeAction(Enum):
    """See `cmdb.changes.Action`."""

    SUBMIT = Action.SUBMIT.value
    ASSESS = Action.ASSESS.value
    VOTE = Action.VOTE.value
    APPROVE = Action.APPROVE.value
    REJECT = Action.REJECT.value
    SCHEDULE = Action.SCHEDULE.value
    BEGIN = Action.BEGIN.value
    COMPLETE = Action.COMPLETE.value
    FAIL = Action.FAIL.value
    BACK_OUT = Action.BACK_OUT.value
    REVIEW = Action.REVIEW.value
    CLOSE = Action.CLOSE.value
    CANCEL = Action.CANCEL.value


@strawberry.input(description="When a change is to be made, in local time: `2026-03-02T22:00`.")
class WindowInput:
    """See `cmdb.changes.windows`."""

    start: str = strawberry.field(name="from")
    end: str = strawberry.field(name="until")
    zone: str = "UTC"


@strawberry.input(
    description="What a change begins with. Attributes are those of the class `Change`, as far as people write them: "
    "`reason`, `benefit`, `back_out_plan`, `test_plan`, `implementers`, `cost_lines`, …"
)
class ChangeDraftInput:
    """See `cmdb.application.control.Draft`."""

    name: str
    kind: Kind = Kind.NORMAL
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    touches: list[str] = strawberry.field(default_factory=list, description="The CIs that it works on.")
    concerns: list[str] = strawberry.field(
        default_factory=list, description="Incidents, problems and other records that it answers."
    )
    operations: list[OperationInput] = strawberry.field(
        default_factory=list, description="What it plans to do; checked against the graph as it stands."
    )
    board: str | None = strawberry.field(default=None, description="The advisory board of a major change.")
    template: str | None = strawberry.field(default=None, description="The approved template of a standard change.")
    window: WindowInput | None = None
    model: list[ModelFileInput] | None = strawberry.field(
        default=None, description="All files of the model that it is to put in force; it may add to what is there."
    )


@strawberry.input(
    description="What is altered in a change; what is not given stays. An approval that rests on it falls."
)
class ChangeEditInput:
    """See `cmdb.application.control.Edit`."""

    name: str | None = None
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    touch: list[str] = strawberry.field(default_factory=list)
    untouch: list[str] = strawberry.field(default_factory=list)
    concerns: list[str] = strawberry.field(default_factory=list, description="Records that come in.")
    operations: list[OperationInput] | None = strawberry.field(
        default=None, description="In the place of all that was planned; an empty list plans nothing."
    )
    board: str | None = None
    window: WindowInput | None = None


@strawberry.type(description="The step is taken, committed and durable.")
class ChangeTaken:
    """See `cmdb.application.control.Taken`."""

    revision: int
    change: ChangeRecord
    collisions: list[str] = strawberry.field(description="What was found in its way on this step.")
    differences: list[str] = strawberry.field(description="How what was done departs from what was planned.")


ChangeResult = Annotated[ChangeTaken | Failure, strawberry.union(name="ChangeResult")]


@strawberry.type
class ChangeMutations:
    """What can be done with changes. Nothing here carries an authority of its own: the gate has its say on each."""

    @strawberry.field(description="Draft a change.")
    @staticmethod
    async def draft_change(
        info: Info, input_: Annotated[ChangeDraftInput, strawberry.argument(name="input")], actor: str
    ) -> ChangeResult:
        """The actor is its requester."""
        return await attempted(_taken(info, _drafted(info.context, input_, actor)))

    @strawberry.field(description="Alter a change.")
    @staticmethod
    async def edit_change(
        info: Info, ref: str, input_: Annotated[ChangeEditInput, strawberry.argument(name="input")], actor: str
    ) -> ChangeResult:
        """By its requester, and by those who assess changes."""
        return await attempted(_taken(info, _edited(info.context, ref, input_, actor)))

    @strawberry.field(
        description="Take a step of a change. `comment` says why; `override` why it is scheduled although it collides; "
        "`outcome` is the vote (`in_favour`, `against`, `abstained`) or what a review found; `followUps` are records "
        "that follow from it."
    )
    @staticmethod
    async def change_step(
        info: Info,
        ref: str,
        action: ChangeAction,
        actor: str,
        comment: str = "",
        override: str = "",
        outcome: str = "",
        follow_ups: list[str] | None = None,
    ) -> ChangeResult:
        """What stands against it is told, all of it."""

        async def stepped() -> Taken:
            if follow_ups and action is not ChangeAction.REVIEW:
                raise Usage("only a review has followUps", remedy="leave them out")
            follows = tuple(few(follow_ups or []))
            wish = Wish(Action(action.value), actor, comment, override, outcome, follow_ups=follows)
            return await take_step(info.context.application, ref, wish)

        return await attempted(_taken(info, stepped()))

    @strawberry.field(description="Carry out operations under a change, its planned ones where none are given.")
    @staticmethod
    async def implement_change(
        info: Info, ref: str, actor: str, operations: list[OperationInput] | None = None
    ) -> ChangeResult:
        """All of them or none, as far as the gate lets them through."""
        return await attempted(_taken(info, _implemented(info.context, ref, actor, operations)))


async def _taken(info: Info, doing: Awaitable[Taken]) -> ChangeTaken:
    taken = await doing
    return ChangeTaken(
        revision=taken.revision,
        change=record_of(info.context.written(taken.revision), taken.change),
        collisions=list(taken.findings.collisions),
        differences=list(taken.findings.differences),
    )


async def _drafted(reading: Reading, said: ChangeDraftInput, actor: str) -> Taken:
    draft = Draft(
        name=said.name,
        kind=said.kind,
        attributes=patch_of(said.attributes, "the input"),
        touches=few(said.touches),
        concerns=few(said.concerns),
        operations=taken_operations(said.operations),
        board=said.board,
        template=said.template,
        window=_window(said.window),
        model=None if said.model is None else await model_in(said.model),
    )
    return await draft_change(reading.application, draft, actor=actor)


async def _edited(reading: Reading, ref: str, said: ChangeEditInput, actor: str) -> Taken:
    edit = Edit(
        name=said.name,
        attributes=patch_of(said.attributes, "the input"),
        touch=few(said.touch),
        untouch=few(said.untouch),
        concerns=few(said.concerns),
        operations=None if said.operations is None else taken_operations(said.operations),
        board=said.board,
        window=_window(said.window),
    )
    return await edit_change(reading.application, ref, edit, actor=actor)


async def _implemented(reading: Reading, ref: str, actor: str, operations: Sequence[OperationInput] | None) -> Taken:
    wanted = None if operations is None else taken_operations(operations)
    revision = await implement(reading.application, ref, actor=actor, operations=wanted)
    change: Change = await load_change(reading.application.store, ref)
    return Taken(change, revision, Findings())


def _window(said: WindowInput | None) -> tuple[str, str, str] | None:
    return said and (said.start, said.end, said.zone)
