"""Whether an input is the one that was taken in before: one digest over all its files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, file_digest
from pathlib import Path

from cmdb.reconciliation.claims import Importer
from cmdb.reconciliation.said import RULES
from graph_schema.document import model_digest
from graph_schema.metamodel import Model


def input_digest(importer: Importer, paths: Sequence[Path], model: Model) -> str:
    """64 hexadecimal digits that stand for these files, their places, the importer's options, the model and the rules.

    The order of `paths` does not matter; a folder stands for all files below it. O(bytes), a gigabyte a second.
    Raises OSError.
    """
    whole = blake2b(digest_size=32)
    options = re.sub(r" at 0x[0-9a-f]+", "", repr(importer))
    for part in (str(RULES), model_digest(model), importer.name, options, *_contents(paths)):
        whole.update(f"{len(part)} {part}".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _contents(paths: Iterable[Path]) -> Iterator[str]:
    for file in sorted({file.resolve() for path in paths for file in _files(path)}):
        yield str(file)
        with file.open("rb") as stream:
            yield file_digest(stream, lambda: blake2b(digest_size=32)).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (below for below in path.rglob("*") if below.is_file())
    else:
        yield path
