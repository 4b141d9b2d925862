"""The stanzas of a `Packages` file (RFC 822 as Debian writes it, deb822(5)) as packages, with the rows they stand in."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from cmdb.reconciliation.claims import RowError, Where
from cmdb.secrets import quoted
from importers.debian.clauses import VERSION
from importers.text import MEBIBYTE, PIECE, Bounds, Note, Reader, Rejected, head_of, lines, rejected

BOUNDS: Final = Bounds(file=1024 * MEBIBYTE, line=MEBIBYTE)
LONGEST_STANZA: Final = 4 * MEBIBYTE
"""Characters of one stanza."""
LONGEST_WORD: Final = 255
"""Characters of a name, version or architecture."""


class Field(msgspec.Struct, frozen=True, gc=False):
    """A field's text without its name, and the row it begins in."""

    row: int
    text: str


class Package(msgspec.Struct, frozen=True, gc=False):
    """A binary package as its index describes it; what is not said is empty. `depends` has Pre-Depends and Depends."""

    file: str
    row: int
    name: str
    version: str
    architecture: str
    multi_arch: str
    synopsis: str
    homepage: str
    depends: tuple[Field, ...]
    provides: tuple[Field, ...]


def head(path: Path) -> bytes:
    """The first bytes of a file, decompressed; empty where it cannot be read. Never raises."""
    start = head_of(path)
    if not start.startswith(_XZ):
        return start
    try:
        with _XzReader(path, Bounds(PIECE * 2, None)) as reader:
            return reader.read()
    except (OSError, Rejected):
        return b""


def packages(path: Path, note: Note = lambda _: None) -> Iterator[Package | RowError]:
    """The packages of a file in their order, and a row error for each stanza that is none. Memory O(longest stanza).

    Raises OSError.
    """
    try:
        with _reader(path, note) as reader:
            for stanza in _stanzas(str(path), lines(reader)):
                yield stanza if isinstance(stanza, RowError) else _package(str(path), stanza)
    except Rejected as rejection:
        yield rejection.error


_XZ: Final = b"\xfd7zXZ\x00"
_XZ_MEMORY: Final = 128 * MEBIBYTE
_FIELD: Final = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
_VERSION: Final = re.compile(VERSION)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_WORD: Final = re.compile(r"[a-z0-9-]*")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_READ: Final = frozenset(
    "package version architecture multi-arch description homepage pre-depends depends provides".split()
)
_LOOK: Final = "take the index from the archive again"

_Stanza = dict[str, Field]


def _reader(path: Path, note: Note) -> Reader:
    with path.open("rb") as raw:
        kind = _XzReader if raw.read(len(_XZ)) == _XZ else Reader
    return kind(path, BOUNDS, note)


def _stanzas(file: str, rows: Iterable[str]) -> Iterator[_Stanza | RowError]:
    """Fields by their names in small letters; of a broken stanza its first fault instead."""
    stanza, size = _Reading(file), 0
    for row, raw in enumerate(rows, start=1):
        line = raw.rstrip()
        size += len(line)
        if size > LONGEST_STANZA:
            message = f"the stanza is longer than {LONGEST_STANZA // MEBIBYTE} MiB"
            raise rejected(Where(file, row), message, "check that this is a Packages file; an empty line ends a stanza")
        if line:
            stanza.add(row, line)
        else:
            yield from stanza.whole()
            stanza, size = _Reading(file), 0
    yield from stanza.whole()


class _Reading:
    """A stanza that is being read, line by line."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._rows: dict[str, int] = {}
        self._texts: dict[str, list[str]] = {}
        self._fault: RowError | None = None
        self._name = ""

    def add(self, row: int, line: str) -> None:
        """One more line, which is not empty. Comments and what comes after a fault are passed over."""
        if self._fault or line[0] == "#":
            return
        if line[0] in " \t" and self._name:
            self._text(line.strip())
        elif found := _FIELD.fullmatch(line):
            self._name = found[1].lower()
            if self._name in self._rows:
                self._fault = _fault(self._file, row, f"the field {quoted(found[1])} stands twice in one stanza")
            self._rows[self._name] = row
            self._text(found[2])
        else:
            self._fault = _fault(self._file, row, f"{quoted(line)} is no `Field: value`")

    def whole(self) -> Iterator[_Stanza | RowError]:
        """The stanza, or what is wrong with it; nothing if nothing was read."""
        if self._fault:
            yield self._fault
        elif self._rows:
            yield {name: Field(row, "\n".join(self._texts.get(name, ()))) for name, row in self._rows.items()}

    def _text(self, text: str) -> None:
        if self._name in _READ:
            self._texts.setdefault(self._name, []).append(text)


def _package(file: str, stanza: _Stanza) -> Package | RowError:
    def said(name: str) -> str:
        return stanza[name].text if name in stanza else ""

    first = min(field.row for field in stanza.values())
    name, version = said("package"), said("version")
    for field, text, shape in (
        ("Package", name, _NAME),
        ("Version", version, _VERSION),
        ("Architecture", said("architecture"), _WORD),
        ("Multi-Arch", said("multi-arch"), _WORD),
    ):
        if not shape.fullmatch(text) or len(text) > LONGEST_WORD:
            row = stanza[field.lower()].row if field.lower() in stanza else first
            what = f"{quoted(text)} is no {field}" if text else f"the stanza has no {field}"
            return _fault(file, row, f"{what} of a package")
    homepage = said("homepage")
    return Package(
        file=file,
        row=stanza["package"].row,
        name=name,
        version=version,
        architecture=said("architecture"),
        multi_arch=said("multi-arch"),
        synopsis=said("description").partition("\n")[0],
        homepage=homepage if _URL.fullmatch(homepage) else "",
        depends=tuple(stanza[field] for field in ("pre-depends", "depends") if said(field)),
        provides=tuple(stanza[field] for field in ("provides",) if said(field)),
    )


def _fault(file: str, row: int, message: str) -> RowError:
    return RowError(where=Where(file, row), message=message, remedy=_LOOK)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _XzReader(Reader):
    """A reader of what is compressed with xz."""

    def __init__(self, path: Path, bounds: Bounds, note: Note = lambda _: None) -> None:
        super().__init__(path, bounds, note)
        self._stream: _Stream = _Unpacked(self._raw)

    def read(self, size: int = PIECE) -> bytes:
        try:
            return super().read(size)
        except lzma.LZMAError:
            message = f"the compressed data is damaged after {self.bytes} bytes of content, or needs too much memory"
            raise rejected(Where(self.file), message, "compress the file again") from None


class _Unpacked:
    """The content of an xz file, of which several may stand one after the other; its dictionary is bounded."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._part = _decompressor()

    def read(self, size: int, /) -> bytes:
        while True:
            if self._part.eof:
                rest = self._part.unused_data.lstrip(b"\0") or self._raw.read(PIECE).lstrip(b"\0")
                if not rest:
                    return b""
                self._part = _decompressor()
            else:
                rest = self._raw.read(PIECE) if self._part.needs_input else b""
                if self._part.needs_input and not rest:
                    raise EOFError
            if content := self._part.decompress(rest, size):
                return content


def _decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
