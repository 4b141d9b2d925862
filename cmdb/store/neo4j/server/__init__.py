"""A local Neo4j Community server for people and tests: from Maven Central, on loopback, without Docker.

`up` makes one run in a home folder, `down` ends it, `status` says how it is; all three are synchronous and
need Linux or macOS. The distribution is fetched once per user and release, and shared by every home.
"""

from __future__ import annotations

from cmdb.store.neo4j.server.control import RunningServer, ServerState, ServerStatus, down, status, up
from cmdb.store.neo4j.server.distribution import fetch
from cmdb.store.neo4j.server.java import Java, find_java
from cmdb.store.neo4j.server.lock import locked
from cmdb.store.neo4j.server.places import cache_folder, default_home
from cmdb.store.neo4j.server.release import Release, ToolMissing
from cmdb.store.neo4j.server.spec import USER, ServerSpec

__all__ = [
    "USER",
    "Java",
    "Release",
    "RunningServer",
    "ServerSpec",
    "ServerState",
    "ServerStatus",
    "ToolMissing",
    "cache_folder",
    "default_home",
    "down",
    "fetch",
    "find_java",
    "locked",
    "status",
    "up",
]
