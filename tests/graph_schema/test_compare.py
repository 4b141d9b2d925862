"""What separates two models: told once, told in full, and additive only if no recorded value becomes wrong."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from graph_schema.compare import Effect, compare
from graph_schema.metamodel import Attribute, AttributeType, Label, Model, NodeClass
from graph_schema.reader import read_model, shipped_model
from graph_schema.values import normalise
from tests.graph_schema.golden import assert_golden
from tests.graph_schema.models import altered, attribute_named, models

HERE = Path(__file__).parent / "compared"
SAID = Label(en="said", zh="说明")
FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def with_attribute(attribute: Attribute | None) -> Model:
    thing = NodeClass(
        name="Thing",
        code="THI",
        area="tests",
        label=SAID,
        description=SAID,
        attributes=() if attribute is None else (attribute,),
    )
    return Model(version="1", lifecycles=(), classes=(thing,), relationship_types=())


def test_each_difference_is_told_with_its_reason() -> None:
    comparison = compare(read_model(HERE / "before"), read_model(HERE / "after"))
    text = "".join(f"{change}\n" for change in comparison.changes)
    assert_golden(HERE / "changes.txt", text)


@FEW
@given(models)
def test_a_model_does_not_differ_from_itself(model: Model) -> None:
    assert compare(model, model).changes == ()


@FEW
@given(models, models)
def test_equal_resolved_models_have_no_differences_and_others_have_some(one: Model, other: Model) -> None:
    if compare(one, other).changes == ():
        assert one.attributes == other.attributes
        assert one.joinable == other.joinable
        assert one.identification_of == other.identification_of
        assert {n: lc.transitions for n, lc in one.lifecycle_by_name.items()}.keys() == other.lifecycle_by_name.keys()


def test_a_whole_model_is_only_added_to_an_empty_one_and_only_removed_the_other_way() -> None:
    empty = Model(version="0", lifecycles=(), classes=(), relationship_types=())
    full = shipped_model()
    assert compare(empty, full).breaking == ()
    classes = {f"class {c.name}" for c in full.classes}
    types = {f"relationship type {t.name}" for t in full.relationship_types}
    assert classes | types <= {change.subject for change in compare(full, empty).breaking}


def test_a_common_attribute_is_told_once_not_for_every_class() -> None:
    model = shipped_model()
    colour = Attribute(name="colour_code", type=AttributeType.STRING, label=SAID)
    classes = tuple(
        c.model_copy(update={"attributes": (*c.attributes, colour)}) if c.name == "ConfigurationItem" else c
        for c in model.classes
    )
    changes = compare(model, altered(model, classes=classes)).changes
    assert [str(change) for change in changes] == ["additive: attribute ConfigurationItem.colour_code is added"]


@st.composite
def attributes(draw: st.DrawFn) -> Attribute:
    kind = draw(st.sampled_from([AttributeType.STRING, AttributeType.TEXT, AttributeType.INTEGER, AttributeType.ENUM]))
    return draw(attribute_named("size", kind, many=draw(st.booleans())))


@given(attributes(), attributes(), st.sampled_from(["", "a", "aa", "b", "ab", "c", -4, -1, 0, 2, 5]))
def test_an_additive_change_keeps_every_recorded_value(before: Attribute, after: Attribute, raw: str | int) -> None:
    try:
        value = normalise(before, [raw] if before.many else raw)
    except ValueError:
        assume(False)
        return
    comparison = compare(with_attribute(before), with_attribute(after))
    if not comparison.breaking:
        assert normalise(after, value) == value


@given(attributes())
def test_an_added_attribute_breaks_only_if_it_is_required(attribute: Attribute) -> None:
    (change,) = compare(with_attribute(None), with_attribute(attribute)).changes
    assert (change.effect is Effect.BREAKING) == attribute.required
    (change,) = compare(with_attribute(attribute), with_attribute(None)).changes
    assert change.effect is Effect.BREAKING
