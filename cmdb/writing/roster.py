"""Class and retirement of every node, kept by a writer so that it need not read the ends of what it links in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from cmdb.changeset import ModelInstalled, NodeCreated, NodeRetired
from cmdb.ledger import Commit, Head
from cmdb.store.port import NodeColumns, Store

_NONE: Final = -1


class Roster(Mapping[int, tuple[str, bool]]):
    """(class, retired) by ordinal, as of one revision. Three bytes a node; it follows commits in place."""

    def __init__(self, revision: int, columns: NodeColumns) -> None:
        self.revision = revision
        self.classes = columns.classes
        self._code_of = {name: code for code, name in enumerate(columns.classes)}
        self._size = len(columns.class_code)
        self._codes = columns.class_code.copy()
        self._retired = columns.retired.copy()

    def follow(self, commit: Commit) -> None:
        """Take in the commit after `revision`. O(effects)."""
        kinds = set(map(type, commit.effects))
        if NodeCreated in kinds:
            self._create(effect for effect in commit.effects if isinstance(effect, NodeCreated))
        if NodeRetired in kinds:
            self._retired[[effect.ordinal for effect in commit.effects if isinstance(effect, NodeRetired)]] = True
        self.revision = commit.revision

    def columns(self, ordinals: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]] | None:
        """Classes, as places in `classes`, and retirement of these nodes; None if one of them is not there."""
        if len(ordinals) and (ordinals.min() < 0 or ordinals.max() >= self._size):
            return None
        codes = self._codes[ordinals]
        return None if (codes == _NONE).any() else (codes, self._retired[ordinals])

    def __getitem__(self, ordinal: int) -> tuple[str, bool]:
        if not 0 <= ordinal < self._size or self._codes[ordinal] == _NONE:
            raise KeyError(ordinal)
        return self.classes[int(self._codes[ordinal])], bool(self._retired[ordinal])

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self._codes[: self._size] != _NONE).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._codes[: self._size] != _NONE))

    def _create(self, created: Iterable[NodeCreated]) -> None:
        codes = {effect.ordinal: self._code_of[effect.class_name] for effect in created}
        size = max(self._size, max(codes) + 1)
        if size > len(self._codes):
            room = max(size, 2 * len(self._codes)) - len(self._codes)
            self._codes = np.concatenate([self._codes, np.full(room, _NONE, dtype=np.int16)])
            self._retired = np.concatenate([self._retired, np.zeros(room, dtype=np.bool_)])
        self._size = size
        self._codes[list(codes)] = list(codes.values())


class Rosters:
    """The roster of one store, brought up to date when it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._roster: Roster | None = None

    async def at(self, head: Head) -> Roster:
        """The roster as of this head; as of a later one, if somebody has committed since. O(nodes) only the first time."""
        roster = self._roster
        if roster is None or roster.revision != head.revision:
            newest, columns = await self._store.node_columns()
            roster = self._roster = Roster(newest.revision, columns)
        return roster

    def follow(self, commit: Commit) -> None:
        """Take in a commit that was made on the roster's revision; any other one makes it start anew."""
        roster = self._roster
        if roster is None:
            return
        if roster.revision != commit.revision - 1 or ModelInstalled in set(map(type, commit.effects)):
            self._roster = None
        else:
            roster.follow(commit)
