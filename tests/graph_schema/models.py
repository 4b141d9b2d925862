"""Small models of every shape, and attributes of every sort, for property tests."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from graph_schema.checks import Places, problems_of
from graph_schema.metamodel import (
    Area,
    Attribute,
    AttributeType,
    Control,
    Dependency,
    DependentEnd,
    Ends,
    Label,
    Lifecycle,
    Model,
    NamingRule,
    Need,
    NodeClass,
    RelationshipType,
    State,
    Strength,
)

NUMERIC: Final = (AttributeType.INTEGER, AttributeType.DECIMAL, AttributeType.DURATION)
PATTERNED: Final = (AttributeType.STRING, AttributeType.TEXT, AttributeType.VERSION)

labels: SearchStrategy[Label] = st.builds(
    Label, en=st.sampled_from(["web", "two\nlines", '"\\ \u2028']), zh=st.sampled_from(["服务", "😀", ""])
)
_flags = st.booleans()
_optional_number = st.none() | st.integers(-3, 3)


@st.composite
def attribute_named(draw: st.DrawFn, name: str, kind: AttributeType, *, many: bool) -> Attribute:
    """A sound attribute with this name and type."""
    low, high = sorted([draw(st.integers(-3, 3)), draw(st.integers(-3, 3))])
    numeric = kind in NUMERIC
    return Attribute(
        name=name,
        type=kind,
        many=many,
        label=draw(labels),
        description=draw(st.none() | labels),
        required=draw(_flags),
        unique=not many and draw(_flags),
        pattern=draw(st.sampled_from([None, "a+", "[ab]*"])) if kind in PATTERNED else None,
        minimum=draw(st.sampled_from([None, low])) if numeric else None,
        maximum=draw(st.sampled_from([None, high])) if numeric else None,
        values=tuple(draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True)))
        if kind is AttributeType.ENUM
        else (),
        unit=draw(st.sampled_from([None, "s", "MiB"])),
        control=draw(st.sampled_from(Control)),
        indexed=draw(_flags),
        searchable=draw(_flags),
        sensitive=draw(_flags),
    )


@st.composite
def _attributes(draw: st.DrawFn, types: dict[str, tuple[AttributeType, bool]]) -> tuple[Attribute, ...]:
    names = draw(st.lists(st.sampled_from(sorted(types)), unique=True, max_size=3))
    return tuple(draw(attribute_named(name, types[name][0], many=types[name][1])) for name in names)


@st.composite
def _lifecycle(draw: st.DrawFn, name: str) -> Lifecycle:
    states = draw(st.lists(st.sampled_from(["planned", "used", "broken"]), min_size=1, unique=True))
    ways = {state: (*draw(st.lists(st.sampled_from(states), unique=True)), "gone") for state in states}
    return Lifecycle(
        name=name,
        initial=tuple(draw(st.lists(st.sampled_from(states), min_size=1, unique=True))),
        states=(
            *(State(name=s, label=draw(labels)) for s in states),
            State(name="gone", label=draw(labels), final=True),
        ),
        transitions=ways,
    )


@st.composite
def _models(draw: st.DrawFn) -> Model:
    types = {name: (draw(st.sampled_from(AttributeType)), draw(_flags)) for name in ("alpha", "beta", "gamma")}
    lifecycles = tuple(draw(_lifecycle(name)) for name in ("short", "long"))
    naming = NamingRule(pattern="[a-z]+", example="web", description=draw(st.none() | labels))

    def node_class(name: str, code: str | None, parent: str | None) -> NodeClass:
        attributes = draw(_attributes(types)) if parent is None or draw(_flags) else ()
        return NodeClass(
            name=name,
            code=code,
            parent=parent,
            abstract=code is None,
            area="tests",
            label=draw(labels),
            description=draw(labels),
            attributes=attributes,
            lifecycle=draw(st.sampled_from(["short", "long"]))
            if parent is None
            else draw(st.sampled_from([None, "short"])),
            identification=draw(st.sampled_from([(), (("name",),)])),
            naming=draw(st.sampled_from([None, naming])),
            level=draw(st.none() | st.integers(1, 5)),
            owner=draw(st.none() | labels),
            version_numbering=draw(st.none() | labels),
        )

    def relationship_type(name: str) -> RelationshipType:
        ends = st.builds(
            Ends, source=st.sampled_from(["Root", "Leaf", "Twig"]), target=st.sampled_from(["Root", "Leaf"])
        )
        return RelationshipType(
            name=name,
            label=draw(labels),
            inverse=draw(labels),
            description=draw(labels),
            area="tests",
            ends=tuple(draw(st.lists(ends, min_size=1, max_size=2))),
            from_max=draw(st.sampled_from([None, 1, 2])),
            attributes=draw(_attributes(types)),
            dependency=draw(
                st.none()
                | st.builds(
                    Dependency,
                    dependent=st.sampled_from(DependentEnd),
                    strength=st.sampled_from(Strength),
                    need=st.sampled_from(Need),
                )
            ),
        )

    return Model(
        version=draw(st.sampled_from(["1.0.0", "1.1.0"])),
        areas=(Area(name="tests", label=draw(labels)),),
        lifecycles=lifecycles,
        classes=(
            node_class("Root", None, None),
            node_class("Leaf", "LEA", "Root"),
            node_class("Twig", "TWI", draw(st.sampled_from(["Root", "Leaf", None]))),
        ),
        relationship_types=(relationship_type("USES"), relationship_type("HOLDS")),
    )


def _sound(model: Model) -> bool:
    return not problems_of(model, Places({}))


models: SearchStrategy[Model] = _models().filter(_sound)
"""Models that the checks let pass."""


def altered(model: Model, **parts: object) -> Model:
    """The model with other parts. (`model_copy` would keep what was resolved for the old ones.)"""
    fields = {name: getattr(model, name) for name in Model.model_fields}
    return Model.model_validate({**fields, **parts})
