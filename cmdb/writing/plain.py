"""Quick decisions about change sets that are nothing but new nodes, other attributes, or new relationships. Pure.

They decide what `decide` would, or nothing at all: whatever is out of the ordinary, let alone wrong, is left to `decide`,
which knows how to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from cmdb.changeset import ChangeSet, Link, Linked, Links, New, NodeChanged, NodeCreated, Operation, Patch, Put
from cmdb.nodes import Attributes, node_key
from cmdb.writing.checking import Checks, checked_attributes, text_problems
from cmdb.writing.deciding import Decision
from cmdb.writing.roster import Roster
from cmdb.writing.view import Natural, View
from graph_schema.values import Value

MANY: Final = 500
"""Operations from which on columns are worth their making."""


@dataclass(frozen=True, slots=True, eq=False)
class PlainLinks:
    """Distinct links between nodes that are there, their attributes checked."""

    links: Links
    attributes: Sequence[Attributes]

    @property
    def sources(self) -> list[int]:
        """The distinct sources, in ascending order."""
        return np.unique(self.links.sources).tolist()

    def from_any_of(self, sources: Collection[int]) -> list[Natural]:
        """The natural keys of those that leave one of these nodes."""
        return _naturals(self.links, np.isin(self.links.sources, list(sources))) if sources else []


def plain_links(checks: Checks, change_set: ChangeSet) -> PlainLinks | None:
    """A change set that is nothing but many distinct links between nodes that are there; None for any other. O(operations)."""
    operations = change_set.operations
    if len(operations) < MANY:
        return None
    links = operations if isinstance(operations, Links) else _columns(operations)
    if links is None or not checks.simple_types.issuperset(links.types):
        return None
    if any(text_problems("its key", key) for key in set(links.keys)):
        return None
    attributes = [checks.no_attributes] * len(links)
    for place in [place for place, patch in enumerate(links.attributes) if patch]:
        checked = checked_attributes(checks.of_type[links.types[place]], links.attributes[place])
        if checked.problems or None in checked.value.values():
            return None
        attributes[place] = cast("Attributes", checked.value)
    return PlainLinks(links, attributes) if _distinct(links) else None


def decide_links(checks: Checks, roster: Roster, first: int, plain: PlainLinks) -> Decision | None:
    """The decision about links none of which is there yet; ids from `first` on. O(links)."""
    links = plain.links
    if not _joinable(checks, roster, links):
        return None
    ids = range(first, first + len(links))
    ends = links.sources.tolist(), links.targets.tolist()
    effects = map(Linked, ids, links.types, *ends, links.keys, plain.attributes)
    return Decision(effects=tuple(effects), created={}, linked=tuple(ids))


def plain_nodes(checks: Checks, view: View, change_set: ChangeSet) -> Decision | None:
    """The decision about distinct new nodes; None for any other change set. O(operations)."""
    effects: list[NodeCreated] = []
    created: dict[str, int] = {}
    numbers = dict(view.counters.numbers)
    ordinal = view.counters.ordinal
    taken: set[tuple[str, Value]] = set(view.taken)
    for put in change_set.operations:
        if not isinstance(put, Put) or not isinstance(put.node, New) or put.expects is not None:
            return None
        name, kind = put.name, checks.concrete.get(put.class_name or "")
        attributes = kind.plain(name, put.attributes) if kind is not None else None
        if name is None or kind is None or attributes is None or not kind.observed.isdisjoint(attributes):
            return None
        state = put.state or kind.initial[0]
        if state not in kind.initial or not all(map(attributes.__contains__, kind.required)):
            return None
        for unique in kind.unique:
            if unique in attributes:
                if (unique, attributes[unique]) in taken:
                    return None
                taken.add((unique, attributes[unique]))
        number = numbers.get(kind.code, 1)
        numbers[kind.code] = number + 1
        effects.append(NodeCreated(ordinal, node_key(kind.code, number), kind.name, name, state, attributes))
        created[put.node.handle] = ordinal
        ordinal += 1
    return Decision(effects=tuple(effects), created=created, linked=()) if len(created) == len(effects) else None


def plain_changes(checks: Checks, view: View, change_set: ChangeSet) -> Decision | None:
    """The decision about other attributes of distinct live nodes; None for any other change set. O(operations).

    Where a node holds a unique value, it is left to `decide` whether it may.
    """
    effects: list[NodeChanged] = []
    seen: set[int] = set()
    for put in change_set.operations:
        if not isinstance(put, Put) or isinstance(put.node, New) or put.name is not None or put.state is not None:
            return None
        node = view.nodes.get(put.node)
        if node is None or node.retired or put.node in seen:
            return None
        if put.expects not in {None, node.version} or put.class_name not in {None, node.class_name}:
            return None
        seen.add(put.node)
        checked = checked_attributes(checks.of_class[node.class_name], put.attributes)
        held, after = node.attributes, checked.value
        if checked.problems or not _settled(checks, node.class_name, held, after):
            return None
        differing = sorted(name for name, value in after.items() if held.get(name) != value)
        if differing:
            before = {name: held.get(name) for name in differing}
            changed = {name: after[name] for name in differing}
            same_name, same_state = (node.name, node.name), (node.state, node.state)
            effects.append(NodeChanged(put.node, node.version + 1, same_name, same_state, before, changed))
    return Decision(effects=tuple(effects), created={}, linked=())


def _settled(checks: Checks, class_name: str, held: Attributes, after: Patch) -> bool:
    """Whether a node that holds these attributes has all that are required, and no unique one, after a patch."""
    for name in checks.required_of_class[class_name]:
        if after.get(name, held.get(name)) is None:
            return False
    unique = checks.unique_of_class[class_name]
    return held.keys().isdisjoint(unique) and after.keys().isdisjoint(unique)


def _columns(operations: Sequence[Operation]) -> Links | None:
    """Links between nodes that are there, as columns; None if there is anything else among the operations."""
    links: list[Link] = []
    for operation in operations:
        if not isinstance(operation, Link) or operation.expects is not None:
            return None
        links.append(operation)
    sources, targets = np.array([link.source for link in links]), np.array([link.target for link in links])
    if sources.dtype.kind != "i" or targets.dtype.kind != "i":
        return None
    return Links(
        types=[link.type for link in links],
        sources=sources,
        targets=targets,
        keys=[link.key for link in links],
        attributes=[link.attributes for link in links],
    )


def _distinct(links: Links) -> bool:
    """Whether no two have the same natural key. Only those are looked at whose ends others have, too."""
    ends = (links.sources << 32) | links.targets
    pairs, place, count = np.unique(ends, return_inverse=True, return_counts=True)
    if len(pairs) == len(links):
        return True
    naturals = _naturals(links, count[place] > 1)
    return len(set(naturals)) == len(naturals)


def _naturals(links: Links, which: npt.NDArray[np.bool_]) -> list[Natural]:
    places = np.flatnonzero(which).tolist()
    return [(links.types[n], int(links.sources[n]), int(links.targets[n]), links.keys[n]) for n in places]


def _joinable(checks: Checks, roster: Roster, links: Links) -> bool:
    """Whether all ends are live nodes of classes that the type joins."""
    sources, targets = roster.columns(links.sources), roster.columns(links.targets)
    if sources is None or targets is None or sources[1].any() or targets[1].any():
        return False
    table, place = checks.joinable(roster.classes)
    return bool(table[[place[kind] for kind in links.types], sources[0], targets[0]].all())
