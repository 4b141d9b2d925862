"""The values that flow: nodes, relationships, their versions, and how a node's id is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from cmdb.errors import NotFound
from graph_schema.values import Value

Attributes = dict[str, Value]

LAST: Final = 2**62
"""The revision at which a version ends that is still current."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration item or a record, in one version.

    `since` is the revision that made this version, `version` counts from 1, `retired` says that its state is final.
    Absent attributes are absent, never null.
    """

    ordinal: int
    id: str
    key: str
    class_name: str
    name: str
    state: str
    retired: bool
    attributes: Attributes
    version: int
    since: int


class Relationship(msgspec.Struct, frozen=True, kw_only=True):
    """A typed, directed edge between two nodes, named by (type, source, target, key).

    `source` and `target` are ordinals.
    """

    id: int
    type: str
    source: int
    target: int
    key: str
    attributes: Attributes
    since: int


class NodeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it was from revision `node.since` until before `until` (LAST while it is current)."""

    node: Node
    until: int


class RelationshipVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A relationship as it was from revision `relationship.since` until before `until` (LAST while it is current)."""

    relationship: Relationship
    until: int


@dataclass(frozen=True, slots=True)
class NodeIds:
    """Makes node ids: the estate's 20 hexadecimal digits and the ordinal in 12, written as a UUID of version 8.

    An id is therefore unique among estates, stable for ever, and costs a store nothing. O(1) both ways.
    """

    estate: str
    _begin: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        e = self.estate
        if len(e) != 20 or not set(e) <= set("0123456789abcdef"):
            raise ValueError(f"an estate id is 20 lower-case hexadecimal digits, not {e!r}")
        object.__setattr__(self, "_begin", f"{e[:8]}-{e[8:12]}-{e[12:16]}-{e[16:]}-")

    def id_of(self, ordinal: int) -> str:
        """The id of the node with this ordinal."""
        return f"{self._begin}{ordinal:012x}"

    def ordinal_of(self, node_id: str) -> int:
        """The ordinal in this id. Raises NotFound when the id is of another estate or no id at all."""
        text = node_id.lower()
        if len(text) == 36 and text.startswith(self._begin) and set(text[24:]) <= set("0123456789abcdef"):
            return int(text[24:], 16)
        raise NotFound(
            f"{node_id!r} is not the id of a node of this estate",
            remedy="use a key like SRV-000231, or Class:name",
        )


def estate_id(random_bits: int) -> str:
    """An estate id from at least 74 random bits, with the version and variant digits of a UUID 8 in their places."""
    digits = f"{random_bits & (2**80 - 1):020x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:12]}8{digits[13:16]}{variant}{digits[17:]}"


def node_key(code: str, number: int) -> str:
    """The key people use: class code and number, `SRV-000231`."""
    return f"{code}-{number:06d}"


def said(node: Node, attribute: str) -> str:
    """The text of an attribute, empty where there is none."""
    value = node.attributes.get(attribute)
    return value if isinstance(value, str) else ""


def many(node: Node, attribute: str) -> tuple[str, ...]:
    """The texts of a list attribute."""
    value = node.attributes.get(attribute)
    return tuple(str(part) for part in value) if isinstance(value, tuple) else ()


def whole(node: Node, attribute: str) -> int:
    """The number of an attribute, 0 where there is none."""
    value = node.attributes.get(attribute)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
