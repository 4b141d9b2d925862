"""Reads that wait for each other: what one level of a query wants is asked of the store at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Gathers keys until every resolver that is ready has run, then fetches them in one call. Remembers what it got.

    `fetch` may leave keys out; they are then absent.
    """

    def __init__(self, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._fetch = fetch
        self._known: dict[K, V | None] = {}
        self._wanted: dict[K, None] = {}
        self._running: asyncio.Task[None] | None = None

    async def load(self, keys: Sequence[K]) -> list[V | None]:
        """The values of these keys, in their order; None for those that are absent."""
        missing = [key for key in keys if key not in self._known]
        if missing:
            self._wanted.update(dict.fromkeys(missing))
            if self._running is None:
                self._running = asyncio.create_task(self._run())
            await asyncio.shield(self._running)
        return [self._known[key] for key in keys]

    async def _run(self) -> None:
        await asyncio.sleep(0)
        keys, self._wanted, self._running = list(self._wanted), {}, None
        found = await self._fetch(keys)
        self._known.update({key: found.get(key) for key in keys})


class Once(Generic[V]):
    """A value that is fetched when it is first wanted, and only once, however many want it."""

    def __init__(self, fetch: Callable[[], Awaitable[V]]) -> None:
        self._fetch = fetch
        self._running: asyncio.Future[V] | None = None

    async def get(self) -> V:
        """The value; whoever asks first sets it going."""
        if self._running is None:
            self._running = asyncio.ensure_future(self._fetch())
        return await asyncio.shield(self._running)
