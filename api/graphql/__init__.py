"""GraphQL over an application: a schema made from the model, and the way a request is answered."""

from api.graphql.answering import Answer, Answering, Question
from api.graphql.schema import build_schema

__all__ = ["Answer", "Answering", "Question", "build_schema"]
