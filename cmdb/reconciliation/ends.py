"""What the ends of claimed relationships are: nodes of the graph, nodes that will be created, or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from cmdb.errors import NotFound
from cmdb.nodes import Node
from cmdb.reconciliation.gathered import Gathered
from cmdb.store.port import Store
from graph_schema.metamodel import Model

BATCH: Final = 2_000
"""References looked up at a time."""

_KEY: Final = re.compile(r"[A-Z][A-Z0-9]{1,5}-\d{1,18}")
_NAME: Final = re.compile(r"(?P<class_name>[A-Z][A-Za-z0-9]{0,63}):(?P<name>.+)", re.DOTALL)


class Fitness(IntEnum):
    """Whether a node can be an end."""

    FIT = 0
    UNKNOWN = 1
    AMBIGUOUS = 2
    LEFT_OUT = 3
    RETIRED = 4
    RETIRING = 5


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """By slot, references after the source keys: ordinal (of new nodes: to be), class as an index into `classes`, fitness.

    `first_new` is the ordinal that the first node to be created would get.
    """

    first_new: int
    classes: tuple[str, ...]
    ordinal: npt.NDArray[np.int64]
    class_code: npt.NDArray[np.int16]
    fitness: npt.NDArray[np.int8]


async def ends_of(
    store: Store,
    model: Model,
    gathered: Gathered,
    bound: Mapping[int, int],
    new: Sequence[int],
    retiring: Iterable[int],
) -> Ends:
    """Find out about all slots and references. `new` are slots in the order in which their nodes will be created."""
    count = len(gathered.slots)
    first_new = (await store.counters()).ordinal
    classes = tuple(sorted(c.name for c in model.classes if not c.abstract))
    code_of = {name: code for code, name in enumerate(classes)}
    ordinal = np.full(count + len(gathered.known), -1, dtype=np.int64)
    class_code = np.full(len(ordinal), -1, dtype=np.int16)
    fitness = np.full(len(ordinal), Fitness.UNKNOWN, dtype=np.int8)
    fitness[np.fromiter(gathered.said, dtype=np.int64, count=len(gathered.said))] = Fitness.LEFT_OUT
    for slot, known in bound.items():
        ordinal[slot] = known
    if new:
        place = np.array(new, dtype=np.int64)
        ordinal[place] = first_new + np.arange(len(new))
        class_code[place] = [code_of[gathered.rows[slot].class_name] for slot in new]
        fitness[place] = Fitness.FIT
    if gathered.known:
        meant = await _meant(store, model, gathered, new, first_new)
        for number, reference in enumerate(gathered.known):
            found = meant.get(reference, ())
            ordinal[count + number] = found[0] if len(found) == 1 else -1
            fitness[count + number] = Fitness.AMBIGUOUS if len(found) > 1 else Fitness.UNKNOWN
            if len(found) == 1 and found[0] >= first_new:
                class_code[count + number] = class_code[new[found[0] - first_new]]
                fitness[count + number] = Fitness.FIT
    there = np.flatnonzero((ordinal >= 0) & (ordinal < first_new))
    if len(there):
        _, columns = await store.node_columns()
        recode = np.array([code_of.get(name, -1) for name in columns.classes] or [-1], dtype=np.int16)
        found_ordinals = ordinal[there]
        class_code[there] = recode[columns.class_code[found_ordinals]]
        fitness[there] = np.where(columns.retired[found_ordinals], Fitness.RETIRED, Fitness.FIT)
        ending = np.array(sorted(retiring), dtype=np.int64)
        fitness[there[np.isin(found_ordinals, ending)]] = Fitness.RETIRING
    return Ends(first_new, classes, ordinal, class_code, fitness)


async def _meant(
    store: Store, model: Model, gathered: Gathered, new: Sequence[int], first_new: int
) -> dict[str, tuple[int, ...]]:
    """The nodes that references may mean: a key or an id means one, `Class:name` the live ones, or those to be created."""
    told = {reference: _NAME.fullmatch(reference) for reference in gathered.known}
    found = await _by_key_or_id(store, [reference for reference, name in told.items() if name is None], first_new)
    named: dict[str, list[tuple[str, str]]] = {}
    for reference, name in told.items():
        if name is not None:
            named.setdefault(name["name"], []).append((name["class_name"], reference))
    names = sorted(named)
    for start in range(0, len(names), BATCH):
        for node in await store.named(names[start : start + BATCH]):
            if not node.retired:
                _add(model, found, named, node.class_name, node.name, node.ordinal)
    if named:
        for place, slot in enumerate(new):
            row = gathered.rows[slot]
            if row.name in named:
                _add(model, found, named, row.class_name, row.name, first_new + place)
    return found


async def _by_key_or_id(store: Store, references: Sequence[str], first_new: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    keys = [reference for reference in references if _KEY.fullmatch(reference)]
    for start in range(0, len(keys), BATCH):
        of_keys = await store.ordinals_of_keys(keys[start : start + BATCH])
        found |= {key: (ordinal,) for key, ordinal in of_keys.items()}
    ids = await store.ids()
    for reference in references:
        if reference not in found and ids is not None:
            try:
                ordinal = ids.ordinal_of(reference)
            except NotFound:
                continue
            if ordinal < first_new:
                found[reference] = (ordinal,)
    return found


def _add(
    model: Model,
    found: dict[str, tuple[int, ...]],
    named: Mapping[str, Sequence[tuple[str, str]]],
    class_name: str,
    name: str,
    ordinal: int,
) -> None:
    for wanted, reference in named[name]:
        if wanted in model.lineage[class_name]:
            found[reference] = (*found.get(reference, ()), ordinal)


def node_keys(nodes: Iterable[Node]) -> dict[int, str]:
    """Keys by ordinal."""
    return {node.ordinal: node.key for node in nodes}
