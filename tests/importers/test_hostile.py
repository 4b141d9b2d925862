"""Input that means harm: it ends in row errors, and memory stays in proportion."""

from __future__ import annotations

import gzip
import io
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.reconciliation.claims import Importer, Item, NodeClaim, RelationshipClaim, RowError
from importers.registry import shipped_importers
from importers.workbook import Workbook
from importers.workbook.xlsx import MOST_ROWS
from tests.importers.reading import empty_workbook, faults, read, read_bytes
from tests.importers.test_compose import SHOP as COMPOSE
from tests.importers.test_debian import SUITE
from tests.importers.test_kubernetes import SHOP as MANIFESTS
from tests.importers.test_ndjson import EDGE, node
from tests.importers.test_netbox import ESTATE
from tests.importers.test_workbook import SERVERS, workbook

MEBIBYTE = 1 << 20
SUFFIX = {
    "compose": ".yaml",
    "debian": ".Packages",
    "kubernetes": ".yaml",
    "netbox": ".json",
    "ndjson": ".ndjson",
    "workbook": ".csv",
}
XLSX = workbook(Server=SERVERS, Relationships=[["type", "from", "to"], ["USES", "s1", "web-01"]])
VALID = {
    "compose": COMPOSE,
    "debian": SUITE,
    "kubernetes": MANIFESTS,
    "netbox": ESTATE,
    "ndjson": node(1, role="x") + node(2) + EDGE,
    "workbook": b"name,fqdn,cpu_count\nweb,web.example.com,4\n",
}


def names(importers: tuple[Importer, ...]) -> list[str]:
    return [importer.name for importer in importers]


every_importer = pytest.mark.parametrize("importer", shipped_importers(), ids=names(shipped_importers()))


