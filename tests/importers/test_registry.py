from __future__ import annotations

from pathlib import Path

import pytest

from importers.registry import recognise, shipped_importers
from tests.importers.reading import empty_workbook
from tests.importers.test_compose import SHOP as COMPOSE
from tests.importers.test_debian import SUITE
from tests.importers.test_kubernetes import SHOP as MANIFESTS
from tests.importers.test_ndjson import node
from tests.importers.test_netbox import ESTATE


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    files = {
        "b/compose.yaml": COMPOSE,
        "a/all.yaml": MANIFESTS,
        "netbox.json": ESTATE,
        "suite/Packages": SUITE,
        "export.ndjson": node(1),
        "sheets/Server.csv": b"name,fqdn\nweb,\n",
        "sheets/relationships.csv": b"type;from;to\n",
        "w.xlsx": empty_workbook(),
        "README.md": b"# read me\n",
        "catalog.yaml": b"apiVersion: backstage.io/v1alpha1\nkind: Component\n",
        ".hidden/compose.yaml": COMPOSE,
        ".hidden.yaml": COMPOSE,
        "empty.yaml": b"",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_a_folder_is_sorted_by_format(estate: Path) -> None:
    found, skipped = recognise([estate], shipped_importers())
    assert {f.importer.name: [p.relative_to(estate).as_posix() for p in f.paths] for f in found} == {
        "ndjson": ["export.ndjson"],
        "netbox": ["netbox.json"],
        "kubernetes": ["a/all.yaml"],
        "compose": ["b/compose.yaml"],
        "debian": ["suite/Packages"],
        "workbook": ["w.xlsx", "sheets/Server.csv", "sheets/relationships.csv"],
    }
    assert [Path(s.where.file).name for s in skipped] == ["README.md", "catalog.yaml", "empty.yaml"]
    assert all(s.warning and s.remedy for s in skipped)


def test_a_named_file_must_be_recognised(estate: Path) -> None:
    found, skipped = recognise([estate / "README.md", estate / "absent"], shipped_importers())
    assert found == ()
    assert [(s.warning, bool(s.remedy)) for s in skipped] == [(False, True), (False, True)]


def test_a_file_counts_once(estate: Path) -> None:
    found, _ = recognise([estate / "netbox.json", estate], shipped_importers())
    assert [len(f.paths) for f in found if f.importer.name == "netbox"] == [1]


def test_loops_of_links_end(estate: Path) -> None:
    (estate / "loop").symlink_to(estate)
    found, _ = recognise([estate], shipped_importers())
    assert len([path for f in found for path in f.paths]) == 8


def test_names_are_words_of_the_command_line() -> None:
    names = [importer.name for importer in shipped_importers()]
    assert sorted(names) == ["compose", "debian", "kubernetes", "ndjson", "netbox", "workbook"]
