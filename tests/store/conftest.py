"""Every test here that asks for `store`, `pair` or `places` runs on SQLite and on Neo4j."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from neo4j import Driver

from cmdb.store.port import Store
from tests.neo4j_server import wipe
from tests.store.pair import Pair
from tests.store.places import Neo4jPlaces, Places, SqlitePlaces, opened


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Where stores can be made; on Neo4j a new one empties the one before."""
    if request.param == "sqlite":
        return SqlitePlaces(tmp_path)
    driver: Driver = request.getfixturevalue("neo4j_driver")
    url: str = request.getfixturevalue("neo4j_turn")
    return Neo4jPlaces(url, lambda: wipe(driver, schema=False))


@pytest.fixture
async def store(places: Places) -> AsyncIterator[Store]:
    """An empty store."""
    async with opened(await places.empty()) as fresh:
        yield fresh


@pytest.fixture
async def pair(store: Store) -> Pair:
    """An empty store beside a book that is about to found an estate under the test model."""
    return Pair(store)
