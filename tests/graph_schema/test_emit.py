"""What follows from a model: what is indexed, schemas that fit the values, a table to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.emit.classification import classification, classification_markdown
from graph_schema.emit.cypher import cypher_indexes
from graph_schema.emit.json_schema import Schema, import_schema, node_schema, relationship_schema
from graph_schema.emit.sql import indexed_attributes
from graph_schema.metamodel import Attribute, AttributeType, Model, NodeClass, RelationshipType
from graph_schema.reader import shipped_model
from graph_schema.values import normalise
from tests.graph_schema.golden import assert_golden
from tests.graph_schema.models import altered, attribute_named
from tests.graph_schema.test_compare import SAID, with_attribute
from tests.graph_schema.test_values import raw_values

MODEL = shipped_model()
HERE = Path(__file__).parent / "classified"
INDEXED = sorted(
    {
        a.name
        for attributes in MODEL.attributes.values()
        for a in attributes.values()
        if (a.indexed or a.unique) and not a.many
    }
)


def test_sql_indexes_the_same_attributes_once_each() -> None:
    assert list(indexed_attributes(MODEL)) == INDEXED
    assert "serial_number" in INDEXED
    assert not {"tags", "description"} & set(INDEXED)


def test_neo4j_gets_an_index_per_attribute_on_the_shared_label() -> None:
    indexes = cypher_indexes(MODEL)
    assert list(indexes) == [f"cmdb_attribute_{name}" for name in INDEXED]
    for name, statement in indexes.items():
        attribute = name.removeprefix("cmdb_attribute_")
        assert statement == f"CREATE INDEX {name} IF NOT EXISTS FOR (n:Node) ON (n.`{attribute}`)"


def test_a_name_that_is_no_name_never_becomes_a_statement() -> None:
    label = MODEL.class_by_name["Server"].label
    evil = Attribute.model_construct(
        name="x`) DETACH DELETE n //", type=AttributeType.STRING, label=label, many=False, indexed=True, unique=False
    )
    with pytest.raises(ValueError, match="is not the name of an attribute"):
        cypher_indexes(altered(with_attribute(None), classes=(_with(evil),)))


def _with(attribute: Attribute) -> NodeClass:
    return with_attribute(None).classes[0].model_copy(update={"attributes": (attribute,)})


def test_the_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(import_schema(MODEL))
    jsonschema.Draft202012Validator.check_schema(node_schema(MODEL, "Server"))
    jsonschema.Draft202012Validator.check_schema(relationship_schema(MODEL, "DEPENDS_ON"))


class Validator(Protocol):
    def is_valid(self, instance: object) -> bool: ...


def validator(schema: Schema) -> Validator:
    return cast("Validator", jsonschema.Draft202012Validator(schema))


LINES = validator(import_schema(MODEL))


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ({"node": {"id": "1", "class": "Server", "name": "web"}}, True),
        ({"node": {"id": "1", "class": "Server", "name": "web", "state": "in_use", "attributes": {"memory": 5}}}, True),
        ({"relationship": {"type": "DEPENDS_ON", "from": "1", "to": "2", "attributes": {"weight": 2}}}, True),
        ({"node": {"id": "1", "class": "Hardware", "name": "abstract"}}, False),
        ({"node": {"id": "1", "class": "Server", "name": " web"}}, False),
        ({"node": {"id": "1", "class": "Server", "name": "web", "state": "lost"}}, False),
        ({"node": {"id": "1", "class": "Server", "name": "web", "attributes": {"memroy": 5}}}, False),
        ({"node": {"id": "1", "class": "Server", "name": "web", "attributes": {"memory": -5}}}, False),
        ({"node": {"id": "1", "class": "Person", "name": "web", "state": "in_use"}}, False),
        ({"relationship": {"type": "DEPENDS_ON", "from": "1", "to": "2", "attributes": {"weight": 0}}}, False),
        ({"relationship": {"type": "DEPENDS_ON", "from": "1"}}, False),
        ({"relationship": {"type": "NEEDS", "from": "1", "to": "2"}}, False),
        ({"node": {"id": "1", "class": "Server", "name": "web"}, "relationship": {}}, False),
        ([], False),
    ],
)
def test_the_import_schema_tells_good_lines_from_bad_ones(line: object, fits: bool) -> None:
    assert LINES.is_valid(line) is fits


@given(st.sampled_from(AttributeType), st.booleans(), raw_values, st.data())
def test_every_canonical_value_fits_its_schema(
    kind: AttributeType, many: bool, raw: object, data: st.DataObject
) -> None:
    attribute = data.draw(attribute_named("size", kind, many=many))
    try:
        value = normalise(attribute, raw)
    except ValueError:
        return
    ends = {"type": "USES", "from": "1", "to": "2"}
    record = ends | {"attributes": {"size": list(value) if isinstance(value, tuple) else value}}
    assert validator(relationship_schema(with_type(attribute), "USES")).is_valid(record)


def with_type(attribute: Attribute) -> Model:
    uses = RelationshipType(
        name="USES", label=SAID, inverse=SAID, description=SAID, area="tests", ends=(), attributes=(attribute,)
    )
    return Model(version="1", lifecycles=(), classes=(), relationship_types=(uses,))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_classification_of_facilities_reads_well(language: str) -> None:
    text = classification_markdown(MODEL, "en" if language == "en" else "zh")
    sections = re.split(r"(?=^## )", text, flags=re.MULTILINE)
    wanted = [s for s in sections if s.startswith(("# ", "## Services", "## 服务", "## Facilities", "## 设施"))]
    assert_golden(HERE / f"{language}.md", "".join(wanted))


def test_every_concrete_class_stands_in_the_table_once() -> None:
    rows = classification(MODEL)
    assert sorted(row.class_name for row in rows) == sorted(c.name for c in MODEL.classes if not c.abstract)
    for row in rows:
        names = {a.name for a in (*row.common, *row.special)}
        assert names == MODEL.attributes[row.class_name].keys()
    for language in ("en", "zh"):
        text = classification_markdown(MODEL, language)
        assert all(f"| {row.code} |" in text for row in rows)
