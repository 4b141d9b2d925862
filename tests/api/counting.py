"""A store that counts what it is asked."""

from __future__ import annotations

from collections import Counter
from typing import cast

from cmdb.application import Application
from cmdb.impact import StructureFollower
from cmdb.projection.following import Follower
from cmdb.store.port import Store
from cmdb.writing import Door, InitialisationGate


class Counting:
    """Stands before a store and counts the calls of each of its methods."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        if name != "url":
            self.calls[name] += 1
        return getattr(self._store, name)


def counted(application: Application) -> tuple[Application, Counter[str]]:
    """The same application with its reads counted."""
    counting = Counting(application.store)
    store = cast("Store", counting)
    door = Door(store, gate=InitialisationGate(), clock=application.clock)
    return Application(store, door, Follower(store), StructureFollower(store), application.clock), counting.calls
