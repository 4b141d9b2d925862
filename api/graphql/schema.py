"""The GraphQL schema of a model: what can be asked and written, with a type for every class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from api.graphql.classes import ModelTypes, model_types
from api.graphql.mutation import Mutation
from api.graphql.nodes import Node, read_field
from api.graphql.preparing import Documents
from api.graphql.query import Query
from api.graphql.scalars import SCALARS
from graph_schema.metamodel import Model


@dataclass(frozen=True, slots=True)
class Served:
    """A model and the schema that serves it, as graphql-core executes it, with the documents that were asked of it last."""

    model: Model
    schema: GraphQLSchema
    types: ModelTypes
    documents: Documents


def serve_model(model: Model) -> Served:
    """The schema of a model, with what a request must know of it. O(classes · attributes): a second for 150 classes."""
    types = model_types(model, _reserved())
    schema = _schema(types.types).core
    return Served(model, schema, types, Documents(schema))


def build_schema(model: Model) -> strawberry.Schema:
    """The schema of a model. Nothing is shared between the schemas of two models."""
    return _schema(model_types(model, _reserved()).types)


@cache
def _reserved() -> frozenset[str]:
    """The names that the fixed part of every schema takes."""
    return frozenset(_schema((Node,)).schema_converter.type_map)


class _Schema(strawberry.Schema):
    @property
    def core(self) -> GraphQLSchema:
        """What Strawberry made, for graphql-core."""
        return self._schema


class _Names(NameConverter):
    """Remembers what the names of the code are in GraphQL: Strawberry asks for those of arguments at every call."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, str] = {}

    def apply_naming_config(self, name: str) -> str:
        """See Strawberry."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = super().apply_naming_config(name)
        return known


def _schema(types: tuple[type, ...]) -> _Schema:
    return _Schema(
        query=Query,
        mutation=Mutation,
        types=types,
        config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS, name_converter=_Names()),
    )
