"""The policy as it stands in the graph."""

from __future__ import annotations

from cmdb.access.rights import Policy, RoleOf
from cmdb.filters import LIVE, And, IsA
from cmdb.nodes import Node, many
from cmdb.reading.listing import every
from cmdb.store.port import Store

_ROLE = "Role"


async def load_policy(store: Store) -> Policy:
    """The roles that are in force now. O(roles)."""
    model = await store.model()
    if model is None or _ROLE not in model.class_by_name:
        return Policy()
    return Policy(tuple(map(_role, await every(store, And((IsA(_ROLE), LIVE))))))


def _role(node: Node) -> RoleOf:
    rights, members = many(node, "rights"), many(node, "members")
    return RoleOf(node.name, frozenset(rights), frozenset(members), many(node, "sees"))
