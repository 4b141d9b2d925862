"""GraphQL over an application: a schema made from the model, and the way a request is answered."""

from api.graphql.answering import Answer, Answering, Kind, Question
from api.graphql.schema import build_schema

__all__ = ["Answer", "Answering", "Kind", "Question", "build_schema"]
