"""Fetching a Neo4j distribution from Maven Central into the user's cache, once, whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from cmdb.errors import Failed
from cmdb.store.neo4j.server.java import Java
from cmdb.store.neo4j.server.lock import locked
from cmdb.store.neo4j.server.places import cache_folder
from cmdb.store.neo4j.server.release import Release, ToolMissing

_POM = Path(__file__).with_name("pom.xml")
_DOWNLOAD_LIMIT = 1800.0  # seconds
_LINES_SHOWN = 15


def fetch(release: Release, java: Java, report: Callable[[str], None], environ: Mapping[str, str]) -> Path:
    """The folder of a release's jars, fetched when it is not in the cache: 120 to 150 MB, about a minute.

    Maven checks every jar against its published checksum. The jars are gathered aside and renamed into place,
    so a folder that is there is whole; of several processes one fetches and the others wait for it.

    Raises:
        ToolMissing: Maven is not on `PATH`.
        Failed: Maven could not get the jars, or the cache cannot be written.
    """
    cache = cache_folder(environ)
    place = cache / release.version
    if not place.exists():
        try:
            with locked(cache / "lock", report):
                if not place.exists():
                    _download(release, java, place, report, environ)
        except OSError as reason:
            raise Failed(
                f"cannot write the cache {cache}: {reason}", remedy="let XDG_CACHE_HOME name another folder"
            ) from reason
    return place / "lib"


def _download(
    release: Release, java: Java, place: Path, report: Callable[[str], None], environ: Mapping[str, str]
) -> None:
    maven = shutil.which("mvn", path=environ.get("PATH", ""))
    if maven is None:
        raise ToolMissing(
            f"Maven (mvn), which fetches Neo4j {release.version}, is not on PATH",
            remedy="install it (on Debian: apt-get install maven)",
        )
    prefix = f".{release.version}-"
    for left_by_a_killed_process in place.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_by_a_killed_process)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place.parent) as name:
        staging = Path(name, "distribution")
        staging.mkdir()
        pom = Path(shutil.copy(_POM, staging))
        report(f"fetching Neo4j {release.version} from Maven Central (about 150 MB) into {place}")
        _copy_jars(maven, release, java, pom, environ)
        staging.rename(place)


def _copy_jars(maven: str, release: Release, java: Java, pom: Path, environ: Mapping[str, str]) -> None:
    command = (
        maven,
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        f"--file={pom}",
        f"-Dneo4j.version={release.version}",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={pom.parent / 'lib'}",
        "dependency:copy-dependencies",
    )
    try:
        run = subprocess.run(  # noqa: S603 - the user's own Maven
            command,
            env={**environ, "JAVA_HOME": str(java.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_DOWNLOAD_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as reason:
        raise Failed(
            f"fetching Neo4j {release.version} took longer than {_DOWNLOAD_LIMIT / 60:.0f} minutes",
            remedy="run it again: Maven keeps what it already has",
        ) from reason
    entry_point = pom.parent / "lib" / f"neo4j-{release.version}.jar"
    if run.returncode != 0 or not entry_point.exists():
        said = "\n".join(run.stdout.decode(errors="replace").strip().splitlines()[:_LINES_SHOWN])
        raise Failed(
            f"Maven could not fetch Neo4j {release.version}: {said or f'exit code {run.returncode}'}",
            remedy="check the network and Maven's settings (mirrors, proxy), then run it again",
        )
