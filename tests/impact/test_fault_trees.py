"""Fault trees as CIs and pools: single points of failure of the top event are its cut sets of order 1, pairs those of 2.

A gate is a CI that needs its inputs. It fails like an `or` when it needs them all, like an `and` when any will do, and
when k of n fail where it needs n - k + 1.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from defusedxml.ElementTree import parse

from cmdb.impact.cutsets import cut_pairs
from cmdb.impact.kernels import MakeChoice
from cmdb.impact.spof import single_points
from tests.impact.cases import NUMBA, NUMPY, Asked
from tests.reference.impact import Case, EdgeOf, PoolOf

pytestmark = pytest.mark.oracle

ENDS = {"gate", "basic-event", "event"}
MOST_FOR_PAIRS = 400


class CutSets(TypedDict):
    order1: list[str | list[str]] | None
    order2: list[list[str]] | None
    order2_count: int | None


class NotCoherentError(Exception):
    """The tree has a gate whose failure another failure can undo."""


@dataclass(frozen=True)
class Tree:
    """A tree as a case: `top` is the gate that is no other's input, `events` those that fail by themselves."""

    case: Case
    top: str
    events: list[str]


def fault_tree(path: Path) -> Tree:
    """The tree in an Open-PSA file. Raises NotCoherentError for one with NOT or XOR."""
    root = cast("Element", parse(path).getroot())
    edges: list[EdgeOf] = []
    pools: list[PoolOf] = []
    for gate in root.iter("define-gate"):
        [formula] = [part for part in gate if part.tag not in {"label", "attributes"}]
        _add(gate.attrib["name"], formula, edges, pools)
    inputs = {edge["to"] for edge in edges}
    gates = {edge["from"] for edge in edges}
    [top] = [gate.attrib["name"] for gate in root.iter("define-gate") if gate.attrib["name"] not in inputs]
    nodes = sorted(gates | inputs)
    case: Case = {"name": path.stem, "nodes": list(nodes), "edges": edges, "pools": pools, "scenario": {}}
    return Tree(case, top, sorted(inputs - gates))


def _add(gate: str, formula: Element, edges: list[EdgeOf], pools: list[PoolOf]) -> None:
    """The gate's needs; a formula within a formula is a gate of its own."""
    parts = [formula] if formula.tag in ENDS else list(formula)
    failing = {"or": 1, "and": len(parts), "atleast": int(formula.get("min", "0"))} | dict.fromkeys(ENDS, 1)
    if formula.tag not in failing:
        raise NotCoherentError(f"{gate}: {formula.tag}")
    pools.append({"of": gate, "name": "inputs", "need": len(parts) - failing[formula.tag] + 1})
    for place, part in enumerate(parts):
        if part.tag in ENDS:
            name = part.attrib["name"]
        else:
            name = f"{gate}.{place}"
            _add(name, part, edges, pools)
        edges.append({"from": gate, "to": name, "pool": "inputs"})


def told(shared_data: Path) -> Iterator[tuple[Path, CutSets]]:
    """Every tree that has an answer, with it."""
    folder = shared_data / "fault-trees"
    answers = sorted(folder.glob("*_low_order_cut_sets.*.json.gz"))
    if not answers:
        pytest.skip(f"no cut sets in {folder}")
    for path in answers:
        trees = folder / path.name.split("_low_order_cut_sets.")[0]
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for name, cut_sets in cast("dict[str, CutSets]", json.load(file)).items():
                yield trees / f"{name}.xml", cut_sets


def events_of(cut_sets: list[str | list[str]]) -> set[str]:
    return {event for named in cut_sets for event in ([named] if isinstance(named, str) else named)}


@pytest.mark.parametrize("make", [NUMBA, NUMPY], ids=["numba", "numpy"])
def test_single_points_are_the_cut_sets_of_order_one(shared_data: Path, make: MakeChoice) -> None:
    checked, wrong = 0, list[str]()
    for path, cut_sets in told(shared_data):
        if cut_sets["order1"] is None:
            continue
        try:
            tree = fault_tree(path)
        except NotCoherentError:
            continue
        asked = Asked(tree.case, make)
        points: set[str] = {asked.ids[ci] for ci in single_points(asked.structure, asked.ordinal[tree.top]).tolist()}
        checked += 1
        if points & set(tree.events) != events_of(cut_sets["order1"]):
            wrong.append(path.stem)
    assert checked
    assert wrong == []


def test_pairs_are_the_cut_sets_of_order_two(shared_data: Path) -> None:
    checked, wrong = 0, list[str]()
    for path, cut_sets in told(shared_data):
        order2, count = cut_sets["order2"], cut_sets["order2_count"]
        if order2 is None and count is None:
            continue
        try:
            tree = fault_tree(path)
        except NotCoherentError:
            continue
        if len(tree.events) > MOST_FOR_PAIRS:
            continue
        asked = Asked(tree.case, NUMBA)
        events = np.array([asked.ordinal[event] for event in tree.events], dtype=np.int32)
        pairs = cut_pairs(asked.structure, asked.ordinal[tree.top], among=events, seconds=60)
        rows: list[tuple[int, int]] = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        found = {frozenset((asked.ids[near], asked.ids[far])) for near, far in rows}
        checked += 1
        as_many = count is None or len(found) == count
        the_same = order2 is None or found == set(map(frozenset, order2))
        if not (pairs.complete and as_many and the_same):
            wrong.append(path.stem)
    assert checked
    assert wrong == []
