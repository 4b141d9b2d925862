"""A new model put in force, under a change that plans exactly this one."""

from __future__ import annotations

from hashlib import sha256

from cmdb.application.opening import Application
from cmdb.errors import Invalid, Problem
from cmdb.ledger import Head
from graph_schema.compare import compare
from graph_schema.document import model_document
from graph_schema.metamodel import Model


async def apply_model(
    application: Application, model: Model, *, actor: str, change: str | None, reason: str = ""
) -> Head:
    """Put a model in force. Raises Invalid for one that breaks what is there, Refused without a change that plans it."""
    wanted = await installable(application, model)
    authority = await application.authority(change)
    return await application.door.install(wanted, actor=actor, authority=authority, reason=reason)


async def installable(application: Application, model: Model) -> Model:
    """The model, if it only adds to the one in force. Raises Invalid naming everything that it would break."""
    breaking = compare(await application.model(), model).breaking
    if breaking:
        raise Invalid(
            f"the model breaks {len(breaking)} things that are there",
            remedy="add beside what is there, move the data by a change, and leave the old in place",
            problems=tuple(Problem(f"{found.what}: {found.reason}", found.subject) for found in breaking),
        )
    return model


def digest_of_model(model: Model) -> str:
    """SHA-256 of the model's canonical document; 64 hexadecimal digits."""
    return sha256(model_document(model)).hexdigest()
