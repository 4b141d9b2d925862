"""The two Neo4j releases that are supported, and how each is launched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cmdb.errors import Failed


class ToolMissing(Failed):
    """Java or Maven, without which no server can be had, is not on this machine."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a release is launched: its version, the Java major versions it runs on, and what it alone needs."""

    version: str
    java: tuple[int, ...]
    entry_point: str
    jvm_options: tuple[str, ...]
    settings: tuple[str, ...]


class Release(StrEnum):
    """The supported releases; `LTS` is the one that tests use by default."""

    LTS = "lts"
    CURRENT = "current"

    @property
    def recipe(self) -> Recipe:
        """How this release is launched."""
        return _RECIPES[self]

    @property
    def version(self) -> str:
        """The version as Maven Central names it."""
        return self.recipe.version


# Neo4j reflects into these packages; without the openings it fails at start or falls back to slow paths.
_OPENINGS = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.nio", "java.io", "sun.nio.ch", "java.lang", "java.util.concurrent")
)

# The quiet period has the end wait ten seconds for connections that nobody can open any more.
_RECIPES = {
    Release.LTS: Recipe(
        version="5.26.30",
        java=(17, 21),
        entry_point="org.neo4j.server.CommunityEntryPoint",
        jvm_options=_OPENINGS,
        settings=("internal.dbms.bolt.netty_server_shutdown_quiet_period=0",),
    ),
    Release.CURRENT: Recipe(
        version="2026.08.1",
        java=(21, 25),
        entry_point="org.neo4j.server.Neo4jCommunity",
        jvm_options=(*_OPENINGS, "--add-modules=jdk.incubator.vector"),
        settings=(
            "internal.dbms.bolt.netty_server_shutdown_quiet_period_duration=0s",
            # It would look for a fleet manager by broadcasts on the local network.
            "server.fleet_discovery.enabled=false",
            "dbms.fleet_manager.enabled=false",
        ),
    ),
}
