"""Operations as GraphQL takes them, and the same as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import strawberry

from api.graphql.scalars import AnyValue, taken
from cmdb.changeset import Patch
from cmdb.errors import Usage
from cmdb.reading.operation_text import WrittenLink, WrittenOperation, WrittenPut, WrittenRetire, WrittenUnlink

MOST_OPERATIONS: Final = 10_000
"""Operations of one write; larger loads are imports."""

_REF = "A reference (key, id or `Class:name`), or `@handle` for a node that an earlier operation of this write creates."


@strawberry.input(description="An attribute by its name in the model, and its value; null takes it away.")
class AttributeInput:
    """One entry of a patch."""

    name: str
    value: AnyValue | None


@strawberry.input(description="Create a node (`ref` is a new `@handle`; class and name are needed) or change one.")
class PutInput:
    """See `cmdb.changeset.Put`."""

    ref: str
    class_: str | None = strawberry.field(name="class", default=None)
    name: str | None = None
    state: str | None = None
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    expects: int | None = strawberry.field(
        default=None, description="The version that was seen; another one is a conflict."
    )


@strawberry.input(description="Move a node to a final state and end its relationships.")
class RetireInput:
    """See `cmdb.changeset.Retire`."""

    ref: str
    state: str | None = None
    expects: int | None = None


@strawberry.input(
    description="Create a relationship, or change its attributes. `expects: 0` wants it not to exist yet."
)
class LinkInput:
    """See `cmdb.changeset.Link`."""

    type: str
    source: str = strawberry.field(name="from")
    target: str = strawberry.field(name="to")
    key: str = ""
    attributes: list[AttributeInput] = strawberry.field(default_factory=list)
    expects: int | None = None


@strawberry.input(description="End a relationship.")
class UnlinkInput:
    """See `cmdb.changeset.Unlink`."""

    type: str
    source: str = strawberry.field(name="from")
    target: str = strawberry.field(name="to")
    key: str = ""


@strawberry.input(one_of=True, description=f"One of these. Nodes are named by `ref`, `from` and `to`. {_REF}")
class OperationInput:
    """See `cmdb.changeset.Operation`."""

    put: PutInput | None = strawberry.UNSET
    retire: RetireInput | None = strawberry.UNSET
    link: LinkInput | None = strawberry.UNSET
    unlink: UnlinkInput | None = strawberry.UNSET


def taken_operations(operations: Sequence[OperationInput]) -> tuple[WrittenOperation, ...]:
    """The operations as data. Raises Usage for too many, an empty one, and an attribute that is given twice."""
    if len(operations) > MOST_OPERATIONS:
        raise Usage(f"{len(operations)} operations are too many", remedy=f"write at most {MOST_OPERATIONS} at once")
    return tuple(_written(operation, place) for place, operation in enumerate(operations, start=1))


def few(references: Sequence[str]) -> Sequence[str]:
    """References to nodes. Raises Usage for too many."""
    if len(references) > MOST_OPERATIONS:
        raise Usage(
            f"{len(references)} references are too many", remedy=f"name at most {MOST_OPERATIONS} nodes at once"
        )
    return references


def patch_of(attributes: Sequence[AttributeInput], what: str) -> Patch:
    """The attributes of `what` as data. Raises Usage for one that is given twice."""
    patch: Patch = {}
    for given in attributes:
        if given.name in patch:
            raise Usage(f"{what} gives {given.name} twice", remedy="give each attribute once")
        patch[given.name] = None if given.value is None else taken(given.value)
    return patch


def _written(operation: OperationInput, place: int) -> WrittenOperation:
    if put := operation.put:
        return WrittenPut(
            ref=put.ref,
            class_name=put.class_,
            name=put.name,
            state=put.state,
            attributes=patch_of(put.attributes, f"operation {place}"),
            expects=put.expects,
        )
    if retire := operation.retire:
        return WrittenRetire(ref=retire.ref, state=retire.state, expects=retire.expects)
    if link := operation.link:
        return WrittenLink(
            type=link.type,
            source=link.source,
            target=link.target,
            key=link.key,
            attributes=patch_of(link.attributes, f"operation {place}"),
            expects=link.expects,
        )
    if unlink := operation.unlink:
        return WrittenUnlink(type=unlink.type, source=unlink.source, target=unlink.target, key=unlink.key)
    raise Usage(f"operation {place} is empty", remedy="give one of put, retire, link, unlink")
