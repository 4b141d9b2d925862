"""Makes one XLSX workbook of the CSV sheets beside this file: `python examples/estate/as_xlsx.py estate.xlsx`.

Every cell is text, so that nothing is turned into a date or loses its zeros.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from openpyxl import Workbook

SHEETS = Path(__file__).resolve().parent / "workbook"


def write_workbook(target: Path, sheets: Path = SHEETS) -> None:
    """Write the sheets, in the order of their names, into `target`. Raises OSError."""
    book = Workbook(write_only=True)
    for path in sorted(sheets.glob("*.csv")):
        sheet = book.create_sheet(path.stem)
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                sheet.append([cell or None for cell in row])
    book.save(target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FILE.xlsx")
    write_workbook(Path(sys.argv[1]))
