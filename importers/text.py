"""Reads files that nobody vouches for: in pieces, plain or compressed, in a known encoding, within bounds."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self, cast

import zstandard

from cmdb.reconciliation.claims import Progress, RowError, Where

MEBIBYTE: Final = 1 << 20
PIECE: Final = 1 << 16
"""Bytes read at a time."""

Note = Callable[[int], None]
"""Is told how many bytes of the file on disk have been read since the last call."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may hold, in bytes after decompression. `line` None: lines of any length."""

    file: int
    line: int | None


class Rejected(Exception):
    """The rest of a file cannot be used; carries the row error that says why. Never leaves an importer."""

    def __init__(self, error: RowError) -> None:
        super().__init__(str(error.where), error.message)
        self.error = error


def rejected(where: Where, message: str, remedy: str) -> Rejected:
    """A rejection that says where, what and what to do."""
    return Rejected(RowError(where=where, message=message, remedy=remedy))


class Reader:
    """The bytes of one file, decompressed if they start like gzip or Zstandard; rejects what breaks its bounds.

    Memory is O(PIECE). `row` counts the lines read so far.
    """

    def __init__(self, path: Path, bounds: Bounds, note: Note = lambda _: None) -> None:
        self.file = str(path)
        self.row = 1
        self.bytes = 0
        self._bounds = bounds
        self._note = note
        self._line = 0
        self._raw = path.open("rb")
        self._told = 0
        try:
            self._stream = _decompressed(self._raw)
        except BaseException:
            self._raw.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    def read(self, size: int = PIECE) -> bytes:
        """The next bytes, at most `size`; empty at the end. Raises Rejected for a damaged or boundless file."""
        try:
            piece = self._stream.read(min(size, PIECE))
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError):
            raise rejected(
                Where(self.file),
                f"the compressed data is damaged after {self.bytes} bytes of content",
                "compress the file again",
            ) from None
        self._count(piece)
        return piece

    def _count(self, piece: bytes) -> None:
        position = self._raw.tell()
        self._note(position - self._told)
        self._told = position
        self.bytes += len(piece)
        if self.bytes > self._bounds.file:
            raise rejected(
                Where(self.file, self.row),
                f"the content is larger than {_size(self._bounds.file)}",
                "split it into several files",
            )
        if self._bounds.line is None:
            self.row += piece.count(b"\n")
            return
        first = piece.find(b"\n")
        if self._line + (len(piece) if first < 0 else first) > self._bounds.line:
            raise rejected(
                Where(self.file, self.row),
                f"the line is longer than {_size(self._bounds.line)}",
                "check that this is the right file; put each object on lines of its own",
            )
        self.row += piece.count(b"\n")
        self._line = self._line + len(piece) if first < 0 else len(piece) - piece.rfind(b"\n") - 1


def lines(reader: Reader) -> Iterator[str]:
    """The lines of a text in UTF-8, or in UTF-16 with a byte order mark; each keeps its line end.

    Raises Rejected, naming the offset, at the first byte that is not text. Memory is O(longest line).
    """
    piece = reader.read()
    name, skip = encoding_of(piece)
    decoder = codecs.getincrementaldecoder(name)()
    rest, row, offset, piece = "", 1, skip, piece[skip:]
    while True:
        pending = len(decoder.getstate()[0])
        try:
            text = rest + decoder.decode(piece, not piece)
        except UnicodeDecodeError as error:
            at = offset - pending + error.start
            row += (rest + error.object[: error.start].decode(name, "ignore")).count("\n")
            raise rejected(*not_text(reader.file, row, at, name)) from None
        if not piece:
            break
        whole, end, rest = text.rpartition("\n")
        if end:
            found = whole.split("\n")
            row += len(found)
            yield from (line + "\n" for line in found)
        offset += len(piece)
        piece = reader.read()
    if text:
        yield text


def encoding_of(head: bytes) -> tuple[str, int]:
    """The codec that a text's first bytes call for, and the length of its byte order mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return "utf-8", 0


def not_text(file: str, row: int, offset: int, encoding: str) -> tuple[Where, str, str]:
    """What is said about a byte that does not belong to a text: the arguments of `rejected`."""
    return (
        Where(file, row),
        f"byte {offset} of the file is not {encoding.upper()}",
        "save the file as UTF-8 (or UTF-16 with a byte order mark)",
    )


def head_of(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file, decompressed; empty where it cannot be read. Never raises."""
    try:
        with Reader(path, Bounds(PIECE * 2, None)) as reader:
            return reader.read(size)
    except (OSError, Rejected):
        return b""


def progress_of(paths: list[Path], progress: Callable[[Progress], None]) -> Note:
    """A note that adds up what is read of all `paths`, and tells `progress` whenever a hundredth has been read."""
    total = sum(path.stat().st_size for path in paths)
    done, told = 0, 0

    def note(count: int) -> None:
        nonlocal done, told
        done += count
        if done - told >= max(total // 100, PIECE) or (done >= total and told < done):
            told = done
            progress(Progress(min(done, total), total))

    return note


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOW: Final = 128 * MEBIBYTE


def _decompressed(raw: BinaryIO) -> _Readable:
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return cast("_Readable", gzip.GzipFile(fileobj=raw))
    if magic == b"\x28\xb5\x2f\xfd":
        zstd = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        return zstd.stream_reader(raw, read_across_frames=True, closefd=False)
    return raw


def _size(count: int) -> str:
    return f"{count // MEBIBYTE} MiB" if count >= MEBIBYTE else f"{count // 1024} KiB"
