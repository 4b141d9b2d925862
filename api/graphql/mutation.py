"""What can be written: operations on references and handles, all of them or none, through the one door."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Final

import strawberry

from api.graphql.nodes import Node
from api.graphql.reading import Reading, Shown
from api.graphql.scalars import AnyValue, taken
from cmdb.changeset import ChangeSet, Link, New, NodeRef, Operation, Patch, Put, Retire, Unlink
from cmdb.errors import CmdbError, Conflict, Invalid, NotFound, Problem, Refused, Usage
from cmdb.reading import resolve_all
from cmdb.writing import INITIALISATION
from graph_schema.values import Value

MOST_OPERATIONS: Final = 10_000
"""Operations of one write; larger loads are imports."""

Info = strawberry.Info[Reading, None]

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


@strawberry.type(description="One thing that is wrong with an input.")
class WriteProblem:
    """See `cmdb.errors.Problem`."""

    message: str
    subject: str
    where: str
    remedy: str


@strawberry.interface(description="Nothing was written: why, and what to do next.")
class WriteFailure:
    """See `cmdb.errors.CmdbError`."""

    message: str
    remedy: str
    problems: list[WriteProblem]


@strawberry.type(description="The operations break rules of the model; `problems` has all of them.")
class InvalidWrite(WriteFailure):
    """From Invalid and Usage."""


@strawberry.type(description="Something is not in the version that was expected, or somebody else keeps writing first.")
class ConflictingWrite(WriteFailure):
    """From Conflict."""


@strawberry.type(description="Rights or the gate say no.")
class RefusedWrite(WriteFailure):
    """From Refused."""


@strawberry.type(description="A reference leads to nothing.")
class MissingReference(WriteFailure):
    """From NotFound."""


@strawberry.type(description="A node that was created, and the handle it was asked for by.")
class Created:
    """One new node."""

    handle: str
    node: Shown = strawberry.field(graphql_type=Node)


@strawberry.type(description="The write is committed, and durable.")
class Written:
    """See `cmdb.writing.Written`."""

    revision: int = strawberry.field(description="The newest revision; the write's own, unless it changed nothing.")
    effects: int = strawberry.field(description="What really changed; 0 made no commit.")
    created: list[Created]


WriteResult = Annotated[
    Written | InvalidWrite | ConflictingWrite | RefusedWrite | MissingReference, strawberry.union(name="WriteResult")
]

_FAILURES: Final[tuple[tuple[type[CmdbError], type[WriteFailure]], ...]] = (
    (NotFound, MissingReference),
    (Invalid, InvalidWrite),
    (Usage, InvalidWrite),
    (Conflict, ConflictingWrite),
    (Refused, RefusedWrite),
)


@strawberry.type
class Mutation:
    """The one door."""

    @strawberry.field(description="Apply operations in their order, all of them or none.")
    @staticmethod
    async def write(info: Info, operations: list[OperationInput], actor: str, reason: str = "") -> WriteResult:
        """Under the authority of initialisation, the only one there is."""
        try:
            return await _write(info.context, operations, actor, reason)
        except CmdbError as error:
            failure = next((made for kind, made in _FAILURES if isinstance(error, kind)), None)
            if failure is None:
                raise
            return _failed(failure, error)


async def _write(reading: Reading, operations: list[OperationInput], actor: str, reason: str) -> Written:
    if len(operations) > MOST_OPERATIONS:
        raise Usage(f"{len(operations)} operations are too many", remedy=f"write at most {MOST_OPERATIONS} at once")
    store = reading.application.store
    references = list(dict.fromkeys(r for o in operations for r in _references(o) if not r.startswith("@")))
    found = await resolve_all(store, references)
    nodes: dict[str, NodeRef] = {reference: node.ordinal for reference, node in zip(references, found, strict=True)}
    change_set = ChangeSet(tuple(_operation(o, nodes, place) for place, o in enumerate(operations, start=1)))
    written = await reading.application.door.write(change_set, actor=actor, authority=INITIALISATION, reason=reason)
    view = reading.at_revision(None)
    created = await view.nodes(list(written.created.values()))
    return Written(
        revision=written.head.revision,
        effects=written.effects,
        created=[
            Created(handle=f"@{handle}", node=node) for handle, node in zip(written.created, created, strict=True)
        ],
    )


def _references(operation: OperationInput) -> Iterator[str]:
    if operation.put:
        yield operation.put.ref
    if operation.retire:
        yield operation.retire.ref
    for link in (operation.link, operation.unlink):
        if link:
            yield from (link.source, link.target)


def _operation(operation: OperationInput, nodes: dict[str, NodeRef], place: int) -> Operation:
    def node(reference: str) -> NodeRef:
        return New(reference[1:]) if reference.startswith("@") else nodes[reference]

    if put := operation.put:
        return Put(
            node=node(put.ref),
            class_name=put.class_,
            name=put.name,
            state=put.state,
            attributes=_patch(put.attributes, place),
            expects=put.expects,
        )
    if retire := operation.retire:
        return Retire(node=node(retire.ref), state=retire.state, expects=retire.expects)
    if link := operation.link:
        ends = (node(link.source), node(link.target))
        patch = _patch(link.attributes, place)
        return Link(
            type=link.type, source=ends[0], target=ends[1], key=link.key, attributes=patch, expects=link.expects
        )
    if unlink := operation.unlink:
        return Unlink(type=unlink.type, source=node(unlink.source), target=node(unlink.target), key=unlink.key)
    raise Usage(f"operation {place} is empty", remedy="give one of put, retire, link, unlink")


def _patch(attributes: list[AttributeInput], place: int) -> Patch:
    patch: Patch = {}
    for given in attributes:
        if given.name in patch:
            raise Usage(f"operation {place} gives {given.name} twice", remedy="give each attribute once")
        value: Value | None = None if given.value is None else taken(given.value)
        patch[given.name] = value
    return patch


def _failed(failure: type[WriteFailure], error: CmdbError) -> WriteResult:
    problems = [WriteProblem(**dataclasses.asdict(problem)) for problem in error.problems or (Problem(error.message),)]
    return failure(message=error.message, remedy=error.remedy, problems=problems)  # pyright: ignore[reportReturnType]  # never the interface itself
