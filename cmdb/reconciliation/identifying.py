"""Which node a claim is about: the one its source named by the same key before, else one that a rule of its class finds.

A rule is a list of attributes; it counts if the claim has all of them. The strongest rule that finds a live node of the
same class decides. A node that a weaker rule finds is none if it contradicts a stronger one (another serial number under
the same name is another machine). Several nodes, or a node that another claim of the source is about already, are
errors: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from cmdb.nodes import Node
from cmdb.reconciliation.claims import RowError
from cmdb.reconciliation.gathered import NodeRow, Rule, identities
from cmdb.secrets import quoted
from cmdb.store.port import Store
from graph_schema.metamodel import Model

T = TypeVar("T")

BATCH: Final = 2_000
"""Values asked for at a time."""

_Rules = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Identified:
    """Ordinals of the slots that are about a node that is there, slots of the new ones, and errors of the others."""

    bound: dict[int, int]
    new: list[int]
    errors: list[RowError]


async def identified(store: Store, model: Model, rows: Mapping[int, NodeRow], bound: Mapping[int, int]) -> Identified:
    """Identify `rows`, those left out that are `bound` (by slot) already. Batched reads; O(rows)."""
    unbound = sorted((slot for slot in rows if slot not in bound), key=lambda slot: rows[slot].source_key)
    there = await store.count_by_class() if unbound else {}
    by_class: dict[str, list[int]] = {}
    for slot in unbound:
        if there.get(rows[slot].class_name):
            by_class.setdefault(rows[slot].class_name, []).append(slot)
    candidates: dict[int, list[Node]] = {}
    for class_name, slots in by_class.items():
        rules = model.identification_of[class_name]
        for number in range(len(rules)):
            asking = {slot: told for slot in slots if slot not in candidates and (told := _told(rows[slot], number))}
            candidates |= await _found_by(store, class_name, rules, number, {slot: rows[slot] for slot in asking})
    return _decided(rows, unbound, bound, candidates)


async def _found_by(
    store: Store, class_name: str, rules: _Rules, number: int, rows: Mapping[int, NodeRow]
) -> dict[int, list[Node]]:
    """The live nodes that rule `number` finds for each of these rows."""
    wanted: dict[tuple[object, ...], list[int]] = {}
    for slot, row in rows.items():
        wanted.setdefault(_told(row, number), []).append(slot)
    if not wanted:
        return {}
    place = max(range(len(rules[number])), key=lambda place: len({told[place] for told in wanted}))
    attribute = rules[number][place]
    found: dict[int, list[Node]] = {}
    for values in _batches(sorted({told[place] for told in wanted}, key=str)):
        if attribute == "name":
            nodes = await store.named([value for value in values if isinstance(value, str)])
        else:
            nodes = await store.having(attribute, [value for value in values if isinstance(value, str | int)])
        for node in nodes:
            if node.retired or node.class_name != class_name:
                continue
            told_by_node = dict(identities(rules, node.name, node.attributes))
            for slot in wanted.get(told_by_node.get(number, ()), ()):
                if not _contradict(rows[slot].rules, told_by_node, number):
                    found.setdefault(slot, []).append(node)
    return found


def _decided(
    rows: Mapping[int, NodeRow],
    unbound: Sequence[int],
    bound: Mapping[int, int],
    candidates: Mapping[int, Sequence[Node]],
) -> Identified:
    found = dict(bound)
    holder = {ordinal: slot for slot, ordinal in bound.items()}
    new: list[int] = []
    errors: list[RowError] = []
    claimed: dict[str, dict[Rule, int]] = {}
    for slot in unbound:
        row, nodes = rows[slot], candidates.get(slot, ())
        if len(nodes) > 1:
            keys = ", ".join(sorted(node.key for node in nodes)[:5])
            errors.append(
                _error(
                    row,
                    f"could be any of {len(nodes)} nodes: {keys}",
                    "say more about it, or retire all but one of them",
                )
            )
        elif nodes and nodes[0].ordinal in holder:
            errors.append(
                _error(row, f"is about {nodes[0].key}, and so is another row of this source", "keep one of the rows")
            )
        elif nodes:
            found[slot] = nodes[0].ordinal
            holder[nodes[0].ordinal] = slot
        elif (other := _same_in_input(rows, row, claimed.setdefault(row.class_name, {}))) is not None:
            named = f"{quoted(other.source_key)} at {other.where}"
            errors.append(_error(row, f"cannot be told from {named}", "tell them apart, or keep one of the rows"))
        else:
            for rule in row.rules:
                claimed[row.class_name].setdefault(rule, slot)
            new.append(slot)
    return Identified(found, new, errors)


def _same_in_input(rows: Mapping[int, NodeRow], row: NodeRow, claimed: Mapping[Rule, int]) -> NodeRow | None:
    for rule in row.rules:
        slot = claimed.get(rule)
        if slot is not None and not _contradict(row.rules, dict(rows[slot].rules), rule[0]):
            return rows[slot]
    return None


def _contradict(rules: Iterable[Rule], told: Mapping[int, tuple[object, ...]], number: int) -> bool:
    """Whether a rule stronger than `number` has values on both sides, and different ones."""
    return any(stronger < number and told.get(stronger, values) != values for stronger, values in rules)


def _told(row: NodeRow, number: int) -> tuple[object, ...]:
    return next((values for stronger, values in row.rules if stronger == number), ())


def _error(row: NodeRow, message: str, remedy: str) -> RowError:
    return RowError(where=row.where, message=f"{row.class_name} {quoted(row.name)} {message}", remedy=remedy)


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while batch := list(islice(rest, BATCH)):
        yield batch
