"""A model put in force."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.graphql.failures import Failure, attempted
from api.graphql.model_files import ModelFileInput, model_in
from api.graphql.reading import Reading
from cmdb.application.control import apply_model

Info = strawberry.Info[Reading, None]


@strawberry.type(description="The model is in force from this revision on; the schema of the next request follows it.")
class AppliedModel:
    """See `cmdb.application.control.apply_model`."""

    revision: int
    version: str = strawberry.field(description="The version that the model gives itself.")


ModelResult = Annotated[AppliedModel | Failure, strawberry.union(name="ModelResult")]


@strawberry.type
class ModelMutations:
    """What can be done with the model."""

    @strawberry.field(
        description="Put a model in force that adds to the present one: all its files, as the change that is named plans it; "
        "while a CMDB is being filled, none is needed."
    )
    @staticmethod
    async def apply_model(
        info: Info, files: list[ModelFileInput], actor: str, reason: str = "", change: str | None = None
    ) -> ModelResult:
        """Through the gate."""

        async def applied() -> AppliedModel:
            model = await model_in(files)
            head = await apply_model(info.context.application, model, actor=actor, change=change, reason=reason)
            info.context.written(head.revision)
            return AppliedModel(revision=head.revision, version=model.version)

        return await attempted(applied())
