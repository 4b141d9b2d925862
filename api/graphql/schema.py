"""The GraphQL schema of a model: what can be asked and written, with a type for every class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graphql.classes import ModelTypes, model_types
from api.graphql.mutation import Mutation
from api.graphql.nodes import Node, read_field
from api.graphql.plain import PlainExecutor
from api.graphql.preparing import REMEMBERED, Prepared
from api.graphql.query import Query
from api.graphql.scalars import SCALARS
from graph_schema.metamodel import Model


@dataclass(frozen=True, slots=True)
class Served:
    """A model and the schema that serves it."""

    model: Model
    schema: strawberry.Schema
    types: ModelTypes


def serve_model(model: Model) -> Served:
    """The schema of a model, with what a request must know of it. O(classes · attributes): a second for 150 classes."""
    types = model_types(model, _reserved())
    return Served(model, _schema(types.types), types)


def build_schema(model: Model) -> strawberry.Schema:
    """The schema of a model. Nothing is shared between the schemas of two models."""
    return serve_model(model).schema


@cache
def _reserved() -> frozenset[str]:
    """The names that the fixed part of every schema takes."""
    return frozenset(_schema((Node,)).schema_converter.type_map)


class _Schema(strawberry.Schema):
    """Strawberry's, without its log: what goes wrong is told and logged where a request is answered."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing."""


def _schema(types: tuple[type, ...]) -> strawberry.Schema:
    return _Schema(
        query=Query,
        mutation=Mutation,
        types=types,
        config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS),
        extensions=[Prepared, lambda: ValidationCache(maxsize=REMEMBERED)],
        execution_context_class=PlainExecutor,
    )
