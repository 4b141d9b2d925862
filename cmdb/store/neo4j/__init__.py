"""The Neo4j store: a graph that people can also look at with Cypher and Bloom.

A node is `(:Node:CI:Server {ordinal, id, key, name, class, state, version, since, retired, search_text, …})`, with
its attributes as properties; a relationship has its own type, `id`, `key`, `since` and its attributes. Everything
else of the store has a label that begins with an underscore.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from cmdb.errors import Usage
from cmdb.ledger import GENESIS
from cmdb.store.neo4j.connection import opened
from cmdb.store.neo4j.schema import ensure_own
from cmdb.store.neo4j.store import Neo4jStore

_SCHEMES: Final = frozenset({"neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"})
_REMEDY: Final = "write neo4j://host:7687"

__all__ = ["Neo4jStore", "open_neo4j"]


async def open_neo4j(url: str, *, auth: tuple[str, str] | None = None) -> Neo4jStore:
    """Open the store at `neo4j://host:port[/database]` (or bolt, neo4j+s …), making it where there is none.

    `auth` is user and password; those in the URL count when it is None. Raises Usage on what is no such URL,
    StoreUnreachable when no server answers, Refused when it does not accept the user and password.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise Usage("that is not the address of a Neo4j server", remedy=_REMEDY) from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise Usage("that is not the address of a Neo4j server", remedy=_REMEDY)
    if auth is None and parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    connection = await opened(f"{parts.scheme}://{host}{port}", auth, parts.path.strip("/") or None)
    try:
        await ensure_own(connection, GENESIS)
    except BaseException:
        await connection.close()
        raise
    return Neo4jStore(connection)
