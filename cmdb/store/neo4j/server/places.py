"""Where a user's distributions and default server live, by the XDG base directory specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder that holds a folder per downloaded Neo4j version; may be deleted while no server runs."""
    return _base(environ, "XDG_CACHE_HOME", Path(".cache")) / "cmdb" / "neo4j"


def default_home(environ: Mapping[str, str]) -> Path:
    """The home of a user's server where none is named: its graph, password, configuration and logs."""
    return _base(environ, "XDG_STATE_HOME", Path(".local", "state")) / "cmdb" / "neo4j"


def _base(environ: Mapping[str, str], variable: str, fallback: Path) -> Path:
    """The folder a variable names; the specification has relative values ignored."""
    named = Path(environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / fallback
