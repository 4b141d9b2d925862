"""A whole model as one canonical JSON document, which a ledger can carry, and back."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from graph_schema.checks import Places, problems_of
from graph_schema.errors import ModelError, ModelProblem
from graph_schema.metamodel import Model


def model_document(model: Model) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, defaults left out. Equal models give equal bytes."""
    plain = model.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def model_from_document(document: bytes) -> Model:
    """The model of a document. Raises ModelError for one that no valid model gives."""
    try:
        model = Model.model_validate_json(document)
    except ValidationError as error:
        raise ModelError(
            ModelProblem("model document", 0, f"{'.'.join(map(str, e['loc']))}: {e['msg']}") for e in error.errors()
        ) from None
    problems = problems_of(model, Places({}, otherwise="model document"))
    if problems:
        raise ModelError(problems)
    return model


def model_digest(model: Model) -> str:
    """SHA-256 of the document, as hexadecimal text."""
    return hashlib.sha256(model_document(model)).hexdigest()
