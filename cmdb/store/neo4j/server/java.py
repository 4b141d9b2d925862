"""Finding a Java virtual machine of a version that a Neo4j release runs on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmdb.store.neo4j.server.release import Release, ToolMissing

JVM_FOLDERS = (Path("/usr/lib/jvm"), Path("/Library/Java/JavaVirtualMachines"))
_ANSWER_LIMIT = 10.0  # seconds that `java -version` may take
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java virtual machine: its `java` program and its major version."""

    program: Path
    major: int

    @property
    def home(self) -> Path:
        """What `JAVA_HOME` must be for a tool to use this one."""
        return self.program.resolve().parent.parent


def find_java(release: Release, environ: Mapping[str, str], jvm_folders: Sequence[Path] = JVM_FOLDERS) -> Java:
    """The first Java that `release` runs on: `JAVA_HOME`, then `java` on `PATH`, then those in `jvm_folders`.

    Raises:
        ToolMissing: none fits; names those that were found.
    """
    seen: dict[Path, Java] = {}
    for program in _programs(environ, jvm_folders):
        place = program.resolve()
        if place in seen:
            continue
        major = _major(program)
        if major is None:
            continue
        seen[place] = Java(program, major)
        if major in release.recipe.java:
            return seen[place]
    wanted = " or ".join(map(str, release.recipe.java))
    found = ", ".join(f"Java {java.major} ({java.program})" for java in seen.values()) or "no Java at all"
    raise ToolMissing(
        f"Neo4j {release.version} runs on Java {wanted}; found {found}",
        remedy=f"install a Java {wanted} runtime (on Debian: openjdk-{release.recipe.java[0]}-jre-headless) "
        "or let JAVA_HOME name one",
    )


def _programs(environ: Mapping[str, str], jvm_folders: Sequence[Path]) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(on_path)
    for folder in jvm_folders:
        yield from sorted(folder.glob("*/bin/java"))
        yield from sorted(folder.glob("*/Contents/Home/bin/java"))


def _major(program: Path) -> int | None:
    """The major version of a `java` program; None where it cannot be run or says nothing of the kind."""
    try:
        answer = subprocess.run(  # noqa: S603 - a `java` that the user's own environment names
            [program, "-version"], capture_output=True, timeout=_ANSWER_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = _VERSION.search(answer.stderr.decode(errors="replace"))
    return int(version[1]) if version else None
