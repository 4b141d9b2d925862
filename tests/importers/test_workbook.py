from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import openpyxl
import pytest

from cmdb.reconciliation.claims import Known, RelationshipClaim
from importers.workbook import Workbook
from tests.importers.reading import assert_fits_model, empty_workbook, faults, links, model, nodes, read, read_bytes

Cells = list[list[object]]


def workbook(**sheets: Cells) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def edges(*rows: list[object]) -> Cells:
    return [["type", "from", "to", "key", "pool"], *rows]


SAME: list[object] = ["USES", "SRV-000001", "SRV-000002"]
TWICE = edges(SAME, SAME)
POOLED = edges(["CONNECTED_TO", "SRV-000001", "SRV-000002", "", "p"])
SERVERS: Cells = [
    ["key", "name*", "State", "Site name", "Processors", "Purchased on", "last_boot", "tags"],
    ["s1", "web-01", "in_use", "FRA", 4.0, dt.datetime(2026, 1, 31), dt.datetime(2026, 1, 31, 8), "a; b"],  # noqa: DTZ001 - as a spreadsheet has it
    [],
    [None, "db-01", None, "FRA"],
]


def test_sheets_become_claims(tmp_path: Path) -> None:
    content = workbook(
        Relationships=edges(
            ["DEPENDS_ON", "s1", "Server:db-01", None, "p"],
            ["depends on", "APP:shop", "web-01"],
            ["依赖", "shop", "SRV-000007"],
            ["RUNS_ON", "shop", "ContainerService:web"],
        ),
        Server=SERVERS,
        应用=[["名称"], ["shop"]],
        Instructions=[["anything"], ["goes"]],
        _mine=[["anything"]],
    )
    items = read_bytes(Workbook(), content, tmp_path, "w.xlsx")
    assert faults(items) == []
    assert_fits_model(items)
    found = nodes(items)
    assert set(found) == {"s1", "Server:db-01", "Application:shop"}
    assert found["s1"].attributes == {
        "site_name": "FRA",
        "cpu_count": 4,
        "purchased_on": "2026-01-31",
        "last_boot": "2026-01-31T08:00:00+00:00",
        "tags": "a; b",
    }
    assert str(found["Server:db-01"].where).endswith("w.xlsx[Server]:4")
    assert ("s1", "Server:db-01") in links(items, "DEPENDS_ON")
    known = [r.target for r in items if isinstance(r, RelationshipClaim) and isinstance(r.target, Known)]
    assert known == [Known("SRV-000007"), Known("ContainerService:web")]


