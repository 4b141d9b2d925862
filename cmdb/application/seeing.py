"""The graph as somebody may see it: CIs that are kept from him have no name, and are not found.

What fails is worked out on the whole graph all the same, so a verdict is the same for everybody; of what is hidden he
learns how many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeGuard, cast

import msgspec
import numpy as np

from cmdb.access import load_policy
from cmdb.application.assessing import Assessed
from cmdb.application.opening import Application
from cmdb.filters import And, Filter, IsA, Not, Or
from cmdb.nodes import Node
from cmdb.projection.columns import Int64s
from cmdb.reading import parse_filter
from cmdb.store.port import Page, Query, Store

HIDDEN: Final = "hidden"
"""What a node that is kept from somebody is called."""


async def as_seen_by(application: Application, viewer: str | None) -> Application:
    """The application as it answers somebody; the same one where nothing is kept from him, or nobody is named.

    Raises Usage and NotFound for a role's filter that cannot be read.
    """
    policy = await load_policy(application.store) if viewer is not None else None
    filters = None if policy is None or viewer is None else policy.sees(viewer)
    if filters is None:
        return application
    model = await application.model()
    seen = Or((Not(IsA("ConfigurationItem")), *(parse_filter(text, model) for text in filters)))
    return replace(application, store=cast("Store", _SeenStore(application.store, seen)))


def is_hidden(node: Node) -> bool:
    """Whether it is kept from who asked."""
    return node.key == HIDDEN


async def hidden_counts(application: Application, found: Assessed) -> dict[str, int]:
    """How many of the hits are kept from who asks, by verdict. O(n) once."""
    store = application.store
    if not _is_seen(store):
        return dict.fromkeys(found.verdicts, 0)
    visible = await store.visible(found.revision)
    return {name: int((~np.isin(ordinals, visible)).sum()) for name, ordinals in found.verdicts.items()}


class _SeenStore:
    def __init__(self, store: Store, seen: Filter) -> None:
        self._store = store
        self._seen = seen
        self._visible: dict[int | None, Int64s] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def visible(self, as_of: int | None) -> Int64s:
        """The ordinals of all nodes that may be seen as of a revision."""
        if as_of not in self._visible:
            self._visible[as_of] = await self._store.accepted(self._seen, as_of)
        return self._visible[as_of]

    async def nodes(self, ordinals: Sequence[int], as_of: int | None = None) -> list[Node]:
        visible = await self.visible(as_of)
        found = await self._store.nodes(ordinals, as_of)
        return [node if _holds(visible, node.ordinal) else _masked(node) for node in found]

    async def ordinals_of_keys(self, keys: Sequence[str]) -> dict[str, int]:
        visible = await self.visible(None)
        found = await self._store.ordinals_of_keys(keys)
        return {key: ordinal for key, ordinal in found.items() if _holds(visible, ordinal)}

    async def named(self, names: Sequence[str], as_of: int | None = None) -> list[Node]:
        visible = await self.visible(as_of)
        return [node for node in await self._store.named(names, as_of) if _holds(visible, node.ordinal)]

    async def find(self, query: Query) -> Page[Node]:
        return await self._store.find(msgspec.structs.replace(query, where=And((query.where, self._seen))))

    async def count(self, where: Filter, as_of: int | None = None) -> int:
        return await self._store.count(And((where, self._seen)), as_of)


def _is_seen(store: object) -> TypeGuard[_SeenStore]:
    return isinstance(store, _SeenStore)


def _holds(ordinals: Int64s, ordinal: int) -> bool:
    at = int(np.searchsorted(ordinals, ordinal))
    return at < len(ordinals) and int(ordinals[at]) == ordinal


def _masked(node: Node) -> Node:
    return msgspec.structs.replace(node, id="", key=HIDDEN, name=HIDDEN, state="", attributes={})
