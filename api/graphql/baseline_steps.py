"""Baselines recorded, and the way back to one drafted."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.graphql.baselines import ComparedSide, side_of
from api.graphql.changes import ChangeRecord, record_of
from api.graphql.failures import Failure, attempted
from api.graphql.nodes import Node
from api.graphql.reading import Reading, Shown
from cmdb.application.baselines import Recording, record_baseline
from cmdb.application.control import draft_restore
from cmdb.baselines import one_scope

Info = strawberry.Info[Reading, None]


@strawberry.input(description="What a baseline is to seal: exactly one of these.")
class ScopeInput:
    """See `cmdb.baselines.Scope`."""

    everything: bool = False
    where: str | None = None
    service: str | None = None
    release: str | None = strawberry.field(
        default=None, description="What a release delivers, and its changes touch or make."
    )


@strawberry.type(description="The baseline is recorded, and durable.")
class RecordedBaseline:
    """Its record."""

    revision: int = strawberry.field(description="The revision that it seals.")
    node: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="Something that cannot be led back: why, and what can be done in its place.")
class ImpossibleRestore:
    """See `cmdb.baselines.restoring.Impossible`."""

    subject: str
    reason: str
    instead: str


@strawberry.type(description="The way back to a baseline is planned.")
class DraftedRestore:
    """See `cmdb.application.restoring.RestorePlan`."""

    revision: int = strawberry.field(description="The newest revision.")
    back_to: ComparedSide
    change: ChangeRecord | None = strawberry.field(
        description="The change that leads back; null where there is nothing to lead back."
    )
    impossible: list[ImpossibleRestore]


RecordResult = Annotated[RecordedBaseline | Failure, strawberry.union(name="RecordResult")]
RestoreResult = Annotated[DraftedRestore | Failure, strawberry.union(name="RestoreResult")]


@strawberry.type
class BaselineMutations:
    """What can be done with baselines."""

    @strawberry.field(description="Seal the configuration as it stands, or stood: a reference with a root, no copy.")
    @staticmethod
    async def record_baseline(
        info: Info,
        name: str,
        purpose: str,
        scope: ScopeInput,
        actor: str,
        reason: str = "",
        as_of: str | None = None,
        supersedes: str | None = None,
    ) -> RecordResult:
        """Nothing but its record is written."""

        async def recorded() -> RecordedBaseline:
            chosen = one_scope(every=scope.everything, where=scope.where, service=scope.service, release=scope.release)
            wanted = Recording(name, purpose, chosen, as_of, supersedes)
            made = await record_baseline(info.context.application, wanted, actor=actor, reason=reason)
            node = info.context.written(made.node.since).show(made.node)
            return RecordedBaseline(revision=made.seal.revision, node=node)

        return await attempted(recorded())

    @strawberry.field(
        description="Draft the change that leads back to a baseline, or to the part of it that `where` accepts, then or now. "
        "With `replaceRetired` a node that was retired since gets a new one in its place."
    )
    @staticmethod
    async def draft_restore(
        info: Info, baseline: str, actor: str, where: str | None = None, replace_retired: bool = False
    ) -> RestoreResult:
        """Nothing but the draft is written."""
        return await attempted(_restored(info.context, baseline, actor, where, replace_retired=replace_retired))


async def _restored(
    reading: Reading, baseline: str, actor: str, where: str | None, *, replace_retired: bool
) -> DraftedRestore:
    application = reading.application
    taken, plan = await draft_restore(application, baseline, actor=actor, where=where, replace_retired=replace_retired)
    revision = plan.revision if taken is None else taken.revision
    view = reading.written(revision)
    return DraftedRestore(
        revision=revision,
        back_to=side_of(plan.before),
        change=None if taken is None else record_of(view, taken.change),
        impossible=[
            ImpossibleRestore(subject=one.subject, reason=one.reason, instead=one.instead) for one in plan.impossible
        ],
    )
