"""What one thing should be like, given what sources say about it. Pure.

A value in the graph stands as long as any source that put it there, or came to agree with it, still says so: whoever was
first holds, nobody flips it back and forth, and who says otherwise is told. When nobody upholds a value any longer, the
source that is being imported has its way; where it says nothing, another source that says something; else the value
goes, if it was this source's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from graph_schema.values import Value

Claims = Sequence[tuple[str, Mapping[str, Value]]]
"""(source, values) of each other source that claims the same thing, in the order of their names."""


class Change(msgspec.Struct, frozen=True):
    """A value that should change, and the source that says so; None is absence."""

    field: str
    before: Value | None
    after: Value | None
    source: str


class Held(msgspec.Struct, frozen=True):
    """A value that stays although the source says otherwise, since another source upholds it (or it is required)."""

    field: str
    value: Value | None
    claimed: Value | None
    by: str


def settle(
    source: str,
    stands: Mapping[str, Value],
    said: Mapping[str, Value],
    said_before: Mapping[str, Value],
    others: Claims,
    required: Collection[str],
) -> tuple[tuple[Change, ...], tuple[Held, ...]]:
    """What changes and what is held. All values are of controlled attributes; O(values · others)."""
    changes: list[Change] = []
    held: list[Held] = []
    for name in sorted({*said, *said_before}):
        value, wanted = stands.get(name), said.get(name)
        if value == wanted or (wanted is None and value != said_before[name]):
            continue
        upholder = next((by for by, values in others if value is not None and values.get(name) == value), None)
        if upholder is not None:
            if wanted is not None:
                held.append(Held(name, value, wanted, upholder))
            continue
        by = source
        if wanted is None:
            by, wanted = next(((other, values[name]) for other, values in others if name in values), (source, None))
        if wanted is None and name in required:
            held.append(Held(name, value, None, ""))
        else:
            changes.append(Change(name, value, wanted, by))
    return tuple(changes), tuple(held)