@every_importer
@pytest.mark.parametrize("first", [b"", b"{", b'{"node":{"id":"', b"name,fqdn\n", b"services: {a: '", b'[{"model":"'])
def test_a_gigabyte_of_one_line_stops_early(importer: Importer, first: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"Server{SUFFIX[importer.name]}"
    with path.open("wb") as file:
        file.write(first)
        file.truncate(1 << 30)
    tracemalloc.start()
    items = read(importer, path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 64 * MEBIBYTE
    assert faults(items), items[:3]
    assert all(error.remedy and error.where.file == str(path) for error in faults(items))


@every_importer
def test_a_gigabyte_packed_into_a_megabyte_stops_early(importer: Importer, tmp_path: Path) -> None:
    path = tmp_path / f"Server{SUFFIX[importer.name]}"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(VALID[importer.name][:1])
        for _ in range(64):
            file.write(b"a" * MEBIBYTE)
    tracemalloc.start()
    items = read(importer, path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 64 * MEBIBYTE
    assert faults(items)


HEADER = b'<row><c t="inlineStr"><is><t>name</t></is></c></row>'


def bomb(rows: int, row: bytes, declared: int | None = None) -> bytes:
    """A workbook whose first sheet unpacks to many rows; `declared` is what its directory claims instead."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(XLSX)) as real, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for part in real.namelist():
            if part != "xl/worksheets/sheet1.xml":
                made.writestr(part, real.read(part))
        with made.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            for start in range(0, rows, 10_000):
                sheet.write(row * min(10_000, rows - start))
            sheet.write(b"</sheetData></worksheet>")
    packed = content.getvalue()
    if declared is not None:
        with zipfile.ZipFile(io.BytesIO(packed)) as made:
            size = made.getinfo("xl/worksheets/sheet1.xml").file_size
        packed = packed.replace(size.to_bytes(4, "little"), declared.to_bytes(4, "little"))
    return packed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(20_000_000, b"<row></row>"), "times its size"),
        (bomb(3_000_000, b"<row></row>", declared=1000), "no XLSX workbook (BadZipFile)"),
        (bomb(10, HEADER + b'<row r="999999999"></row>'), f"more than {MOST_ROWS} rows"),
        (bomb(10, b'<row><c r="ZZZ1"><v>1</v></c></row>'), "1000 columns"),
        (b"PK\x03\x04" + b"\x00" * 100, "no XLSX workbook"),
        (XLSX[:-40], "no XLSX workbook"),
        (b"not a zip at all", "no XLSX workbook"),
    ],
    ids=["ratio", "lying directory", "far row", "far column", "no zip", "cut off", "text"],
)
def test_xlsx_bombs_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    tracemalloc.start()
    errors = faults(read_bytes(Workbook(), content, tmp_path, "w.xlsx"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 128 * MEBIBYTE
    assert any(words in error.message for error in errors), errors
    assert all(error.remedy for error in errors)


def test_entities_in_a_workbook_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    laughs = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    with zipfile.ZipFile(io.BytesIO(XLSX)) as real, zipfile.ZipFile(content, "w") as made:
        for part in real.namelist():
            data = real.read(part)
            made.writestr(part, laughs + data.partition(b"?>")[2] if part.endswith("sheet1.xml") else data)
    errors = faults(read_bytes(Workbook(), content.getvalue(), tmp_path, "w.xlsx"))
    assert errors
    assert all(error.remedy for error in errors)


@every_importer
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-32"])
def test_other_encodings_are_errors(importer: Importer, encoding: str, tmp_path: Path) -> None:
    content = VALID[importer.name].decode().replace("web", "wéb").replace('"x"', '"é"').replace("FRA", "é")
    path = tmp_path / f"Server{SUFFIX[importer.name]}"
    path.write_bytes(content.encode(encoding))
    items = read(importer, path)
    assert faults(items)
    assert all(error.remedy for error in faults(items))


@every_importer
def test_what_is_missing_is_an_os_error(importer: Importer, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read(importer, tmp_path / f"absent{SUFFIX[importer.name]}")


def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """`valid` with some pieces replaced, doubled, moved or taken away."""
    spots = st.tuples(st.integers(0, len(valid)), st.integers(0, 40), st.binary(max_size=12) | PIECES)

    def change(changes: list[tuple[int, int, bytes]]) -> bytes:
        content = valid
        for at, length, new in changes:
            content = content[:at] + new + content[at + length :]
        return content

    return st.lists(spots, min_size=1, max_size=5).map(change)


YAML_PIECES = [b"&a ", b"*a", b"<<: ", b"\n", b"\t", b"- ", b"null", b"---\n", b"? ", b"| ", b"!!x ", b"{}", b"[]"]
STANZA_PIECES = [b"\n\n", b"Depends: ", b" | ", b", ", b" (>= 1:2~)", b"\nProvides: web", b":any", b"Version: "]
JSON_PIECES = [b"{", b"}", b"[", b"]", b":", b"-1", b"1e999", b'"', b"'", b"\\u0000", b"true", b"[[1]]", b"name"]
PIECES = st.sampled_from([*YAML_PIECES, *JSON_PIECES, *STANZA_PIECES, b"\xff", b"\x00"])


@every_importer
@given(data=st.data())
def test_no_input_makes_an_importer_raise(importer: Importer, data: st.DataObject) -> None:
    content = data.draw(st.binary(max_size=300) | mutated(VALID[importer.name]))
    with tempfile.TemporaryDirectory() as folder:
        check(read_bytes(importer, content, Path(folder), f"Server{SUFFIX[importer.name]}"))


@given(content=st.binary(max_size=300) | mutated(XLSX))
def test_no_workbook_makes_the_importer_raise(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(read_bytes(Workbook(), content, Path(folder), "w.xlsx"))


@given(content=mutated(b"<c r='A1' t='inlineStr'><is><t>name</t></is></c><c r='B1' s='1'><v>1</v></c>"))
def test_no_sheet_makes_the_importer_raise(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(read_bytes(Workbook(), bomb(10, b"<row>" + content + b"</row>"), Path(folder), "w.xlsx"))


def check(items: list[Item]) -> None:
    """Whatever was read: claims that fit the types, and errors that say where and what to do."""
    for item in items:
        assert isinstance(item, NodeClaim | RelationshipClaim | RowError)
        assert item.where.file
        if isinstance(item, RowError):
            assert item.message
            assert item.remedy
            assert len(item.message) < 1000


def test_the_template_is_within_the_bounds(tmp_path: Path) -> None:
    assert read_bytes(Workbook(), empty_workbook(), tmp_path, "t.xlsx") == []
