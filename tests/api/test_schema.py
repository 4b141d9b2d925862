"""The schema follows the model, whatever its names, and stays what people have read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from api.graphql import Answering, Question, build_schema
from graph_schema.metamodel import AttributeType, Control, Model
from graph_schema.reader import shipped_model
from tests.api.estate import Desk, at, items, opened, write
from tests.reference.model import MODEL, attribute, lifecycle, node_class, relationship_type

GOLDEN = Path(__file__).with_name("schema.graphql")

_T = AttributeType

AWKWARD = Model(
    version="1",
    lifecycles=(lifecycle("item", initial=("in_use",), final=("gone",), transitions={"in_use": ("gone",)}),),
    classes=(
        node_class("Base", None, attribute("relationships", _T.STRING), lifecycle="item"),
        node_class("Query", "QRY", attribute("class_name", _T.STRING), attribute("a_1", _T.INTEGER), parent="Base"),
        node_class("Node", "NOD", attribute("a1", _T.INTEGER), attribute("a_1", _T.INTEGER), parent="Base"),
        node_class("ConfigurationItem", "CIX", attribute("mode", _T.ENUM, values=("on-line", "off")), parent="Base"),
        node_class("Written", "WRT", attribute("sort", _T.ENUM, values=("true", "x")), parent="Base"),
        node_class("Seen", "SEE", attribute("heat", _T.INTEGER, control=Control.OBSERVED), parent="Base"),
    ),
    relationship_types=(relationship_type("JOINS", ("Base", "Base")),),
)
"""Classes and attributes that are called what GraphQL, or our schema, calls something else."""


def test_the_schema_is_the_one_that_was_read() -> None:
    """Read the difference; if it is right, run with UPDATE_GOLDEN=1."""
    text = build_schema(MODEL).as_str() + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_two_schemas_share_nothing() -> None:
    first, second = build_schema(MODEL).as_str(), build_schema(AWKWARD).as_str()
    assert build_schema(MODEL).as_str() == first
    assert "VirtualServer" not in second


async def test_awkward_names_are_served_all_the_same(tmp_path: Path) -> None:
    from cmdb.changeset import New, Put

    async with opened(tmp_path, AWKWARD) as application:
        await write(
            application,
            Put(
                node=New("q"),
                class_name="Query",
                name="q",
                attributes={"class_name": "mine", "a_1": 1, "relationships": "few"},
            ),
            Put(node=New("n"), class_name="Node", name="n", attributes={"a1": 2, "a_1": 3}),
            Put(node=New("c"), class_name="ConfigurationItem", name="c", attributes={"mode": "on-line"}),
            Put(node=New("w"), class_name="Written", name="w", attributes={"sort": "true"}),
        )
        desk = Desk.on(application)
        query = """{ nodes { edges { node { __typename className ... on Base { relationships_ }
            ... on Query_ { class_name_ a1 } ... on Node_ { a1 a_1_ } ... on ConfigurationItem_ { mode }
            ... on Written_ { sort } relationships { totalCount } } } } }"""
        common = {"relationships_": None, "relationships": {"totalCount": 0}}
        few = {**common, "relationships_": "few"}
        assert await desk.ask(query, "nodes", "edges", "*", "node") == [
            {"__typename": "Query_", "className": "Query", **few, "class_name_": "mine", "a1": 1},
            {"__typename": "Node_", "className": "Node", **common, "a1": 2, "a_1_": 3},
            {"__typename": "ConfigurationItem_", "className": "ConfigurationItem", **common, "mode": "on-line"},
            {"__typename": "Written_", "className": "Written", **common, "sort": "true"},
        ]
        described = await desk.ask("{ model { classes { name attributes { name field } } } }", "model", "classes")
        fields = {at(c, "name"): [at(a, "field") for a in items(at(c, "attributes"))] for c in items(described)}
        assert fields == {
            "Base": ["relationships_"],
            "Query": ["relationships_", "class_name_", "a1"],
            "Node": ["relationships_", "a1", "a_1_"],
            "ConfigurationItem": ["relationships_", "mode"],
            "Written": ["relationships_", "sort"],
            "Seen": ["relationships_", None],
        }


async def test_the_shipped_model_is_served_with_labels_in_both_languages(tmp_path: Path) -> None:
    from cmdb.changeset import Link, New, Put

    model = shipped_model()
    async with opened(tmp_path, model) as application:
        await write(
            application,
            Put(
                node=New("s"),
                class_name="Server",
                name="srv",
                attributes={"memory": 2**40, "environment": "production"},
            ),
            Put(node=New("a"), class_name="Application", name="shop", attributes={"tags": ("a", "b")}),
            Link(type="RUNS_ON", source=New("a"), target=New("s")),
        )
        desk = Desk.on(application)
        query = """{ nodes(where: { field: "environment", eq: "production" }) { edges { node { classLabel { en zh }
            ... on Hardware { serialNumber } ... on ConfigurationItem { environment tags } ... on Server { memory } } } } }"""
        assert await desk.ask(query, "nodes", "edges", "*", "node") == [
            {
                "classLabel": {"en": "Server", "zh": "服务器"},
                "serialNumber": None,
                "environment": "production",
                "tags": None,
                "memory": 2**40,
            }
        ]
        described = await desk.ask(
            """{ model { version classes { name typeName abstract label { zh } attributes { name field type control }
                states { name final leadsTo } } relationshipTypes { name dependency { dependent strength need } } } }""",
            "model",
        )
        assert at(described, "version") == model.version
        assert {at(c, "name"): at(c, "typeName") is None for c in items(at(described, "classes"))} == {
            c.name: c.abstract for c in model.classes
        }
        assert at(described, "relationshipTypes", "*", "name") == [t.name for t in model.relationship_types]


async def test_a_new_model_makes_a_new_schema(tmp_path: Path) -> None:
    from cmdb.changeset import ModelInstalled
    from cmdb.ledger import Header, seal
    from graph_schema.document import model_document

    async with opened(tmp_path) as application:
        answering = Answering(application)
        before = await answering.answer(Question('{ __type(name: "Seen") { name } }'))
        head = await application.store.head()
        header = Header(
            revision=2, time=head.time, actor="a", authority="initialisation", reason="", previous=head.hash
        )
        await application.store.commit(seal(header, (ModelInstalled(model_document(AWKWARD).decode()),)))
        after = await answering.answer(Question('{ __type(name: "Seen") { name } }'))
    assert (at(before.body, "data", "__type"), at(after.body, "data", "__type", "name")) == (None, "Seen")


async def test_an_empty_store_says_so(tmp_path: Path) -> None:
    from cmdb.application import open_application

    application = await open_application(f"sqlite:///{tmp_path / 'none.db'}", create=True)
    try:
        answer = await Answering(application).answer(Question("{ revision }"))
    finally:
        await application.close()
    assert at(answer.body, "errors", 0, "extensions", "remedy") == "run `cmdb init` first"


@pytest.mark.parametrize(
    "rows", ["key name", "key ... on Item { tier tags count }", "classLabel { zh } k: key t: __typename"]
)
async def test_the_short_way_answers_as_the_standard_one(desk: Desk, rows: str) -> None:
    """A resolver in the selection sends the whole list the standard way."""
    plain = await desk.ask(f"{{ nodes {{ edges {{ cursor node {{ {rows} }} }} }} }}", "nodes", "edges")
    standard = await desk.ask(
        f"{{ nodes {{ edges {{ cursor node {{ {rows} relationships {{ totalCount }} }} }} }} }}", "nodes", "edges"
    )
    for edge in items(standard):
        node = at(edge, "node")
        assert isinstance(node, dict)
        del node["relationships"]
    assert plain == standard
