"""Fields of relationships between packages, and the order of versions, as the Debian Policy Manual defines them.

python-debian knows both too, but it is under the GPL, which we are not, and passes over what it cannot read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import msgspec

MOST_ALTERNATIVES: Final = 1_000

VERSION: Final = r"(?:[0-9]{1,9}:[A-Za-z0-9.+~:-]{1,240}|[A-Za-z0-9.+~-]{1,250})"
"""What a version looks like; a colon in it stands after an epoch."""


VersionKey = tuple[int, tuple[int, ...], tuple[int, ...]]


class Alternative(msgspec.Struct, frozen=True, gc=False):
    """`name:qualifier (relation version)`; what is not said is empty."""

    name: str
    qualifier: str = ""
    relation: str = ""
    version: str = ""

    def allows(self, version: str) -> bool:
        """Whether a package or versioned Provides of this version meets the restriction."""
        return not self.relation or _HOLDS[self.relation](version_key(version), version_key(self.version))


class Clause(msgspec.Struct, frozen=True, gc=False):
    """Alternatives of which one is enough, and the text they were read from."""

    text: str
    alternatives: tuple[Alternative, ...]


def clauses(field: str) -> Iterator[Clause | str]:
    """The clauses of a field like Depends or Provides; one that cannot be read as its text. O(len(field)).

    Policy 7.1.
    """
    for part in field.split(","):
        if text := " ".join(part.split()):
            yield _clause(text) or text


@lru_cache(maxsize=1 << 12)
def version_key(version: str) -> VersionKey:
    """A value that orders as versions do: epoch, upstream version, revision. Policy 5.6.12; O(len(version))."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), _part_key(upstream), _part_key(revision or "0")


_NAME: Final = r"(?P<name>[A-Za-z0-9][A-Za-z0-9.+-]*)(?::(?P<qualifier>[a-z0-9-]+))?"
_RESTRICTION: Final = rf"\(\s?(?P<relation><<|<=|<|=|>=|>>|>)\s?(?P<version>{VERSION})\s?\)"
_ALTERNATIVE: Final = re.compile(rf"{_NAME}\s?(?:{_RESTRICTION})?")
_HOLDS: Final[dict[str, Callable[[VersionKey, VersionKey], bool]]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "<": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
    ">": operator.ge,
}
_PIECES: Final = re.compile(r"([^0-9]*)([0-9]*)")


def _clause(text: str) -> Clause | None:
    read = [_ALTERNATIVE.fullmatch(part.strip()) for part in text.split("|", MOST_ALTERNATIVES)]
    found = [match for match in read if match is not None]
    if len(found) < len(read):
        return None
    return Clause(text, tuple(Alternative(**{k: v or "" for k, v in match.groupdict().items()}) for match in found))


def _part_key(part: str) -> tuple[int, ...]:
    """Texts and numbers in turn. A text ends with 0, before which `~` sorts and after which all else, letters first."""
    key: list[int] = []
    for text, number in _PIECES.findall(part):
        if text or number:
            key += [*map(_rank, text), 0, int(number or 0)]
    return (*key, 0)


def _rank(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
