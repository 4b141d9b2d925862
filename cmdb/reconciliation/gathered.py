"""What a source says, kept compactly: rows of nodes that are new or changed, relationships as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from cmdb.reconciliation.claims import RowError, Where
from cmdb.writing.values import ValueCheck
from graph_schema.values import Value

NOTHING_SAID: Final = b"{}"

Rule = tuple[int, tuple[Value, ...]]
"""An identification rule that a claim can be found by: its place among the rules of its class, and the values."""


class NodeRow(msgspec.Struct, frozen=True, gc=False):
    """A node's claim that is new or changed.

    `attributes` is canonical JSON, `graphed` the controlled ones among them; `missing` names the required ones that are not
    there; `rules` are those that the claim has all values of.
    """

    source_key: str
    class_name: str
    name: str
    state: str | None
    attributes: bytes
    graphed: bytes
    missing: tuple[str, ...]
    digest: bytes
    where: Where
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class LinkRows:
    """Claims about relationships as columns. Ends are slots (see `Gathered`); `type`, `key` and `body` index tables.

    `place` is the index of a file and sheet times 2**40, plus the row.
    """

    type: array[int] = field(default_factory=lambda: array("h"))
    source: array[int] = field(default_factory=lambda: array("i"))
    target: array[int] = field(default_factory=lambda: array("i"))
    key: array[int] = field(default_factory=lambda: array("i"))
    body: array[int] = field(default_factory=lambda: array("i"))
    place: array[int] = field(default_factory=lambda: array("q"))


class Slots(dict[str, int]):
    """Numbers of source keys, from 0 on; a key that is asked for the first time gets the next one."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number


@dataclass(slots=True)
class Gathered:
    """All that a source says, as far as it makes sense.

    `slots` numbers the source keys that nodes or ends of relationships have, `known` the references to other nodes, from
    -1 downwards. `said` has the slots that some row describes, broken rows too; `rows` those that are new or changed.
    `unreadable` is set if the importer reported rows that it could not read, `lost_links` if a relationship's row made no
    sense: what is missing then may only be hidden. `bodies` has attributes of relationships as canonical JSON: all, and the
    controlled ones among them.
    """

    slots: Slots = field(default_factory=Slots)
    known: dict[str, int] = field(default_factory=dict[str, int])
    said: set[int] = field(default_factory=set[int])
    rows: dict[int, NodeRow] = field(default_factory=dict[int, NodeRow])
    links: LinkRows = field(default_factory=LinkRows)
    types: dict[str, int] = field(default_factory=dict[str, int])
    keys: dict[str, int] = field(default_factory=lambda: {"": 0})
    bodies: dict[tuple[bytes, bytes], int] = field(default_factory=lambda: {(NOTHING_SAID, NOTHING_SAID): 0})
    files: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    errors: list[RowError] = field(default_factory=list[RowError])
    unreadable: bool = False
    lost_links: bool = False
    claims: int = 0


def identities(rules: Iterable[tuple[str, ...]], name: str, values: Mapping[str, Value]) -> tuple[Rule, ...]:
    """The rules that a node with this name and these values can be identified by, the strongest first."""
    found: list[Rule] = []
    for number, rule in enumerate(rules):
        told: list[Value] = []
        for attribute in rule:
            value = name if attribute == "name" else values.get(attribute)
            if value is None:
                break
            told.append(value)
        else:
            found.append((number, tuple(told)))
    return tuple(found)


def controlled(values: Mapping[str, Value], known: Mapping[str, ValueCheck]) -> dict[str, Value]:
    """Those values that go into the graph: of controlled attributes that the model still has."""
    return {name: value for name, value in values.items() if name in known and not known[name].observed}
