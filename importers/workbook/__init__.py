"""The initialisation workbook: a sheet (or CSV file) per class, and one for relationships.

A row's source key is its own reference (column `key`) where it gives one, else `Class:name`. An end of a
relationship is such a reference, `Class:name`, a name that the workbook has once, or the key or id of something
that is known already; `Class:name` that the workbook lacks means something known already, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Item, Progress, RowError
from graph_schema.metamodel import Model
from importers.text import Note, head_of, progress_of
from importers.workbook.columns import is_for_people, is_relationships, plain
from importers.workbook.rows import Book
from importers.workbook.sheets import Sheet, csv_sheet, delimiter_of
from importers.workbook.template import template
from importers.workbook.xlsx import xlsx_sheets

__all__ = ["Workbook", "template"]


class Workbook:
    """Importer of XLSX workbooks and of CSV files named by their class."""

    name = "workbook"

    def recognises(self, path: Path) -> bool:
        """XLSX by its name and first bytes; CSV by a header with a name, or with both ends of a relationship."""
        if not path.is_file():
            return False
        head = head_of(path)
        if path.suffix.lower() in _XLSX:
            return head.startswith(b"PK")
        if path.suffix.lower() not in _CSV:
            return False
        header = head.decode("utf-8-sig", "replace").partition("\n")[0]
        words = {plain(word.strip().strip('"')) for word in header.split(delimiter_of(header))}
        return bool(words & {"name", "名称"}) or {"from", "to"} <= words

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims row by row, nodes first, whatever the order of the sheets. Memory is O(rows): their names."""
        files = [file for path in paths for file in _files(path)]
        note = progress_of(files, progress)
        book = Book(model)
        for sheet in _sheets(files, note, relationships=False):
            yield from [sheet] if isinstance(sheet, RowError) else book.nodes(sheet)
        for sheet in _sheets(files, lambda _: None, relationships=True):
            if isinstance(sheet, Sheet):
                yield from book.relationships(sheet)


_XLSX: Final = frozenset({".xlsx", ".xlsm"})
_CSV: Final = frozenset({".csv", ".tsv"})


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in _XLSX | _CSV)


def _sheets(files: list[Path], note: Note, *, relationships: bool) -> Iterator[Sheet | RowError]:
    for file in files:
        found = xlsx_sheets(file, note) if file.suffix.lower() in _XLSX else iter([csv_sheet(file, note)])
        yield from (sheet for sheet in found if isinstance(sheet, RowError) or _is_wanted(sheet, relationships))


def _is_wanted(sheet: Sheet, relationships: bool) -> bool:
    return is_relationships(sheet.name) is relationships and not is_for_people(sheet.name)
