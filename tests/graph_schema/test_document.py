"""A model as a document: nothing is lost, equal models are equal bytes, and a damaged one is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.document import model_digest, model_document, model_from_document
from graph_schema.errors import ModelError
from graph_schema.metamodel import Model
from graph_schema.reader import shipped_model
from tests.graph_schema.models import altered, models

FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@FEW
@given(models)
def test_a_document_gives_the_same_model_back(model: Model) -> None:
    document = model_document(model)
    again = model_from_document(document)
    assert again == model
    assert model_document(again) == document
    assert (
        json.dumps(json.loads(document), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == document
    )


def test_the_shipped_model_survives_its_document() -> None:
    assert model_from_document(model_document(shipped_model())) == shipped_model()


@FEW
@given(models, st.sampled_from(["1.0.0", "2.0.0"]))
def test_digests_are_equal_for_equal_models_only(model: Model, version: str) -> None:
    other = altered(model, version=version)
    assert (model_digest(model) == model_digest(other)) == (model == other)


@given(st.binary(max_size=40))
def test_bytes_that_no_model_gives_are_refused(document: bytes) -> None:
    with pytest.raises(ModelError):
        model_from_document(document)


@FEW
@given(st.data())
def test_a_damaged_document_is_refused_or_told_apart(data: st.DataObject) -> None:
    model = data.draw(models)
    document = model_document(model)
    start = data.draw(st.integers(0, len(document) - 1))
    rest = document[start + data.draw(st.integers(1, 3)) :]
    damaged = document[:start] + data.draw(st.binary(max_size=3)) + rest
    try:
        again = model_from_document(damaged)
    except ModelError:
        return
    assert (again == model) == (model_document(again) == document)


def test_a_document_is_checked_like_a_folder() -> None:
    plain = json.loads(model_document(shipped_model()))
    plain["classes"][0]["parent"] = "Nobody"
    with pytest.raises(ModelError, match="there is no class `Nobody`"):
        model_from_document(json.dumps(plain).encode())
