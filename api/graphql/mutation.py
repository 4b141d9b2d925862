"""What can be written: operations on references and handles, all of them or none, through the one door."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.graphql.baseline_steps import BaselineMutations
from api.graphql.change_steps import ChangeMutations
from api.graphql.failures import Failure, attempted
from api.graphql.model_steps import ModelMutations
from api.graphql.nodes import Node
from api.graphql.operations import OperationInput, taken_operations
from api.graphql.reading import Reading, Shown
from api.graphql.release_steps import ReleaseMutations
from cmdb.reading import to_change_set

Info = strawberry.Info[Reading, None]


@strawberry.type(description="A node that was created, and the handle it was asked for by.")
class Created:
    """One new node."""

    handle: str
    node: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="The write is committed, and durable.")
class Written:
    """See `cmdb.writing.Written`."""

    revision: int = strawberry.field(description="The newest revision; the write's own, unless it changed nothing.")
    effects: int = strawberry.field(description="What really changed; 0 made no commit.")
    created: list[Created]


WriteResult = Annotated[Written | Failure, strawberry.union(name="WriteResult")]


@strawberry.type
class Mutation(ChangeMutations, ReleaseMutations, BaselineMutations, ModelMutations):
    """The one door."""

    @strawberry.field(description="Apply operations in their order, all of them or none.")
    @staticmethod
    async def write(
        info: Info, operations: list[OperationInput], actor: str, reason: str = "", change: str | None = None
    ) -> WriteResult:
        """Under the change that is named; while a CMDB is being filled, and for records, none is needed."""
        return await attempted(_write(info.context, operations, actor, reason, change))


async def _write(
    reading: Reading, operations: list[OperationInput], actor: str, reason: str, change: str | None
) -> Written:
    change_set = await to_change_set(reading.application.store, taken_operations(operations))
    application = reading.application
    authority = await application.authority(change)
    written = await application.door.write(change_set, actor=actor, authority=authority, reason=reason)
    view = reading.written(written.head.revision)
    created = await view.nodes(list(written.created.values()))
    return Written(
        revision=written.head.revision,
        effects=written.effects,
        created=[
            Created(handle=f"@{handle}", node=node) for handle, node in zip(written.created, created, strict=True)
        ],
    )