@pytest.mark.parametrize(("separator", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_a_folder_of_csv_is_the_same(separator: str, encoding: str, tmp_path: Path) -> None:
    def write(name: str, rows: list[list[str]]) -> None:
        text = "\r\n".join(separator.join(row) for row in rows)
        (tmp_path / name).write_bytes(text.encode(encoding))

    write("Server.csv", [["name", "description", "cpu_count"], ["web", '"two\nlines"', "4"], ["db", "", ""]])
    write("relationships.csv", [["type", "from", "to"], ["DEPENDS_ON", "web", "Server:db"]])
    items = read(Workbook(), tmp_path)
    assert faults(items) == []
    assert links(items, "DEPENDS_ON") == {("Server:web", "Server:db")}
    assert nodes(items)["Server:web"].attributes == {"description": "two\nlines", "cpu_count": "4"}
    assert [n.where.row for n in nodes(items).values()] == [2, 4]


@pytest.mark.parametrize(
    ("sheets", "place", "words"),
    [
        ({"Servr": [["name"]]}, "[Servr]", "named by no class"),
        ({"Server": [["name", "cpus"]]}, "[Server]:1", "no attribute 'cpus'"),
        ({"Server": [["name", "fqdn", "FQDN"]]}, "[Server]:1", "columns 2 and 3 are both 'fqdn'"),
        ({"Server": [["fqdn"], ["a"]]}, "[Server]:1", "no column 'name'"),
        ({"Server": [["name", "fqdn"], [None, "a"]]}, "[Server]:2", "no name"),
        ({"Server": [["name"], ["a"], ["a"]]}, "[Server]:3", "stands here again; first at"),
        ({"Server": [["key", "name"], ["k", "a"], ["k", "b"]]}, "[Server]:3", "'k' stands here again"),
        ({"Server": [["name", "fqdn"], ["a", "#REF!"]]}, "[Server]:2", "holds the error #REF!"),
        ({"Relationships": edges(["DEPENDZ", "a", "b"])}, "[Relationships]:2", "no relationship type 'DEPENDZ'"),
        ({"Relationships": edges(["USES", "nobody", "SRV-000001"])}, "[Relationships]:2", "'nobody' is no row"),
        ({"Relationships": edges(["USES", None, "SRV-000001"])}, "[Relationships]:2", "no from"),
        ({"Relationships": [["type", "from"]]}, "[Relationships]:1", "no column 'to'"),
        ({"Relationships": TWICE}, "[Relationships]:3", "stands here again"),
        ({"Relationships": POOLED}, "[Relationships]:2", "no attribute 'pool'"),
        (
            {"Server": [["key", "name"], ["1", "a"], ["2", "a"]], "Relationships": edges(["USES", "Server:a", "1"])},
            "[Relationships]:2",
            "several rows for 'Server:a'",
        ),
    ],
)  # fmt: skip
def test_faults_have_place_and_remedy(sheets: dict[str, Cells], place: str, words: str, tmp_path: Path) -> None:
    errors = faults(read_bytes(Workbook(), workbook(**sheets), tmp_path, "w.xlsx"))
    assert [(str(e.where).endswith(f"w.xlsx{place}"), words in e.message) for e in errors] == [(True, True)]
    assert errors[0].remedy


def test_secrets_are_left_out_with_a_warning(tmp_path: Path) -> None:
    rows: Cells = [["name", "description", "fqdn"], ["a", "log in with password=hunter2", "a.example.com"]]
    items = read_bytes(Workbook(), workbook(Server=rows), tmp_path, "w.xlsx")
    assert nodes(items)["Server:a"].attributes == {"fqdn": "a.example.com"}
    assert "'description' was left out" in faults(items, warnings=True)[0].message
    assert "hunter2" not in repr(items)


def test_a_version_that_is_a_number_is_said(tmp_path: Path) -> None:
    items = read_bytes(Workbook(), workbook(Server=[["name", "version_number"], ["a", 3.1]]), tmp_path, "w.xlsx")
    assert nodes(items)["Server:a"].attributes == {"version_number": "3.1"}
    assert "loses its end" in faults(items, warnings=True)[0].message


def test_broken_quotes_are_an_error(tmp_path: Path) -> None:
    items = read_bytes(Workbook(), b'name\na\n"b" c\n', tmp_path, "Server.csv")
    assert [(e.where.row, "no proper CSV" in e.message) for e in faults(items)] == [(3, True)]
    assert set(nodes(items)) == {"Server:a"}


def test_the_template_has_everything_and_reads_as_empty(tmp_path: Path) -> None:
    content = empty_workbook()
    assert read_bytes(Workbook(), content, tmp_path, "template.xlsx") == []
    book = openpyxl.load_workbook(io.BytesIO(content))
    concrete = {c.name for c in model().classes if not c.abstract}
    assert set(book.sheetnames) >= concrete | {"Relationships", "Instructions"}
    for name in concrete:
        sheet = book[name]
        headers = [cell.value for cell in sheet[1]]
        assert headers == ["key", "name", "state", *model().attributes[name]]
        assert all(cell.comment for cell in sheet[1])
    validated = {str(v.sqref)[0]: v.formula1 for v in book["Relationships"].data_validations.dataValidation}
    assert validated["A"].startswith("'_lists'!")
    listed = {str(value) for column in book["_lists"].iter_cols(values_only=True) for value in column}
    assert set(model().type_by_name) <= listed


def test_a_filled_template_is_read(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(empty_workbook()))
    book["Server"].append(["", "web-01", "in_use"])
    book["Site"].append([None, "Frankfurt 1"])
    book["Relationships"].append(["LOCATED_IN", "Server:web-01", "Site:Frankfurt 1"])
    path = tmp_path / "w.xlsx"
    book.save(path)
    items = read(Workbook(), path)
    assert faults(items) + faults(items, warnings=True) == []
    assert links(items, "LOCATED_IN") == {("Server:web-01", "Site:Frankfurt 1")}
