"""The words of live nodes in the full-text index.

Its tokenizer cuts ASCII text as `cmdb.store.words` does, so such text is handed over as it is; any other is cut before.
Nodes come in ascending order, in which alone the index gathers what is written to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

import apsw
import msgspec

from cmdb.changeset import NodeChanged, NodeCreated, NodeRetired
from cmdb.store.sqlite.rows import attributes_of, encode_json
from cmdb.store.words import MOST_WORDS, distinct_words, searchable_attributes, searched_otherwise, searched_text
from graph_schema.metamodel import Model
from graph_schema.values import Value


class Searchable(msgspec.Struct, frozen=True):
    """The attributes that can be searched: of each class, and of any."""

    of_class: dict[str, tuple[str, ...]]
    of_any: frozenset[str]


_PUT: Final = "INSERT INTO node_words(rowid, words) VALUES(?, ?)"
_REPLACE: Final = "INSERT OR REPLACE INTO node_words(rowid, words) VALUES(?, ?)"
_DROP: Final = "DELETE FROM node_words WHERE rowid = ?"
_READ: Final = """
SELECT n.ordinal, n.class, n.key, n.name, n.attributes FROM json_each(?) AS w CROSS JOIN node AS n ON n.ordinal = w.value
ORDER BY n.ordinal
"""
_READ_CLASSES: Final = """
SELECT n.ordinal, n.class, n.key, n.name, n.attributes FROM node AS n
WHERE NOT n.retired AND n.class IN (SELECT value FROM json_each(?)) ORDER BY n.ordinal
"""

_Row = tuple[int, str, str, str, str]


def searchable_in(model: Model | None) -> Searchable:
    """What a model, if there is one, lets be searched."""
    of_class = searchable_attributes(model) if model else {}
    return Searchable(of_class, frozenset(name for names in of_class.values() for name in names))


def put_words(connection: apsw.Connection, searchable: Searchable, created: Sequence[NodeCreated]) -> None:
    """Index new nodes."""
    connection.executemany(
        _PUT, [(e.ordinal, _indexed(e.key, e.name, e.attributes, searchable.of_class[e.class_name])) for e in created]
    )


def change_words(connection: apsw.Connection, searchable: Searchable, changed: Sequence[NodeChanged]) -> None:
    """Index nodes anew whose name or searchable attributes are others now."""
    altered = [e.ordinal for e in changed if e.name[0] != e.name[1] or not e.after.keys().isdisjoint(searchable.of_any)]
    rows = connection.execute(_READ, (encode_json(altered).decode(),)).fetchall()
    connection.executemany(_REPLACE, _of_rows(searchable, cast("list[_Row]", rows)))


def follow_searchable(connection: apsw.Connection, before: Searchable, after: Searchable) -> None:
    """Index the live nodes anew of classes in which other attributes can be searched now. O(nodes of these classes)."""
    altered = encode_json(searched_otherwise(before.of_class, after.of_class)).decode()
    rows = cast("Iterator[_Row]", connection.execute(_READ_CLASSES, (altered,)))
    connection.executemany(_REPLACE, _of_rows(after, rows))


def _of_rows(searchable: Searchable, rows: Iterable[_Row]) -> Iterator[tuple[int, str]]:
    for ordinal, class_name, key, name, text in rows:
        yield ordinal, _indexed(key, name, attributes_of(text), searchable.of_class[class_name])


def drop_words(connection: apsw.Connection, retired: Iterable[NodeRetired]) -> None:
    """Let go of retired nodes: only live ones are found."""
    connection.executemany(_DROP, sorted((e.ordinal,) for e in retired))


def _indexed(key: str, name: str, attributes: Mapping[str, Value], searchable: tuple[str, ...]) -> str:
    text = searched_text(key, name, [attributes[a] for a in searchable if a in attributes])
    return text if text.isascii() and len(text) <= MOST_WORDS else distinct_words(text)
