"""The formats that are shipped, and which of them a file is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Importer, RowError, Where
from importers.compose import Compose
from importers.debian import Debian
from importers.kubernetes import Kubernetes
from importers.ndjson import Ndjson
from importers.netbox import NetBox
from importers.workbook import Workbook

MOST_FILES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Found:
    """An importer and the files that are for it, in the order of their paths."""

    importer: Importer
    paths: tuple[Path, ...]


def shipped_importers() -> tuple[Importer, ...]:
    """One importer of each format; where two recognise a file, the earlier one has it."""
    return (Ndjson(), NetBox(), Kubernetes(), Compose(), Debian(), Workbook())


def recognise(paths: Sequence[Path], importers: Sequence[Importer]) -> tuple[tuple[Found, ...], tuple[RowError, ...]]:
    """Which importer is for which of the files, and of those in the folders; and what was passed over, and why.

    A file that is named and not recognised is an error; one that a folder holds is a warning. Hidden files and
    folders are left out silently. Raises OSError for a folder that cannot be listed. O(files), a few KiB of each.
    """
    known: dict[str, list[Path]] = {importer.name: [] for importer in importers}
    skipped: list[RowError] = []
    for path in paths:
        for file in _files(path):
            if isinstance(file, RowError):
                skipped.append(file)
                continue
            importer = next((i for i in importers if i.recognises(file)), None)
            if importer is None:
                skipped.append(_unrecognised(file, importers, named=file == path))
            else:
                known[importer.name].append(file)
    found = (Found(i, tuple(dict.fromkeys(known[i.name]))) for i in importers if known[i.name])
    return tuple(found), tuple(skipped)


def _files(path: Path) -> Iterator[Path | RowError]:
    """The path itself, or the files below it, sorted; symbolic links to folders are not followed."""
    if not path.is_dir():
        if path.exists():
            yield path
        else:
            yield RowError(where=Where(str(path)), message="there is no such file or folder", remedy="check the path")
        return
    count = 0
    for folder, names in _walk(path):
        for name in names:
            count += 1
            if count > MOST_FILES:
                message = f"the folder holds more than {MOST_FILES} files; the rest is not looked at"
                yield RowError(where=Where(str(path)), message=message, remedy="name a smaller folder")
                return
            yield folder / name


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        yield folder, [entry.name for entry in entries if entry.is_file()]
        waiting += [entry for entry in reversed(entries) if entry.is_dir() and not entry.is_symlink()]


def _unrecognised(file: Path, importers: Sequence[Importer], *, named: bool) -> RowError:
    formats = ", ".join(importer.name for importer in importers)
    return RowError(
        where=Where(str(file)),
        message="the file is in no format that is known" + ("" if named else ", and was passed over"),
        remedy=f"name the format before the path, one of {formats}"
        if named
        else "nothing to do if it is not for import",
        warning=not named,
    )
