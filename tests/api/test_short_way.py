"""Whatever is selected: fields completed the short way answer what the standard algorithm answers, errors and all."""
# graphql-core leaves the types of types open, so that what is asked of a schema is not known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import graphql
import pytest
from graphql import (
    ExecutionResult,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.graphql.preparing import Prepared
from api.graphql.reading import Reading
from tests.api.estate import Desk, Loop, at, standing

ROOTS = (
    'impact(of: ["SRV-000002"])',
    'impact(of: ["VM-000001"], state: DEGRADED, context: [{ref: "VM-000002"}])',
    'impact(of: ["SRV-000001"], assumeUp: ["SVC-000001"], asOf: "r3")',
    "nodes(first: 3)",
    'nodesByRef(refs: ["SRV-000001", "VM-000002"])',
    'node(ref: "Ticket:slow shop", asOf: "r2")',
    'dependents(of: ["SRV-000002"])',
    'singlePointsOfFailure(of: ["SVC-000001"])',
    'path(from: "SVC-000001", to: "SRV-000002")',
    'history(ref: "SRV-000001")',
    "ledger(first: 2)",
    "estate",
    "model",
)
ASKED = {"explain": 'hit: "SRV-000001"', "groups": "by: CLASS, first: 2"}
DEEPEST = 6


@dataclass
class Both:
    """A furnished estate, asked with the short way and without."""

    loop: Loop
    desk: Desk
    schema: GraphQLSchema

    def kind_of(self, root: str) -> str:
        """The type that a field of a query answers."""
        assert self.schema.query_type is not None
        return get_named_type(self.schema.query_type.fields[root.partition("(")[0]].type).name

    def ask(self, query: str, *, standard: bool) -> dict[str, object]:
        with pytest.MonkeyPatch.context() as patch:
            if standard:
                patch.setattr("api.graphql.answering.executed", _executed_the_standard_way)
            return self.loop.run(self.desk.answer(query)).body


async def _executed_the_standard_way(
    schema: GraphQLSchema, prepared: Prepared, variables: Mapping[str, object], reading: Reading
) -> ExecutionResult:
    if prepared.errors:
        return ExecutionResult(None, list(prepared.errors))
    result = graphql.execute(
        schema,
        prepared.document,
        context_value=reading,
        variable_values=dict(variables),
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    return result if isinstance(result, ExecutionResult) else await result


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with standing(tmp_path_factory.mktemp("estate")) as (loop, desk):
        yield Both(loop, desk, loop.run(desk.answering.served()).schema)


@given(data=st.data())
def test_any_selection_is_answered_alike(both: Both, data: st.DataObject) -> None:
    root = data.draw(st.sampled_from(ROOTS))
    query = f"{{ {root} {_selected(data, both.schema, both.kind_of(root), 1)} }}"
    assert both.ask(query, standard=False) == both.ask(query, standard=True), query


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_answers(both: Both, root: str) -> None:
    for standard in (False, True):
        body = both.ask(f"{{ {root} {{ __typename }} }}", standard=standard)
        assert "errors" not in body, body["errors"]
        assert body["data"]


def test_what_is_wrong_with_one_field_is_said_at_its_place(both: Both) -> None:
    query = '{ impact(of: ["SRV-000002"]) { revision counts { down } explain(hit: "SRV-999999") { distance } } }'
    short, standard = (both.ask(query, standard=way) for way in (False, True))
    assert short == standard
    assert at(short, "errors", 0, "path") == ["impact", "explain"]


def _selected(data: st.DataObject, schema: GraphQLSchema, name: str, depth: int) -> str:
    """A selection on a type: some of its fields, some twice or by another name, fragments on what implements it."""
    kind = schema.get_type(name)
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = [_field(data, schema, kind, field, depth) for field in data.draw(_some_of(sorted(kind.fields)))]
    if isinstance(kind, GraphQLInterfaceType):
        below = sorted(one.name for one in schema.get_possible_types(kind))
        parts += [f"... on {one} {_selected(data, schema, one, depth + 1)}" for one in data.draw(_some_of(below))[:2]]
    return f"{{ __typename {' '.join(part for part in parts if part)} }}"


def _some_of(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=4, unique=True)


def _field(
    data: st.DataObject, schema: GraphQLSchema, kind: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int
) -> str:
    field = kind.fields[name]
    inner = get_named_type(field.type)
    asked = ASKED.get(name, "first: 2" if "first" in field.args else "")
    unknown = any(is_required_argument(argument) for argument in field.args.values()) and name not in ASKED
    if unknown or (not is_leaf_type(inner) and depth >= DEEPEST):
        return ""
    alias = data.draw(st.sampled_from(["", f"{name}_of_{inner.name}: ", f"other_{name}_{inner.name}: "]))
    arguments = f"({asked})" if asked else ""
    alias = alias or (f"{name}_{kind.name}: " if isinstance(kind, GraphQLObjectType) else "")
    return f"{alias}{name}{arguments} {'' if is_leaf_type(inner) else _selected(data, schema, inner.name, depth + 1)}"
