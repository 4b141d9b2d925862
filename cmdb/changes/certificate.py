"""The blast-radius certificate: what a change was found to break, sealed so that an approval can rest on it.

The record keeps what was asked, at which revision, and a digest of the whole answer. The answer itself follows from the
ledger, so it is worked out again when it is shown, and the digest says whether it is the same to the last letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from cmdb.changeset import Effect
from cmdb.errors import Failed
from cmdb.nodes import Node

_PIECE: Final = 60_000
"""Characters of one entry of a text attribute that the question is cut into."""

_BADNESS: Final = {"at_risk": 1, "degraded": 2, "down": 3}


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: who is how while the change is made (by ordinal), and what its operations would do."""

    scenario: dict[int, str]
    context: dict[int, str] = {}
    effects: tuple[Effect, ...] = ()


class HitLine(Struct, frozen=True, array_like=True):
    """A CI that is hit: the verdict, what it was before, how far from the source, and why."""

    key: str
    class_name: str
    name: str
    verdict: str
    before: str
    distance: int
    reasons: tuple[str, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """What a certificate says, in keys and names that people know.

    `hits` are those while the change is made; `afterwards` those that the same faults would hit on the graph as the change
    leaves it and do not now, or worse. `lost`, `gained` are pools (`owner key`, pool) that no longer, or newly, stand the
    loss of any one member; `single_points` who would newly take down whom. `unknown` is what could not be said.
    """

    change: str
    revision: int
    model: str
    scenario: dict[str, str]
    context: dict[str, str]
    complete: bool
    counts: dict[str, int]
    hits: tuple[HitLine, ...]
    counts_afterwards: dict[str, int]
    afterwards: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]
    gained: tuple[tuple[str, str], ...]
    single_points: tuple[tuple[str, tuple[str, ...]], ...]
    services: dict[str, tuple[str, ...]]
    customers: tuple[str, ...]
    agreements: tuple[str, ...]
    owners: tuple[str, ...]
    unknown: tuple[str, ...]


_encode = msgspec.json.Encoder(order="sorted").encode
_question = msgspec.json.Decoder(Question).decode


def digest_of(answer: Answer) -> str:
    """SHA-256 over the answer as canonical JSON; 64 hexadecimal digits. O(hits)."""
    return sha256(_encode(answer)).hexdigest()


def pieces_of(question: Question) -> tuple[str, ...]:
    """The question as text for the record, in pieces that fit."""
    text = msgspec.json.encode(question).decode()
    return tuple(text[first : first + _PIECE] for first in range(0, len(text), _PIECE))


def question_in(record: Node) -> Question:
    """The question that a certificate's record keeps. Raises Failed where it cannot be read."""
    pieces = record.attributes.get("sealed_question")
    try:
        return _question("".join(map(str, pieces)) if isinstance(pieces, tuple) else "")
    except msgspec.DecodeError as error:
        raise Failed(f"{record.key} cannot be read: {error}", remedy="run `cmdb ledger verify`") from error


def worse_than(approved: Answer, now: Answer) -> tuple[str, ...]:
    """What of the impact has become worse since it was approved, a line each; nothing if it may go on. O(hits).

    Worse is a CI or service that is newly down or degraded, or more so, redundancy that is newly lost, and a CI that newly
    takes down others alone. Who is newly at risk only is not.
    """
    return tuple(_worse(approved, now))


def _worse(approved: Answer, now: Answer) -> Iterator[str]:
    was = {hit.key: hit.verdict for hit in approved.hits}
    for hit in now.hits:
        if hit.verdict != "at_risk" and _BADNESS[hit.verdict] > _BADNESS.get(was.get(hit.key, ""), 0):
            before = was.get(hit.key, "not hit").replace("_", " ")
            yield f"{hit.name} ({hit.key}) would be {hit.verdict}; it was {before} when this was assessed"
    later = dict(approved.afterwards)
    for key, verdict in now.afterwards:
        if verdict != "at_risk" and _BADNESS[verdict] > _BADNESS.get(later.get(key, ""), 0):
            yield f"{key} would be {verdict} by the same fault on the graph as planned"
    yield from (f"{owner} would lose the spare of its pool {pool}" for owner, pool in _new(now.lost, approved.lost))
    known = {point: set(fallen) for point, fallen in approved.single_points}
    for point, fallen in now.single_points:
        newly = sorted(set(fallen) - known.get(point, set()))
        if newly:
            yield f"{point} would alone take down {', '.join(newly[:5])}{' …' if len(newly) > 5 else ''}"


def _new(now: tuple[tuple[str, str], ...], before: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted(set(now) - set(before))


def counts_text(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Counts as the record lists them: `down=3`."""
    return tuple(f"{name}={count}" for name, count in counts.items() if count)
