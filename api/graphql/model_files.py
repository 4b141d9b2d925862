"""A model as GraphQL takes it: its files as text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import strawberry

from cmdb.application.control.modelling import read_model_texts
from graph_schema.metamodel import Model


@strawberry.input(description="A file of a model: its name, such as `network.yaml`, and the YAML in it.")
class ModelFileInput:
    """See `graph_schema.reader`."""

    name: str
    text: str


async def model_in(files: Sequence[ModelFileInput]) -> Model:
    """The model that these files make up. Raises as `read_model_texts`."""
    return await asyncio.to_thread(read_model_texts, [(file.name, file.text) for file in files])
