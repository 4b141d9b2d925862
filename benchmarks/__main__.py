"""`python -m benchmarks [--size 10k|100k|1m] [--only NAME] [--out FILE]`: measure, print a table, keep the figures."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.estate import SIZES
from benchmarks.result import Result

Run = Callable[[str], list[Result]]


def main() -> int:
    """Measure what was asked for; 0 when something was measured."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=tuple(SIZES), default="100k", help="CIs of the estate (default 100k)")
    parser.add_argument("--only", metavar="NAME", action="append", help="a benchmark's name; may be repeated")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    runs = {name: run for name, run in _discovered() if not asked.only or name in asked.only}
    unknown = set(asked.only or ()) - set(runs)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")

    figures: dict[str, Sequence[Mapping[str, object]]] = {}
    try:
        for name, run in runs.items():
            Console(stderr=True).print(f"{name} at {asked.size} …")
            results = run(asked.size)
            Console(width=None if sys.stdout.isatty() else 160).print(_table(f"{name}, {asked.size}", results))
            figures[name] = [asdict(result) | {"met": result.met} for result in results]
    finally:
        if asked.out and figures:
            report = {"size": asked.size, "machine": _machine(), "results": figures}
            asked.out.write_text(json.dumps(report, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return 0 if figures else 1


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as an interrupt does, so that servers and folders of the run go with it."""
    raise SystemExit(128 + signal.SIGTERM)


def _discovered() -> Iterator[tuple[str, Run]]:
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "__main__":
            run: Run | None = getattr(import_module(f"benchmarks.{module.name}"), "run", None)
            if run is not None:
                yield module.name, run


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


def _table(title: str, results: list[Result]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    for column in ("ours", "theirs"):
        table.add_column(column, justify="right")
    table.add_column("peer")
    for column in ("ratio", "goal"):
        table.add_column(column, justify="right")
    table.add_column("note", overflow="fold")
    for result in results:
        colour = {True: "green", False: "red", None: ""}[result.met]
        table.add_row(
            result.name,
            f"{result.ours:,.4g} {result.unit}",
            "" if result.theirs is None else f"{result.theirs:,.4g}",
            result.peer,
            "" if result.ratio is None else f"{result.ratio:,.3g}",
            str(result.goal or ""),
            result.note,
            style=colour,
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
