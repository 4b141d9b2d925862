"""A NetBox export (`manage.py dumpdata`, plain or compressed): sites, racks, devices, cabling, power, addresses.

A node's source key is the model and number (`dcim.device:12`), its name NetBox's own; interfaces and ports have the
name that their device gives them. A row error's sheet is the model, its row the number. The file is read twice, so
that what refers to later objects finds their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Item, Progress, Raw, RowError, Where
from graph_schema.metamodel import Model
from importers.claiming import Claims
from importers.netbox.dump import Entry, Fields, entries
from importers.netbox.index import Index, Target, number
from importers.netbox.joins import joins
from importers.netbox.kinds import Kind, Link, Named, Source
from importers.netbox.models import KINDS, READ_THROUGH_OTHERS
from importers.netbox.values import PK
from importers.text import Note, head_of, progress_of


class NetBox:
    """Importer of NetBox dumps of versions 3 and 4."""

    name = "netbox"

    def recognises(self, path: Path) -> bool:
        """By the first object: a model of NetBox."""
        return path.is_file() and _START.match(head_of(path)) is not None

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims object by object. Memory is O(objects): their numbers, and the names that others refer to."""
        note = progress_of([*paths, *paths], progress)
        index = Index()
        for path in paths:
            for entry in entries(path, note):
                if isinstance(entry, Entry):
                    yield from index.add(entry)
        index.finish()
        yield from _unread(index, paths)
        for path in paths:
            yield from _file(path, index, Claims(model), note)


def source_key(target: Target) -> str:
    """The source key of an object: `dcim.device:12`."""
    return f"{target[0]}:{target[1]}"


_START: Final = re.compile(
    rb'\s*\[?\s*\{\s*"model"\s*:\s*"(?:contenttypes|dcim|ipam|extras|tenancy|circuits|virtualization|users|core)\.'
)
_GONE: Final = {"circuits.circuit": "decommissioned", "dcim.site": "retired"}
_STATES: Final = {
    "planned": "ordered",
    "staged": "received",
    "inventory": "received",
    "provisioning": "in_test",
    "staging": "in_test",
}


def _file(path: Path, index: Index, claims: Claims, note: Note) -> Iterator[Item]:
    for entry in entries(path, note):
        if isinstance(entry, RowError):
            yield entry
        elif entry.model in KINDS:
            yield from _object(entry, KINDS[entry.model], index, claims)
        else:
            yield from _joined(entry, index, claims)


def _object(entry: Entry, kind: Kind, index: Index, claims: Claims) -> Iterator[Item]:
    if _is_gone(entry.model, entry.fields):
        message = f"{entry.model} {entry.pk} is no longer in use according to its status"
        yield RowError(where=entry.where, message=message, remedy="nothing to do: it is left out", warning=True)
        return
    fields: Fields = {**entry.fields, PK: entry.pk}
    class_name = kind.class_name if isinstance(kind.class_name, str) else kind.class_name(fields, index)
    name = _value(kind.name, fields, index)
    attributes: dict[str, Raw] = {}
    for attribute, source in kind.attributes.items():
        value = _value(source, fields, index)
        if value is None or isinstance(value, str | int | float):
            attributes[attribute] = value
        else:
            message = f"{attribute} of {entry.model} {entry.pk} is neither text nor number"
            yield RowError(where=entry.where, message=message, remedy="export it again with `manage.py dumpdata`")
    tags = [tag for pk in index.tags.get((entry.model, entry.pk), ()) if (tag := index.name("extras.tag", pk))]
    attributes["tags"] = [*tags]
    key = source_key((entry.model, entry.pk))
    status = entry.fields.get("status")
    state = _STATES.get(status) if isinstance(status, str) else None
    yield from claims.node(entry.where, class_name, key, name if isinstance(name, str) else "", attributes, state)
    for link in kind.links:
        if all(number(entry.fields, other) is None for other in kind.unless.get(link.field, ())):
            yield from _link(entry, link, index, claims)
    yield from _joined(entry, index, claims)


def _link(entry: Entry, link: Link, index: Index, claims: Claims) -> Iterator[Item]:
    pk = number(entry.fields, link.field)
    if pk is None:
        return
    own, other = (entry.model, entry.pk), (link.model, pk)
    ends = (other, own) if link.reverse else (own, other)
    yield from _relationship(entry.where, link.type, ends, index, claims)


def _joined(entry: Entry, index: Index, claims: Claims) -> Iterator[Item]:
    for join in joins(entry, index):
        ends = (join.source, join.target)
        yield from _relationship(entry.where, join.type, ends, index, claims, join.key, join.attributes)


def _relationship(
    where: Where,
    kind: str,
    ends: tuple[Target, Target],
    index: Index,
    claims: Claims,
    key: str = "",
    attributes: dict[str, Raw] | None = None,
) -> Iterator[Item]:
    missing = next((end for end in ends if not index.has(end)), None)
    if missing is not None:
        message = f"refers to {missing[0]} {missing[1]}, which is not in the dump"
        yield RowError(where=where, message=message, remedy="export all of NetBox in one dump", warning=True)
    elif not any(_is_gone(end[0], index.of(*end)) for end in ends):
        yield from claims.relationship(where, kind, source_key(ends[0]), source_key(ends[1]), key, attributes)


def _is_gone(model: str, fields: Fields) -> bool:
    return model in _GONE and fields.get("status") == _GONE[model]


def _value(source: Source, fields: Fields, index: Index) -> object:
    if isinstance(source, Named):
        return index.name(source.model, number(fields, source.field))
    value = fields.get(source) if isinstance(source, str) else source(fields, index)
    return value.strip() if isinstance(value, str) else value


def _unread(index: Index, paths: Sequence[Path]) -> Iterator[RowError]:
    unread = [f"{model} ({count})" for model, count in sorted(index.counts.items()) if _is_unread(model)]
    if unread:
        yield RowError(
            where=Where(", ".join(str(path) for path in paths)),
            message=f"objects of these models are not read: {', '.join(unread)}",
            remedy="nothing to do",
            warning=True,
        )


def _is_unread(model: str) -> bool:
    return model not in KINDS and model not in READ_THROUGH_OTHERS and not model.endswith("template")
