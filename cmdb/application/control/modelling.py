"""A new model put in force, under a change that plans exactly this one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cmdb.application.opening import Application
from cmdb.errors import Invalid, Problem
from cmdb.ledger import Head
from graph_schema.compare import compare
from graph_schema.document import model_document
from graph_schema.errors import ModelError, ModelProblem
from graph_schema.metamodel import Model
from graph_schema.reader import MOST_FILES, read_model_files

LARGEST_MODEL: Final = 2 << 20
"""Bytes that the files of a model may have together where they come as texts."""

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.ya?ml")


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


def read_model_texts(texts: Sequence[tuple[str, str]]) -> Model:
    """The model that files make up, each given by its name and text. Raises Invalid with all that is wrong, by file and line.

    O(length).
    """
    if not 1 <= len(texts) <= MOST_FILES:
        raise Invalid(f"the model has {len(texts)} files", remedy=f"give all its files, 1 to {MOST_FILES}")
    if (size := sum(len(text.encode()) for _, text in texts)) > LARGEST_MODEL:
        raise Invalid(f"the files of the model have {size} bytes", remedy=f"{LARGEST_MODEL} fit")
    _check_names([name for name, _ in texts])
    try:
        return read_model_files([(name, text.encode()) for name, text in texts])
    except ModelError as error:
        raise Invalid(
            "the model cannot be used",
            remedy="correct these places",
            problems=tuple(Problem(p.message, where=_place(p), remedy=p.remedy) for p in error.problems),
        ) from error


def _place(problem: ModelProblem) -> str:
    return f"{problem.file}:{problem.line}" if problem.line else problem.file


def _check_names(names: Sequence[str]) -> None:
    folded = [name.lower() for name in names]
    wrong = [name for name in names if not _FILE_NAME.fullmatch(name) or folded.count(name.lower()) > 1]
    if wrong:
        raise Invalid(
            "the files of the model are not named as they must be",
            remedy="name each once, such as network.yaml",
            problems=tuple(Problem("not the name of a file, or given twice", f"{name!r:.80}") for name in wrong),
        )


def digest_of_model(model: Model) -> str:
    """SHA-256 of the model's canonical document; 64 hexadecimal digits."""
    return sha256(model_document(model)).hexdigest()
