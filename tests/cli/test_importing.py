"""import on the command line: plans, templates, rows with errors, what a source no longer has, and breaking off."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import time
import zipfile
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from cmdb.ledger import broken_links
from tests.cli.program import ESTATE, MAIN, Here, environment, program, url
from tests.store.places import opened

SHOP = """services:
  till:
    image: till:1
    depends_on: [orders]
  orders:
    image: orders:1
"""


def test_a_plan_is_shown_and_nothing_is_done(cmdb: Here) -> None:
    (cmdb.folder / "compose.yaml").write_text(SHOP)
    first = cmdb.done("import", "compose.yaml", "--plan")
    assert "DEPENDS_ON" in first.out
    assert cmdb.done("import", "compose.yaml", "--plan").out == first.out
    plan = cmdb.done("import", "compose", "compose.yaml", "--plan", "-o", "json").value()
    assert (plan["format"], plan["empty"], plan["revision"]) == ("compose", False, 1)
    assert cmdb.done("ledger", "verify", "-o", "json").value()["revision"] == 1
    cmdb.done("import", "compose.yaml", "--reason", "opening")
    assert {str(row["reason"]) for row in cmdb.done("ledger", "show", "-o", "json").rows()[1:]} == {"opening"}
    assert cmdb.done("import", "compose.yaml", "--plan", "-o", "json").value()["empty"] is True
    again = cmdb.done("import", "compose.yaml")
    assert "nothing to do" in again.err
    assert again.out == ""


def test_what_a_source_no_longer_has_is_retired_only_when_that_is_confirmed(cmdb: Here) -> None:
    file = cmdb.folder / "compose.yaml"
    file.write_text(SHOP)
    cmdb.done("import", "compose.yaml", "--source", "shop")
    before = cmdb.done("ci", "list", "-o", "json").column("key")
    file.write_text("services:\n  orders:\n    image: orders:1\n")
    shown = cmdb.done("import", "compose.yaml", "--source", "shop")
    assert "retire" in shown.out
    assert "till" in shown.out
    assert "are left as they are; --yes retires them" in shown.err
    assert cmdb.done("ci", "list", "-o", "json").column("key") == before
    cmdb.done("import", "compose.yaml", "--source", "shop", "--yes")
    left = cmdb.done("ci", "list", "-o", "json")
    assert "till" not in left.column("name")
    assert "orders" in left.column("name")


def test_rows_with_errors_keep_a_format_out_unless_they_are_skipped(cmdb: Here) -> None:
    (cmdb.folder / "Server.csv").write_text("name,cpu_count\nbad,many\ngood,2\n")
    for option in ("--plan", "--no-plan"):
        refused = cmdb("import", "workbook", "Server.csv", option)
        assert refused.code == 6
        assert "Server.csv:2: error: Server.cpu_count: expected a whole number, got 'many'" in refused.err
    assert cmdb.done("ci", "list", "-o", "json").rows() == []
    cmdb.done("import", "workbook", "Server.csv", "--skip-errors")
    assert cmdb.done("ci", "list", "-o", "json").column("name") == ["good"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.yaml", b"services: [\n"),
        ("latin.yaml", "services:\n  café:\n    image: x\n".encode("latin-1")),
        ("empty.json", b""),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
        ("lines.ndjson", b'{"node": {"id": "1"}}\n{"nonsense": 1}\nnot json\n'),
    ],
)
def test_files_that_cannot_be_read_are_invalid_input(cmdb: Here, name: str, content: bytes) -> None:
    (cmdb.folder / name).write_bytes(content)
    said = cmdb("import", name)
    assert said.code == 6
    assert said.err
    assert cmdb.done("ci", "list", "-o", "json").rows() == []


def test_the_template_is_an_empty_workbook_that_can_be_filled_in(cmdb: Here) -> None:
    cmdb.done("import", "--template", "new.xlsx")
    assert zipfile.is_zipfile(cmdb.folder / "new.xlsx")
    plan = cmdb.done("import", "workbook", "new.xlsx", "--plan", "-o", "json").value()
    assert (plan["empty"], plan["messages"]) == (True, [])
    cmdb.done("import", "workbook", "new.xlsx")
    assert cmdb.done("ci", "list", "-o", "json").rows() == []
    assert cmdb("import", "workbook", "--template", "new.xlsx").code == 1


def test_one_source_is_of_one_format(cmdb: Here) -> None:
    said = cmdb("import", ESTATE, "--source", "everything")
    assert said.code == 2
    assert "kubernetes, compose, workbook" in said.err
    assert cmdb.done("ledger", "show", "-o", "json").column("revision") == [1]


def test_odd_file_names_are_no_obstacle(tmp_path: Path) -> None:
    assert program(tmp_path, "init").code == 0
    file = tmp_path / "{x} [red]\udcff.yaml"
    file.write_text(SHOP)
    said = program(tmp_path, "import", "compose", file.name)
    assert said.code in {0, 6}
    assert "Traceback" not in said.err
    assert "{x} [red]\\udcff.yaml" in said.err


def test_one_interrupt_is_enough_where_a_question_waits(tmp_path: Path) -> None:
    assert program(tmp_path, "init").code == 0
    (tmp_path / "compose.yaml").write_text(SHOP)
    assert program(tmp_path, "import", "compose", "compose.yaml").code == 0
    (tmp_path / "compose.yaml").write_text("services:\n  orders:\n    image: orders:1\n")
    terminal, end = os.openpty()
    process = subprocess.Popen(
        [*MAIN, "import", "compose", "compose.yaml"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=end,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        while "Retire" not in said:
            said += (letter := process.stderr.read(1))
            assert letter, said
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=100)
        assert process.returncode == 130
        assert "interrupted; what was committed stays" in rest
    finally:
        process.kill()
        os.close(terminal)
        os.close(end)


def many(folder: Path, nodes: int) -> Path:
    """A file of so many servers, each but the first connected to the one before it."""
    file = folder / "many.ndjson"
    with file.open("w") as lines:
        for n in range(nodes):
            lines.write(json.dumps({"node": {"id": f"n{n}", "class": "Server", "name": f"n{n}"}}) + "\n")
        for n in range(1, nodes):
            edge = {"type": "DEPENDS_ON", "from": f"n{n}", "to": f"n{n - 1}", "key": ""}
            lines.write(json.dumps({"relationship": edge}) + "\n")
    return file


def test_an_import_that_is_interrupted_leaves_whole_commits_and_goes_on(tmp_path: Path) -> None:
    nodes = 50_000
    file = many(tmp_path, nodes)
    store = _interrupted(tmp_path, file)

    async def state() -> tuple[int, int, int, bool]:
        async with opened(url(store)) as found:
            head = await found.head()
            there = sum([len(batch) async for batch in found.all_nodes()])
            joined = sum([len(batch) async for batch in found.all_relationships()])
            return head.revision, there, joined, await broken_links(found.commits(), head) == []

    revision, there, joined, holds = asyncio.run(state())
    assert revision > 1
    assert there + joined < 2 * nodes - 1
    assert holds
    assert program(tmp_path, "ledger", "verify", "--store", url(store)).code == 0
    again = program(tmp_path, "import", "ndjson", file, "--store", url(store))
    assert again.code == 0, again.err
    assert asyncio.run(state())[1:] == (nodes, nodes - 1, True)


def _interrupted(folder: Path, file: Path) -> Path:
    """A store into which an import was begun, and interrupted after its first commit and before its last."""
    for attempt in range(5):
        store = folder / f"{attempt}.sqlite"
        assert program(folder, "init", "--store", url(store)).code == 0
        process = subprocess.Popen(
            [*MAIN, "import", "ndjson", str(file), "--store", url(store)],
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with closing(apsw.Connection(str(store))) as watching:
            while watching.execute("SELECT revision FROM head").get < 2 and process.poll() is None:
                time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
        assert out == b""
        if process.returncode == 130:
            assert b"interrupted; what was committed stays" in err
            assert b"Traceback" not in err
            return store
        assert process.returncode == 0, err
    pytest.fail("the import was never interrupted, it was done each time before")


def test_each_part_of_the_estate_again_is_an_empty_plan(cmdb: Here) -> None:
    for part in ("kubernetes", "compose", "workbook"):
        cmdb.done("import", ESTATE / part)
    again = [cmdb.done("import", ESTATE / part, "--plan", "-o", "json").value() for part in ("compose", "workbook")]
    assert [plan["empty"] for plan in again] == [True, True]
    listed = csv.DictReader(io.StringIO(cmdb.done("ci", "list", "Server", "-n", "0", "-o", "csv").out))
    with (ESTATE / "workbook" / "Server.csv").open(encoding="utf-8-sig") as file:
        assert sorted(row["name"] for row in listed if row["class"] == "Server") == sorted(
            row["name"] for row in csv.DictReader(file)
        )
