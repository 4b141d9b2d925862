"""Leaves of everything, in rows beside the state; see `cmdb.store.leaves`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

import apsw

from cmdb.changeset import Effect
from cmdb.store.leaves import LeafRow, Leaves, Part, known_leaves, leaf_rows
from cmdb.store.sqlite.rows import encode_json
from cmdb.store.touching import Before, Kinds, touched_leaves, unclear_ends

_SIZES: Final = """
SELECT coalesce(max(next) FILTER (WHERE name = 'ordinal'), 0), coalesce(max(next) FILTER (WHERE name = 'relationship'), 0)
FROM counter WHERE name IN ('ordinal', 'relationship')
"""
_CLASSES: Final = "SELECT n.ordinal, n.class FROM json_each(?) AS w CROSS JOIN node AS n ON n.ordinal = w.value"
_TOUCH: Final = """
INSERT INTO leaf VALUES(?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET touched = excluded.touched, body = excluded.body
"""
_RENEW: Final = """
INSERT INTO leaf VALUES(?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET body = excluded.body WHERE touched <= excluded.touched
"""
_MODEL: Final = "SELECT coalesce(max(revision), 0) FROM model"
_FORGET: Final = "DELETE FROM leaf"
_READ: Final = "SELECT part, bucket, body FROM leaf"


def next_ids(connection: apsw.Connection) -> dict[Part, int]:
    """The next ordinal and relationship id."""
    nodes, relationships = cast("tuple[int, int]", connection.execute(_SIZES).fetchone())
    return {Part.ITEMS: nodes, Part.RELATIONSHIPS: relationships}


def touch(
    connection: apsw.Connection, effects: Sequence[Effect], revision: int, kinds: Kinds, sizes: dict[Part, int]
) -> None:
    """Keep up with a commit whose effects are applied; `sizes` were the next ids before it. O(effects · log n)."""
    ends = unclear_ends(effects, kinds)
    classes = dict(cast("Iterator[tuple[int, str]]", connection.execute(_CLASSES, (encode_json(ends).decode(),))))
    rows = touched_leaves(effects, Before(revision, kinds, sizes, classes))
    connection.executemany(_TOUCH, ((part, bucket, revision, body) for part, bucket, body in rows))


def forget(connection: apsw.Connection) -> None:
    """Let go of all of them."""
    connection.execute(_FORGET)


def read(connection: apsw.Connection, revision: int) -> Leaves:
    """What is known at the head, which has this revision. O(n / 256)."""
    rows = cast("Iterator[LeafRow]", connection.execute(_READ))
    return Leaves(revision, next_ids(connection), known_leaves(rows))


def renew(connection: apsw.Connection, leaves: Leaves) -> None:
    """Keep those that no commit touched since, none if a model came in between."""
    if cast("int", connection.execute(_MODEL).get) > leaves.revision:
        return
    rows = leaf_rows(leaves.known)
    connection.executemany(_RENEW, ((part, bucket, leaves.revision, body) for part, bucket, body in rows))
