"""JSON Schema 2020-12 of what can be imported: nodes of one class, and any line of the ndjson format.

The schema says the form of each value and which are allowed; what needs the graph (uniqueness, cardinality, ends that
exist) is checked when a change set is written. Patterns are regular expressions that Python and ECMAScript share.
"""

from __future__ import annotations

from typing import Final

from graph_schema.metamodel import Attribute, AttributeType, Model
from graph_schema.values import LONGEST_TEXT

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]
Schema = dict[str, Json]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FORMS: Final[dict[AttributeType, Schema]] = {
    AttributeType.STRING: {"type": "string"},
    AttributeType.TEXT: {"type": "string"},
    AttributeType.INTEGER: {"type": "integer"},
    AttributeType.DECIMAL: {"type": ["string", "number"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    AttributeType.BOOLEAN: {"type": "boolean"},
    AttributeType.DATE: {"type": "string", "format": "date"},
    AttributeType.DATETIME: {"type": "string", "format": "date-time"},
    AttributeType.DURATION: {"type": "integer"},
    AttributeType.ENUM: {"type": "string"},
    AttributeType.URL: {"type": "string", "format": "uri"},
    AttributeType.IP: {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    AttributeType.CIDR: {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"},
    AttributeType.MAC: {"type": "string", "pattern": r"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$"},
    AttributeType.EMAIL: {"type": "string", "format": "email"},
    AttributeType.VERSION: {"type": "string"},
}


def node_schema(model: Model, class_name: str) -> Schema:
    """The schema of one node of a concrete class, as an import gives it. Raises KeyError for an unknown class."""
    return {
        "$schema": _DIALECT,
        "title": model.class_by_name[class_name].label.en,
        "description": model.class_by_name[class_name].description.en,
        **_node(model, class_name, _object(model.attributes[class_name])),
    }


def relationship_schema(model: Model, type_name: str) -> Schema:
    """The schema of one relationship, as an import gives it. Raises KeyError for an unknown type."""
    relationship_type = model.type_by_name[type_name]
    return {
        "$schema": _DIALECT,
        "title": type_name,
        "description": relationship_type.description.en,
        **_relationship(type_name, _object({a.name: a for a in relationship_type.attributes})),
    }


def import_schema(model: Model) -> Schema:
    """The schema of a line of an ndjson import: one node of any concrete class, or one relationship of any type."""
    classes = sorted(c.name for c in model.classes if not c.abstract)
    types = sorted(model.type_by_name)
    definitions: Schema = {name: _object(model.attributes[name]) for name in classes}
    definitions |= {name: _object({a.name: a for a in model.type_by_name[name].attributes}) for name in types}
    nodes: list[Json] = [_node(model, name, {"$ref": f"#/$defs/{name}"}) for name in classes]
    relationships: list[Json] = [_relationship(name, {"$ref": f"#/$defs/{name}"}) for name in types]
    return {
        "$schema": _DIALECT,
        "title": f"A line of an import, model {model.version}",
        "oneOf": [_wrapped("node", nodes), _wrapped("relationship", relationships)],
        "$defs": definitions,
    }


def _wrapped(word: str, alternatives: list[Json]) -> Schema:
    return {
        "type": "object",
        "properties": {word: {"oneOf": alternatives}},
        "required": [word],
        "additionalProperties": False,
    }


def _node(model: Model, class_name: str, attributes: Schema) -> Schema:
    naming = model.naming_of[class_name]
    states: list[Json] = [state.name for state in model.lifecycle_of[class_name].states]
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "key": {"type": "string"},
            "class": {"const": class_name},
            "name": {"type": "string", **({"pattern": _whole(naming.pattern)} if naming else {})},
            "state": {"enum": states},
            "attributes": attributes,
        },
        "required": ["id", "class", "name", *(["attributes"] if _any_required(model, class_name) else [])],
        "additionalProperties": False,
    }


def _any_required(model: Model, class_name: str) -> bool:
    return any(attribute.required for attribute in model.attributes[class_name].values())


def _relationship(type_name: str, attributes: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "type": {"const": type_name},
            "from": {"type": "string", "minLength": 1},
            "to": {"type": "string", "minLength": 1},
            "key": {"type": "string"},
            "attributes": attributes,
        },
        "required": ["type", "from", "to"],
        "additionalProperties": False,
    }


def _object(attributes: dict[str, Attribute]) -> Schema:
    required: list[Json] = [name for name, attribute in attributes.items() if attribute.required]
    return {
        "type": "object",
        "properties": {name: _values(attribute) for name, attribute in attributes.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _values(attribute: Attribute) -> Schema:
    one = _value(attribute)
    form: Schema = {"type": "array", "items": one} if attribute.many else one
    unit = f" ({attribute.unit})" if attribute.unit else ""
    return {"title": attribute.label.en + unit, **form}


def _value(attribute: Attribute) -> Schema:
    form = dict(_FORMS[attribute.type])
    if form["type"] == "string":
        form["maxLength"] = LONGEST_TEXT
    if attribute.values:
        form["enum"] = list(attribute.values)
    if attribute.pattern is not None:
        form["pattern"] = _whole(attribute.pattern)
    if attribute.minimum is not None:
        form["minimum"] = attribute.minimum
    if attribute.maximum is not None:
        form["maximum"] = attribute.maximum
    return form


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"
