"""Sheets of a workbook as rows of cells, whatever file they come from."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import RowError, Where
from importers.text import MEBIBYTE, Bounds, Note, Reader, Rejected, lines

CSV_BOUNDS: Final = Bounds(file=1024 * MEBIBYTE, line=MEBIBYTE)
WIDEST: Final = 1000
"""Columns of a sheet."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place, and its cells from the first column on."""

    where: Where
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A named sheet; `rows` can be gone through once, and gives errors among the rows."""

    name: str
    where: Where
    rows: Iterator[Row | RowError]


def csv_sheet(path: Path, note: Note) -> Sheet:
    """A file of comma-, semicolon- or tab-separated values; the sheet is named like the file."""
    return Sheet(path.stem, Where(str(path)), _csv_rows(path, note))


def delimiter_of(header: str) -> str:
    """The separator that the header line has most often."""
    return max(",;\t", key=header.count)


def _csv_rows(path: Path, note: Note) -> Iterator[Row | RowError]:
    file = str(path)
    try:
        with Reader(path, CSV_BOUNDS, note) as reader:
            text = lines(reader)
            header = next(text, "")
            found = csv.reader(_again(header, text), delimiter=delimiter_of(header), strict=True)
            row = 1
            while True:
                try:
                    cells = next(found, None)
                except csv.Error as error:
                    message = f"the row is no proper CSV: {error}"
                    yield RowError(where=Where(file, row), message=message, remedy="check the quotes in this row")
                    return
                if cells is None:
                    return
                yield Row(Where(file, row), tuple(cell.strip() or None for cell in cells))
                row = found.line_num + 1
    except Rejected as rejection:
        yield rejection.error


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
