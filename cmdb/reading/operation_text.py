"""Operations as data: one form for files, GraphQL and records, and the way between it and a change set.

    {"put": {"ref": "@web", "class": "Server", "name": "web-7", "attributes": {"cpu_count": 16}}}
    {"link": {"type": "RUNS_ON", "from": "Application:shop", "to": "@web", "key": "", "attributes": {"port": 443}}}
    {"put": {"ref": "SRV-000231", "state": "under_change", "attributes": {"role": null}, "expects": 4}}
    {"unlink": {"type": "RUNS_ON", "from": "Application:shop", "to": "SRV-000231"}}
    {"retire": {"ref": "SRV-000231", "state": "dismantled"}}

Nodes are named by reference (key, id, `Class:name`), or by the `@handle` of one that an earlier put creates. What is left
out stays as it is; an attribute that is null is taken away. Decimals may be written as numbers and are kept digit by digit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NoReturn

import msgspec
from msgspec import Struct, field

from cmdb.changeset import ChangeSet, Link, New, NodeRef, Operation, Patch, Put, Retire, Unlink
from cmdb.errors import Invalid, NotFound, Problem
from cmdb.reading.listing import nodes_by_ordinal
from cmdb.reading.references import resolve_all
from cmdb.store.port import Store
from graph_schema import yaml_tree
from graph_schema.errors import ModelError

LARGEST_INPUT: Final = 64 << 20
"""Bytes of JSON or of JSON lines that are read; YAML, which costs more, may have `yaml_tree.LARGEST_FILE`."""

MOST_PROBLEMS: Final = 1_000
"""Problems that are told of one input; where there are more, the last one says so."""

HANDLE: Final = "@"
"""What a reference begins with that names a node which does not exist yet."""


class WrittenPut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`cmdb.changeset.Put` with a reference for its node."""

    ref: str
    class_name: str | None = field(default=None, name="class")
    name: str | None = None
    state: str | None = None
    attributes: Patch = {}
    expects: int | None = None


class WrittenRetire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`cmdb.changeset.Retire` with a reference for its node."""

    ref: str
    state: str | None = None
    expects: int | None = None


class WrittenLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`cmdb.changeset.Link` with references for its ends."""

    type: str
    source: str = field(name="from")
    target: str = field(name="to")
    key: str = ""
    attributes: Patch = {}
    expects: int | None = None


class WrittenUnlink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`cmdb.changeset.Unlink` with references for its ends."""

    type: str
    source: str = field(name="from")
    target: str = field(name="to")
    key: str = ""


WrittenOperation = WrittenPut | WrittenRetire | WrittenLink | WrittenUnlink


def read_operations(data: bytes, where: str) -> tuple[WrittenOperation, ...]:
    """The operations in a JSON list, in lines of JSON or in a YAML list; `where` is what the input is called.

    Raises Invalid with every problem, each with its line or the operation's number. O(length).
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    head = data[:_WHITE_LOOKED_AT].lstrip()[:1]
    if len(data) > LARGEST_INPUT:
        _reject([Problem(f"there are more than {LARGEST_INPUT >> 20} MiB", where=where, remedy="use an import")])
    problems: list[Problem] = []
    found: list[WrittenOperation] = []
    for place, item in _yaml(data, where) if head not in _JSON_BEGINS else _json(data, where, head):
        try:
            found.append(_operation(_exactly(item.decode()) if isinstance(item, bytes) else item))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(_said(error), where=place, remedy=_REMEDY))
            if len(problems) == MOST_PROBLEMS:
                problems.append(Problem("the rest was not looked at", where=place, remedy="correct these first"))
                break
    if problems:
        _reject(problems)
    return tuple(found)


def operation_line(operation: WrittenOperation) -> str:
    """An operation as canonical JSON on one line: keys sorted, nothing that is only a default.

    Equal operations give equal lines. Raises Invalid for text that is no Unicode.
    """
    try:
        return _ENCODE({_WORDS[type(operation)]: operation}).decode()
    except UnicodeEncodeError:
        raise Invalid("an operation has text that is no Unicode", remedy="leave half surrogates out") from None


def operation_of_line(text: str) -> WrittenOperation:
    """The operation that `operation_line` wrote. Raises Invalid."""
    try:
        return _operation(_exactly(text))
    except (ValueError, RecursionError) as error:
        raise Invalid(f"this is no operation: {_said(error)}", remedy=_REMEDY) from None


async def to_change_set(store: Store, operations: Sequence[WrittenOperation]) -> ChangeSet:
    """The change set that operations say, in their order, references as they stand now and resolved together.

    Raises NotFound and Usage for references. O(operations · log n).
    """
    references = [r for r in dict.fromkeys(_all_references(operations)) if not r.startswith(HANDLE)]
    found = await resolve_all(store, references) if references else []
    nodes = {reference: node.ordinal for reference, node in zip(references, found, strict=True)}

    def node(reference: str) -> NodeRef:
        return New(reference.removeprefix(HANDLE)) if reference.startswith(HANDLE) else nodes[reference]

    def resolved(operation: WrittenOperation) -> Operation:
        match operation:
            case WrittenPut(ref=ref, class_name=c, name=name, state=state, attributes=patch, expects=expects):
                return Put(node=node(ref), class_name=c, name=name, state=state, attributes=patch, expects=expects)
            case WrittenRetire(ref=ref, state=state, expects=expects):
                return Retire(node=node(ref), state=state, expects=expects)
            case WrittenLink(type=kind, source=one, target=other, key=key, attributes=patch, expects=expects):
                ends = node(one), node(other)
                return Link(type=kind, source=ends[0], target=ends[1], key=key, attributes=patch, expects=expects)
            case WrittenUnlink(type=kind, source=one, target=other, key=key):
                return Unlink(type=kind, source=node(one), target=node(other), key=key)

    return ChangeSet(tuple(map(resolved, operations)))


