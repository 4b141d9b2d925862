"""How much one query may ask: text, depth, fields and rows, counted before anything is executed.

All counts expand fragments, each of which is looked at once, so that counting costs no more than the text is long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from api.graphql.paging import DEFAULT_PAGE
from cmdb.errors import Usage
from cmdb.store.port import LARGEST_PAGE

LONGEST_QUERY: Final = 100_000
"""Characters; values belong in variables."""
MOST_TOKENS: Final = 10_000
DEEPEST: Final = 20
MOST_FIELDS: Final = 2_000
MOST_ROWS: Final = 100_000
"""Rows that the pages of a query may have together, if every page is full."""

_PAGED: Final = frozenset(
    {
        "baselines", "better", "changeCollisions", "changes", "closes", "compareBaselines", "deliveries", "deploys", "found",
        "groups", "history", "hits", "includedIn", "ledger", "masters", "newSinglePoints", "nodes", "onlyAfter", "onlyBefore",
        "order", "pairs", "pools", "problems", "redundancyGained", "redundancyLost", "relationships", "releases", "reports",
        "saved", "services", "singlePointsOfFailure", "sites", "takes", "touches", "worse",
    }
)  # fmt: skip
_EFFORT: Final[Mapping[str, int]] = {
    "verifyBaseline": 50_000,
    "compareBaselines": 20_000,
    "changeCollisions": 20_000,
    "changeKpis": 20_000,
    "releaseKpis": 20_000,
    "singlePointsOfFailure": 20_000,
    "impact": 2_000,
    "depends": 2_000,
    "dependents": 2_000,
    "path": 2_000,
    "change": 500,
    "changes": 500,
    "release": 500,
    "releases": 500,
    "statusReport": 5_000,
    "history": 500,
    "nodes": 100,
}
"""What a root field costs whatever its page, in rows."""
_INNER_EFFORT: Final[Mapping[str, int]] = {"newSinglePoints": 20_000, "hitIds": 20_000, "groups": 2_000, "pools": 100}
"""The same for fields below a root."""
_EFFORT_OF_CHANGE: Final[Mapping[str, int]] = {
    "certificate": 20_000, "risk": 20_000, "collisions": 5_000, "slots": 5_000
}  # fmt: skip
"""The same for fields of a field `change`; records have attributes of such names, which cost nothing."""
_EFFORT_OF_RELEASE: Final[Mapping[str, int]] = {"order": 5_000, "notice": 5_000, "guide": 5_000}
"""The same for fields of a field `release`."""


class _Above(Enum):
    """What a selection stands below."""

    ROOT = "root"
    CHANGE = "change"
    RELEASE = "release"
    OTHER = "other"


_BELOW: Final[Mapping[str, _Above]] = {"change": _Above.CHANGE, "release": _Above.RELEASE}
_EFFORTS: Final[Mapping[_Above, Mapping[str, int]]] = {
    _Above.ROOT: _EFFORT,
    _Above.CHANGE: _EFFORT_OF_CHANGE,
    _Above.RELEASE: _EFFORT_OF_RELEASE,
    _Above.OTHER: _INNER_EFFORT,
}


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection adds up to: levels, fields, rows."""

    depth: int = 0
    fields: int = 0
    rows: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(max(self.depth, other.depth), self.fields + other.fields, self.rows + other.rows)


@dataclass(frozen=True)
class Measured:
    """A document and its fragments."""

    document: DocumentNode

    @cached_property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """By name."""
        return {d.name.value: d for d in self.document.definitions if isinstance(d, FragmentDefinitionNode)}

    def check_shape(self) -> None:
        """Raise Usage when some operation is too deep, too wide, or made of fragments that hold themselves."""
        for definition in self.document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                _check(
                    _Count(self.fragments, lambda _: DEFAULT_PAGE).size(definition.selection_set, _Above.ROOT),
                    rows=False,
                )

    def check_rows(self, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> None:
        """Raise Usage when an operation may read too many rows with these variables."""
        defaults = {d.variable.name.value: d.default_value for d in operation.variable_definitions or ()}

        def page(value: ValueNode) -> int:
            if isinstance(value, VariableNode):
                name = value.name.value
                given = variables.get(name)
                if isinstance(given, int):
                    return given
                value = defaults.get(name) or value
            return int(value.value[:9]) if isinstance(value, IntValueNode) else LARGEST_PAGE

        _check(_Count(self.fragments, page).size(operation.selection_set, _Above.ROOT), rows=True)


@dataclass(frozen=True, slots=True)
class _Count:
    fragments: Mapping[str, FragmentDefinitionNode]
    page: Callable[[ValueNode], int]
    known: dict[tuple[str, _Above], Size | None] = field(default_factory=dict[tuple[str, _Above], "Size | None"])

    def size(self, selection: SelectionSetNode, above: _Above) -> Size:
        total = Size()
        for node in selection.selections:
            if isinstance(node, FieldNode):
                total += self.field(node, above)
            elif isinstance(node, InlineFragmentNode):
                total += self.size(node.selection_set, above)
            elif isinstance(node, FragmentSpreadNode):
                total += self.fragment(node.name.value, above)
        return total

    def field(self, node: FieldNode, above: _Above) -> Size:
        name = node.name.value
        below = _BELOW.get(name, _Above.OTHER)
        inner = Size() if node.selection_set is None else self.size(node.selection_set, below)
        rows = 1
        if name in _PAGED:
            first = next((a.value for a in node.arguments or () if a.name.value == "first"), None)
            rows = max(1, min(LARGEST_PAGE, DEFAULT_PAGE if first is None else self.page(first)))
        own = _EFFORTS[above].get(name, 0) + (rows if name in _PAGED else 0)
        return Size(inner.depth + 1, inner.fields + 1, own + rows * inner.rows)

    def fragment(self, name: str, above: _Above) -> Size:
        if name not in self.fragments:
            return Size()
        key = (name, above)
        if key not in self.known:
            self.known[key] = None
            self.known[key] = self.size(self.fragments[name].selection_set, above)
        size = self.known[key]
        if size is None:
            raise Usage(f"the fragment {name} holds itself", remedy="take the circle out")
        return size


def check_text(query: str) -> None:
    """Raise Usage when a query's text is too long."""
    if len(query) > LONGEST_QUERY:
        raise Usage(
            f"the query has {len(query)} characters; at most {LONGEST_QUERY} fit", remedy="pass values as variables"
        )


def _check(size: Size, *, rows: bool) -> None:
    if size.depth > DEEPEST:
        raise Usage(f"the query is {size.depth} levels deep; at most {DEEPEST} are answered", remedy="ask in steps")
    if size.fields > MOST_FIELDS:
        raise Usage(
            f"the query selects {size.fields} fields; at most {MOST_FIELDS} are answered", remedy="ask in steps"
        )
    if rows and size.rows > MOST_ROWS:
        raise Usage(
            f"the query may read {size.rows} rows; at most {MOST_ROWS} are read at once",
            remedy="ask for smaller pages with `first`, or in steps",
        )
