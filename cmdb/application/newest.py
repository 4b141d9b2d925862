"""Deciding on the newest revision: what was decided on an older one is decided again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cmdb.changeset import Patch, Put
from cmdb.errors import Conflict
from cmdb.ledger import Head
from cmdb.nodes import Node
from cmdb.store.port import Store

T = TypeVar("T")

ATTEMPTS: Final = 12
"""How often a step is decided anew when somebody else keeps committing first."""


async def on_newest(store: Store, attempt: Callable[[Head], Awaitable[T]]) -> T:
    """What `attempt` makes of the newest head; it is to write only if that still is the newest.

    A Conflict is raised where the head has not moved, or keeps moving.
    """
    for number in range(1, ATTEMPTS + 1):
        head = await store.head()
        try:
            return await attempt(head)
        except Conflict:
            if number == ATTEMPTS or await store.head() == head:
                raise
            await asyncio.sleep(random.uniform(0, 0.01 * number))  # noqa: S311 - a pause, not a secret
    raise AssertionError("unreachable")


def record_put(node: Node, state: str, patch: Patch) -> Put:
    """A record's step as an operation: the state if it differs, and of the patch what does."""
    return Put(
        node=node.ordinal,
        state=None if state == node.state else state,
        attributes={name: value for name, value in patch.items() if value != node.attributes.get(name)},
        expects=node.version,
    )
