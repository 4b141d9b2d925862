"""Quick decisions about change sets that are nothing but new nodes, or nothing but new relationships. Pure.

They decide what `decide` would, or nothing at all: whatever is out of the ordinary, let alone wrong, is left to `decide`,
which knows how to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeGuard

import numpy as np
import numpy.typing as npt

from cmdb.changeset import ChangeSet, Link, Linked, New, NodeCreated, Operation, Put
from cmdb.nodes import Attributes, node_key
from cmdb.writing.checking import Checks, checked_attributes, text_problems, unmet
from cmdb.writing.deciding import Decision
from cmdb.writing.roster import Roster
from cmdb.writing.view import Natural, View
from graph_schema.values import Value

_NO_ATTRIBUTES: Final[Attributes] = {}


def plain_links(checks: Checks, view: View, change_set: ChangeSet) -> Decision | None:
    """The decision about distinct new relationships between nodes that are there. O(operations)."""
    links = change_set.operations
    if view.relationships or not isinstance(view.ends, Roster) or not _all_plain_links(links, checks):
        return None
    types = [link.type for link in links]
    ends = np.array([(link.source, link.target) for link in links])
    if ends.dtype.kind != "i" or not _joinable(checks, view.ends, types, ends):
        return None
    naturals: list[Natural] = [(link.type, link.source, link.target, link.key) for link in links]
    first = view.counters.relationship
    linked = dict(zip(naturals, range(first, first + len(links)), strict=True))
    if len(linked) != len(links):
        return None
    attributes: list[Attributes] = [_NO_ATTRIBUTES] * len(links)
    for place, link in enumerate(links):
        if link.attributes:
            checked = checked_attributes(checks.of_type[link.type], link.attributes)
            if checked.problems or None in checked.value.values():
                return None
            attributes[place] = {name: value for name, value in checked.value.items() if value is not None}
    effects = map(Linked, linked.values(), types, *ends.T.tolist(), [link.key for link in links], attributes)
    return Decision(effects=tuple(effects), created={}, linked=linked)


def plain_nodes(checks: Checks, view: View, change_set: ChangeSet) -> Decision | None:
    """The decision about distinct new nodes. O(operations)."""
    model, of_class = checks.model, checks.of_class
    effects: list[NodeCreated] = []
    created: dict[str, int] = {}
    numbers = dict(view.counters.numbers)
    ordinal = view.counters.ordinal
    taken: set[tuple[str, Value]] = set(view.taken)
    for put in change_set.operations:
        if not isinstance(put, Put) or not isinstance(put.node, New) or put.expects is not None:
            return None
        node_class = model.class_by_name.get(put.class_name or "")
        if node_class is None or node_class.abstract or node_class.code is None:
            return None
        name, attributes = node_class.name, checked_attributes(of_class[node_class.name], put.attributes)
        checked = checks.name(name, put.name)
        initial = model.lifecycle_of[name].initial
        state = put.state or initial[0]
        if checked.problems or attributes.problems or state not in initial or None in attributes.value.values():
            return None
        values: Attributes = {key: value for key, value in attributes.value.items() if value is not None}
        taking = [(unique, values[unique]) for unique in checks.unique_of_class[name] if unique in values]
        if unmet(checks.required_of_class[name], values) or any(one in taken for one in taking):
            return None
        taken.update(taking)
        number = numbers.get(node_class.code, 1)
        numbers[node_class.code] = number + 1
        effects.append(NodeCreated(ordinal, node_key(node_class.code, number), name, checked.value, state, values))
        created[put.node.handle] = ordinal
        ordinal += 1
    return Decision(effects=tuple(effects), created=created, linked={}) if len(created) == len(effects) else None


def _all_plain_links(operations: Sequence[Operation], checks: Checks) -> TypeGuard[Sequence[Link]]:
    keys: set[str] = set()
    for operation in operations:
        if not isinstance(operation, Link) or operation.expects is not None or operation.type not in checks.simple_types:
            return False
        keys.add(operation.key)
    return not any(text_problems("its key", key) for key in keys)


def _joinable(checks: Checks, roster: Roster, types: Sequence[str], ends: npt.NDArray[np.int64]) -> bool:
    """Whether all these ends are live nodes of classes that their type joins."""
    sources, targets = roster.columns(ends[:, 0]), roster.columns(ends[:, 1])
    if sources is None or targets is None or sources[1].any() or targets[1].any():
        return False
    table, place = checks.joinable(roster.classes)
    return bool(table[[place[kind] for kind in types], sources[0], targets[0]].all())
