"""The policy as it stands in the graph."""

from __future__ import annotations

from cmdb.access.rights import Policy, RoleOf
from cmdb.filters import LIVE, And, IsA
from cmdb.nodes import Node
from cmdb.store.port import LARGEST_PAGE, Query, Store
from graph_schema.values import Value

_ROLE = "Role"


async def load_policy(store: Store) -> Policy:
    """The roles that are in force now. O(roles)."""
    model = await store.model()
    if model is None or _ROLE not in model.class_by_name:
        return Policy()
    nodes: list[Node] = []
    after: str | None = None
    while True:
        page = await store.find(Query(where=And((IsA(_ROLE), LIVE)), limit=LARGEST_PAGE, after=after))
        nodes += page.items
        if not page.more:
            return Policy(tuple(_role(node) for node in nodes))
        after = page.cursors[-1]


def _role(node: Node) -> RoleOf:
    rights, members = _texts(node.attributes.get("rights")), _texts(node.attributes.get("members"))
    return RoleOf(node.name, frozenset(rights), frozenset(members), _texts(node.attributes.get("sees")))


def _texts(value: Value | None) -> tuple[str, ...]:
    return tuple(str(part) for part in value) if isinstance(value, tuple) else ()
