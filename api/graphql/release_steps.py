"""Releases drafted, edited, planned for sites, taken step by step and carried out; what somebody may is control's to say."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Annotated

import strawberry

from api.graphql.failures import Failure, attempted
from api.graphql.operations import AttributeInput, few, patch_of
from api.graphql.reading import Reading
from api.graphql.releases import ReleaseRecord, release_record
from cmdb.application.releasing import (
    Contents,
    Draft,
    Edit,
    Said,
    Taken,
    carry_out,
    draft_release,
    edit_release,
    plan_site,
    take_release_step,
)
from cmdb.errors import Usage
from cmdb.releases import Action, Kind, TestResult, load_release

Info = strawberry.Info[Reading, None]

strawberry.enum(TestResult, name="ReleaseTestResult", description="How the test of a release ended.")


@strawberry.enum(description="The steps of a release, beside editing it and planning its sites.")
class ReleaseAction(Enum):
    """See `cmdb.releases.Action`."""

    PLAN = Action.PLAN.value
    TEST = Action.TEST.value
    ACCEPT = Action.ACCEPT.value
    DEPLOY = Action.DEPLOY.value
    COMPLETE = Action.COMPLETE.value
    FAIL = Action.FAIL.value
    BACK_OUT = Action.BACK_OUT.value
    CLOSE = Action.CLOSE.value
    CANCEL = Action.CANCEL.value


@strawberry.input(
    description="What a release begins with; its name is its unique id. Attributes are those of the class `Release`, as far "
    "as people write them: `description`, `planned_on`, `acceptance_criteria`, …"
)
class ReleaseDraftInput:
    """See `cmdb.application.releasing.Draft`."""

    name: str
    kind: Kind = Kind.MINOR
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    changes: list[str] = strawberry.field(default_factory=list, description="The changes that it carries out.")
    closes: list[str] = strawberry.field(
        default_factory=list, description="Problems, known errors and other records that it closes."
    )
    delivers: list[str] = strawberry.field(
        default_factory=list, description="Software releases and other items that it delivers."
    )


@strawberry.input(
    description="What is altered in a release before it is deployed; what is not given stays. It is planned, tested and "
    "accepted anew."
)
class ReleaseEditInput:
    """See `cmdb.application.releasing.Edit`."""

    kind: Kind | None = None
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    changes: list[str] = strawberry.field(default_factory=list, description="Changes that come in.")
    closes: list[str] = strawberry.field(default_factory=list, description="Records that come in.")
    delivers: list[str] = strawberry.field(default_factory=list, description="Items that come in.")
    without: list[str] = strawberry.field(
        default_factory=list, description="Changes, records, items and site plans that are taken out of it."
    )


@strawberry.input(description="The checksum of an artefact itself, as it was measured: `sha256:…`.")
class MeasuredInput:
    """Held to what was planned for the item."""

    item: str
    checksum: str


@strawberry.type(description="The step is taken, committed and durable.")
class ReleaseTaken:
    """See `cmdb.application.releasing.Taken`."""

    revision: int
    release: ReleaseRecord
    carried_out: list[str] = strawberry.field(description="The keys of the changes that were carried out, in order.")


ReleaseResult = Annotated[ReleaseTaken | Failure, strawberry.union(name="ReleaseResult")]


@strawberry.type
class ReleaseMutations:
    """What can be done with releases. Each change that is carried out goes through the gate like any other."""

    @strawberry.field(description="Draft a release.")
    @staticmethod
    async def draft_release(
        info: Info, input_: Annotated[ReleaseDraftInput, strawberry.argument(name="input")], actor: str
    ) -> ReleaseResult:
        """The actor manages it."""
        return await attempted(_taken(info, _drafted(info.context, input_, actor)))

    @strawberry.field(description="Alter a release.")
    @staticmethod
    async def edit_release(
        info: Info, ref: str, input_: Annotated[ReleaseEditInput, strawberry.argument(name="input")], actor: str
    ) -> ReleaseResult:
        """It is a draft again."""
        return await attempted(_taken(info, _edited(info.context, ref, input_, actor)))

    @strawberry.field(
        description="Say how a release comes to a site, or alter what was said. Attributes are those of the class "
        "`SitePlan`: `planned_on`, `work_steps`, `communication`, `back_out_plan`, …"
    )
    @staticmethod
    async def plan_site(info: Info, ref: str, site: str, attributes: list[AttributeInput], actor: str) -> ReleaseResult:
        """It is a draft again."""
        return await attempted(_taken(info, _planned(info.context, ref, site, attributes, actor)))

    @strawberry.field(
        description="Take a step of a release. `comment` says why, or what proves the `result` of a test, which was made in "
        "an `environment` and `found` known errors. Artefacts that were `measured` must be what was planned."
    )
    @staticmethod
    async def release_step(  # noqa: PLR0913, PLR0917 - what is said with a step, by name for whoever asks
        info: Info,
        ref: str,
        action: ReleaseAction,
        actor: str,
        comment: str = "",
        result: TestResult | None = None,
        environment: str | None = None,
        found: list[str] | None = None,
        measured: list[MeasuredInput] | None = None,
    ) -> ReleaseResult:
        """What stands against it is told, all of it."""

        async def stepped() -> Taken:
            said = Said(comment, result, environment, few(found or []), _checksums(measured or []))
            return await take_release_step(info.context.application, ref, Action(action.value), said, actor=actor)

        return await attempted(_taken(info, stepped()))

    @strawberry.field(
        description="Begin, implement and complete the changes of a release that is being deployed, in its order, as one who "
        "is assigned to them. It stops at the first that is refused, and goes on there when it is asked again."
    )
    @staticmethod
    async def carry_out_release(info: Info, ref: str, actor: str) -> ReleaseResult:
        """Each change is commits of its own."""
        return await attempted(_carried_out(info.context, ref, actor))


async def _taken(info: Info, doing: Awaitable[Taken]) -> ReleaseTaken:
    taken = await doing
    release = release_record(info.context.written(taken.revision), taken.release)
    return ReleaseTaken(revision=taken.revision, release=release, carried_out=[])


async def _drafted(reading: Reading, said: ReleaseDraftInput, actor: str) -> Taken:
    draft = Draft(said.name, said.kind, patch_of(said.attributes, "the input"), _contents(said))
    return await draft_release(reading.application, draft, actor=actor)


async def _edited(reading: Reading, ref: str, said: ReleaseEditInput, actor: str) -> Taken:
    edit = Edit(said.kind, patch_of(said.attributes, "the input"), _contents(said), few(said.without))
    return await edit_release(reading.application, ref, edit, actor=actor)


async def _planned(reading: Reading, ref: str, site: str, attributes: Sequence[AttributeInput], actor: str) -> Taken:
    return await plan_site(reading.application, ref, site, patch_of(attributes, "the site plan"), actor=actor)


async def _carried_out(reading: Reading, ref: str, actor: str) -> ReleaseTaken:
    done = await carry_out(reading.application, ref, actor=actor)
    store = reading.application.store
    release, head = await load_release(store, ref), await store.head()
    shown = release_record(reading.written(head.revision), release)
    return ReleaseTaken(revision=head.revision, release=shown, carried_out=list(done))


def _contents(said: ReleaseDraftInput | ReleaseEditInput) -> Contents:
    return Contents(few(said.changes), few(said.closes), few(said.delivers))


def _checksums(measured: Sequence[MeasuredInput]) -> dict[str, str]:
    """Checksums by reference. Raises Usage for an item that is given twice, and for too many."""
    checksums: dict[str, str] = {}
    for item, one in zip(few([one.item for one in measured]), measured, strict=True):
        if item in checksums:
            raise Usage(f"{item} is measured twice", remedy="give each item once")
        checksums[item] = one.checksum
    return checksums
