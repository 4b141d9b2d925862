"""The tables of an SQLite store.

Relationship types are kept as small numbers, attributes as JSON text, a node's id not at all (it follows from the
ordinal). Rows of the present stand in `node` and `relationship`; a change moves the old row to the `…_version` table,
with the revision `until` which it held. `node_value` has the values that nodes have now of indexed attributes, and
`node_words` the words of live nodes; nothing of the past is in either. A `leaf` without a body is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, LiteralString

APPLICATION_ID: Final = 0x434D4442
"""`CMDB` in ASCII, in the file's header: this file is a store of ours."""

LAYOUT: Final = 4
"""The version of these tables, in the file's `user_version`."""

_LEAVES: Final = """
CREATE TABLE leaf(
  part INTEGER, bucket INTEGER, touched INTEGER NOT NULL, body BLOB, PRIMARY KEY(part, bucket)
) STRICT, WITHOUT ROWID;
"""
CREATE: Final = f"""
CREATE TABLE ledger(
  revision INTEGER PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, authority TEXT NOT NULL,
  reason TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_time ON ledger(time);
CREATE TABLE head(
  only INTEGER PRIMARY KEY CHECK(only = 1), revision INTEGER NOT NULL, hash TEXT NOT NULL, time TEXT NOT NULL
) STRICT;
CREATE TABLE estate(only INTEGER PRIMARY KEY CHECK(only = 1), id TEXT NOT NULL) STRICT;
CREATE TABLE model(revision INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT;
CREATE TABLE counter(name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE relationship_type(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE node(
  ordinal INTEGER PRIMARY KEY, key TEXT NOT NULL, class TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  retired INTEGER NOT NULL, attributes TEXT NOT NULL, version INTEGER NOT NULL, since INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX node_key ON node(key);
CREATE INDEX node_name ON node(name);
CREATE INDEX node_class ON node(class);
CREATE TABLE node_version(
  ordinal INTEGER, version INTEGER, key TEXT NOT NULL, class TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
  retired INTEGER NOT NULL, attributes TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY(ordinal, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_version_until ON node_version(until, since);

CREATE TABLE indexed_attribute(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE node_value(
  attribute INTEGER, value ANY, ordinal INTEGER, PRIMARY KEY(attribute, value, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE relationship(
  id INTEGER PRIMARY KEY, type INTEGER NOT NULL, source INTEGER NOT NULL, target INTEGER NOT NULL,
  key TEXT NOT NULL, attributes TEXT, since INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relationship_natural ON relationship(source, type, target, key);
CREATE INDEX relationship_target ON relationship(target, type);
CREATE TABLE relationship_version(
  id INTEGER, since INTEGER, until INTEGER NOT NULL, type INTEGER NOT NULL, source INTEGER NOT NULL, target INTEGER NOT NULL,
  key TEXT NOT NULL, attributes TEXT, PRIMARY KEY(id, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX relationship_version_source ON relationship_version(source, type);
CREATE INDEX relationship_version_target ON relationship_version(target, type);
CREATE INDEX relationship_version_until ON relationship_version(until, since);

CREATE VIRTUAL TABLE node_words USING fts5(
  words, content='', contentless_delete=1, detail=none, tokenize='ascii'
);
INSERT INTO node_words(node_words, rank) VALUES('deletemerge', 50);

{_LEAVES}
CREATE TABLE source(
  code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, format TEXT NOT NULL, digest TEXT NOT NULL,
  revision INTEGER NOT NULL, seen TEXT NOT NULL
) STRICT;
CREATE TABLE claim(
  source INTEGER, kind INTEGER, source_key TEXT, bound_to INTEGER, digest BLOB NOT NULL, body BLOB NOT NULL,
  seen INTEGER NOT NULL, PRIMARY KEY(kind, bound_to, source, source_key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX claim_key ON claim(source, kind, source_key);
CREATE TABLE claim_run(
  source INTEGER, first INTEGER, beyond INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY(source, first)
) STRICT, WITHOUT ROWID;
"""
"""Made once, in one transaction, when a store is created.

A part of the word index is written anew when half of it is out of date; when it is a tenth, which is SQLite's default,
that costs more than all else of a change.
"""

UPGRADES: Final[Mapping[int, LiteralString]] = {3: f"DROP TABLE IF EXISTS kept; {_LEAVES}"}
"""What leads from an older layout to the next one."""
