"""The program in a process of its own: exit codes, streams, settings, start-up, pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cmdb.ledger import Head
from tests.cli.program import MAIN, copied, environment, program, url
from tests.store.places import opened


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A folder with the example estate where the program looks for a store, and some files."""
    copied(filled, tmp_path).rename(tmp_path / "cmdb.sqlite")
    (tmp_path / "compose.yaml").write_text("services:\n  till:\n    image: till:1\n")
    (tmp_path / "Server.csv").write_text("name,cpu_count\nnew-01,many\nnew-02,2\n")
    (tmp_path / "taken").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("code", "arguments", "message", "remedy"),
    [
        (1, ["backup", "taken"], "taken is there already", "name another file"),
        (2, ["ci", "lst"], "lst", "cmdb --help"),
        (2, ["ci", "list", "--where", "name ="], "expected a value", ""),
        (3, ["ci", "show", "Server:dui-nowhere"], "there is no 'Server:dui-nowhere'", "cmdb query"),
        (3, ["ci", "list", "--store", "sqlite:///none.sqlite"], "there is no store at none.sqlite", "cmdb init"),
        (4, ["import", "compose.yaml", "--change", "CHG-000001"], "there is no such change", "cmdb ci list Change"),
        (4, ["ci", "set", "SRV-000001", "role=x", "--as", ""], "nobody is named", "--as NAME"),
        (5, ["ci", "set", "SRV-000001", "role=x", "--expects", "7"], "is in version 1, expected was 7", "read again"),
        (5, ["init"], "is not empty", "name another store"),
        (6, ["ci", "add", "Server", "x", "nonsense=1"], "has no attribute 'nonsense'", "serial_number"),
        (6, ["import", "workbook", "Server.csv"], "Server.csv:2: error: Server.cpu_count", "correct the rows"),
        (7, ["ci", "list", "--store", "neo4j://127.0.0.1:1"], "no Neo4j answers at neo4j://127.0.0.1:1", "cmdb neo4j up"),
        (7, ["init", "--store", "sqlite:///taken/store.sqlite"], "taken/store.sqlite cannot be used", "check the folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_ends_with_its_code_a_reason_and_a_remedy(
    folder: Path, code: int, arguments: Sequence[str], message: str, remedy: str
) -> None:
    before = asyncio.run(_head(folder))
    said = program(folder, *arguments)
    assert (said.code, "Traceback" in said.err) == (code, False), said.err
    assert message in said.err
    assert remedy in said.err
    assert said.out == ""
    assert asyncio.run(_written(folder, before)) <= {"control:refusal"}


async def _head(folder: Path) -> Head:
    async with opened(url(folder / "cmdb.sqlite")) as store:
        return await store.head()


async def _written(folder: Path, since: Head) -> set[str]:
    """The authorities of what was written since: what is refused is counted, and nothing else is."""
    async with opened(url(folder / "cmdb.sqlite")) as store:
        return {commit.header.authority async for commit in store.commits(since.revision)}


def test_data_goes_to_stdout_and_everything_else_to_stderr(folder: Path) -> None:
    said = program(folder, "ci", "set", "SRV-000001", "role=x", "-o", "json")
    assert said.code == 0
    assert [row["key"] for row in said.rows()] == ["SRV-000001"]
    assert "revision" in said.err


def test_help_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    heavy = ("numpy", "numba", "neo4j", "pydantic", "apsw", "openpyxl", "networkx", "strawberry", "fastapi", "yaml")
    script = (
        "import sys; from cmdb.cli import run; code = run(sys.argv[1:]);"
        f"print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr); sys.exit(code)"
    )
    ended = subprocess.run(
        [MAIN[0], "-c", script, "--help"], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert "Usage: cmdb" in ended.stdout
    assert ended.stderr.strip() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["ci", "list", "--limit", "0"],
        ["ci", "list", "--limit", "0", "-o", "csv"],
        ["export"],
    ],
)
def test_a_reader_who_goes_away_ends_it_quietly(folder: Path, arguments: Sequence[str]) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*MAIN, *arguments], cwd=folder, env=environment(folder), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_nobody_reading_at_all_ends_it_quietly(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [*MAIN, "ci", "list"], cwd=folder, env=environment(folder), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert b"Traceback" not in err


def test_a_terminal_without_the_characters_still_shows_the_rest(folder: Path) -> None:
    said = program(folder, "model", "show", "Server", extra={"PYTHONIOENCODING": "ascii"})
    assert said.code == 0
    assert "Server / ???" in said.out
    assert "serial_number" in said.out
