"""The model, as it describes itself to clients: classes, attributes, lifecycles, relationship types."""

from __future__ import annotations

from typing import Self

import strawberry

from api.graphql.nodes import Label, label_of
from api.graphql.reading import Reading
from graph_schema import metamodel
from graph_schema.metamodel import AttributeType, Control, DependentEnd, Kind, Need, Strength


@strawberry.type(name="AttributeDefinition", description="An attribute of a class or of a relationship type.")
class AttributeDefinition:
    """See `graph_schema.metamodel.Attribute`."""

    name: str
    field: str | None = strawberry.field(description="The GraphQL field that has it; null where it stands in a list.")
    type: AttributeType
    label: Label
    many: bool
    required: bool
    unique: bool
    values: list[str]
    unit: str | None
    control: Control

    @classmethod
    def of(cls, attribute: metamodel.Attribute, field: str | None) -> Self:
        """Of an attribute of the model that is shown in a field."""
        return cls(
            name=attribute.name,
            field=field,
            type=attribute.type,
            label=label_of(attribute.label),
            many=attribute.many,
            required=attribute.required,
            unique=attribute.unique,
            values=list(attribute.values),
            unit=attribute.unit,
            control=attribute.control,
        )


@strawberry.type(name="StateDefinition", description="A state of a lifecycle, and where it may lead.")
class StateDefinition:
    """See `graph_schema.metamodel.State`."""

    name: str
    label: Label
    initial: bool
    final: bool
    leads_to: list[str]


@strawberry.type(name="ClassDefinition", description="A class of nodes, its inherited attributes included.")
class ClassDefinition:
    """See `graph_schema.metamodel.NodeClass`."""

    name: str
    type_name: str | None = strawberry.field(description="Its GraphQL type; null for an abstract class.")
    code: str | None
    kind: Kind
    parent: str | None
    abstract: bool
    area: str
    label: Label
    description: Label
    attributes: list[AttributeDefinition]
    states: list[StateDefinition]
    identification: list[list[str]]

    @classmethod
    def of(cls, reading: Reading, c: metamodel.NodeClass) -> Self:
        """Of a class of the model."""
        lifecycle = reading.model.lifecycle_of.get(c.name)
        return cls(
            name=c.name,
            type_name=reading.names.types.get(c.name),
            code=c.code,
            kind=c.kind,
            parent=c.parent,
            abstract=c.abstract,
            area=c.area,
            label=label_of(c.label),
            description=label_of(c.description),
            attributes=[
                AttributeDefinition.of(a, reading.names.fields[c.name].get(a.name))
                for a in reading.model.attributes[c.name].values()
            ],
            states=[] if lifecycle is None else _states(lifecycle),
            identification=[list(rule) for rule in reading.model.identification_of[c.name]],
        )


@strawberry.type(description="What a relationship means for failure.")
class DependencyDefinition:
    """See `graph_schema.metamodel.Dependency`."""

    dependent: DependentEnd
    strength: Strength
    need: Need


@strawberry.type(description="A pair of classes that a relationship type may join, their descendants included.")
class EndsDefinition:
    """See `graph_schema.metamodel.Ends`."""

    source: str = strawberry.field(name="from")
    target: str = strawberry.field(name="to")


@strawberry.type(description="A type of relationship.")
class RelationshipTypeDefinition:
    """See `graph_schema.metamodel.RelationshipType`."""

    name: str
    label: Label
    inverse: Label
    description: Label
    area: str
    ends: list[EndsDefinition]
    attributes: list[AttributeDefinition]
    dependency: DependencyDefinition | None

    @classmethod
    def of(cls, t: metamodel.RelationshipType) -> Self:
        """Of a type of the model."""
        meaning = t.dependency
        return cls(
            name=t.name,
            label=label_of(t.label),
            inverse=label_of(t.inverse),
            description=label_of(t.description),
            area=t.area,
            ends=[EndsDefinition(source=ends.source, target=ends.target) for ends in t.ends],
            attributes=[AttributeDefinition.of(a, None) for a in t.attributes],
            dependency=None
            if meaning is None
            else DependencyDefinition(dependent=meaning.dependent, strength=meaning.strength, need=meaning.need),
        )


@strawberry.type(name="ModelDefinition", description="What can exist: the model in force.")
class ModelDefinition:
    """See `graph_schema.metamodel.Model`."""

    version: str
    classes: list[ClassDefinition]
    relationship_types: list[RelationshipTypeDefinition]


def model_definition(reading: Reading) -> ModelDefinition:
    """The model in force, described. O(model)."""
    return ModelDefinition(
        version=reading.model.version,
        classes=[ClassDefinition.of(reading, c) for c in reading.model.classes],
        relationship_types=[RelationshipTypeDefinition.of(t) for t in reading.model.relationship_types],
    )


def _states(lifecycle: metamodel.Lifecycle) -> list[StateDefinition]:
    return [
        StateDefinition(
            name=state.name,
            label=label_of(state.label),
            initial=state.name in lifecycle.initial,
            final=state.final,
            leads_to=list(lifecycle.transitions.get(state.name, ())),
        )
        for state in lifecycle.states
    ]
