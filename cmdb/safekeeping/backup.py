"""Backup and restore: one file with the ledger and the claims, from which a store of either kind is made again.

The file is eight bytes of name, a zstd stream of JSON lines, and the SHA-256 of all before it. The lines are a title;
one for each commit (header, hash, effects); for each source one, and its claims in batches. A file that was cut
short, altered or put together wrongly is refused before the target is touched: restoring reads it twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import zstandard

from cmdb.errors import Conflict, Failed, Invalid
from cmdb.ledger import EMPTY, GENESIS, Commit, Head, Header, commit_hash, reopen
from cmdb.store.port import Claim, ClaimChanges, SourceState, Store

MAGIC: Final = b"CMDBBAK1"
SEAL: Final = 32
"""Bytes of the digest at the end."""

LONGEST_LINE: Final = 1 << 30
"""Bytes that one line of a backup may have, once unpacked."""


class _Title(msgspec.Struct, frozen=True, tag="title", tag_field="is"):
    head: Head


class _Entry(msgspec.Struct, frozen=True, tag="commit", tag_field="is"):
    header: Header
    hash: str
    effects: msgspec.Raw


class _Source(msgspec.Struct, frozen=True, tag="source", tag_field="is"):
    state: SourceState


class _Claims(msgspec.Struct, frozen=True, tag="claims", tag_field="is"):
    claims: tuple[Claim, ...]


_Line = _Title | _Entry | _Source | _Claims

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds: the head it was taken at, and how many commits, sources and claims."""

    head: Head
    commits: int
    sources: int
    claims: int


