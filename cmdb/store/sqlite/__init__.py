"""The embedded store: one SQLite file. The only package that knows apsw."""

from cmdb.store.sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
