"""A file of an older layout is brought to today's when it is opened; one of a newer layout is left alone."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from cmdb.errors import Failed
from cmdb.ledger import BUCKET
from cmdb.store.leaves import PARTS, Part
from cmdb.store.sqlite import open_sqlite
from cmdb.store.sqlite.schema import LAYOUT
from tests.store.pair import Pair, digest
from tests.store.test_contract_leaves import known_are_right

_BACK_TO_3 = """
DROP TABLE leaf;
CREATE TABLE kept(name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO kept VALUES('leaves of everything', x'00');
PRAGMA user_version = 3;
"""


async def test_a_store_without_leaves_knows_none_and_keeps_those_that_come(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    pair = Pair(open_sqlite(path, create=True))
    await pair.commit()
    for _ in range(BUCKET + 1):
        pair.book.node()
    pair.book.link(0, 1, attributes={"speed": 1})
    await pair.commit()
    await pair.store.close()
    connection = apsw.Connection(str(path))
    connection.execute(_BACK_TO_3)
    connection.close()

    one, other = open_sqlite(path), open_sqlite(path)
    pair.store = one
    kept = await known_are_right(other, pair.reference)
    assert [kept.unknown(part) for part in PARTS] == [{0, 1}, {0}]
    for _ in range(2 * BUCKET):
        pair.book.node()
    await pair.commit()
    assert (await known_are_right(other, pair.reference)).unknown(Part.ITEMS) == {0, 1}
    assert await digest(other) == await pair.reference.digest()
    await one.close()
    await other.close()


async def test_a_store_of_a_later_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await open_sqlite(path, create=True).close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", LAYOUT + 1)
    connection.close()
    with pytest.raises(Failed, match=f"layout {LAYOUT + 1}"):
        open_sqlite(path)
