"""Tampering behind the product's back is found: in the ledger, in the state, in the history."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
import zstandard

from cmdb.safekeeping import Verification, verify
from cmdb.store.sqlite import open_sqlite
from tests.reference.book import Book


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A closed store with five commits: three nodes, two relationships, one of everything in the history."""
    book = Book()
    book.commit()
    one, two = book.node(name="one"), book.node(name="two")
    edge = book.link(one, two, "RUNS_ON", attributes={"port": 1})
    book.link(two, one)
    book.commit()
    book.change(one, attributes={"count": 7})
    book.relink(edge, {"port": 2})
    book.commit()
    three = book.node(name="three")
    gone = book.link(three, one)
    book.commit()
    book.unlink(gone)
    book.retire(three)
    book.commit()
    store = open_sqlite(tmp_path / "it.sqlite", create=True)
    for commit in book.reference.commits:
        await store.commit(commit)
    await store.close()
    return tmp_path / "it.sqlite"


async def verified(path: Path) -> Verification:
    store, scratch = open_sqlite(path), open_sqlite(path.with_name("scratch.sqlite"), create=True)
    try:
        return await verify(store, scratch)
    finally:
        await store.close()
        await scratch.close()


def tamper(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    before = connection.total_changes()
    connection.execute(sql)  # pyright: ignore[reportArgumentType]  # the test's own statements, from a list below
    assert connection.total_changes() > before, "the statement altered nothing"
    connection.close()


async def test_an_honest_store_holds(path: Path) -> None:
    found = await verified(path)
    assert found.holds
    assert (found.revision, found.nodes, found.relationships) == (5, 3, 2)


@pytest.mark.parametrize(
    ("sql", "subject"),
    [
        ("UPDATE ledger SET actor = 'somebody else' WHERE revision = 3", "entry 3"),
        ("UPDATE ledger SET time = '2030-01-01T00:00:00.000000Z' WHERE revision = 3", "entry 3"),
        ("UPDATE ledger SET authority = 'change:CHG-1' WHERE revision = 2", "entry 2"),
        ("UPDATE ledger SET reason = 'because' WHERE revision = 5", "entry 5"),
        ("UPDATE ledger SET hash = previous WHERE revision = 4", "entry 4"),
        ("UPDATE ledger SET body = (SELECT body FROM ledger WHERE revision = 2) WHERE revision = 3", "entry 3"),
        ("UPDATE ledger SET body = x'00' WHERE revision = 3", "ledger"),
        ("DELETE FROM ledger WHERE revision = 3", "entry 3"),
        ("DELETE FROM ledger WHERE revision = 1", "entry 1"),
        ("DELETE FROM ledger WHERE revision = 5", "entry 5"),
        ("UPDATE ledger SET revision = -revision WHERE revision IN (3, 4)", "entry 3"),
        ("UPDATE head SET hash = replace(hash, substr(hash, 1, 1), 'x')", "entry 5"),
        ("UPDATE node SET name = 'forged' WHERE ordinal = 1", "SRV-000002"),
        ("UPDATE node SET state = 'under_change' WHERE ordinal = 0", "SRV-000001"),
        ("UPDATE node SET attributes = json_set(attributes, '$.count', 8) WHERE ordinal = 0", "SRV-000001"),
        ("UPDATE node SET version = version + 1 WHERE ordinal = 0", "SRV-000001"),
        ("UPDATE node SET retired = 0, state = 'in_use' WHERE ordinal = 2", "SRV-000003"),
        ("DELETE FROM node WHERE ordinal = 1", "SRV-000002"),
        (
            """INSERT INTO node SELECT 9, 'SRV-000099', class, 'smuggled', state, retired, attributes, version, since
            FROM node WHERE ordinal = 1""",
            "SRV-000099",
        ),
        ("UPDATE relationship SET target = 2 WHERE id = 1", "relationship 1"),
        ("UPDATE relationship SET attributes = NULL WHERE id = 0", "relationship 0"),
        ("DELETE FROM relationship WHERE id = 0", "relationship 0"),
        (
            """INSERT INTO relationship SELECT 7, type, source, target, 'smuggled', attributes, since
            FROM relationship WHERE id = 1""",
            "relationship 7",
        ),
        ("UPDATE node_version SET name = 'rewritten' WHERE ordinal = 0", "SRV-000001"),
        ("DELETE FROM node_version WHERE ordinal = 0", "SRV-000001"),
        ("DELETE FROM relationship_version WHERE id = 2", "relationship 2"),
        ("UPDATE relationship_version SET source = 1 WHERE id = 2", "relationship 2"),
    ],
)
async def test_tampering_is_found_and_named(path: Path, sql: str, subject: str) -> None:
    tamper(path, sql)
    found = await verified(path)
    assert not found.holds
    assert any(finding.subject.startswith(subject) for finding in found.findings), found.findings


async def test_two_entries_that_change_places_are_found(path: Path) -> None:
    tamper(path, "UPDATE ledger SET revision = revision + 100 WHERE revision = 2")
    tamper(path, "UPDATE ledger SET revision = 2 WHERE revision = 3")
    tamper(path, "UPDATE ledger SET revision = 3 WHERE revision = 102")
    found = await verified(path)
    assert {"entry 2", "entry 3"} <= {finding.subject for finding in found.findings}


async def test_an_entry_that_was_sealed_anew_breaks_the_chain_after_it(path: Path) -> None:
    """A forger who recomputes the hash of the entry he altered is betrayed by the next one."""
    store = open_sqlite(path)
    commits = [commit async for commit in store.commits()]
    await store.close()
    from cmdb.ledger import commit_hash

    forged = commits[2].body.replace(b'"count":7', b'"count":6')
    assert forged != commits[2].body
    connection = apsw.Connection(str(path))
    connection.execute(
        "UPDATE ledger SET body = ?, hash = ? WHERE revision = 3",
        (zstandard.compress(forged), commit_hash(commits[2].header, forged)),
    )
    connection.close()
    found = await verified(path)
    assert any("names" in finding.message and finding.subject == "entry 4" for finding in found.findings)
