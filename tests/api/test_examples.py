"""Every query that the page and the documents show is one that can be asked."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import graphql
import pytest

from api.graphql import Answering, Question, build_schema
from api.page import query_page
from cmdb.application import open_application
from graph_schema.reader import shipped_model
from tests.cli.program import program, url
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def of_page() -> dict[str, str]:
    script = query_page().html
    found = re.findall(r'^  "([^"]+)": ("(?:[^"\\]|\\.)*"),$', script, re.MULTILINE)
    return {name: json.loads(text) for name, text in found}


def of_documents() -> list[tuple[str, str]]:
    blocks = [
        (document.name, block)
        for document in DOCUMENTS
        for block in re.findall(
            r"^```graphql\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]
    assert len(blocks) >= 3
    return blocks


@cache
def shipped_schema() -> graphql.GraphQLSchema:
    return graphql.build_schema(build_schema(shipped_model()).as_str())


@pytest.mark.parametrize(("name", "query"), [*of_page().items(), *of_documents()], ids=lambda text: text[:24])
def test_it_fits_the_schema(name: str, query: str) -> None:
    assert graphql.validate(shipped_schema(), graphql.parse(query)) == [], name


async def test_the_page_shows_an_answer_for_each(tmp_path: Path) -> None:
    store = url(tmp_path / "store.sqlite")
    for command in (["init"], ["ci", "add", "Server", "web", "--as", "ann"]):
        assert program(tmp_path, *command, "--store", store).code == 0
    values = {"of": ["SRV-000001"], "ref": "SRV-000001", "where": {"isA": "Server"}, "context": []}
    application = await open_application(store)
    answering = Answering(application)
    for name, query in of_page().items():
        wanted = {key: value for key, value in values.items() if f"${key}" in query}
        body = (await answering.answer(Question(query, wanted))).body
        assert "errors" not in body, (name, body["errors"])
    await application.close()
