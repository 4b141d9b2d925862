"""How data is printed: a table for people, JSON, JSON lines, YAML or CSV for programs. Messages go to stderr."""

from __future__ import annotations

import csv
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

Cell = str | int | bool | None
Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


class _Console(Console):
    """Prints text as it is: names of an estate may hold what rich takes for markup or emoji."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave it to `cmdb.cli.run`, as with everything else that is written."""
        raise BrokenPipeError


err: Final = _Console(stderr=True, soft_wrap=True)
out: Final = _Console(width=None if sys.stdout.isatty() else 120)


class Format(StrEnum):
    """The formats of `-o`."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    YAML = "yaml"
    CSV = "csv"


def print_rows(rows: Sequence[Mapping[str, Json]], columns: Sequence[str], output: Format, title: str = "") -> None:
    """Print rows of like shape. A table shows `columns` only; the other formats print all that a row has."""
    match output:
        case Format.TABLE:
            out.print(table(columns, ([_cell(row.get(c)) for c in columns] for row in rows), title))
        case Format.JSON:
            print_json(list(rows))
        case Format.NDJSON:
            for row in rows:
                write(msgspec.json.encode(row) + b"\n")
        case Format.YAML:
            write(msgspec.yaml.encode(list(rows)))
        case Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            names = list(dict.fromkeys(name for row in rows for name in row)) or list(columns)
            writer.writerow(names)
            writer.writerows([_flat(row.get(name)) for name in names] for row in rows)


def print_value(value: Mapping[str, Json], output: Format) -> None:
    """Print one object in a format for programs (a table falls back to JSON)."""
    if output is Format.YAML:
        write(msgspec.yaml.encode(value))
    elif output is Format.NDJSON:
        write(msgspec.json.encode(value) + b"\n")
    elif output is Format.CSV:
        print_rows([value], (), output)
    else:
        print_json(value)


def print_json(value: Json) -> None:
    """Print indented JSON."""
    write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def print_line(text: str) -> None:
    """One line of data to stdout, never wrapped or coloured."""
    write(f"{text}\n".encode())


def write(data: bytes) -> None:
    """Bytes to stdout."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str = "") -> Table:
    """A plain table with a line under its head."""
    made = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


@contextmanager
def progress_bar(what: str) -> Generator[Progress]:
    """A progress bar on stderr; nothing where stderr is no terminal."""
    with Progress(
        TextColumn(what.replace("{", "{{").replace("}", "}}"), markup=False),
        BarColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as progress:
        yield progress


def _cell(value: Json) -> Text:
    return Text("" if value is None else _flat(value))


def _flat(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return str(value)
    return msgspec.json.encode(value).decode()
