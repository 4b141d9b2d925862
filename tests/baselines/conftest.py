"""Every test here that asks for `places` runs on SQLite and on Neo4j."""

from tests.store.conftest import places

__all__ = ["places"]
