"""Property tests on a store: many examples for the fast store, fewer for the one behind a network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, settings

from cmdb.store.port import Store
from tests.reference.book import Book
from tests.store.places import Places, opened


def examples(places: Places, one_in: int = 8) -> settings:
    """The profile's number of examples; on a shared place one in so many of them."""
    profile = settings()
    most = max(4, profile.max_examples // one_in) if places.shared else profile.max_examples
    return settings(
        profile, max_examples=most, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )


async def on_a_store(places: Places, book: Book, look: Callable[[Store], Awaitable[None]]) -> None:
    """Write a book's commits into an empty store and look at it."""
    async with opened(await places.empty()) as store:
        for commit in book.reference.commits:
            await store.commit(commit)
        await look(store)