async def write_backup(
    store: Store, path: Path, *, progress: Callable[[int, int], None] = lambda _a, _b: None
) -> BackupSummary:
    """Write a backup of `store` as of its head, while others go on writing. O(bytes), memory bounded by one commit.

    The file appears under its name only when it is whole. Raises Failed if it cannot be written or exists already.
    """
    _refuse_overwriting(path)
    head = await store.head()
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        with part.open("xb") as file:
            sealed = _Sealed(file)
            with zstandard.ZstdCompressor(level=3).stream_writer(cast("BinaryIO", sealed), closefd=False) as packed:
                summary = await _write_lines(store, head, packed, progress)
            file.write(sealed.digest())
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except OSError as error:
        raise Failed(
            f"{path} cannot be written: {error}", remedy="check the folder, its rights and the disk"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return summary


def _refuse_overwriting(path: Path) -> None:
    if path.exists():
        raise Failed(f"{path} is there already", remedy="name another file; a backup never overwrites")


async def _write_lines(
    store: Store, head: Head, packed: zstandard.ZstdCompressionWriter, progress: Callable[[int, int], None]
) -> BackupSummary:
    packed.write(_encode(_Title(head)) + b"\n")
    commits = sources = claims = 0
    async for commit in store.commits(until=head.revision):
        packed.write(_encode(_Entry(commit.header, commit.hash, msgspec.Raw(commit.body))) + b"\n")
        commits += 1
        progress(commit.revision, head.revision)
    for state in await store.sources():
        packed.write(_encode(_Source(state)) + b"\n")
        sources += 1
        async for batch in store.claims(state.source):
            packed.write(_encode(_Claims(tuple(batch))) + b"\n")
            claims += len(batch)
    return BackupSummary(head, commits, sources, claims)


async def restore(
    path: Path, target: Store, *, progress: Callable[[int, int], None] = lambda _a, _b: None
) -> BackupSummary:
    """Make the state of a backup again in an empty store. Twice O(bytes).

    Raises Invalid for a file that is damaged or no backup, Conflict for a target that is not empty; neither is touched.
    A restore that was interrupted goes on where it stopped, if nothing else was written to the target meanwhile.
    """
    summary = _checked(path)
    reached = await target.head()
    if reached != EMPTY and not _is_prefix(path, reached):
        raise Conflict(
            f"{target.url} is not empty and not the beginning of this backup",
            remedy="restore into a new store",
        )
    source = ""
    for line in _lines(path):
        match line:
            case _Entry(header=header) if header.revision > reached.revision:
                await target.commit(_commit(line))
                progress(header.revision, summary.head.revision)
            case _Source(state=state):
                source = state.source
                await target.keep_claims(ClaimChanges(source=source, state=state))
            case _Claims(claims=claims):
                await target.keep_claims(ClaimChanges(source=source, put=claims))
            case _:
                pass
    return summary


class _Sealed:
    """A file that is written with its name in front and digested on the way."""

    def __init__(self, file: BufferedWriter) -> None:
        self._file = file
        self._digest = sha256()
        self.write(MAGIC)

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def digest(self) -> bytes:
        return self._digest.digest()


class _Bounded:
    """The next `left` bytes of a file, digested on the way."""

    def __init__(self, file: BufferedReader, left: int) -> None:
        self._file = file
        self._left = left
        self._digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._digest.update(data)
        return data

    def digest(self) -> bytes:
        return self._digest.digest()


def _checked(path: Path) -> BackupSummary:
    """Reads a backup from end to end and says what it holds. Raises Invalid when anything about it is wrong."""
    _check_seal(path)
    title: _Title | None = None
    previous, revision, sources, claims = GENESIS, 0, 0, 0
    for line in _lines(path):
        match line:
            case _Title():
                title = line
            case _Entry(header=header):
                if (header.revision, header.previous) != (revision + 1, previous) or commit_hash(
                    header, bytes(line.effects)
                ) != line.hash:
                    raise _damaged(path, f"commit {header.revision} does not follow commit {revision}")
                _commit(line)
                revision, previous = header.revision, line.hash
            case _Source():
                sources += 1
            case _Claims(claims=batch):
                claims += len(batch)
    if title is None or (title.head.revision, title.head.hash) != (revision, previous):
        raise _damaged(path, "its commits do not end at the head it names")
    return BackupSummary(title.head, revision, sources, claims)


def _commit(entry: _Entry) -> Commit:
    return reopen(entry.header, bytes(entry.effects), entry.hash)


def _is_prefix(path: Path, head: Head) -> bool:
    return any(isinstance(line, _Entry) and line.hash == head.hash for line in _lines(path))


def _check_seal(path: Path) -> None:
    try:
        with path.open("rb") as file:
            content = _Bounded(file, max(0, path.stat().st_size - SEAL))
            beginning = content.read(len(MAGIC))
            while content.read(1 << 20):
                pass
            if beginning != MAGIC or file.read() != content.digest():
                raise _damaged(path, "its content does not have the recorded digest")
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error}", remedy="check its name and rights") from error


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open("rb") as file:
            file.seek(len(MAGIC))
            content = _Bounded(file, path.stat().st_size - SEAL - len(MAGIC))
            for data in _raw_lines(path, content):
                yield _decode(data)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error}", remedy="check its name and rights") from error
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error


def _raw_lines(path: Path, content: _Bounded) -> Iterator[bytes]:
    pieces: list[bytes] = []
    length = 0
    with zstandard.ZstdDecompressor().stream_reader(
        cast("BinaryIO", content), read_across_frames=True, closefd=False
    ) as unpacked:
        while chunk := unpacked.read(1 << 20):
            first, *others = chunk.split(b"\n")
            pieces.append(first)
            length += len(first)
            for piece in others:
                yield b"".join(pieces)
                pieces, length = [piece], len(piece)
            if length > LONGEST_LINE:
                raise _damaged(path, "a line is longer than any line of a backup")
    if length:
        raise _damaged(path, "it ends in the middle of a line")


def _damaged(path: Path, what: str) -> Invalid:
    return Invalid(f"{path} is damaged or no backup: {what}", remedy="use another backup; nothing was changed")
