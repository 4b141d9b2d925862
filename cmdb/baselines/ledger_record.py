"""The record of a baseline as the ledger makes it, whatever the store says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from cmdb.changeset import Effect, EstateFounded, NodeChanged, NodeCreated, NodeRetired
from cmdb.ledger import Commit
from cmdb.nodes import Node, NodeIds
from cmdb.reading import BASELINE


class LedgerRecords:
    """All records of baselines and the hashes of all entries, gathered while a ledger is read from its beginning."""

    def __init__(self) -> None:
        self.hashes: dict[int, str] = {}
        self._nodes: dict[int, Node] = {}
        self._ids: NodeIds | None = None

    async def watching(self, commits: AsyncIterator[Commit], until: int) -> AsyncIterator[Commit]:
        """The same commits up to a revision, taken in on their way."""
        async for commit in commits:
            if commit.revision > until:
                return
            self.hashes[commit.revision] = commit.hash
            for effect in commit.effects:
                self._take(effect, commit.revision)
            yield commit

    def named(self, reference: str) -> Node | None:
        """The record with this key, id or name; the newest of several."""
        return next((node for node in self._newest() if reference in _references(node)), None)

    def _newest(self) -> Iterator[Node]:
        return reversed(self._nodes.values())

    def _take(self, effect: Effect, revision: int) -> None:
        match effect:
            case EstateFounded():
                self._ids = NodeIds(effect.estate)
            case NodeCreated() if effect.class_name == BASELINE and self._ids is not None:
                self._nodes[effect.ordinal] = Node(
                    ordinal=effect.ordinal,
                    id=self._ids.id_of(effect.ordinal),
                    key=effect.key,
                    class_name=effect.class_name,
                    name=effect.name,
                    state=effect.state,
                    retired=False,
                    attributes=effect.attributes,
                    version=1,
                    since=revision,
                )
            case NodeChanged() | NodeRetired() if effect.ordinal in self._nodes:
                self._nodes[effect.ordinal] = _changed(self._nodes[effect.ordinal], effect, revision)
            case _:
                pass


def _references(node: Node) -> tuple[str, ...]:
    return node.key, node.id, node.name, f"{BASELINE}:{node.name}"


def _changed(node: Node, effect: NodeChanged | NodeRetired, revision: int) -> Node:
    if isinstance(effect, NodeRetired):
        name, attributes = node.name, node.attributes
    else:
        name, patched = effect.name[1], {**node.attributes, **effect.after}
        attributes = {key: value for key, value in patched.items() if value is not None}
    return msgspec.structs.replace(
        node,
        name=name,
        state=effect.state[1],
        retired=isinstance(effect, NodeRetired),
        attributes=attributes,
        version=effect.version,
        since=revision,
    )
