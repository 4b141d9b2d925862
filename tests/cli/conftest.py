"""Commands on a store in the test's own folder: an empty one, one that has a model, one that has the example estate."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.cli import run
from tests.cli.program import ESTATE, Here, copied, url


@pytest.fixture
def nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Commands where no store is yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CMDB_STORE", url(tmp_path / "store.sqlite"))
    monkeypatch.setenv("CMDB_ACTOR", "tester")
    return Here(capsys, tmp_path)


@pytest.fixture
def cmdb(nothing: Here) -> Here:
    """Commands on a store that has the shipped model and nothing else."""
    nothing.done("init")
    return nothing


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the example estate; to be copied."""
    path = tmp_path_factory.mktemp("estate") / "store.sqlite"
    for command in (
        ["init"],
        *(["import", str(ESTATE / part), "--source", part] for part in ("kubernetes", "compose", "workbook")),
    ):
        assert run([*command, "--store", url(path), "--as", "importer"]) == 0
    return path


@pytest.fixture
def estate(nothing: Here, filled: Path) -> Here:
    """Commands on a store that has the example estate."""
    copied(filled, nothing.folder)
    return nothing
