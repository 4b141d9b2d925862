"""The command line as a person runs it: in a process of its own, or, to be quick, in this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import pytest

from cmdb.cli import run
from tests.conftest import ROOT

_START: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from cmdb.cli import main; main()"
)
MAIN: Final = (sys.executable, "-c", _START)
"""The program as a terminal starts it: it hears interrupts, even where the tests run in the background and do not."""
ESTATE: Final = ROOT / "examples" / "estate"


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, object]]:
        """What `-o json` printed."""
        return msgspec.json.decode(self.out, type=list[dict[str, object]])

    def value(self) -> dict[str, object]:
        """What `-o json` printed, where it is one object."""
        return msgspec.json.decode(self.out, type=dict[str, object])

    def part(self, name: str) -> list[dict[str, object]]:
        """The rows under a name of `value`."""
        return msgspec.convert(self.value()[name], list[dict[str, object]])

    def column(self, name: str) -> list[object]:
        """A column of `rows`."""
        return [row[name] for row in self.rows()]


@dataclass(frozen=True)
class Here:
    """Runs commands in this process, on one store unless they name another."""

    capsys: pytest.CaptureFixture[str]
    folder: Path

    def __call__(self, *arguments: str | Path) -> Said:
        self.capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)

    def done(self, *arguments: str | Path) -> Said:
        """A command that must succeed."""
        said = self(*arguments)
        assert said.code == 0, said.err
        return said


def url(path: Path) -> str:
    """The URL of an SQLite store."""
    return f"sqlite:///{path}"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a program finds around it: nothing of this product's settings but what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CMDB_")}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(folder), **more}


def program(folder: Path, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> Said:
    """Run the program in a folder, to its end."""
    ended = subprocess.run(
        [*MAIN, *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **(extra or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=300,
    )
    return Said(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def copied(store: Path, folder: Path) -> Path:
    """A copy of a store that nobody has open."""
    for file in store.parent.glob(f"{store.name}*"):
        shutil.copy(file, folder / file.name)
    return folder / store.name
