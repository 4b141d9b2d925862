"""GraphQL types from the model: an interface per abstract class, an object type per concrete one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import new_class
from typing import Final, cast

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from api.graphql.nodes import ATTRIBUTE, Node
from api.graphql.reading import Names
from api.graphql.scalars import SCALAR_OF
from graph_schema.metamodel import Attribute, AttributeType, Control, Kind, Model, NodeClass

_KINDS: Final = {Kind.CI: "ConfigurationItem", Kind.RECORD: "Record"}
_KIND_WORDS: Final = {
    Kind.CI: "A configuration item: what services are made of.",
    Kind.RECORD: "A record of another process.",
}
_NAME: Final = re.compile(r"^(?!__)[_A-Za-z][_0-9A-Za-z]*$")
_NO_VALUE: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class ModelTypes:
    """The types of a model, and which of them is for which class."""

    types: tuple[type, ...]
    names: Names


def model_types(model: Model, reserved: frozenset[str]) -> ModelTypes:
    """The types of a model's classes; one whose name is reserved gets an underscore behind it."""
    maker = _Maker(model, set(reserved))
    concrete = {c.name: maker.concrete(c) for c in model.classes if not c.abstract}
    for c in model.classes:
        if c.abstract:
            maker.interface(c.name)
    return ModelTypes(
        (*maker.roots.values(), *maker.interfaces.values(), *concrete.values()),
        Names({name: made.__name__ for name, made in concrete.items()}, maker.fields),
    )


@dataclass
class _Maker:
    model: Model
    taken: set[str]
    roots: dict[Kind, type] = field(default_factory=dict[Kind, type])
    interfaces: dict[str, type] = field(default_factory=dict[str, type])
    enums: dict[str, object] = field(default_factory=dict[str, object])
    fields: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def root(self, kind: Kind) -> type:
        """The interface of a kind: the class of that name where the model has one, else made up."""
        if kind not in self.roots:
            name = _KINDS[kind]
            known = self.model.class_by_name.get(name)
            if known is not None and _is_root(known):
                self.roots[kind] = self._made(Node, known, None)
            else:
                self.roots[kind] = _strawberry_type(self.free(name), Node, {}, {}, _KIND_WORDS[kind], interface=True)
        return self.roots[kind]

    def interface(self, name: str) -> type:
        """The interface of an abstract class."""
        c = self.model.class_by_name[name]
        if _is_root(c):
            return self.root(c.kind)
        if name not in self.interfaces:
            base, inherited = self.base(c)
            self.interfaces[name] = self._made(base, c, inherited)
        return self.interfaces[name]

    def concrete(self, c: NodeClass) -> type:
        """The object type of a concrete class."""
        base, inherited = self.base(c)
        return self._made(base, c, inherited)

    def base(self, c: NodeClass) -> tuple[type, str | None]:
        """The interface of the nearest abstract ancestor (else of the kind), and that ancestor."""
        abstract = next((a for a in self.model.lineage[c.name][1:] if self.model.class_by_name[a].abstract), None)
        if abstract is None:
            return self.root(c.kind), None
        return self.interface(abstract), abstract

    def free(self, name: str) -> str:
        """A name that no type has yet."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _made(self, base: type, c: NodeClass, ancestor: str | None) -> type:
        """The type of a class: what its base has, and the controlled attributes that the ancestor lacks."""
        names = dict(self.fields[ancestor]) if ancestor else {}
        used = {f.graphql_name or to_camel_case(f.name) for f in get_object_definition(base, strict=True).fields}
        fields: dict[str, StrawberryField] = {}
        annotations: dict[str, object] = {}
        for attribute in self.model.attributes[c.name].values():
            if attribute.control is Control.CONTROLLED and attribute.name not in names:
                shown = field_name(attribute.name)
                names[attribute.name] = shown = f"{attribute.name}_" if shown in used else shown
                used.add(shown)
                annotations[ATTRIBUTE + attribute.name] = self._type_of(attribute)
                fields[ATTRIBUTE + attribute.name] = strawberry.field(
                    name=shown, description=_described(attribute), default=None
                )
        self.fields[c.name] = names
        words = f"{c.description.en}\n{c.label.zh}：{c.description.zh}"
        return _strawberry_type(self.free(c.name), base, fields, annotations, words, interface=c.abstract)

    def _type_of(self, attribute: Attribute) -> object:
        single = SCALAR_OF.get(attribute.type, str)
        if attribute.type is AttributeType.ENUM:
            single = self._enum(attribute.name)
        return list[single] | None if attribute.many else single | None  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]  # made for Strawberry to read

    def _enum(self, attribute: str) -> object:
        """The enumeration of all values that classes give an attribute; plain text where one is no GraphQL name."""
        if attribute not in self.enums:
            defined = [a[attribute] for a in self.model.attributes.values() if attribute in a]
            values = list(dict.fromkeys(value for a in defined for value in a.values))
            if values and all(_NAME.match(value) and value not in _NO_VALUE for value in values):
                labels = {value: label for a in defined for value, label in a.value_labels.items()}
                name = self.free(f"{field_name(attribute)[0].upper()}{field_name(attribute)[1:]}Value")
                members = {
                    value: strawberry.enum_value(
                        value,
                        name=value,
                        description=f"{labels[value].en} {labels[value].zh}" if value in labels else None,
                    )
                    for value in values
                }
                made = cast("type[Enum]", Enum(name, members))
                self.enums[attribute] = strawberry.enum(made, name=name, description=defined[0].label.en)
            else:
                self.enums[attribute] = str
        return self.enums[attribute]


def _is_root(c: NodeClass) -> bool:
    """Whether a class is what GraphQL calls its kind."""
    return c.abstract and c.parent is None and c.name == _KINDS[c.kind]


def field_name(attribute: str) -> str:
    """What an attribute's field is called: `cpu_count` is `cpuCount`."""
    return to_camel_case(attribute)


def _described(attribute: Attribute) -> str:
    unit = f" ({attribute.unit})" if attribute.unit else ""
    said = f": {attribute.description.en}" if attribute.description else ""
    return f"{attribute.label.en}{unit}{said} {attribute.label.zh}"


def _strawberry_type(
    name: str,
    base: type,
    fields: Mapping[str, StrawberryField],
    annotations: Mapping[str, object],
    words: str,
    *,
    interface: bool,
) -> type:
    body = {**fields, "__annotations__": dict(annotations), "__module__": __name__}
    made = new_class(name, (base,), {}, lambda namespace: namespace.update(body))
    return (strawberry.interface if interface else strawberry.type)(made, name=name, description=words)
