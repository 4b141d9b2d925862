"""Reads XLSX files from strangers: the archive is judged before anything of it is unpacked.

`zipfile` never gives more bytes of a part than the archive's directory says, so bounds on the directory hold.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, cast

import openpyxl

from cmdb.reconciliation.claims import RowError, Where
from importers.text import MEBIBYTE, Note, Rejected, rejected
from importers.workbook.sheets import WIDEST, Cell, Row, Sheet

LARGEST_FILE: Final = 128 * MEBIBYTE
LARGEST_TOTAL: Final = 1024 * MEBIBYTE
LARGEST_SHEET: Final = 512 * MEBIBYTE
LARGEST_STRINGS: Final = 64 * MEBIBYTE
LARGEST_OTHER: Final = 16 * MEBIBYTE
LARGEST_RATIO: Final = 200
MOST_PARTS: Final = 10_000
MOST_ROWS: Final = 200_000


def xlsx_sheets(path: Path, note: Note) -> Iterator[Sheet | RowError]:
    """The sheets of a workbook in their order. Memory is O(texts in the workbook + rows)."""
    try:
        book = _open(path)
    except Rejected as rejection:
        yield rejection.error
        return
    try:
        for sheet in book.worksheets:
            where = Where(str(path), 0, sheet.title)
            yield Sheet(sheet.title, where, _rows(sheet, where))
        note(path.stat().st_size)
    finally:
        book.close()


class _Worksheet(Protocol):
    @property
    def title(self) -> str: ...
    def reset_dimensions(self) -> None: ...
    def iter_rows(self, *, max_row: int, values_only: bool) -> Iterator[tuple[object, ...]]: ...


class _Book(Protocol):
    @property
    def worksheets(self) -> list[_Worksheet]: ...
    def close(self) -> None: ...


_BATCH: Final = 256
_REMEDY: Final = "open it in a spreadsheet program and save it again as XLSX, or use CSV files"


def _open(path: Path) -> _Book:
    where = Where(str(path))
    if path.stat().st_size > LARGEST_FILE:
        raise rejected(where, f"the file is larger than {LARGEST_FILE // MEBIBYTE} MiB", "split it, or use CSV")
    try:
        with zipfile.ZipFile(path) as archive:
            _judge(where, archive.infolist())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (Rejected, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl answers a damaged file with almost any exception
        raise rejected(where, f"this is no XLSX workbook ({type(error).__name__})", _REMEDY) from None
    return cast("_Book", book)


def _judge(where: Where, parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_TOTAL:
        raise rejected(where, "the workbook unpacks to more than any real one", "check where it comes from")
    for part in parts:
        ratio = part.file_size / max(part.compress_size, 1)
        if part.file_size > _bound(part.filename) or (part.file_size > MEBIBYTE and ratio > LARGEST_RATIO):
            message = f"a part of the workbook unpacks to {part.file_size // MEBIBYTE} MiB, {ratio:.0f} times its size"
            raise rejected(where, message, "check where it comes from; use CSV files for much data")


def _bound(name: str) -> int:
    if name.startswith("xl/worksheets/"):
        return LARGEST_SHEET
    return LARGEST_STRINGS if name == "xl/sharedStrings.xml" else LARGEST_OTHER


def _rows(sheet: _Worksheet, place: Where) -> Iterator[Row | RowError]:
    """Rows in batches, because warnings are silenced for the whole process while openpyxl works."""
    number = 0
    sheet.reset_dimensions()
    found = sheet.iter_rows(max_row=MOST_ROWS + 1, values_only=True)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                batch = list(islice(found, _BATCH))
        except Exception as error:  # noqa: BLE001 - openpyxl answers a damaged sheet with almost any exception
            where = Where(place.file, number + 1, place.sheet)
            message = f"the sheet is damaged after this row ({type(error).__name__})"
            yield RowError(where=where, message=message, remedy=_REMEDY)
            return
        if not batch:
            return
        for values in batch:
            number += 1
            where = Where(place.file, number, place.sheet)
            if number > MOST_ROWS or len(values) > WIDEST:
                message = f"the sheet has more than {MOST_ROWS} rows or {WIDEST} columns"
                yield RowError(where=where, message=message, remedy="take away empty cells at the end, or use CSV")
                return
            yield Row(where, tuple(_cell(value) for value in values))


def _cell(value: object) -> Cell:
    """A value as text, number or boolean; moments without a zone are UTC, as the instructions sheet says."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
        case str():
            return value.strip() or None
        case datetime():
            return value.replace(tzinfo=UTC).isoformat() if value.time() != time() else value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return int(value.total_seconds())
        case _:
            return str(value)