async def written(store: Store, change_set: ChangeSet) -> tuple[WrittenOperation, ...]:
    """A change set as operations, with keys for nodes: what `to_change_set` takes. O(operations · log n).

    Raises NotFound where it names a node that is not there.
    """
    ordinals = sorted({ref for operation in change_set for ref in _nodes(operation) if isinstance(ref, int)})
    keys = {ordinal: node.key for ordinal, node in (await nodes_by_ordinal(store, ordinals, None)).items()}
    if len(keys) < len(ordinals):
        raise NotFound(f"there is no node with the ordinal {next(o for o in ordinals if o not in keys)}")

    def ref(node: NodeRef) -> str:
        return f"{HANDLE}{node.handle}" if isinstance(node, New) else keys[node]

    def said(operation: Operation) -> WrittenOperation:
        match operation:
            case Put(node=node, class_name=c, name=name, state=state, attributes=patch, expects=expects):
                return WrittenPut(
                    ref=ref(node), class_name=c, name=name, state=state, attributes=patch, expects=expects
                )
            case Retire(node=node, state=state, expects=expects):
                return WrittenRetire(ref=ref(node), state=state, expects=expects)
            case Link(type=kind, source=one, target=other, key=key, attributes=patch, expects=expects):
                ends = ref(one), ref(other)
                return WrittenLink(
                    type=kind, source=ends[0], target=ends[1], key=key, attributes=patch, expects=expects
                )
            case Unlink(type=kind, source=one, target=other, key=key):
                return WrittenUnlink(type=kind, source=ref(one), target=ref(other), key=key)

    return tuple(map(said, change_set))


class _Wrapped(Struct, frozen=True, forbid_unknown_fields=True):
    """An operation below the word that says what it is."""

    put: WrittenPut | None = None
    retire: WrittenRetire | None = None
    link: WrittenLink | None = None
    unlink: WrittenUnlink | None = None


_WORDS: Final[dict[type[WrittenOperation], str]] = {
    WrittenPut: "put",
    WrittenRetire: "retire",
    WrittenLink: "link",
    WrittenUnlink: "unlink",
}
_ENCODE: Final = msgspec.json.Encoder(order="sorted").encode
_JSON_BEGINS: Final = (b"[", b"{")
_WHITE_LOOKED_AT: Final = 4096
_REMEDY: Final = (
    'write {"put": {"ref": …}}, {"retire": {"ref": …}}, {"link": {"type": …, "from": …, "to": …}} or '
    '{"unlink": {"type": …, "from": …, "to": …}}'
)


def _operation(plain: object) -> WrittenOperation:
    wrapped = msgspec.convert(plain, _Wrapped)
    given = [one for one in (wrapped.put, wrapped.retire, wrapped.link, wrapped.unlink) if one is not None]
    if len(given) != 1:
        raise ValueError("there is not exactly one of put, retire, link, unlink")
    if any(reference in {"", HANDLE} for reference in _references(given[0])):
        raise ValueError(f"a reference is empty; a handle is {HANDLE} and a name")
    try:
        operation_line(given[0])
    except Invalid as error:
        raise ValueError(error.message) from None
    return given[0]


def _json(data: bytes, where: str, head: bytes) -> Iterator[tuple[str, object]]:
    """Each operation as its JSON, with its place."""
    if head == b"[":
        try:
            items = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            _reject([Problem(f"this is no list in JSON: {_said(error)}", where=where, remedy="correct it here")])
        yield from ((f"{where}, operation {number}", bytes(item)) for number, item in enumerate(items, start=1))
        return
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield f"{where}:{number}", line


def _yaml(data: bytes, where: str) -> Iterator[tuple[str, object]]:
    """Each operation as plain values, with its place."""
    if len(data) > yaml_tree.LARGEST_FILE:
        most = yaml_tree.LARGEST_FILE >> 20
        _reject([Problem(f"this YAML has more than {most} MiB", where=where, remedy="write lines of JSON")])
    try:
        tree = yaml_tree.parse(where, data)
    except ModelError as error:
        _reject([Problem(p.message, where=f"{p.file}:{p.line}", remedy=p.remedy) for p in error.problems])
    if tree.value is None:
        return
    if not isinstance(tree.value, list):
        _reject([Problem("this is no list of operations", where=f"{where}:1", remedy=_REMEDY)])
    yield from ((f"{where}:{tree.line((number,))}", item) for number, item in enumerate(tree.value))


def _reject(problems: Sequence[Problem]) -> NoReturn:
    raise Invalid("the operations cannot be read", remedy=problems[0].remedy, problems=tuple(problems))


def _said(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deep"
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case _:
            return str(error)


def _exactly(text: str) -> object:
    """What JSON says, without losing the digits of a number or the first of two members of one name."""
    return json.loads(text, object_pairs_hook=_no_twins, parse_float=str, parse_constant=_no_constant)


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is there twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _references(operation: WrittenOperation) -> tuple[str, ...]:
    match operation:
        case WrittenPut(ref=ref) | WrittenRetire(ref=ref):
            return (ref,)
        case WrittenLink(source=source, target=target) | WrittenUnlink(source=source, target=target):
            return (source, target)


def _all_references(operations: Iterable[WrittenOperation]) -> Iterator[str]:
    for operation in operations:
        yield from _references(operation)


def _nodes(operation: Operation) -> tuple[NodeRef, ...]:
    match operation:
        case Put(node=node) | Retire(node=node):
            return (node,)
        case Link(source=source, target=target) | Unlink(source=source, target=target):
            return (source, target)
