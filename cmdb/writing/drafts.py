"""What becomes of nodes and relationships while operations are played, and its difference from what stood. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Patch, Relinked, Unlinked
from cmdb.nodes import Attributes, Node, Relationship
from cmdb.writing.view import Natural


@dataclass(slots=True)
class NodeDraft:
    """A node as it would be; `before` is what stands, if anything does, `where` the operation that it is first met in."""

    ordinal: int
    key: str
    class_name: str
    name: str
    state: str
    attributes: Attributes
    before: Node | None
    retired: bool = False
    where: str = ""
    left: str = ""
    """The state from which it was retired, if it was."""


@dataclass(slots=True)
class EdgeDraft:
    """A relationship as it would be: its attributes, None if it is not to be there."""

    before: Relationship | None
    attributes: Attributes | None


def effects_of(
    nodes: Iterable[NodeDraft], edges: Mapping[Natural, EdgeDraft], next_id: int
) -> tuple[tuple[Effect, ...], dict[Natural, int]]:
    """The difference between what stood and what stands, and the ids of the relationships that stand.

    New relationships get ids from `next_id` on. O(drafts).
    """
    created: list[Effect] = []
    changed: list[Effect] = []
    retired: list[Effect] = []
    for draft in nodes:
        if draft.before is None:
            created.append(_creation(draft))
        elif (step := _step(draft, draft.before)) is not None:
            changed.append(step)
        if draft.retired:
            retired.append(_retirement(draft))
    linked, relinked, unlinked, ids = _edge_effects(edges, next_id)
    return (*created, *changed, *unlinked, *relinked, *linked, *retired), ids


def patched(attributes: Attributes, patch: Patch) -> Attributes:
    """Attributes with a patch applied: None takes away, anything else is set."""
    merged = {**attributes, **patch}
    return {name: value for name, value in merged.items() if value is not None}


def _edge_effects(
    edges: Mapping[Natural, EdgeDraft], next_id: int
) -> tuple[list[Linked], list[Relinked], list[Unlinked], dict[Natural, int]]:
    linked: list[Linked] = []
    relinked: list[Relinked] = []
    unlinked: list[Unlinked] = []
    ids: dict[Natural, int] = {}
    for natural, edge in edges.items():
        before = edge.before
        if before is None and edge.attributes is not None:
            linked.append(Linked(next_id, *natural, edge.attributes))
            ids[natural] = next_id
            next_id += 1
        elif before is not None and edge.attributes is None:
            unlinked.append(Unlinked(before.id, *natural, before.attributes))
        elif before is not None and edge.attributes is not None:
            ids[natural] = before.id
            if before.attributes != edge.attributes:
                relinked.append(Relinked(before.id, *natural, *_difference(before.attributes, edge.attributes)))
    unlinked.sort(key=lambda effect: effect.id)
    return linked, relinked, unlinked, ids


def _creation(draft: NodeDraft) -> NodeCreated:
    state = draft.left if draft.retired else draft.state
    return NodeCreated(draft.ordinal, draft.key, draft.class_name, draft.name, state, draft.attributes)


def _difference(before: Attributes, after: Attributes) -> tuple[Patch, Patch]:
    names = [n for n in sorted({*before, *after}) if before.get(n) != after.get(n)]
    return {n: before.get(n) for n in names}, {n: after.get(n) for n in names}


def _step(draft: NodeDraft, before: Node) -> NodeChanged | None:
    state = draft.left if draft.retired else draft.state
    gone, come = _difference(before.attributes, draft.attributes)
    if (before.name, before.state) == (draft.name, state) and not come:
        return None
    return NodeChanged(draft.ordinal, before.version + 1, (before.name, draft.name), (before.state, state), gone, come)


def _retirement(draft: NodeDraft) -> NodeRetired:
    before = draft.before
    version = 1 if before is None else before.version + (_step(draft, before) is not None)
    return NodeRetired(draft.ordinal, version + 1, (draft.left, draft.state))
