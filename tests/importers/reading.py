"""Helpers of the importer tests: read some bytes with an importer and look at what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cmdb.reconciliation.claims import Importer, Item, NodeClaim, RelationshipClaim, RowError
from graph_schema.metamodel import Model
from graph_schema.reader import shipped_model
from graph_schema.values import normalise
from importers.workbook import template


@cache
def model() -> Model:
    return shipped_model()


@cache
def empty_workbook() -> bytes:
    return template(model())


def read(importer: Importer, *paths: Path) -> list[Item]:
    return list(importer.read(paths, model()))


def read_bytes(importer: Importer, content: bytes, folder: Path, name: str) -> list[Item]:
    path = folder / name
    path.write_bytes(content)
    return read(importer, path)


def nodes(items: Sequence[Item]) -> dict[str, NodeClaim]:
    return {item.source_key: item for item in items if isinstance(item, NodeClaim)}


def links(items: Sequence[Item], kind: str) -> set[tuple[str, str]]:
    found = [item for item in items if isinstance(item, RelationshipClaim) and item.type == kind]
    return {(str(item.source), str(item.target)) for item in found}


def faults(items: Sequence[Item], *, warnings: bool = False) -> list[RowError]:
    return [item for item in items if isinstance(item, RowError) and item.warning == warnings]


def assert_fits_model(items: Sequence[Item]) -> None:
    """Claims have known classes and attributes, canonical values, joinable ends; no claim is made twice."""
    m, claimed = model(), nodes(items)
    keys = Counter(item.source_key for item in items if isinstance(item, NodeClaim))
    assert {key: count for key, count in keys.items() if count > 1} == {}
    for claim in claimed.values():
        attributes = m.attributes[claim.class_name]
        for name, value in claim.attributes.items():
            normalise(attributes[name], value)
        assert m.naming_pattern_of[claim.class_name].fullmatch(claim.name), claim
    relationships = [item for item in items if isinstance(item, RelationshipClaim)]
    naturals = Counter((r.type, str(r.source), str(r.target), r.key) for r in relationships)
    assert {natural: count for natural, count in naturals.items() if count > 1} == {}
    for r in relationships:
        if isinstance(r.source, str) and isinstance(r.target, str):
            ends = claimed[r.source].class_name, claimed[r.target].class_name
            assert ends in m.joinable[r.type], (r.type, ends)
